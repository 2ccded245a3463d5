"""Texts of tensors of every kind, where a plain tensor's text is not all there is to say."""

from __future__ import annotations

from typing import Any

from printed import Scenarios, module, said

scenario = Scenarios("printing_scenarios.json")


@scenario
def kinds(torch: Any) -> list[str]:
    class Sub(torch.Tensor):
        pass

    class SubParameter(torch.nn.Parameter):
        pass

    ones = torch.ones(2)
    return [
        repr(ones.as_subclass(Sub).requires_grad_()),
        repr(SubParameter(ones)),
        repr(torch.nn.Buffer(ones)),
        repr(torch.nn.Parameter(torch.ones(2, device="meta"))),
        repr(torch.ones(10**6, 10**6, device="meta")),
        repr(torch.ones(1, device="meta", dtype=torch.complex64)),
        ones.__repr__(tensor_contents="..."),
        module(torch, "_tensor_str")._str(torch.zeros(0, 2), tensor_contents="nothing"),
    ]


@scenario
def formats(torch: Any) -> list[str]:
    number, parameter = torch.tensor(1.5), torch.nn.Parameter(torch.tensor(1.5))
    return [
        f"{number:.2f} {number:>8} {number} {torch.tensor(3):05d}",
        said(format, parameter, ".2f"),
        said(format, parameter, ""),
        said(format, torch.ones(2), ".2f"),
        said(format, torch.ones((), device="meta"), ".2f"),
    ]


@scenario
def in_transforms(torch: Any) -> list[str]:
    lines = []

    def noted(x: Any) -> Any:
        lines.append(repr(x))
        double = x * 2
        lines.append(str(double))
        return (double * double).sum()

    x = torch.arange(6.0).view(2, 3)
    func = torch.func
    func.grad(noted)(x)
    func.jvp(noted, (x,), (x,))
    func.vmap(noted)(x)
    func.vmap(func.vmap(noted))(x)
    func.vmap(func.grad(noted))(x)
    return lines


@scenario
def inference(torch: Any) -> list[str]:
    with torch.inference_mode():
        made = torch.ones(2, requires_grad=True)
        lines = [repr(made), str(made.is_inference()), repr(torch.ones(2).requires_grad_())]
    made.requires_grad_(False)
    return [*lines, said(made.requires_grad_)]
