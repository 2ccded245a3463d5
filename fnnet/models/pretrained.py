"""Folders of the transformers library's checkpoints: config.json and the tensors by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from fnnet.checkpoint.refused import RefusedFileError
from fnnet.models.loading import read_state_dict

__all__ = ["read_config", "read_weights"]

Config = TypeVar("Config")
_LARGEST_JSON = 1 << 26


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises RefusedFileError for anything else."""
    if path.stat().st_size > _LARGEST_JSON:
        raise RefusedFileError(path, f"{path.stat().st_size} bytes: more than {_LARGEST_JSON}")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusedFileError(path, f"not JSON: {str(error)[:100]}") from None
    if not isinstance(held, dict):
        raise RefusedFileError(path, "expected a JSON object")
    return held


def read_config(
    folder: str | PathLike[str], kind: type[Config], model_type: str, supported: Mapping[str, Any]
) -> Config:
    """The configuration in a folder, of those entries that `kind` has.

    Args:
        folder: with a config.json.
        kind: a dataclass.
        model_type: what the file must say that it is.
        supported: the only values that further entries may have.

    Raises:
        ValueError: for another type of model, or a value that is not supported.
    """
    held = read_json(Path(folder) / "config.json")
    if held.get("model_type") != model_type:
        raise ValueError(
            f"{folder}: config.json: model_type: expected {model_type!r}, got {held.get('model_type')!r}"
        )
    for name, value in supported.items():
        if held.get(name, value) != value:
            raise ValueError(f"{folder}: config.json: {name}={held[name]!r} is not supported, only {value!r}")
    return kind(**{field.name: held[field.name] for field in fields(kind) if field.name in held})  # type: ignore[arg-type]


def read_weights(folder: str | PathLike[str]) -> dict[str, Any]:
    """The tensors in a folder by name, memory-mapped: of model.safetensors, pytorch_model.bin, or of parts.

    Raises FileNotFoundError if the folder has none of them.
    """
    folder = Path(folder)
    for name in ("model.safetensors", "pytorch_model.bin"):
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return read_state_dict(folder / name)
        if index.is_file():
            places = read_json(index).get("weight_map")
            if not isinstance(places, dict) or not all(isinstance(part, str) for part in places.values()):
                raise RefusedFileError(index, "weight_map: expected names of files by names of tensors")
            parts = sorted(set(places.values()))
            if any(Path(part).name != part for part in parts):
                raise RefusedFileError(index, "weight_map: expected files in the same folder")
            return {k: v for part in parts for k, v in read_state_dict(folder / part).items()}
    raise FileNotFoundError(f"{folder}: no model.safetensors and no pytorch_model.bin")
