"""torchvision.models: structure, transfer learning, weights from files, and a step of training."""

import hashlib
import json
import pathlib
from functools import partial

import numpy as np
import pytest
import vision_cases as cases

import fnnet.torch as torch
from fnnet.torch import nn
from fnnet.torchvision import models
from fnnet.torchvision.models import _files
from fnnet.torchvision.models._utils import IntermediateLayerGetter
from fnnet.torchvision.models.feature_extraction import create_feature_extractor
from fnnet.torchvision.ops import FrozenBatchNorm2d

pytestmark = pytest.mark.slow  # what they are built of is tested at both ends of the JAX versions

RECORDED = json.loads((pathlib.Path(__file__).parent / "reference/torchvision_models.json").read_text())


def digest(tensors):
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(tensor.detach().numpy().tobytes())
    return total.hexdigest()


@pytest.fixture
def tiny():
    torch.manual_seed(cases.SEED)
    return models.DenseNet(4, (1,), 8, 2, 0, 3).eval()


@pytest.mark.parametrize("name", ["densenet", "vit"])
def test_a_module_is_torchvisions_and_trains_as_it(name):
    build, size = cases.CASES[name]
    recorded = RECORDED["cases"][name]
    torch.manual_seed(cases.SEED)
    net = build(models)
    assert repr(net) == recorded["repr"]
    assert list(net.state_dict()) == recorded["names"]
    assert digest(net.parameters()) == recorded["initial"]
    if name == "vit":
        with torch.no_grad():
            net.heads.head.weight.copy_(torch.from_numpy(cases.head(net.heads.head.weight.shape)))
    torch.manual_seed(cases.SEED)
    output = net(torch.from_numpy(cases.pictures(size)))
    output.square().sum().backward()
    np.testing.assert_allclose(output.detach().numpy().ravel(), recorded["train"], rtol=2e-4, atol=1e-5)
    largest = max(recorded["gradients"].values())
    for path, parameter in net.named_parameters():
        total = parameter.grad.abs().double().sum().item()
        np.testing.assert_allclose(total, recorded["gradients"][path], rtol=1e-3, atol=1e-6 * largest)
    for path, buffer in net.named_buffers():
        np.testing.assert_allclose(buffer.double().sum().item(), recorded["buffers"][path], rtol=1e-5)


def test_a_residual_network_is_taken_apart_and_put_together_as_in_scripts():
    net = models.ResNet(models.resnet.BasicBlock, [1, 1, 0, 0], num_classes=2)
    assert type(net).__module__.endswith("torchvision.models.resnet")
    assert (net.inplanes, net.layer1[0].expansion, net.layer1[0].downsample) == (512, 1, None)
    for parameter in net.parameters():
        parameter.requires_grad = False
    net.fc = nn.Linear(net.fc.in_features, 5)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    assert [name for name, _ in net.named_children()][-2:] == ["avgpool", "fc"]
    assert isinstance(net.layer2[0], models.resnet.BasicBlock)
    assert isinstance(net.layer2[0].downsample, nn.Sequential)
    net.layer1[0].downsample = nn.Conv2d(64, 64, 1)
    assert isinstance(net.layer1[0]._layer.downsample.module, nn.Conv2d)


class _Halving(models.resnet.BasicBlock):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.factor = 0.5

    def forward(self, x):
        return super().forward(x) * self.factor


def test_blocks_and_norms_of_the_users_are_built_in():
    torch.manual_seed(0)
    net = models.ResNet(_Halving, [1, 1, 0, 0], norm_layer=partial(nn.GroupNorm, 4))
    block = net.layer2[0]
    assert type(block) is _Halving
    assert isinstance(block.downsample[1], nn.GroupNorm)
    assert isinstance(net.bn1, nn.GroupNorm)
    # The network's rule, and not the layer's own, gave the block's weights: normal by fan_out.
    np.testing.assert_allclose(block.conv1.weight.std().item(), (2 / (128 * 9)) ** 0.5, rtol=0.02)


def test_a_frozen_norm_is_batch_normalisation_by_its_buffers():
    norm, frozen = nn.BatchNorm2d(3).eval(), FrozenBatchNorm2d(3)
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            tensor.uniform_(0.5, 2)
    frozen.load_state_dict(norm.state_dict())
    x = torch.from_numpy(cases.pictures(4))
    np.testing.assert_allclose(frozen(x).numpy(), norm(x).detach().numpy(), rtol=1e-5, atol=1e-5)
    assert (list(frozen.parameters()), repr(frozen)) == ([], "FrozenBatchNorm2d(3, eps=1e-05)")


def test_outputs_inside_a_network(tiny):
    x = torch.from_numpy(cases.pictures(16))
    seen = []
    handle = tiny.features.denseblock1.register_forward_hook(lambda m, i, o: seen.append(o.shape))
    whole = tiny(x)
    handle.remove()
    assert seen == [(2, 12, 4, 4)]
    inside = IntermediateLayerGetter(tiny.features, {"pool0": "stem", "denseblock1": "block"})(x)
    assert {name: tuple(o.shape) for name, o in inside.items()} == {
        "stem": (2, 8, 4, 4),
        "block": (2, 12, 4, 4),
    }
    extracted = create_feature_extractor(tiny, ["features.denseblock1", "classifier"])(x)
    assert torch.equal(extracted["features.denseblock1"], inside["block"])
    assert torch.equal(extracted["classifier"], whole)
    with pytest.raises(ValueError, match="'flatten' is not present"):
        create_feature_extractor(tiny, ["flatten"])
    tiny.classifier = nn.Identity()
    assert tiny(x).shape == (2, 12)


def test_weights_come_from_a_file_that_the_user_has(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    net = models.squeezenet1_1()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(net.state_dict(), folder / "squeezenet1_1-b8a52dc0.pth")
    weights = models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    loaded = models.get_model("squeezenet1_1", weights="DEFAULT")
    assert digest(loaded.parameters()) == digest(net.parameters())
    assert list(weights.get_state_dict()) == list(net.state_dict())
    with pytest.raises(ValueError, match="'num_classes' expected value 1000 but got 3"):
        models.squeezenet1_1(weights=weights, num_classes=3)
    monkeypatch.setattr(models._api, "CLASSES_URL", "http://127.0.0.1:9/imagenet_classes.txt")
    with pytest.raises(KeyError, match="put a file with one on each line"):
        weights.meta["categories"]
    (tmp_path / "hub/imagenet_classes.txt").write_text("tench\ngoldfish\n")
    assert weights.meta["categories"][1] == "goldfish"


def test_weights_of_a_path_may_have_other_classes_and_former_names(tmp_path, tiny):
    make = partial(models.VisionTransformer, 16, 8, 1, 2, 8, 16, num_classes=3)
    net = make()
    former = {
        n.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): v
        for n, v in net.state_dict().items()
    }
    assert "encoder.layers.encoder_layer_0.mlp.linear_1.weight" in former
    again = make()
    again.load_state_dict(former)
    assert digest(again.parameters()) == digest(net.parameters())
    torch.save(models.squeezenet1_1(num_classes=2).state_dict(), tmp_path / "two.pth")
    two = models.squeezenet1_1(weights=tmp_path / "two.pth", num_classes=2)
    assert digest(two.parameters()) == digest(torch.load(tmp_path / "two.pth").values())


def test_what_cannot_be_had_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refuse(url, path, **options):
        raise _files.DownloadError(f"cannot download {url}. Save it as {path}.")

    monkeypatch.setattr(_files, "fetch", refuse)
    with pytest.raises(RuntimeError, match=r"squeezenet1_0-b66bff10.pth.*hub/checkpoints.*TORCH_HOME"):
        models.squeezenet1_0(weights=models.SqueezeNet1_0_Weights.DEFAULT)
    monkeypatch.setattr(
        _files, "fetch", lambda url, path, **o: (path.parent.mkdir(parents=True), path.write_bytes(b"?"))
    )
    with pytest.raises(RuntimeError, match='invalid hash value \\(expected "b66bff10"'):
        models.squeezenet1_0(weights="IMAGENET1K_V1")
    assert not list((tmp_path / "hub/checkpoints").iterdir())
    with pytest.raises(KeyError, match="IMAGENET1K_V3"):
        models.squeezenet1_0(weights="IMAGENET1K_V3")
    with pytest.raises(TypeError, match="expected SqueezeNet1_0_Weights but received SqueezeNet1_1_Weights"):
        models.squeezenet1_0(weights=models.SqueezeNet1_1_Weights.DEFAULT)
    with pytest.raises(ValueError, match="Unknown model resnet19"):
        models.get_model("resnet19")


def test_the_former_arguments_are_taken_with_torchvisions_warnings(monkeypatch):
    asked = []
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda self, **o: asked.append(self) or 1 / 0)
    with pytest.warns(UserWarning, match="deprecated") as warned, pytest.raises(ZeroDivisionError):
        models.resnet50(pretrained=True)
    assert "'pretrained' is deprecated since 0.13" in str(warned[0].message)
    assert "passing `weights=ResNet50_Weights.IMAGENET1K_V1`" in str(warned[1].message)
    with pytest.warns(UserWarning, match="deprecated") as warned:
        models.squeezenet1_1(False)
    assert "Using 'weights' as positional parameter(s)" in str(warned[0].message)
    assert asked == [models.ResNet50_Weights.IMAGENET1K_V1]


def test_networks_and_weights_by_name():
    assert models.list_models(include="vgg1*", exclude=["*bn"]) == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert models.list_models(module=models) == models.list_models()
    weights = models.get_weight("ResNet50_Weights.IMAGENET1K_V2")
    assert weights is models.ResNet50_Weights.DEFAULT
    assert (str(weights), repr(weights)) == ("ResNet50_Weights.IMAGENET1K_V2",) * 2
    assert weights.url == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth"
    assert weights.meta["num_params"] == 25557032
    assert models.get_model_weights(models.resnet50) is models.ResNet50_Weights
    assert models.ViT_B_16_Weights.DEFAULT is models.ViT_B_16_Weights.IMAGENET1K_V1
    with pytest.raises(ValueError, match="Invalid weight name"):
        models.get_weight("ResNet50_Weights")


def test_pictures_are_made_ready_as_the_weights_want_them():
    pytest.importorskip("fnnet.torchvision.transforms")
    prepare = models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    assert (prepare.crop_size, prepare.resize_size) == ([224], [232])
    small = models.ResNet18_Weights.DEFAULT.transforms(crop_size=8, resize_size=10)
    picture = torch.full((3, 20, 30), 128, dtype=torch.uint8)
    wanted = [(128 / 255 - m) / s for m, s in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
    np.testing.assert_allclose(small(picture).numpy()[:, 3, 3], wanted, rtol=1e-5)
    assert small(picture).shape == (3, 8, 8)
