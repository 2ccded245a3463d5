"""Networks as layers: the tutorials' and well-known ones for pictures and for text."""

from fnnet.models.classifiers import LogisticRegression as LogisticRegression
from fnnet.models.classifiers import fizzbuzz_net as fizzbuzz_net
from fnnet.models.densenet import DenseNet as DenseNet
from fnnet.models.fizzbuzz import binary_encode as binary_encode
from fnnet.models.fizzbuzz import fizz_buzz_decode as fizz_buzz_decode
from fnnet.models.fizzbuzz import fizz_buzz_encode as fizz_buzz_encode
from fnnet.models.lenet import LeNet as LeNet
from fnnet.models.lenet import lenet_cifar10 as lenet_cifar10
from fnnet.models.lenet import lenet_gray as lenet_gray
from fnnet.models.loading import load_state_dict as load_state_dict
from fnnet.models.mobilenetv2 import MobileNetV2 as MobileNetV2
from fnnet.models.names import NAMES as NAMES
from fnnet.models.names import named as named
from fnnet.models.resnet import ResNet as ResNet
from fnnet.models.squeezenet import SqueezeNet as SqueezeNet
from fnnet.models.two_layer import DynamicNet as DynamicNet
from fnnet.models.two_layer import TwoLayerNet as TwoLayerNet
from fnnet.models.vgg import VGG as VGG
from fnnet.models.vgg import AlexNet as AlexNet
from fnnet.models.vision_transformer import VisionTransformer as VisionTransformer
