"""Which trained weights torchvision publishes for these networks: its facts about them, as a table."""

from __future__ import annotations

from functools import partial
from typing import Any

from fnnet.torchvision.models._api import Meta, Weights, WeightsEnum
from fnnet.torchvision.models.preset import ImageClassification

URL = "https://download.pytorch.org/models/"

# enumeration, member (* the default), file, resize, crop, smallest picture, parameters, acc@1 and acc@5.
_TABLE = """
AlexNet IMAGENET1K_V1* alexnet-owt-7be5be79.pth 256 224 63 61100840 56.522 79.066
DenseNet121 IMAGENET1K_V1* densenet121-a639ec97.pth 256 224 29 7978856 74.434 91.972
DenseNet161 IMAGENET1K_V1* densenet161-8d451a50.pth 256 224 29 28681000 77.138 93.56
DenseNet169 IMAGENET1K_V1* densenet169-b2777c0a.pth 256 224 29 14149480 75.6 92.806
DenseNet201 IMAGENET1K_V1* densenet201-c1103571.pth 256 224 29 20013928 76.896 93.37
MobileNet_V2 IMAGENET1K_V1 mobilenet_v2-b0353104.pth 256 224 1 3504872 71.878 90.286
MobileNet_V2 IMAGENET1K_V2* mobilenet_v2-7ebf99e0.pth 232 224 1 3504872 72.154 90.822
ResNet101 IMAGENET1K_V1 resnet101-63fe2227.pth 256 224 1 44549160 77.374 93.546
ResNet101 IMAGENET1K_V2* resnet101-cd907fc2.pth 232 224 1 44549160 81.886 95.78
ResNet152 IMAGENET1K_V1 resnet152-394f9c45.pth 256 224 1 60192808 78.312 94.046
ResNet152 IMAGENET1K_V2* resnet152-f82ba261.pth 232 224 1 60192808 82.284 96.002
ResNet18 IMAGENET1K_V1* resnet18-f37072fd.pth 256 224 1 11689512 69.758 89.078
ResNet34 IMAGENET1K_V1* resnet34-b627a593.pth 256 224 1 21797672 73.314 91.42
ResNet50 IMAGENET1K_V1 resnet50-0676ba61.pth 256 224 1 25557032 76.13 92.862
ResNet50 IMAGENET1K_V2* resnet50-11ad3fa6.pth 232 224 1 25557032 80.858 95.434
ResNeXt101_32X8D IMAGENET1K_V1 resnext101_32x8d-8ba56ff5.pth 256 224 1 88791336 79.312 94.526
ResNeXt101_32X8D IMAGENET1K_V2* resnext101_32x8d-110c445d.pth 232 224 1 88791336 82.834 96.228
ResNeXt101_64X4D IMAGENET1K_V1* resnext101_64x4d-173b62eb.pth 232 224 1 83455272 83.246 96.454
ResNeXt50_32X4D IMAGENET1K_V1 resnext50_32x4d-7cdf4587.pth 256 224 1 25028904 77.618 93.698
ResNeXt50_32X4D IMAGENET1K_V2* resnext50_32x4d-1a0047aa.pth 232 224 1 25028904 81.198 95.34
SqueezeNet1_0 IMAGENET1K_V1* squeezenet1_0-b66bff10.pth 256 224 21 1248424 58.092 80.42
SqueezeNet1_1 IMAGENET1K_V1* squeezenet1_1-b8a52dc0.pth 256 224 17 1235496 58.178 80.624
VGG11 IMAGENET1K_V1* vgg11-8a719046.pth 256 224 32 132863336 69.02 88.628
VGG11_BN IMAGENET1K_V1* vgg11_bn-6002323d.pth 256 224 32 132868840 70.37 89.81
VGG13 IMAGENET1K_V1* vgg13-19584684.pth 256 224 32 133047848 69.928 89.246
VGG13_BN IMAGENET1K_V1* vgg13_bn-abd245e5.pth 256 224 32 133053736 71.586 90.374
VGG16 IMAGENET1K_V1* vgg16-397923af.pth 256 224 32 138357544 71.592 90.382
VGG16 IMAGENET1K_FEATURES vgg16_features-amdegroot-88682ab5.pth 256 224 32 138357544 - -
VGG16_BN IMAGENET1K_V1* vgg16_bn-6c64b313.pth 256 224 32 138365992 73.36 91.516
VGG19 IMAGENET1K_V1* vgg19-dcbb9e9d.pth 256 224 32 143667240 72.376 90.876
VGG19_BN IMAGENET1K_V1* vgg19_bn-c79401a0.pth 256 224 32 143678248 74.218 91.842
ViT_B_16 IMAGENET1K_V1* vit_b_16-c867db91.pth 256 224 224 86567656 81.072 95.318
ViT_B_16 IMAGENET1K_SWAG_E2E_V1 vit_b_16_swag-9ac1b537.pth 384 384 384 86859496 85.304 97.65 bicubic
ViT_B_16 IMAGENET1K_SWAG_LINEAR_V1 vit_b_16_lc_swag-4e70ced5.pth 224 224 224 86567656 81.886 96.18 bicubic
ViT_B_32 IMAGENET1K_V1* vit_b_32-d86f8d99.pth 256 224 224 88224232 75.912 92.466
ViT_H_14 IMAGENET1K_SWAG_E2E_V1* vit_h_14_swag-80465313.pth 518 518 518 633470440 88.552 98.694 bicubic
ViT_H_14 IMAGENET1K_SWAG_LINEAR_V1 vit_h_14_lc_swag-c1eb923e.pth 224 224 224 632045800 85.708 97.73 bicubic
ViT_L_16 IMAGENET1K_V1* vit_l_16-852ce7e3.pth 242 224 224 304326632 79.662 94.638
ViT_L_16 IMAGENET1K_SWAG_E2E_V1 vit_l_16_swag-4f3808c9.pth 512 512 512 305174504 88.064 98.512 bicubic
ViT_L_16 IMAGENET1K_SWAG_LINEAR_V1 vit_l_16_lc_swag-4d563306.pth 224 224 224 304326632 85.146 97.422 bicubic
ViT_L_32 IMAGENET1K_V1* vit_l_32-c7638314.pth 256 224 224 306535400 76.972 93.07
Wide_ResNet101_2 IMAGENET1K_V1 wide_resnet101_2-32ee1156.pth 256 224 1 126886696 78.848 94.284
Wide_ResNet101_2 IMAGENET1K_V2* wide_resnet101_2-d733dc28.pth 232 224 1 126886696 82.51 96.02
Wide_ResNet50_2 IMAGENET1K_V1 wide_resnet50_2-95faca4d.pth 256 224 1 68883240 78.468 94.086
Wide_ResNet50_2 IMAGENET1K_V2* wide_resnet50_2-9ba9bcbe.pth 232 224 1 68883240 81.602 95.758
"""

_FEATURES = {"mean": (0.48235, 0.45882, 0.40784), "std": (1 / 255, 1 / 255, 1 / 255)}
"""How VGG16's features, trained for detection, want their pictures."""


def _entry(row: str) -> tuple[str, str, Weights]:
    kind, member, file, resize, crop, smallest, count, first, fifth, *further = row.split()
    features = member.endswith("_FEATURES")
    options: dict[str, Any] = {"crop_size": int(crop)}
    if int(resize) != 256:
        options["resize_size"] = int(resize)
    if further:
        options["interpolation"] = further[0]
    if features:
        options.update(_FEATURES)
    accuracy = {
        name: float("nan") if text == "-" else float(text)
        for name, text in (("acc@1", first), ("acc@5", fifth))
    }
    meta = Meta(
        num_params=int(count),
        min_size=(int(smallest), int(smallest)),
        _metrics={"ImageNet-1K": accuracy},
    )
    if features:
        meta["categories"] = None
    return kind, member, Weights(URL + file, partial(ImageClassification, **options), meta)


def _enumerations() -> dict[str, type[WeightsEnum]]:
    members: dict[str, dict[str, Weights]] = {}
    for row in _TABLE.strip().splitlines():
        kind, member, weights = _entry(row)
        of_kind = members.setdefault(kind, {})
        of_kind[member.rstrip("*")] = weights
        if member.endswith("*"):
            of_kind["DEFAULT"] = weights
    make: Any = WeightsEnum  # called, it makes an enumeration
    return {
        kind.lower(): make(kind + "_Weights", of_kind, module=__package__)
        for kind, of_kind in members.items()
    }


_ENUMERATIONS: dict[str, type[WeightsEnum]] = _enumerations()


def enumeration(network: str) -> type[WeightsEnum]:
    """The weights of a network by the name of its builder: of "resnet18", `ResNet18_Weights`."""
    return _ENUMERATIONS[network]
