"""SyncBatchNorm in one process, which is BatchNorm; across devices there is fnnet.SyncBatchNorm."""

from __future__ import annotations

from typing import Any

from fnnet import layers
from fnnet.layers.normalization import _BatchNorm
from fnnet.torch.nn.derive import CLASSES, LayerModule, module_class
from fnnet.torch.nn.module import Module

__all__ = ["SyncBatchNorm"]

_Derived: Any = module_class(layers.SyncBatchNorm)


class SyncBatchNorm(_Derived):
    """Batch normalisation of (N, C, ...), as torch.nn.SyncBatchNorm where no process group is initialised.

    `process_group` is kept and has no effect: one process runs here, however many devices it has.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, _ = self._arguments(args, kwargs)
        group = given.get("process_group")
        super().__init__(*args, **kwargs)
        object.__setattr__(self, "_layer", self._layer.ungrouped())
        object.__setattr__(self, "process_group", group)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module with SyncBatchNorm for every BatchNorm, with its parameters and buffers."""
        made: Any = module
        if isinstance(module, module_class(_BatchNorm)):
            old: Any = module
            made = SyncBatchNorm(
                old.num_features,
                old.eps,
                old.momentum,
                old.affine,
                old.track_running_stats,
                process_group,
                bias=old.bias is not None,
            )
            if old.affine:
                made.weight, made.bias = old.weight, old.bias
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(made, name, getattr(old, name))
            made.training = old.training
        for name, child in module.named_children():
            made.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return made


CLASSES[layers.SyncBatchNorm] = SyncBatchNorm
assert issubclass(SyncBatchNorm, LayerModule)
