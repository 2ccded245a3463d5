"""The ways in which a user may call an operation, as probes of one entry of op_db."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from functional_cases import leaves

from judge.sides import Action, Probe, Side, replaced
from judge.tally import SEED

Call = Callable[..., Any]
META = frozenset({"dtype", "shape", "strides", "contiguous", "offset", "is", "shares", "view"})
GRAPH = frozenset({"requires_grad", "leaf", "grad_fn"})
KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
         "complex64")  # fmt: skip
FEW_KINDS = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64", "complex64")
NUMBERS: tuple[Any, ...] = (True, 2, 0.5, 1j)


def _seeded(op: Any, *args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError


class Missing(Exception):
    """fnnet.torch has no such name."""


def path(lib: Any, name: str) -> Any:
    """`torch.<name>`; None if there is none."""
    found = lib
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


def _rebound(function: Any, side: Side) -> Any:
    """A function of PyTorch's test data with `torch` meaning this side's."""
    import torch

    def seeded(op: Any, *args: Any, **kwargs: Any) -> Any:
        side.lib.manual_seed(SEED)
        return _translated_function(op, side)(*args, **kwargs)

    names = {"torch": side.lib, "wrapper_set_seed": seeded}
    del torch
    cells = function.__closure__
    made = types.FunctionType(
        function.__code__, {**function.__globals__, **names}, function.__name__, function.__defaults__, cells
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _translated_function(op: Any, side: Side) -> Any:
    name = getattr(op, "__name__", "")
    for place in ("", "nn.functional.", "linalg.", "special.", "fft."):
        if path(side.lib, place + name) is not None and getattr(op, "__module__", "") != "x":
            return path(side.lib, place + name)
    return op


def function_of(entry: Any, side: Side) -> Call:
    """The operation of an entry as a function of this side. Raises Missing."""
    import torch

    if side.name == "torch":
        return entry.op
    name = entry.name
    if path(torch, name) is entry.op or getattr(torch, name, None) is entry.op:
        found = path(side.lib, name)
    elif getattr(torch.Tensor, name, None) is entry.op:
        found = getattr(side.lib.Tensor, name, None)
    elif isinstance(entry.op, types.FunctionType):
        return _rebound(entry.op, side)
    else:
        found = path(side.lib, name)
    if found is None:
        raise Missing(name)
    return found


def method_of(entry: Any, side: Side, variant: Any) -> Call | None:
    """A method of Tensor by PyTorch's own."""
    import torch

    if variant is None:
        return None
    if isinstance(variant, functools.partial):  # nn.functional.mish, inplace=True
        found = path(side.lib, f"nn.functional.{variant.func.__name__}")
        return functools.partial(found, **variant.keywords)
    if isinstance(variant, types.FunctionType) and variant.__module__.startswith("torch.testing"):
        return _rebound(variant, side)
    if side.name == "torch":
        return variant
    name = variant.__name__
    if getattr(torch.Tensor, name, None) is None:
        return None
    found = getattr(side.lib.Tensor, name, None)
    if found is None:
        raise Missing(f"Tensor.{name}")
    return found


def plain(call: Call) -> Action:
    return lambda side, args, kwargs: call(entry_of(side), *args, **kwargs)


def entry_of(side: Side) -> Side:
    return side


# ------------------------------------------------------------------------------------------------ samples


def kind_of(sample: Any) -> Any:
    """What tells samples apart: dimensions and emptiness of tensors, types of the rest, names of options."""
    import torch

    def one(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return (min(x.ndim, 4), x.numel() == 0, x.dtype)
        if isinstance(x, tuple | list):
            return tuple(one(part) for part in x)
        return (type(x), x) if isinstance(x, bool | str) or x is None else type(x)

    return (one(sample.input), one(sample.args), tuple((n, one(x)) for n, x in sample.kwargs.items()))


def _telling(sample: Any) -> int:
    """Samples that tell more come first: matrices before scalars and before nothing at all."""
    import torch

    tensors = [x for x in leaves((sample.input, sample.args)) if isinstance(x, torch.Tensor)]
    if not tensors or any(not x.numel() for x in tensors):
        return 3
    return 2 if tensors[0].ndim == 0 else 0 if 2 <= tensors[0].ndim <= 4 else 1


def chosen(samples: Any, count: int) -> list[Any]:
    """Up to `count` samples that differ in kind, spread over all; 0 gives one of each kind."""
    found: dict[Any, Any] = {}
    for sample in samples:
        found.setdefault(repr(kind_of(sample)), sample)
    every = sorted(found.values(), key=_telling)
    return every[:: max(1, -(-len(every) // count))] if count else every


def samples_of(entry: Any, count: int, dtype: str | None = None) -> list[Any]:
    """Samples of an entry: in float64, or the first dtype that it takes."""
    import torch

    supported = entry.supported_dtypes("cpu")
    kinds = [torch.float64, torch.float32, torch.int64, torch.complex128, torch.bool, torch.float16]
    if dtype is not None:
        kinds = [getattr(torch, dtype)]
    kind = next((one for one in kinds if one in supported), None)
    if kind is None:
        return []
    torch.manual_seed(0)
    return chosen(entry.sample_inputs("cpu", kind, requires_grad=False), count)


def arguments(sample: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (sample.input, *sample.args), dict(sample.kwargs)


# ------------------------------------------------------------------------------------------------ variants


def call_function(entry: Any) -> Action:
    return lambda side, args, kwargs: function_of(entry, side)(*args, **kwargs)


def function(entry: Any, count: int) -> Iterator[Probe]:
    """The function."""
    for sample in samples_of(entry, count):
        yield Probe("function", call_function(entry), *arguments(sample), META | GRAPH)


def method(entry: Any, count: int) -> Iterator[Probe]:
    """The method, and the operator and the aliases as functions and methods."""
    for sample in samples_of(entry, min(count, 2) or 2):
        args, kwargs = arguments(sample)
        found = entry.method_variant
        if found is not None:
            yield Probe(
                "method",
                lambda s, a, k: method_of(entry, s, entry.method_variant)(*a, **k),
                args,
                kwargs,
                META,
            )
        if entry.operator_variant is not None and not kwargs:
            yield Probe("operator", lambda s, a, k: entry.operator_variant(*a), args, kwargs, META)
    for sample in samples_of(entry, 1):
        args, kwargs = arguments(sample)
        for alias in entry.aliases:
            if alias.op is not None:
                name = alias.name

                def aliased(s: Side, a: Any, k: Any, name: str = name.removeprefix("torch.")) -> Any:
                    found = path(s.lib, name)
                    if found is None:
                        raise Missing(name)
                    return found(*a, **k)

                yield Probe(f"alias {name}", aliased, args, kwargs, META)
            if alias.method_variant is not None:
                variant = alias.method_variant
                yield Probe(
                    f"alias method {alias.name}",
                    lambda s, a, k, v=variant: method_of(entry, s, v)(*a, **k),
                    args,
                    kwargs,
                    META,
                )


def inplaces(entry: Any) -> list[tuple[str, Callable[[Side], Call]]]:
    """The in-place forms of an entry by name."""
    found: list[tuple[str, Callable[[Side], Call]]] = []
    variant = entry.inplace_variant
    if variant is not None:
        found.append(("", lambda s: method_of(entry, s, variant)))  # type: ignore[arg-type, return-value]
    operator = getattr(entry, "inplace_operator_variant", None)
    if operator is not None:
        found.append((" operator", lambda s: operator))
    for alias in entry.aliases:
        if alias.inplace_variant is not None:
            found.append((f" {alias.name}", lambda s, v=alias.inplace_variant: method_of(entry, s, v)))  # type: ignore[misc]
    return found


def _fits(sample: Any) -> bool:
    import torch

    return isinstance(sample.input, torch.Tensor) and not sample.broadcasts_input


def inplace(entry: Any, count: int) -> Iterator[Probe]:
    """The in-place forms: the tensor itself comes back, changed, one version older; and their errors."""
    import torch

    forms = inplaces(entry)
    if not forms:
        return
    samples = [one for one in samples_of(entry, 0) if isinstance(one.input, torch.Tensor)]
    for sample in samples[: count or None]:
        args, kwargs = arguments(sample)
        for name, form in forms:
            if "operator" in name and (kwargs or len(args) != 2):
                continue

            def change(s: Side, a: Any, k: Any, form: Any = form) -> Any:
                return form(s)(*a, **k), a[0]

            yield Probe("inplace" + name, change, args, kwargs)
    if not samples:
        return
    form = forms[0][1]
    sample = max(samples[:6], key=lambda one: one.input.numel())
    args, kwargs = arguments(sample)

    def leaf(s: Side, a: Any, k: Any) -> Any:
        a[0].requires_grad_()
        return form(s)(*a, **k)

    def integer(s: Side, a: Any, k: Any) -> Any:
        x = a[0].to(s.lib.int64)
        return form(s)(x, *a[1:], **k), x

    def half(s: Side, a: Any, k: Any) -> Any:
        x = a[0].to(s.lib.float32)
        return form(s)(x, *a[1:], **k), x

    def narrow(s: Side, a: Any, k: Any) -> Any:
        x = a[0][:1].clone()
        return form(s)(x, *a[1:], **k), x

    def expanded(s: Side, a: Any, k: Any) -> Any:
        x = a[0][:1].expand(a[0].shape)
        return form(s)(x, *a[1:], **k), x

    def transposed(s: Side, a: Any, k: Any) -> Any:
        x = a[0].mT.contiguous().mT
        return form(s)(x, *a[1:], **k), x

    def window(s: Side, a: Any, k: Any) -> Any:
        whole = s.lib.stack([a[0], a[0]])
        x = whole[1]
        return form(s)(x, *a[1:], **k), whole

    yield Probe("inplace leaf", leaf, args, kwargs)
    yield Probe("inplace int64", integer, args, kwargs)
    yield Probe("inplace float32", half, args, kwargs, tolerances=(1e-4, 1e-4))
    yield Probe("inplace window", window, args, kwargs)
    if sample.input.ndim and sample.input.shape[0] > 1:
        yield Probe("inplace too narrow", narrow, args, kwargs)
        yield Probe("inplace expanded", expanded, args, kwargs)
    if sample.input.ndim > 1:
        yield Probe("inplace transposed", transposed, args, kwargs)


def _shaped(s: Side, result: Any, make: Callable[[Any], Any]) -> Any:
    if s.is_tensor(result):
        return make(result)
    return tuple(make(one) for one in result)


def out(entry: Any, count: int) -> Iterator[Probe]:
    """`out=`: of the right shape, of none, of a wrong one, in another memory order, of another dtype."""
    if not entry.supports_out:
        return
    samples = samples_of(entry, 2)

    def giving(make: Callable[[Side, Any], Any]) -> Action:
        def action(s: Side, a: Any, k: Any) -> Any:
            call = function_of(entry, s)
            with s.lib.no_grad():
                wanted = call(*a, **k)
            given = _shaped(s, wanted, lambda one: make(s, one))
            result = call(*a, **k, out=given)
            both = zip(leaves(result), leaves(given), strict=True)
            return result, given, all(one is other for one, other in both)

        return action

    def same(s: Side, x: Any) -> Any:
        return s.lib.zeros(x.shape, dtype=x.dtype)

    def none(s: Side, x: Any) -> Any:
        return s.lib.zeros(0, dtype=x.dtype)

    def wrong(s: Side, x: Any) -> Any:
        return s.lib.zeros((*x.shape, 2), dtype=x.dtype)

    def turned(s: Side, x: Any) -> Any:
        return s.lib.zeros(tuple(x.shape)[::-1], dtype=x.dtype).permute(tuple(range(x.ndim))[::-1])

    def as_integer(s: Side, x: Any) -> Any:
        return s.lib.zeros(x.shape, dtype=s.lib.int32)

    def as_float(s: Side, x: Any) -> Any:
        return s.lib.zeros(x.shape, dtype=s.lib.float32)

    def leaf(s: Side, x: Any) -> Any:
        made = s.lib.zeros(x.shape, dtype=x.dtype)
        return made.requires_grad_() if s.is_smooth(made) else made

    for sample in samples:
        args, kwargs = arguments(sample)
        yield Probe("out", giving(same), args, kwargs)
    for name, make in (
        ("empty", none), ("wrong shape", wrong), ("turned", turned), ("int32", as_integer),
        ("float32", as_float), ("leaf", leaf),
    ):  # fmt: skip
        args, kwargs = arguments(samples[0])
        yield Probe(
            f"out {name}", giving(make), args, kwargs, META | {"warned", "version"}, values=name != "float32"
        )


def dtypes(entry: Any, count: int) -> Iterator[Probe]:
    """Every dtype."""
    for name in KINDS:
        for sample in samples_of(entry, 1, name):
            yield Probe(name, call_function(entry), *arguments(sample), META)


def promotion(entry: Any, count: int) -> Iterator[Probe]:
    """The dtype of a binary operation of tensors, 0-d tensors and numbers."""
    import torch

    two = [
        one
        for one in samples_of(entry, 0)
        if len(one.args) >= 1
        and isinstance(one.input, torch.Tensor)
        and isinstance(one.args[0], torch.Tensor)
        and one.input.shape == one.args[0].shape == ()
    ]
    if not two or type(entry).__name__ != "BinaryUfuncInfo":
        return
    kwargs, rest = dict(two[0].kwargs), two[0].args[1:]
    tensors = {n: torch.ones(2, dtype=getattr(torch, n)) for n in FEW_KINDS}
    scalars = {n: torch.ones((), dtype=getattr(torch, n)) for n in FEW_KINDS}
    only = frozenset({"dtype", "shape"})
    pairs: list[tuple[Any, Any]] = []
    for a in FEW_KINDS:
        for b in FEW_KINDS:
            pairs += [(tensors[a], tensors[b]), (tensors[a], scalars[b]), (scalars[a], tensors[b])]
        pairs += [(tensors[a], number) for number in NUMBERS] + [(scalars[a], number) for number in NUMBERS]
    for pair in pairs:
        yield Probe("promotion", call_function(entry), (*pair, *rest), kwargs, only, values=False)


def layouts(entry: Any, count: int) -> Iterator[Probe]:
    """Strides and sharing where the inputs are not row-major."""
    samples = samples_of(entry, 3)

    def laid(change: Callable[[Side, Any], Any]) -> Action:
        def action(s: Side, a: Any, k: Any) -> Any:
            def one(x: Any) -> Any:
                if s.is_tensor(x):
                    return change(s, x)
                if isinstance(x, tuple | list):
                    return type(x)(one(part) for part in x)
                return x

            given = [one(x) for x in a]
            s.made.extend(x for x in leaves(given) if s.is_tensor(x))
            return function_of(entry, s)(*given, **{n: one(x) for n, x in k.items()})

        return action

    def turned(s: Side, x: Any) -> Any:
        return x.mT.contiguous().mT if x.ndim > 1 else x

    def spread(s: Side, x: Any) -> Any:
        return s.lib.stack([x, x], -1)[..., 1]

    def last(s: Side, x: Any) -> Any:
        return x.contiguous(memory_format=s.lib.channels_last) if x.ndim == 4 else x

    def wide(s: Side, x: Any) -> Any:
        return x[:1].expand(x.shape) if x.ndim > 1 else x

    for sample in samples:
        args, kwargs = arguments(sample)
        yield Probe("turned", laid(turned), args, kwargs, META)
        yield Probe("spread", laid(spread), args, kwargs, META, values=False)
        yield Probe("expanded", laid(wide), args, kwargs, META, values=False)
    for sample in samples_of(entry, 0):
        if getattr(sample.input, "ndim", 0) == 4:
            yield Probe("channels_last", laid(last), *arguments(sample), META)
            break
    else:
        if type(entry).__name__ in ("UnaryUfuncInfo", "BinaryUfuncInfo", "ReductionOpInfo"):
            args, kwargs = arguments(samples[0])
            import torch

            def four(x: Any) -> Any:
                return torch.ones(2, 3, 4, 5, dtype=x.dtype)

            yield Probe("channels_last", laid(last), replaced(args, four), kwargs, META)


def _cotangents(side: Side, outputs: list[Any], seed: int = 0) -> list[Any]:
    import torch

    rng = np.random.default_rng(seed)
    made = []
    for out in outputs:
        array = rng.standard_normal(tuple(out.shape))
        kind = getattr(torch, str(out.dtype).removeprefix("torch."))
        made.append(side.tensor(torch.as_tensor(array).to(kind)))
    return made


def _smooth_inputs(side: Side, tree: Any) -> list[Any]:
    return [x.requires_grad_() for x in leaves(tree) if side.is_smooth(x)]


def _gradients(s: Side, result: Any, inputs: list[Any], create: bool = False) -> Any:
    outputs = [x for x in leaves(result) if s.is_smooth(x) and x.requires_grad]
    if not outputs:
        return ()
    return s.lib.autograd.grad(
        outputs, inputs, _cotangents(s, outputs), allow_unused=True, create_graph=create
    )


def gradients(entry: Any, count: int) -> Iterator[Probe]:
    """The history of results, first gradients, and second ones of the first sample."""
    if not entry.supports_autograd:
        return
    call = call_function(entry)

    def first(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        result = call(s, a, k)
        return result, _gradients(s, result, inputs)

    def second(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        made = _gradients(s, call(s, a, k), inputs, create=True)
        weights = _cotangents(s, [x for x in made if x is not None], 1)
        found = [x for x in made if x is not None]
        smooth = [x.requires_grad for x in found]
        if not any(smooth):
            return [s.lib.zeros_like(x) for x in inputs]
        found = [x for x, one in zip(found, smooth, strict=True) if one]
        weights = [x for x, one in zip(weights, smooth, strict=True) if one]
        again = s.lib.autograd.grad(found, inputs, weights, allow_unused=True)
        return [s.lib.zeros_like(x) if one is None else one for x, one in zip(inputs, again, strict=True)]

    samples = samples_of(entry, count)
    seen = frozenset({"dtype", "shape", "requires_grad", "leaf", "grad_fn"})
    for sample in samples:
        yield Probe("gradient", first, *arguments(sample), seen)
    if entry.supports_gradgrad:
        for sample in samples[:1]:
            yield Probe("second gradient", second, *arguments(sample), frozenset({"dtype", "shape"}))
    forms = inplaces(entry)
    if not forms or not entry.supports_inplace_autograd:
        return
    form = forms[0][1]

    def changed(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        x = a[0].clone()
        form(s)(x, *a[1:], **k)
        return x, _gradients(s, x, inputs)

    def view(s: Side, a: Any, k: Any) -> Any:
        inputs = _smooth_inputs(s, (a, k))
        base = s.lib.stack([a[0], a[0] * 2])
        x = base[1]
        form(s)(x, *a[1:], **k)
        return x, base, _gradients(s, base, inputs)

    import torch

    able = [x for x in samples if isinstance(x.input, torch.Tensor) and not x.broadcasts_input][:2]
    for sample in able:
        yield Probe("inplace gradient", changed, *arguments(sample), seen)
        yield Probe("inplace gradient of a view", view, *arguments(sample), seen)


def edges(entry: Any, count: int) -> Iterator[Probe]:
    """0-d and empty tensors, and NaN and infinity among the elements."""
    import torch

    samples = samples_of(entry, 2)
    call = call_function(entry)

    def odd(x: Any) -> Any:
        if not x.is_floating_point() or not x.numel():
            return x
        made = x.clone().reshape(-1)
        for i, value in enumerate((float("nan"), float("inf"), -float("inf"), 0.0, -0.0)):
            made[i * 3 % made.numel()] = value
        return made.reshape(x.shape)

    def flat(x: Any) -> Any:
        return x.reshape(-1)[0].clone() if x.numel() else x

    def none(x: Any) -> Any:
        return x[:0].clone() if x.ndim else x

    def void(x: Any) -> Any:
        return x[..., :0].clone() if x.ndim else x

    for sample in samples:
        args, kwargs = arguments(sample)
        for name, change in (("nan", odd), ("0-d", flat), ("empty first", none), ("empty last", void)):
            yield Probe(f"edge {name}", call, *replaced((args, kwargs), change))
        if isinstance(args[0], torch.Tensor) and len(args) > 1:
            yield Probe("edge empty input", call, (none(args[0]), *args[1:]), kwargs)


def errors(entry: Any, count: int) -> Iterator[Probe]:
    """What PyTorch's test data says must be refused."""
    if entry.error_inputs_func is None:
        return
    for one in entry.error_inputs("cpu"):
        yield Probe("error", call_function(entry), *arguments(one.sample_input), values=False)


def transforms(entry: Any, count: int) -> Iterator[Probe]:
    """torch.func.vmap over the first tensor, and torch.func.grad."""
    import torch

    call = function_of

    def mapped(s: Side, a: Any, k: Any) -> Any:
        stacked = s.lib.stack([a[0], a[0]])
        return s.lib.func.vmap(lambda x: call(entry, s)(x, *a[1:], **k))(stacked)

    def derived(s: Side, a: Any, k: Any) -> Any:
        def total(x: Any) -> Any:
            result = call(entry, s)(x, *a[1:], **k)
            parts = [one.sum() for one in leaves(result) if s.is_smooth(one)]
            return sum(parts[1:], parts[0])

        return s.lib.func.grad(total)(a[0])

    for sample in samples_of(entry, 1):
        args, kwargs = arguments(sample)
        if not isinstance(args[0], torch.Tensor):
            continue
        seen = frozenset({"dtype", "shape"})
        yield Probe("vmap", mapped, args, kwargs, seen)
        if entry.supports_autograd and args[0].is_floating_point():
            yield Probe("func.grad", derived, args, kwargs, seen)


VARIANTS: dict[str, Callable[[Any, int], Iterator[Probe]]] = {
    "function": function,
    "method": method,
    "inplace": inplace,
    "out": out,
    "dtypes": dtypes,
    "promotion": promotion,
    "layouts": layouts,
    "gradients": gradients,
    "edges": edges,
    "errors": errors,
    "transforms": transforms,
}
