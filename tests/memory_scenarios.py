"""How results lie in memory, what they share, and what `out=` and in-place forms do, as text.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from printed import Scenarios

scenario = Scenarios("memory.json", heard=True)


def said(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    try:
        return str(function(*args, **kwargs))
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def lies(x: Any) -> str:
    return f"{tuple(x.shape)} {tuple(x.stride())} {x.is_contiguous()}"


@scenario
def memory_formats(torch: Any) -> list[str]:
    last = torch.channels_last
    x = torch.ones(2, 3, 4, 5)
    y = x.to(memory_format=last)
    made = [
        y, y + 1, y + x, x + y, y * torch.ones(3, 1, 1), y.relu(), y.clone(), y.contiguous(), y.double(),
        y > 0,
        y.permute(0, 2, 3, 1), torch.empty_like(y), torch.zeros_like(y,
        memory_format=torch.contiguous_format),
        x.clone(memory_format=last), x.float(),
        x.contiguous(memory_format=last), torch.where(y > 0, y, x), torch.nn.functional.max_pool2d(y, 2),
        y.sum(1), y.softmax(1), y.flip(0), torch.empty(2, 3, 4, 5, memory_format=last),
        y.masked_fill(y > 0, 1),
        torch.nn.Conv2d(3, 2, 3)(y), torch.nn.BatchNorm2d(3)(y),
    ]  # fmt: skip
    lines = [lies(one) for one in made]
    lines += [str(y.is_contiguous(memory_format=last)), str(x.is_contiguous(memory_format=last))]
    lines += [str(y.contiguous(memory_format=last) is y), str(x.to(memory_format=torch.preserve_format) is x)]
    lines.append(said(torch.ones(2, 3).contiguous, memory_format=last))
    lines.append(said(y.view, -1).partition(".")[0])
    return lines


@scenario
def orders(torch: Any) -> list[str]:
    a = torch.ones(3, 4).t()
    b = torch.ones(2, 4, 3)[1]
    wide = torch.ones(4, 1).expand(4, 3)
    deep = torch.ones(5, 4, 3).permute(2, 0, 1)
    made = [a + 1, a + b, b + a, a * wide, wide + 1, wide.clone(), a.exp(), torch.lerp(a, b, 0.5), deep + 1,
            deep.clone(), deep + torch.ones(5, 4), deep.cumsum(0), deep.sum(0), torch.rand_like(deep),
            torch.linalg.inv(torch.eye(3)), torch.linalg.qr(torch.eye(3)).Q,
            deep.to(torch.float64)]  # fmt: skip
    return [lies(one) for one in made]


@scenario
def complex_views(torch: Any) -> list[str]:
    x = torch.tensor([1 + 2j, 3 + 4j, 5 + 6j])
    pairs = torch.view_as_real(x)
    pairs[1, 0] = 9
    x.imag[2] = -1
    lines = [str(x), lies(pairs), lies(x.imag), str(x[1:].imag.storage_offset()), str(pairs._is_view())]
    x.real = torch.zeros(3)
    x.imag.numpy()[0] = 100
    plain = torch.zeros(3, 2)
    seen = torch.view_as_complex(plain)
    seen += 1j
    lines += [str(x), str(plain), str(seen[1:].numpy())]
    w = torch.tensor([1 + 2j, 3 + 4j], requires_grad=True)
    (w.real**2 + 2 * w.imag).sum().backward()
    v = torch.zeros(2, dtype=torch.complex64, requires_grad=True)
    c = v * 1
    c.real.mul_(2).add_(w.detach().imag)
    (c * c.conj()).real.sum().backward()
    lines += [str(w.grad), str(v.grad), str(c.detach())]
    real = torch.ones(2)
    lines.append(str([real.real is real, real.conj() is real, torch.real(real) is real, w.conj() is w]))
    lines += [said(lambda: real.imag), said(torch.view_as_complex, torch.ones(2, 2).t())]
    return lines


@scenario
def given_out(torch: Any) -> list[str]:
    double, single, whole = (torch.zeros(2, dtype=k) for k in (torch.float64, torch.float32, torch.int32))
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    square = torch.ones(2, 2)
    lines = [str(torch.add(a, b, out=single) is single), str(single), str(torch.add(a, b, out=double))]
    lines += [said(torch.add, a, b, out=whole), said(torch.mm, square, square, out=square.double())]
    lines += [
        said(torch.cat, (a, b), out=whole),
        said(torch.exp, a, out=double),
        said(torch.abs, a, out=double),
    ]
    empty, wrong = torch.zeros(0), torch.zeros(3, 2)
    lines += [str(torch.mul(a, b, out=empty)), str(torch.mul(a, b, out=wrong).shape), str(wrong._version)]
    values, places = torch.zeros(0), torch.zeros(0, dtype=torch.int64)
    lines += [str(torch.sort(b, out=(values, places))), str(places)]
    lines += [str(torch.ones(2, out=double) is double), str(torch.full((1,), 7, out=double)), str(double)]
    lines += [str(torch.arange(3, out=torch.zeros(0))), str(torch.randn(2, out=double).dtype)]
    turned = torch.zeros(2, 2).t()
    lines += [
        lies(torch.mm(square, square, out=turned)),
        said(torch.add, a, b, out=a.clone().requires_grad_()),
    ]
    return lines


@scenario
def small_repairs(torch: Any) -> list[str]:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    mask = torch.tensor([True, False])
    w = torch.ones(2, requires_grad=True)
    y = w.clone().index_put_((mask,), torch.tensor([5.0]))
    y.sum().backward()
    lines = [
        torch.mode(torch.tensor([1, 2, 2])), torch.outer(torch.ones(2), torch.ones(3)), x.where(x > 2,
        x * 10),
        torch.isin(x, torch.tensor([1.0, 4.0, 9.0])), torch.tensor_split(x, torch.tensor([1])), w.grad,
        torch.zeros(3).index_put_((torch.tensor([0, 0]),), torch.ones(2), accumulate=True),
        torch.as_strided(x, (2,), (3,))._is_view(), torch.gradient(torch.tensor([1.0, 4.0, 9.0])),
        x.flatten(1) is x, torch.atleast_1d(x) is x, x.polygamma(1), torch.view_copy(x, (4,)),
        torch.tril_indices(2, 2, device="cpu"), torch.nonzero_static(mask, size=2), x.__rdiv__(1),
        torch.unsafe_chunk(x, 2)[0].add_(1), x, torch.constant_pad_nd(x, (1, 0), 2.0),
        type(torch.histogramdd(torch.rand(4, 2), bins=[2, 2])).__name__,
    ]  # fmt: skip
    return [str(one) for one in lines]


@scenario
def complex_gradients(torch: Any) -> list[str]:
    def by_parts(w: Any) -> Any:
        return (w.real * 2).sum() + (w.imag * 3).sum()

    functions: list[Callable[[Any], Any]] = [
        lambda w: (w.abs() ** 2).sum(), lambda w: (w * w).imag.sum(), lambda w: w.imag.sum(), by_parts,
        lambda w: (w * (1 + 2j)).real.sum(), lambda w: torch.view_as_real(w)[..., 1].sum(),
        lambda w: (w.exp() * w.conj()).abs().sum(), lambda w: torch.fft.fft(w).abs().sum(),
    ]  # fmt: skip
    lines = []
    for function in functions:
        w = torch.tensor([1 + 2j, 3 + 4j], requires_grad=True)
        function(w).backward()
        lines.append(str(w.grad))
    z = torch.tensor([1 + 2j, 3 + 4j])
    lines.append(str(torch.func.grad(lambda w: (w * w).imag.sum())(z)))
    lines.append(str(torch.func.vjp(lambda w: w * w * (1 + 1j), z)[1](torch.tensor([1 + 1j, 2 - 1j]))))
    w = z.clone().requires_grad_()
    (first,) = torch.autograd.grad((w * w * w).imag.sum(), w, create_graph=True)
    lines.append(str(torch.autograd.grad((first * first.conj() * (2 + 1j)).real.sum(), w)))
    changed = w * 1
    changed[0] = changed[1] * 2j
    changed.imag.mul_(3)
    lines.append(str(torch.autograd.grad(changed.abs().sum(), w)))
    return lines
