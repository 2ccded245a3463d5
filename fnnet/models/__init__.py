"""The tutorials' networks as layers."""

from fnnet.models.classifiers import LogisticRegression as LogisticRegression
from fnnet.models.classifiers import fizzbuzz_net as fizzbuzz_net
from fnnet.models.fizzbuzz import binary_encode as binary_encode
from fnnet.models.fizzbuzz import fizz_buzz_decode as fizz_buzz_decode
from fnnet.models.fizzbuzz import fizz_buzz_encode as fizz_buzz_encode
from fnnet.models.lenet import LeNet as LeNet
from fnnet.models.lenet import lenet_cifar10 as lenet_cifar10
from fnnet.models.lenet import lenet_gray as lenet_gray
from fnnet.models.two_layer import DynamicNet as DynamicNet
from fnnet.models.two_layer import TwoLayerNet as TwoLayerNet
