"""What a program writes with a SummaryWriter, in either library, and how it is read back."""

import io
import json
import math
from pathlib import Path

import numpy as np
from google.protobuf.json_format import MessageToDict
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

WHEN = 1_600_000_000.5
DTYPES = "float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool complex64 complex128".split()  # noqa: SIM905


def shades(torch, *shape):
    """Numbers from 0 to 1 that are in the middle of bytes, so that no rounding shows."""
    return ((torch.arange(math.prod(shape)) * 7 % 255 + 0.5) / 255).reshape(*shape)


def numbers(torch, w):
    for step in range(3):
        w.add_scalar("loss/train", 1.0 / (step + 1), step, WHEN)
    w.add_scalar("as a tensor", torch.tensor([[2.5]], requires_grad=True), np.int64(4), WHEN)
    w.add_scalar("half", torch.tensor(0.1, dtype=torch.bfloat16), walltime=WHEN)
    w.add_scalar("integer", np.int32(7), torch.tensor(3), WHEN)
    w.add_scalar("new", 0.1, 1, WHEN, new_style=True)
    w.add_scalar("new in full", 0.1, 1, WHEN, new_style=True, double_precision=True)
    w.add_scalar("nothing", math.nan, 1, WHEN)


def several(torch, w):
    for step in range(2):
        w.add_scalars("a/b", {"x": step, "y": torch.tensor(step * 0.5)}, step, WHEN)


def tensors(torch, w):
    for name in DTYPES:
        x = torch.tensor([[0, 1, 3], [2, 5, 1]]).to(getattr(torch, name))
        w.add_tensor(name, x, 2, WHEN)
    w.add_tensor("number", torch.tensor(1.5), 2, WHEN)


def histograms(torch, w):
    x = torch.linspace(-3, 3, 50) ** 3
    w.add_histogram("of a tensor", x, 0, walltime=WHEN)
    w.add_histogram("halves", x.to(torch.bfloat16), 0, walltime=WHEN)
    w.add_histogram("automatic", x.numpy(), 1, bins="auto", walltime=WHEN)
    w.add_histogram("joined", x, 1, bins=20, walltime=WHEN, max_bins=6)
    w.add_histogram("joined evenly", x, 1, bins=20, walltime=WHEN, max_bins=10)
    w.add_histogram("of integers", torch.arange(5), walltime=WHEN)
    w.add_histogram("one value", torch.zeros(3), walltime=WHEN)
    w.add_histogram_raw("raw", 0, 2.5, 3, 4.5, 9.25, [1.0, 2.0, 3.0], [1, 1, 1], 5, WHEN)


def pictures(torch, w):
    x = shades(torch, 3, 4, 5) * 1.5 - 0.25
    x = torch.where((x > 0) & (x < 1), shades(torch, 3, 4, 5), x)
    w.add_image("colours", x, 0, WHEN)
    w.add_image("grey", x[:1], 0, WHEN)
    w.add_image("two dimensions", x[0], 0, WHEN, dataformats="HW")
    w.add_image("last", x.permute(1, 2, 0), 0, WHEN, dataformats="HWC")
    w.add_image("bytes", (shades(torch, 3, 4, 5) * 255).to(torch.uint8), 0, WHEN)
    w.add_images("ten", shades(torch, 10, 3, 2, 2), 1, WHEN)
    w.add_images("three grey", shades(torch, 3, 2, 2, 1), 1, WHEN, "NHWC")
    boxes = torch.tensor([[2, 2, 20, 12], [10, 4, 36, 30]])
    w.add_image_with_boxes("boxes", torch.zeros(3, 40, 40), boxes, 2, WHEN)
    w.add_image_with_boxes("labels", torch.ones(3, 40, 40), boxes, 2, WHEN, labels=["a", "bc"])
    w.add_image_with_boxes("too few", torch.ones(3, 40, 40), boxes, 2, WHEN, rescale=0.5, labels="a")


def sounds_and_texts(torch, w):
    w.add_audio("sound", torch.sin(torch.arange(100) / 5), 1, 8000, WHEN)
    w.add_audio("too loud", torch.sin(torch.arange(20) / 5).reshape(1, -1) * 2, 1, walltime=WHEN)
    w.add_text("text", "**ä** b", 2, WHEN)


def curves(torch, w):
    labels, scores = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0.1, 0.4, 0.35, 0.8, 1.0])
    w.add_pr_curve("curve", labels, scores, 0, walltime=WHEN)
    w.add_pr_curve("few", labels.numpy(), scores.numpy(), 0, 5, weights=2.0, walltime=WHEN)
    six = [[3, 2], [1, 1], [4, 5], [0, 1], [0.75, 0.66], [1.0, 0.5]]
    w.add_pr_curve_raw("raw", *six, 1, 300, walltime=WHEN)


def charts(torch, w):
    w.add_custom_scalars_multilinechart(["a", "b"])
    w.add_custom_scalars_marginchart(["a", "b", "c"], "kind", "name")
    w.add_custom_scalars({"one": {"x": ["Multiline", ["p", "q"]], "y": ["Margin", ["p", "q", "r"]]}})


def meshes(torch, w):
    points = torch.arange(12.0).reshape(1, 4, 3)
    w.add_mesh("points", points, global_step=1, walltime=WHEN)
    faces = torch.tensor([[[0, 1, 2], [1, 2, 3]]])
    w.add_mesh("whole", points, (points * 10).int(), faces, {"camera": {"fov": 75}}, 2, WHEN)


def settings(torch, w):
    chosen = {"lr": 0.1, "n": 3, "on": True, "name": "x", "none": None, "t": torch.tensor([0.5])}
    domains = {"lr": [0.1, 0.2], "name": ["x", "y"]}
    w.add_hparams(chosen, {"hparam/loss": 0.5, "hparam/acc": 1}, domains, "run", 3)


def vectors(torch, w):
    x = torch.arange(6.0).reshape(3, 2) / 4
    w.add_embedding(x, metadata=["a", 2, 3.5], tag="p/q%")
    table, seen = [["a", 1], ["b", 2], ["c", 3]], shades(torch, 3, 3, 2, 4)
    w.add_embedding(x.numpy(), table, seen, 2, metadata_header=["letter", "number"])


SCENARIOS = {
    one.__name__: one
    for one in (
        numbers, several, tensors, histograms, pictures, sounds_and_texts, curves, charts, meshes, settings,
        vectors,
    )
}  # fmt: skip

ERRORS = {
    "two elements": lambda torch, w: w.add_scalar("x", torch.ones(2)),
    "a list": lambda torch, w: w.add_scalar("x", [1]),
    "nothing to count": lambda torch, w: w.add_histogram("x", torch.ones(0)),
    "limits and counts": lambda torch, w: w.add_histogram_raw("x", 0, 1, 1, 1, 1, [1, 2], [1]),
    "letters twice": lambda torch, w: w.add_image("x", torch.ones(3, 2, 2), dataformats="CHH"),
    "letters missing": lambda torch, w: w.add_image("x", torch.ones(3, 2, 2), dataformats="HW"),
    "two channels": lambda torch, w: w.add_images("x", torch.ones(1, 2, 2, 2)),
    "no dictionary": lambda torch, w: w.add_hparams([1], {}),
    "a domain": lambda torch, w: w.add_hparams({"a": 1}, {}, {"a": ["x"]}),
    "a setting": lambda torch, w: w.add_hparams({"a": [1]}, {}),
    "two tags": lambda torch, w: w.add_custom_scalars_marginchart(["a", "b"]),
    "labels": lambda torch, w: w.add_embedding(torch.ones(3, 2), metadata=["a"]),
    "pictures": lambda torch, w: w.add_embedding(torch.ones(3, 2), label_img=torch.ones(2, 3, 2, 2), tag="y"),
    "one dimension": lambda torch, w: w.add_embedding(torch.ones(3), tag="z"),
    "stereo": lambda torch, w: w.add_audio("x", torch.zeros(2, 5)),
}


def _readable(event):
    found = MessageToDict(event)
    found.pop("sourceMetadata", None)
    if event.wall_time != WHEN:  # what takes no time has that of the call
        found.pop("wallTime")
    for value, shown in zip(event.summary.value, found.get("summary", {}).get("value", ()), strict=False):
        metadata = value.metadata.plugin_data
        if metadata.plugin_name == "hparams":  # its fields are written in no fixed order
            content = MessageToDict(HParamsPluginData.FromString(metadata.content))
            shown["metadata"]["pluginData"]["content"] = content
        if value.HasField("image"):
            shown["image"]["encodedImageString"] = _pixels(value.image.encoded_image_string, value.tag)
    return found


def _pixels(png, tag):
    """The size of a picture and its bytes; not those of letters, whose shape is Pillow's."""
    with Image.open(io.BytesIO(png)) as picture:
        return [picture.mode, *picture.size, "" if tag == "labels" else picture.tobytes().hex()]


def written(folder):
    """By file below a folder: the events of an event file as dictionaries, the text of another."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        place = path.relative_to(folder)
        if path.is_dir():
            continue
        if "tfevents" not in path.name:
            content = path.read_bytes()
            found[str(place)] = _pixels(content, "") if path.suffix == ".png" else content.decode()
            continue
        events = [Event.FromString(raw) for raw in RawEventFileLoader(str(path)).Load()]
        found.setdefault(str(place.parent), []).extend(map(_readable, events))
    return json.loads(json.dumps(found))


def run(torch, writer, name, folder):
    """The files of one scenario."""
    with writer(str(folder)) as made:
        SCENARIOS[name](torch, made)
    return written(folder)


def failure(torch, writer, name, folder):
    """The type and the text of one error."""
    with writer(str(folder)) as made:
        try:
            ERRORS[name](torch, made)
        except Exception as error:
            text = " ".join(str(error).split()).replace("fnnet.", "")
            return [type(error).__name__, text]
    return None
