"""What a profile sees while it is on: operations as they are recorded, programs as they are compiled and run.

Nothing of it is there while no profile is on (see `fnnet/torch/watched.py`).
"""

from __future__ import annotations

import inspect
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import fnnet
from fnnet.torch import call as calls
from fnnet.torch.autograd.engine import _Walk
from fnnet.torch.autograd.profiler_names import (
    TENSOR_METHODS,
    TORCH_FUNCTIONS,
    aten_of,
    flops_of,
    index_names,
)
from fnnet.torch.autograd.profiler_util import FunctionEvent
from fnnet.torch.record import RECORD, Record
from fnnet.torch.statistics import COUNTS
from fnnet.torch.tensor import Tensor
from fnnet.torch.watched import Watch

__all__ = ["COLLECTING", "Collection"]

BACKWARD, USER = 1, 7
_HERE = os.path.dirname(os.path.abspath(fnnet.__file__)) + os.sep
COLLECTING: list[Collection] = []
"""The profile that is on; there is one at most."""

Further = Callable[..., Any]


def _plain(function: Any) -> FunctionType | None:
    return function if isinstance(function, FunctionType) else None


def _shapes(values: Any) -> list[list[int]]:
    return [list(one._spec.shape) if isinstance(one, Tensor) else [] for one in values]


class Collection:
    """The events from `start` to `stop`.

    Args:
        shapes, stacks, flops: whether events tell the shapes of their arguments, where the program called
            them, and how many operations on numbers they are.
    """

    def __init__(self, shapes: bool = False, stacks: bool = False, flops: bool = False) -> None:
        self.shapes, self.stacks, self.flops = shapes or flops, stacks, flops
        self.events: list[FunctionEvent] = []
        self.open: list[tuple[str, float]] = []
        self.began = 0.0
        self.wall = 0
        self._depth = threading.local()
        self._watches: list[Watch] = []

    # From start to stop ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin. Raises RuntimeError if a profile is on."""
        if COLLECTING:
            raise RuntimeError("Profiler is already enabled on this thread")
        from fnnet import torch
        from fnnet.torch.nn.derive import ModuleScope
        from fnnet.torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook
        from fnnet.torch.optim.optimizer import register_optimizer_step_post_hook as after
        from fnnet.torch.utils.data.iterating import _BaseDataLoaderIter

        functions = [_plain(vars(torch).get(name)) for name in TORCH_FUNCTIONS]
        methods = [_plain(vars(Tensor).get(name)) for name in TENSOR_METHODS]
        named = [one for one in (*functions, *methods) if one is not None]
        self._watches = [
            Watch(one, around)
            for one, around in (
                ([calls.call, calls.call_in_place], self._operation),
                (named, self._named),
                ([_plain(vars(Tensor)["__getitem__"])], self._item),
                ([_Walk.visit], self._node),
                ([Record._run], self._program),
                ([ModuleScope.update], self._hidden),
                ([Optimizer.zero_grad], self._zero_grad),
                ([_BaseDataLoaderIter.__next__], self._next),
            )
        ]
        self._hooks = (register_optimizer_step_pre_hook(self._step), after(self._stepped))
        COLLECTING.append(self)
        self.wall = time.time_ns()
        self.began = time.perf_counter_ns() / 1e3
        for watch in self._watches:
            watch.start()

    def stop(self) -> None:
        """End. What is recorded until now is run first, so that the profile shows it."""
        RECORD.run()
        COLLECTING.remove(self)
        for watch in self._watches:
            watch.stop()
        for hook in self._hooks:
            hook.remove()
        self.lasted = self._now()

    def _now(self) -> float:
        return time.perf_counter_ns() / 1e3 - self.began

    # Events ----------------------------------------------------------------------------------------------

    def note(self, name: str, start: float, end: float | None = None, **more: Any) -> FunctionEvent:
        """Add an event that began at `start` and ends now."""
        event = FunctionEvent(
            len(self.events) + 1,
            "ProfilerStep*" if name.startswith("ProfilerStep#") else name,
            threading.get_native_id(),
            start,
            self._now() if end is None else end,
            trace_name=name,
            **{"input_shapes": [], "overload_name": "", "stack": [], "flops": 0, **more},
        )
        event.fwd_thread = event.thread
        self.events.append(event)
        return event

    @contextmanager
    def block(self, name: str, scope: int = USER) -> Iterator[None]:
        """An event that lasts as long as the block."""
        start = self._now()
        try:
            yield
        finally:
            self.note(name, start, scope=scope, is_user_annotation=scope == USER)

    @contextmanager
    def _outermost(self) -> Iterator[bool]:
        """Whether what is called within is called by the program itself, and not by fnnet."""
        inner = getattr(self._depth, "inside", False)
        self._depth.inside = True
        try:
            yield not inner
        finally:
            self._depth.inside = inner

    def _stack(self) -> list[str]:
        if not self.stacks:
            return []
        frames = []
        frame = inspect.currentframe()
        while frame is not None:
            code = frame.f_code
            if not code.co_filename.startswith(_HERE):
                frames.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
            frame = frame.f_back
        return frames

    def _show(self, name: str, run: Callable[[], Any], values: Any) -> Any:
        start = self._now()
        stack = self._stack()
        result = run()
        flops = flops_of(name, values, result) if self.flops else 0
        shapes = _shapes(values) if self.shapes else []
        self.note(aten_of(name, values), start, input_shapes=shapes, stack=stack, flops=flops)
        return result

    def _operation(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        with self._outermost() as shown:
            if not shown or not args[0].declared.spellings:
                return further(*args, **kwargs)
            op, values = args[0], list(args[1])
            if self.shapes:
                try:
                    bound = op.signature.bind(*args[1], **args[2])
                except TypeError:
                    pass  # the call says what is wrong
                else:
                    bound.apply_defaults()
                    values = [v for n, v in bound.arguments.items() if n not in ("out", op.source)]
            return self._show(op.name, lambda: further(*args, **kwargs), values)

    def _named(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        with self._outermost() as shown:
            if not shown:
                return further(*args, **kwargs)
            name = function.__name__
            return self._show(name, lambda: further(*args, **kwargs), args)

    def _hidden(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        with self._outermost():
            return further(*args, **kwargs)

    def _item(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        with self._outermost() as shown:
            start = self._now()
            stack = self._stack() if shown else []
            result = further(*args, **kwargs)
            if shown:
                shapes = _shapes(args) if self.shapes else []
                for name in index_names(args[1]):
                    self.note(name, start, input_shapes=shapes, stack=stack)
                    start = self._now()
            return result

    def _node(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        name = args[1].name()
        with self.block(f"autograd::engine::evaluate_function: {name}", 0), self.block(name, BACKWARD):
            return further(*args, **kwargs)

    def _program(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        record: Record = args[0]
        number = len(record.calls)
        if not number:
            return further(*args, **kwargs)
        compiled, evaluated, compiling = COUNTS.compilations, COUNTS.evaluations, COUNTS.compile_seconds
        many = f"{number} operation{'s' * (number != 1)}"
        start = self._now()
        size = 0
        with self._outermost():
            try:
                further(*args, **kwargs)
                if record.running:
                    arrays = [one() for one in record.running[-1]]
                    for array in arrays:
                        if array is not None:
                            array.block_until_ready()
                    size = sum(array.nbytes for array in arrays if array is not None)
            finally:
                by_numpy = COUNTS.evaluations > evaluated and COUNTS.compilations == compiled
                kind = "evaluation by NumPy" if by_numpy else "program"
                self.note(f"fnnet: {kind} of {many}", start, cpu_memory_usage=size)
                if COUNTS.compilations > compiled:
                    took = (COUNTS.compile_seconds - compiling) * 1e6
                    self.note(f"fnnet: compile a program of {many}", start, min(start + took, self._now()))

    def _zero_grad(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        kind = type(args[0]).__name__
        with self.block(f"Optimizer.zero_grad#{kind}.zero_grad"):
            return further(*args, **kwargs)

    def _next(self, function: FunctionType, further: Further, args: Any, kwargs: Any) -> Any:
        with self.block(f"enumerate(DataLoader)#{type(args[0]).__name__}.__next__"):
            return further(*args, **kwargs)

    def _step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        kind = type(optimizer).__name__
        self.open.append((f"Optimizer.step#{kind}.step", self._now()))

    def _stepped(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self.open:  # else the step began before the profile
            self.note(*self.open.pop(), scope=USER, is_user_annotation=True)
