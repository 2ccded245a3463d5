"""torchvision.models: networks as modules, derived from the layers of `fnnet.models`, and their weights."""

from fnnet.torchvision.models import _utils as _utils
from fnnet.torchvision.models import alexnet as _alexnet
from fnnet.torchvision.models import densenet as densenet
from fnnet.torchvision.models import feature_extraction as feature_extraction
from fnnet.torchvision.models import mobilenet as mobilenet
from fnnet.torchvision.models import mobilenetv2 as mobilenetv2
from fnnet.torchvision.models import resnet as resnet
from fnnet.torchvision.models import squeezenet as squeezenet
from fnnet.torchvision.models import vgg as vgg
from fnnet.torchvision.models import vision_transformer as vision_transformer
from fnnet.torchvision.models._api import Weights as Weights
from fnnet.torchvision.models._api import WeightsEnum as WeightsEnum
from fnnet.torchvision.models._api import get_model as get_model
from fnnet.torchvision.models._api import get_model_builder as get_model_builder
from fnnet.torchvision.models._api import get_model_weights as get_model_weights
from fnnet.torchvision.models._api import get_weight as get_weight
from fnnet.torchvision.models._api import list_models as list_models

for _room in (_alexnet, densenet, mobilenetv2, resnet, squeezenet, vgg, vision_transformer):
    for _name in _room.__all__:
        globals()[_name] = getattr(_room, _name)
