"""Record what torchvision's networks are, draw and compute, into torchvision_models.json.

Run where torchvision is installed: python tests/reference/record_torchvision_models.py
"""

import hashlib
import json
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

try:
    import torchvision
except (
    RuntimeError
):  # its compiled operators do not load: these two names are all that its models want of them
    library = torch.library.Library("torchvision", "DEF")
    for schema in ("nms(Tensor a) -> Tensor", "qnms(Tensor a) -> Tensor"):
        library.define(schema)
    import torchvision

import vision_cases as cases  # noqa: E402


def digest(tensors):
    """SHA-256 of the bytes of float32 tensors in their order."""
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(tensor.detach().numpy().tobytes())
    return total.hexdigest()


def run(build, size):
    torch.manual_seed(cases.SEED)
    net = build(torchvision.models)
    recorded = {
        "repr": repr(net),
        "names": list(net.state_dict()),
        "initial": digest(net.parameters()),
    }
    if hasattr(net, "heads"):
        with torch.no_grad():
            net.heads.head.weight.copy_(torch.from_numpy(cases.head(net.heads.head.weight.shape)))
    x = torch.from_numpy(cases.pictures(size))
    net.eval()
    recorded["eval"] = net(x).flatten().tolist()
    net.train()
    torch.manual_seed(cases.SEED)
    output = net(x)
    output.square().sum().backward()
    recorded["train"] = output.flatten().tolist()
    recorded["gradients"] = {n: p.grad.abs().double().sum().item() for n, p in net.named_parameters()}
    recorded["buffers"] = {n: b.double().sum().item() for n, b in net.named_buffers()}
    return recorded


def plain(name):
    """AlexNet and VGG, of which only the features are small: those drawn first, and a small classifier."""
    torch.manual_seed(cases.SEED)
    if name == "alexnet":
        net = torchvision.models.AlexNet()
    else:
        features = torchvision.models.vgg.make_layers([8, "M", 16, "M", 512, "M"], batch_norm=True)
        net = torchvision.models.VGG(features, init_weights=False)
    initial = digest(net.features.parameters())
    wide = net.classifier[1 if name == "alexnet" else 0].in_features
    net.classifier = torch.nn.Linear(wide, 3)
    with torch.no_grad():
        net.classifier.weight.copy_(torch.from_numpy(cases.head((3, wide))))
        net.classifier.bias.zero_()
    net.eval()
    return {"initial": initial, "eval": net(torch.from_numpy(cases.pictures(64))).flatten().tolist()}


def published(name):
    with torch.device("meta"):
        net = torchvision.models.get_model(name)
    shapes = {n: list(t.shape) for n, t in net.state_dict().items()}
    return {"count": len(shapes), "sha256": hashlib.sha256(json.dumps(shapes).encode()).hexdigest()}


recorded = {
    "torchvision": torchvision.__version__,
    "cases": {name: run(*case) for name, case in cases.CASES.items()},
    "plain": {name: plain(name) for name in ("alexnet", "vgg")},
    "published": {name: published(name) for name in cases.PUBLISHED},
}
(HERE / "torchvision_models.json").write_text(json.dumps(recorded, indent=1) + "\n")
