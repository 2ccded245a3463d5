"""`tf.train.Saver`: a session's variables in a .safetensors file (`fnnet.checkpoint`), by their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fnnet import checkpoint
from fnnet.tensorflow.errors import NotFoundError
from fnnet.tensorflow.session import Session
from fnnet.tensorflow.variables import global_variables


class Saver:
    """Writes variables to `PATH-STEP.safetensors` and reads them back. TensorFlow's own files are not read.

    Args:
        var_list: variables, or a dict from the names in the file to them; all of the graph if None.
        max_to_keep: how many of the files that it wrote are left; the oldest goes first. 0 or None: all.
    """

    def __init__(self, var_list: Any = None, max_to_keep: int | None = 5, **_: Any) -> None:
        given = global_variables() if var_list is None else var_list
        if not given:
            raise ValueError("No variables to save")
        named = given.items() if isinstance(given, Mapping) else [(v.op.name, v) for v in given]
        self._variables = dict(named)
        self._keep, self.last_checkpoints = max_to_keep, list[str]()

    def save(self, sess: Session, save_path: str, global_step: Any = None, **_: Any) -> str:
        """Write the variables' values; gives the path to restore from."""
        step = int(sess.run(global_step) if hasattr(global_step, "graph") else global_step or 0)
        path = str(save_path) if global_step is None else f"{save_path}-{step}"
        checkpoint.save(_file(path), sess.run(self._variables))
        self.last_checkpoints = [each for each in self.last_checkpoints if each != path] + [path]
        while self._keep and len(self.last_checkpoints) > self._keep:
            Path(_file(self.last_checkpoints.pop(0))).unlink(missing_ok=True)
        with checkpoint.atomically(Path(path).parent / "checkpoint") as file:
            file.write(f'model_checkpoint_path: "{Path(path).name}"\n'.encode())
        return path

    def restore(self, sess: Session, save_path: str) -> None:
        """Set the variables. Raises NotFoundError for a file or a variable in it that is not there."""
        if not Path(_file(save_path)).is_file():
            raise ValueError(f"The passed save_path is not a valid checkpoint: {save_path}")
        values = checkpoint.load_flat(_file(save_path))
        for name in self._variables.keys() - values.keys():
            raise NotFoundError(None, None, f"Key {name} not found in checkpoint")
        sess.put({variable: values[name] for name, variable in self._variables.items()})


def _file(path: str) -> str:
    return f"{path}.safetensors"


def latest_checkpoint(checkpoint_dir: str, latest_filename: str | None = None) -> str | None:
    """What `Saver.save` wrote last in a folder, None if nothing."""
    file = Path(checkpoint_dir) / (latest_filename or "checkpoint")
    if not file.is_file():
        return None
    path = str(file.parent / file.read_text(encoding="utf-8").partition('"')[2].partition('"')[0])
    return path if Path(_file(path)).is_file() else None
