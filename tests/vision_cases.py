"""Small variants of torchvision's networks, built by any library that has its names, and their pictures."""

import numpy as np

SEED = 3

# Name: (how to build it of torchvision.models or what stands for it, size of the pictures).
CASES = {
    "basic": (
        lambda m: m.ResNet(m.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3, zero_init_residual=True),
        32,
    ),
    "bottleneck": (
        lambda m: m.ResNet(
            m.resnet.Bottleneck,
            [1, 1, 1, 1],
            num_classes=3,
            groups=2,
            width_per_group=8,
            replace_stride_with_dilation=[False, True, True],
        ),
        32,
    ),
    "mobilenet": (
        lambda m: m.MobileNetV2(3, 0.25, [[1, 16, 1, 1], [6, 24, 2, 2]]),
        24,
    ),
    "squeezenet": (lambda m: m.SqueezeNet("1_1", num_classes=3), 24),
    "densenet": (lambda m: m.DenseNet(4, (2, 2), 8, 2, 0.3, 3), 24),
    "vit": (
        lambda m: m.VisionTransformer(
            16, 8, 1, 2, 8, 16, dropout=0.1, attention_dropout=0.1, num_classes=3, representation_size=6
        ),
        16,
    ),
}
PUBLISHED = (
    "alexnet",
    "densenet121",
    "mobilenet_v2",
    "resnet50",
    "resnext50_32x4d",
    "squeezenet1_0",
    "vgg16",
    "vgg11_bn",
    "vit_b_16",
    "wide_resnet50_2",
)


def pictures(size):
    """Two pictures of three channels."""
    return np.random.default_rng(1).standard_normal((2, 3, size, size), np.float32)


def head(weight):
    """What is put in place of a vision transformer's zeros."""
    return np.linspace(-1, 1, weight[0] * weight[1], dtype=np.float32).reshape(weight)
