"""Files that attack a reader of checkpoints: python tests/hostile/make_hostile.py writes them into files/.

Nothing in them harms a reader that refuses them; one that executes them makes a file named "hacked".
"""

import io
import json
import pathlib
import struct
import warnings
import zipfile

FILES = pathlib.Path(__file__).parent / "files"
COMMAND = b"touch hacked"
ORDERED = b"ccollections\nOrderedDict\n)R"


def zipped(pickled, storages=(), byteorder=b"little", method=zipfile.ZIP_STORED, more=()):
    held = io.BytesIO()
    entries = {"a/data.pkl": pickled, "a/byteorder": byteorder, "a/version": b"3\n"}
    entries |= {f"a/data/{i}": content for i, content in enumerate(storages)}
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in [*entries.items(), *more]:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return held.getvalue()


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def number(value):
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def tensor(
    shape=(2,), strides=(1,), offset=0, count=2, key=b"0", kind=b"ctorch\nFloatStorage\n", hooks=ORDERED
):
    sizes = b"".join(b"(" + b"".join(map(number, numbers)) + b"t" for numbers in (shape, strides))
    storage = b"(" + text(b"storage") + kind + text(key) + text(b"cpu") + number(count) + b"tQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + sizes + b"\x89" + hooks + b"tR"
    )


def stream(body):
    return b"\x80\x02" + body + b"."


CODE = {
    "global_reduce": b"cos\nsystem\n(" + text(COMMAND) + b"tR",
    "stack_global": b"\x8c\x02os\x8c\x06system\x93(" + text(COMMAND) + b"tR",
    "inst": b"(" + text(COMMAND) + b"ios\nsystem\n",
    "obj": b"(cos\nsystem\n" + text(COMMAND) + b"o",
    "newobj": b"csubprocess\nPopen\n(" + text(COMMAND) + b"t\x81",
    "newobj_ex": b"csubprocess\nPopen\n(" + text(COMMAND) + b"t}\x92",
    "ext1": b"\x82\x01(" + text(COMMAND) + b"tR",
    "ext2": b"\x83\x01\x00(" + text(COMMAND) + b"tR",
    "ext4": b"\x84\x01\x00\x00\x00(" + text(COMMAND) + b"tR",
    "build": ORDERED + b"}" + text(b"__class__") + b"cos\nsystem\nsb",
    "build_attribute": ORDERED + b"}" + text(b"__setstate__") + text(b"x") + b"sb",
    "persid": b"Pos.system\n",
    "binpersid": text(COMMAND) + b"Q",
    "binpersid_module": b"(" + text(b"module") + b"cos\nsystem\n" + text(b"") * 2 + b"tQ",
    "next_buffer": b"\x97",
    "readonly_buffer": b"\x98",
    "eval": b"c__builtin__\neval\n(" + text(b"open('hacked','w')") + b"tR",
    "getattr": b"cbuiltins\ngetattr\n(" + ORDERED + text(b"__class__") + b"tR",
    "call_of_a_call": ORDERED + b"(tR",
    "call_of_a_string": text(b"os.system") + b"(" + text(COMMAND) + b"tR",
    "torch_load": b"ctorch\nload\n(" + text(b"other.pt") + b"tR",
    "rebuild_with_code": b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n("
    + text(COMMAND)
    + b"t}tR",
    "subclass": b"ctorch._tensor\n_rebuild_from_type_v2\n"
    b"(ctorch._utils\n_rebuild_tensor\nc__main__\nX\n(t}tR",
    "set_item_on_list": b"](" + text(b"a") * 2 + b"u",
    "set_item_on_tensor": tensor() + number(0) + number(1) + b"s",
    "append_to_dict": b"}(" + text(b"a") + b"e",
    "tensor_as_key": b"}" + tensor() + b"Ns",
    "codec": b"c_codecs\nencode\n(" + text(b"a") + text(b"zlib") + b"tR",
    "a_name_alone": b"ctorch\nSize\n",
    "a_storage_alone": b"("
    + text(b"storage")
    + b"ctorch\nFloatStorage\n"
    + text(b"0")
    + text(b"cpu")
    + b"K\2tQ",
}


def grow(levels):
    """A list of ten times a list of ten times ...: small in the file, and endless to walk."""
    out = b"]q\x00"
    for level in range(levels):
        out += b"](" + b"h" + bytes([level]) + (b"h" + bytes([level])) * 9 + b"eq" + bytes([level + 1])
    return out


LYING = {
    "reaches_too_far": tensor((3,)),
    "stride_too_far": tensor((2,), (2,)),
    "offset_too_far": tensor((1,), (1,), 2),
    "huge_shape": tensor((1 << 60, 1 << 60), (0, 0)),
    "huge_shape_of_nothing": tensor((0, 1 << 61), (1, 1)),
    "expanded_to_terabytes": tensor((1 << 40,), (0,)),
    "negative_size": tensor((-1,)),
    "negative_stride": tensor((2,), (-1,), 1),
    "negative_offset": tensor((1,), (1,), -1),
    "fewer_strides": tensor((1, 1), (1,)),
    "many_dimensions": tensor((1,) * 65, (1,) * 65),
    "storage_larger_than_its_entry": tensor(count=1 << 40),
    "storage_of_negative_size": tensor(count=-2),
    "storage_that_is_missing": tensor(key=b"7"),
    "storage_elsewhere": tensor(key=b"../data.pkl"),
    "storage_of_no_dtype": tensor(kind=b"ctorch\nQInt8Storage\n"),
    "storage_of_two_sizes": b"](" + tensor() + tensor(count=1) + b"e",
    "hooks": tensor(hooks=b"}" + text(b"a") + b"Ns"),
    "deep_lists": b"]" * 5000 + b"a" * 4999,
    "deep_tuples": b")" + b"\x85" * 20_000,
    "deep_dicts": (b"}" + text(b"a")) * 3000 + b"N" + b"s" * 3000,
    "deep_key": b"})" + b"\x85" * 20_000 + b"Ns",
    "contains_itself": b"]q\x00h\x00a",
    "grows": grow(30),
    "copies_of_text": b"("
    + text(b"x" * 3000)
    + b"q\x00"
    + (b"c_codecs\nencode\n(h\x00" + text(b"latin1") + b"tR") * 2000
    + b"t",
    "long_integer_keys": b"}(" + (number((1 << 65) - 1) + b"N") * 3 + b"u",
    "announced_text": b"X\xff\xff\xff\xff",
    "announced_bytes": b"\x8e" + b"\xff" * 8,
    "negative_string": b"T\xff\xff\xff\xff",
    "no_end": b"]" * 10,
    "empty_stack": b"0",
    "memo_unset": b"h\x07",
    "mark_missing": b"NNu",
    "odd_items": b"}(Nu",
    "not_text": b"X\x01\x00\x00\x00\xff",
    "bool_bytes": tensor(kind=b"ctorch\nBoolStorage\n", count=8, shape=(8,)),
}


def patched(content, old, new, count=-1):
    assert old in content
    return content.replace(old, new, count)


def zips():
    good = zipped(stream(tensor()), [b"12345678"])
    directory = good.index(b"PK\1\2")
    first = good[directory:]
    double = io.BytesIO(good)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(double, "a") as archive:
            archive.writestr(zipfile.ZipInfo("a/data.pkl"), stream(CODE["eval"]))
    flags = bytearray(good)
    flags[directory + 8] |= 1
    lies = bytearray(good)
    at = good.rindex(b"PK\1\2")
    lies[at + 20 : at + 28] = struct.pack("<II", 1 << 30, 1 << 30)
    overlap = bytearray(good)
    overlap[at + 42 : at + 46] = bytes(4)
    count = bytearray(good)
    count[-14:-10] = struct.pack("<HH", 60000, 60000)
    wide = bytearray(good)
    wide[-6:-2] = b"\xff\xff\xff\xff"
    return {
        "duplicate_name": double.getvalue(),
        "encrypted": bytes(flags),
        "lying_size": bytes(lies),
        "overlapping_entries": bytes(overlap),
        "lying_count": bytes(count),
        "lying_directory": bytes(wide),
        "bomb": zipped(stream(tensor()), [bytes(20 << 20)], method=zipfile.ZIP_DEFLATED),
        "bzip2": zipped(stream(tensor()), [b"12345678"], method=zipfile.ZIP_BZIP2),
        "dot_dot": zipped(stream(b"N"), more=[("a/../../etc/passwd", b"x")]),
        "absolute": zipped(stream(b"N"), more=[("/etc/passwd", b"x")]),
        "backslash": patched(zipped(stream(b"N"), more=[("a/b_c", b"x")]), b"a/b_c", b"a\\b_c"),
        "drive": zipped(stream(b"N"), more=[("C:/x", b"x")]),
        "no_pickle": zipped(stream(b"N")).replace(b"data.pkl", b"data.pkx"),
        "two_pickles": zipped(stream(b"N"), more=[("b/data.pkl", stream(b"N"))]),
        "torchscript": zipped(stream(b"N"), more=[("a/constants.pkl", stream(b"N"))]),
        "other_byteorder": zipped(stream(b"N"), byteorder=b"middle"),
        "trailing_bytes": good + b"x",
        "truncated": good[:-30],
        "truncated_early": good[: len(good) // 2],
        "name_differs": good.replace(b"a/version", b"b/version", 1),
        "checksum": good.replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v3", 1),
        "directory_alone": first,
        "after_the_end": zipped(stream(tensor()) + b"N", [b"12345678"]),
        "protocol_0": zipped(b"(dp0\n.", []),
        "protocol_9": zipped(b"\x80\x09N.", []),
    }


MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + stream(b"M\xe9\x03") + stream(b"}")


def legacy(pickled, keys=(b"0",), content=b"\2" + bytes(7) + b"12345678"):
    return MAGIC + pickled + stream(b"](" + b"".join(map(text, keys)) + b"e") + content


def sequences():
    good = legacy(stream(tensor()))
    return {
        "code": legacy(stream(CODE["global_reduce"])),
        "system_info_code": MAGIC[: -len(stream(b"}"))] + stream(CODE["eval"]),
        "truncated": good[:-1],
        "longer": good + b"x",
        "other_count": legacy(stream(tensor()), content=struct.pack("<q", 3) + b"12345678"),
        "huge_count": legacy(stream(tensor(count=1 << 50)), content=struct.pack("<q", 1 << 50)),
        "negative_count": legacy(stream(tensor()), content=struct.pack("<q", -2) + b"12345678"),
        "other_keys": legacy(stream(tensor()), keys=(b"1",)),
        "key_twice": legacy(stream(tensor()), keys=(b"0", b"0")),
        "header_alone": MAGIC,
        "other_version": MAGIC.replace(b"M\xe9\x03", b"M\xe8\x03") + stream(b"N"),
        "tar": bytes(257) + b"ustar" + bytes(250),
    }


def headers():
    def made(header, data=b"", length=None):
        body = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(body) if length is None else length) + body + data

    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    return {
        "length": made({"a": entry}, b"12345678", 1 << 63),
        "hole": made({"a": {**entry, "data_offsets": [4, 12]}}, bytes(12)),
        "overlap": made({"a": entry, "b": {**entry, "data_offsets": [4, 12]}}, bytes(12)),
        "beyond": made({"a": {**entry, "data_offsets": [0, 80], "shape": [20]}}, bytes(8)),
        "other_size": made({"a": {**entry, "shape": [3]}}, bytes(8)),
        "negative": made({"a": {**entry, "shape": [-2]}}, bytes(8)),
        "fraction": made({"a": {**entry, "shape": [2.0]}}, bytes(8)),
        "twice": made(b'{"a":1,"a":2}'),
        "dtype": made({"a": {**entry, "dtype": "PICKLE"}}, bytes(8)),
        "trailing": made({"a": entry}, bytes(9)),
        "deep": made(b'{"a":' * 20_000),
        "not_json": made(b"{nonsense"),
        "huge": made({"a": {**entry, "shape": [1 << 62, 8]}}, bytes(8)),
    }


def hostile():
    """Every file's content, by name."""
    made = {f"code_{name}.pt": zipped(stream(body), [b"12345678"]) for name, body in CODE.items()}
    made |= {f"lying_{name}.pt": zipped(stream(body), [b"12345678"]) for name, body in LYING.items()}
    made |= {f"zip_{name}.pt": content for name, content in zips().items()}
    made |= {f"legacy_{name}.pt": content for name, content in sequences().items()}
    return made | {f"header_{name}.safetensors": content for name, content in headers().items()}


def main():
    FILES.mkdir(exist_ok=True)
    for name, content in hostile().items():
        (FILES / name).write_bytes(content)


if __name__ == "__main__":
    main()
