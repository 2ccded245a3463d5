"""Every way to call an operation, as probes of one entry of op_db: function, method, in place, `out=`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from functional_cases import leaves

from judge.samples import arguments, samples_of
from judge.sides import GRAPH, META, Action, Probe, Side
from judge.spellings import Missing, call_function, function_of, inplaces, method_of, path


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
