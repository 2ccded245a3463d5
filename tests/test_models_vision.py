"""The vision networks against torchvision's: initial values, outputs, gradients, names and text."""

import hashlib
import json
import pathlib
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quickly
import vision_cases as cases

import fnnet
from fnnet import layers, models
from fnnet.checkpoint import flat
from fnnet.models import (
    densenet,
    loading,
    mobilenetv2,
    resnet,
    squeezenet,
    vgg,
    vision_transformer,
)

pytestmark = pytest.mark.slow  # what they are built of is tested at both ends of the JAX versions

RECORDED = json.loads((pathlib.Path(__file__).parent / "reference/torchvision_models.json").read_text())
LAYERS = SimpleNamespace(
    resnet=resnet,
    ResNet=resnet.ResNet,
    MobileNetV2=mobilenetv2.MobileNetV2,
    SqueezeNet=squeezenet.SqueezeNet,
    DenseNet=densenet.DenseNet,
    VisionTransformer=vision_transformer.VisionTransformer,
)
# float32 through batch statistics of two pictures: sums in another order.
CLOSE = {"rtol": 2e-4, "atol": 1e-5}


def digest(arrays):
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def in_order(net, params, buffers):
    """Names in the order of a state_dict."""
    own = [n for tree in (params, buffers) for n, v in tree.items() if not isinstance(v, dict)]
    for name, part in net.children().items():
        parts = in_order(part, params.get(name, {}), buffers.get(name, {}))
        own += [f"{name}.{inner}" for inner in parts]
    return own


@pytest.mark.parametrize("name", list(cases.CASES))
def test_a_network_is_torchvisions(name):
    build, size = cases.CASES[name]
    recorded = RECORDED["cases"][name]
    net = build(LAYERS)
    assert repr(net) == recorded["repr"]
    params = net.init(fnnet.random.Generator(cases.SEED))
    buffers = net.init_buffers()
    assert in_order(net, params, buffers) == recorded["names"]
    assert digest(flat(params).values()) == recorded["initial"]
    if "heads" in params:
        head = params["heads"]["head"]
        params["heads"]["head"] = {**head, "weight": jnp.asarray(cases.head(head["weight"].shape))}
    x = jnp.asarray(cases.pictures(size))

    def loss(params, noise):
        output, new = net(params, x, buffers=buffers, key=noise, training=True)
        return jnp.square(output).sum(), (output, new)

    @quickly.jit
    def both(params, noise):
        return net(params, x, buffers=buffers)[0], jax.grad(loss, has_aux=True)(params, noise)

    generator = fnnet.random.Generator(cases.SEED)
    noise = fnnet.random.ahead(lambda key: loss(params, key), generator)
    evaluated, (gradients, (output, new)) = both(params, noise)
    np.testing.assert_allclose(evaluated.ravel(), recorded["eval"], **CLOSE)
    np.testing.assert_allclose(output.ravel(), recorded["train"], **CLOSE)
    for path, total in recorded["buffers"].items():
        np.testing.assert_allclose(flat(new)[path].sum(), total, **CLOSE)
    largest = max(recorded["gradients"].values())
    for path, gradient in flat(gradients).items():
        total = np.abs(np.asarray(gradient, np.float64)).sum()
        np.testing.assert_allclose(total, recorded["gradients"][path], rtol=1e-3, atol=1e-6 * largest)


@pytest.mark.parametrize("name", ["alexnet", "vgg"])
def test_the_plain_networks_begin_and_compute_as_torchvisions(name):
    net = (
        vgg.AlexNet()
        if name == "alexnet"
        else vgg.VGG(vgg.make_layers([8, "M", 16, "M", 512, "M"], True), init_weights=False)
    )
    features = net.features.init(fnnet.random.Generator(cases.SEED))
    assert digest(flat(features).values()) == RECORDED["plain"][name]["initial"]
    wide = net.children()["classifier"][1 if name == "alexnet" else 0].in_features
    net.classifier = layers.Linear(wide, 3)
    classifier = {"weight": jnp.asarray(cases.head((3, wide))), "bias": jnp.zeros(3)}
    params = {"features": features, "classifier": classifier}
    output, _ = jax.jit(lambda x: net(params, x, buffers=net.init_buffers()))(cases.pictures(64))
    np.testing.assert_allclose(output.ravel(), RECORDED["plain"][name]["eval"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", cases.PUBLISHED)
def test_the_published_networks_have_torchvisions_names_and_shapes(name):
    net = models.named(name)
    parameters, buffers = loading.shapes_of(net)
    order = in_order(net, fnnet.checkpoint.nested(parameters), fnnet.checkpoint.nested(buffers))
    shapes = {path: list({**parameters, **buffers}[path].shape) for path in order}
    assert len(shapes) == RECORDED["published"][name]["count"]
    text = json.dumps(shapes).encode()
    assert hashlib.sha256(text).hexdigest() == RECORDED["published"][name]["sha256"]


def test_a_state_dict_becomes_the_two_trees_and_what_does_not_fit_is_named(tmp_path):
    net = densenet.DenseNet(4, (1,), 8, 2, 0, 3)
    params, buffers = net.init(fnnet.random.Generator(0)), net.init_buffers()
    state = {**flat(params), **flat(buffers)}
    old = {name.replace("norm1.", "norm.1."): value for name, value in state.items()}
    del old["features.norm0.num_batches_tracked"]
    fnnet.checkpoint.save_pt(tmp_path / "net.pth", {name: np.asarray(v) for name, v in old.items()})
    loaded, others = models.load_state_dict(net, tmp_path / "net.pth", densenet.current_name)
    assert all(np.array_equal(v, flat(params)[n]) for n, v in flat(loaded).items())
    assert flat(others).keys() == flat(buffers).keys()
    wrong = {**state, "classifier.bias": np.zeros(4), "further": np.zeros(1)}
    del wrong["features.conv0.weight"]
    with pytest.raises(
        RuntimeError, match=r'missing "features.conv0.weight"; size mismatch for classifier.bias'
    ):
        models.load_state_dict(net, wrong)
    with pytest.raises(RuntimeError, match='unexpected "further"'):
        models.load_state_dict(net, {**state, "further": np.zeros(1)})


def test_bad_arguments_are_refused_as_torchvision_refuses_them():
    with pytest.raises(ValueError, match="only supports groups=1"):
        resnet.BasicBlock(4, 4, groups=2)
    with pytest.raises(ValueError, match="3-element tuple"):
        resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], replace_stride_with_dilation=[True])
    with pytest.raises(ValueError, match="Unsupported SqueezeNet version 2"):
        squeezenet.SqueezeNet("2")
    with pytest.raises(AssertionError, match="indivisible by patch size"):
        vision_transformer.VisionTransformer(17, 4, 1, 1, 4, 4)
    net = vision_transformer.VisionTransformer(8, 4, 1, 1, 4, 4)
    params = {}
    with pytest.raises(AssertionError, match="Wrong image height! Expected 8 but got 16!"):
        net(params, jnp.zeros((1, 3, 16, 8)))
