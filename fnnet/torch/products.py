"""What PyTorch refuses of products of matrices and vectors, in its order and its words.

Some look at shapes first, some at dtypes, and some compose others: the product of a matrix and a vector is an
`addmv`. So each is a sequence of checks here, on shapes and dtypes alone, before anything is traced.

Source: the meta functions and kernels of ATen/native/LinearAlgebra.cpp, Blas.cpp and Linear.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fnnet.torch.dtypes import dtype
from fnnet.torch.layout import broadcast_shapes
from fnnet.torch.refusals import c_name, cpp_name

Shape = tuple[int, ...]
Operand = tuple[Shape, dtype]
"""Shape and dtype of an argument."""


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise RuntimeError(message)


def _kernel(name: str, *operands: Operand) -> None:
    """No kernel multiplies truths, where there is something to multiply."""
    if operands[0][1].name == "bool" and all(0 not in shape for shape, _ in operands):
        raise NotImplementedError(f"\"{name}\" not implemented for 'Bool'")


def _expand(shape: Shape, target: Shape) -> None:
    """The first argument of a sum, which must expand to the shape of the product."""
    _require(
        len(shape) <= len(target),
        f"expand: the number of sizes provided ({len(target)}) must be greater or equal to the number of "
        f"dimensions in the tensor ({len(shape)})",
    )
    for i in range(1, len(shape) + 1):
        own, wide = shape[-i], target[-i]
        _require(
            own in (wide, 1),
            f"The expanded size of the tensor ({wide}) must match the existing size ({own}) at non-singleton "
            f"dimension {len(target) - i}.  Target sizes: {list(target)}.  Tensor sizes: {list(shape)}",
        )


def _mm(a: Operand, b: Operand) -> None:
    (first, kind), (second, other) = a, b
    _require(len(first) == 2, "self must be a matrix")
    _require(len(second) == 2, "mat2 must be a matrix")
    _fit(first, second)
    _require(
        kind is other,
        f"expected m1 and m2 to have the same dtype, but got: {c_name(kind)} != {c_name(other)}",
    )
    _kernel("addmm_impl_cpu_", a, b)


def _fit(first: Shape, second: Shape) -> None:
    _require(
        first[1] == second[0],
        f"mat1 and mat2 shapes cannot be multiplied ({_sizes(first)} and {_sizes(second)})",
    )


def _bmm(a: Operand, b: Operand) -> None:
    _batches(a[0], b[0])
    _kernel("bmm", a, b)
    if 0 not in (*a[0], *b[0]):  # PyTorch gives an empty product before it looks
        _one_scalar_type(a[1], b[1])


def _batches(first: Shape, second: Shape) -> None:
    _require(len(first) == 3, "batch1 must be a 3D tensor")
    _require(len(second) == 3, "batch2 must be a 3D tensor")
    wanted = [first[0], first[2]]
    _require(
        list(second[:2]) == wanted,
        f"Expected size for first two dimensions of batch2 tensor to be: {wanted} but got: "
        f"{list(second[:2])}.",
    )


def _one_scalar_type(kind: dtype, other: dtype) -> None:
    _require(kind is other, f"expected scalar type {cpp_name(kind)} but found {cpp_name(other)}")


def _mv(mat: Operand, vec: Operand) -> None:
    rows = mat[0][0] if len(mat[0]) == 2 else 1
    _addmv(((rows,), vec[1]), mat, vec)


def _addmv(input: Operand, mat: Operand, vec: Operand) -> None:
    sizes = [len(one[0]) for one in (input, mat, vec)]
    _require(
        sizes[0] <= 1 and sizes[1:] == [2, 1],
        f"vector + matrix @ vector expected, got {sizes[0]}, {sizes[1]}, {sizes[2]}",
    )
    length = input[0][0] if input[0] else 1
    _require(
        mat[0][1] == vec[0][0] and length in (mat[0][0], 1),
        f"size mismatch, got input ({length}), mat ({_sizes(mat[0])}), vec ({vec[0][0]})",
    )
    _require(
        input[1] is mat[1] is vec[1],
        "addmv input tensors must have the same dtype, but got "
        f"{cpp_name(input[1])}, {cpp_name(mat[1])}, and {cpp_name(vec[1])}",
    )
    _kernel("addmv_impl_cpu", mat, vec)


def _dot(a: Operand, b: Operand) -> None:
    (first, kind), (second, other) = a, b
    _require(
        len(first) == len(second) == 1,
        f"1D tensors expected, but got {len(first)}D and {len(second)}D tensors",
    )
    _require(
        kind is other,
        f"dot : expected both vectors to have same dtype, but found {cpp_name(kind)} and {cpp_name(other)}",
    )
    _require(
        first == second,
        f"inconsistent tensor size, expected tensor {list(first)} and src {list(second)} to have the same "
        f"number of elements, but got {first[0] if first else 1} and {second[0] if second else 1} elements "
        "respectively",
    )
    _kernel("dot", a, b)


def _matmul(a: Operand, b: Operand) -> None:
    (first, kind), (second, other) = a, b
    sizes = len(first), len(second)
    _require(
        0 not in sizes,
        f"both arguments to matmul need to be at least 1D, but they are {sizes[0]}D and {sizes[1]}D",
    )
    if sizes == (1, 1):
        _dot(a, b)
    elif sizes == (2, 1):
        _mv(a, b)
    elif max(sizes) == 2:
        _mm(a if sizes[0] == 2 else ((1, *first), kind), b)
    elif sizes[1] <= 2:  # which PyTorch folds to one product
        folded = ((math.prod(first[:-1]), first[-1]), kind)
        _mm(folded, b) if sizes[1] == 2 else _mv(folded, b)
    else:
        rows, inner = (1, first[0]) if sizes[0] == 1 else first[-2:]
        batch = math.prod(broadcast_shapes(first[:-2], second[:-2]))
        _bmm(((batch, rows, inner), kind), ((batch, *second[-2:]), other))


def _addmm(input: Operand, mat1: Operand, mat2: Operand) -> None:
    for name, one in (("self", input), ("mat1", mat1)):
        _require(
            one[1] is mat2[1],
            f"{name} and mat2 must have the same dtype, but got {cpp_name(one[1])} and {cpp_name(mat2[1])}",
        )
    for name, one in (("mat1", mat1), ("mat2", mat2)):
        _require(len(one[0]) == 2, f"{name} must be a matrix, got {len(one[0])}-D tensor")
    _fit(mat1[0], mat2[0])
    _expand(input[0], (mat1[0][0], mat2[0][1]))
    _kernel("addmm_impl_cpu_", mat1, mat2)


def _lengths(batch1: Shape, batch2: Shape) -> None:
    """PyTorch reads the lengths of matrices before it says that there are none."""
    for shape, last in ((batch1, 1), (batch2, 2)):
        if len(shape) <= last:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-max(len(shape), 1)}, "
                f"{max(len(shape), 1) - 1}], but got {last})"
            )


def _addr(input: Operand, vec1: Operand, vec2: Operand) -> None:
    for name, (shape, _) in (("vec1", vec1), ("vec2", vec2)):
        _require(len(shape) == 1, f"addr: Expected 1-D argument {name}, but got {len(shape)}-D")
    _expand(input[0], (vec1[0][0], vec2[0][0]))


def _addbmm(input: Operand, batch1: Operand, batch2: Operand) -> None:
    first, second = batch1[0], batch2[0]
    _lengths(first, second)
    if len(first) == len(second) == 3:
        _expand(input[0], (first[1], second[2]))
    _require(len(first) == 3, "batch1 must be a 3D tensor")
    _require(len(second) == 3, "batch2 must be a 3D tensor")
    _require(
        first[0] == second[0],
        f"batch1 and batch2 must have same number of batches, got {first[0]} and {second[0]}",
    )
    _require(
        first[2] == second[1],
        f"Incompatible matrix sizes for bmm ({_sizes(first[1:])} and {_sizes(second[1:])})",
    )
    _addmm(input, (first[1:], batch1[1]), (second[1:], batch2[1]))


def _baddbmm(input: Operand, batch1: Operand, batch2: Operand) -> None:
    first, second = batch1[0], batch2[0]
    _lengths(first, second)
    if len(first) == len(second) == 3:
        _expand(input[0], (first[0], first[1], second[2]))
    kinds = [one[1] for one in (input, batch1, batch2)]
    _require(
        kinds[0] is kinds[1],
        "Input dtypes must be the same, got: input {}, batch1: {}, batch2: {}".format(*map(c_name, kinds)),
    )
    _batches(first, second)
    _kernel("baddbmm", batch1, batch2)
    _one_scalar_type(kinds[1], kinds[2])


def _linear(input: Operand, weight: Operand, bias: Operand | None = None) -> None:
    shape = input[0]
    _require(
        bool(shape and weight[0]),
        f"both arguments to linear need to be at least 1D, but they are {len(shape)}D and {len(weight[0])}D",
    )
    _require(len(weight[0]) <= 2, f"t() expects a tensor with <= 2 dimensions, but self is {len(weight[0])}D")
    turned = (weight[0][::-1], weight[1])
    if bias is not None and (len(shape) == 2 or len(bias[0]) == len(weight[0]) - 1 == 1):
        _addmm(bias, ((math.prod(shape[:-1]), shape[-1]), input[1]), turned)
    else:
        _matmul(input, turned)


def _bilinear(input1: Operand, input2: Operand, weight: Operand, bias: Operand | None = None) -> None:
    kinds = [one[1] for one in (input1, input2, weight)]
    _require(
        kinds[0] is kinds[1] is kinds[2],
        "All tensors must have the same dtype, got input1: {}, input2: {}, weight: {}".format(
            *map(c_name, kinds)
        ),
    )
    for i, (one, other) in enumerate(zip(input1[0][:-1], input2[0][:-1], strict=False)):
        _require(
            one == other,
            f"bilinear(): input batch dimensions do not match at dim {i}: got {one} and {other}",
        )
    if len(weight[0]) == 3 and input1[0] and input2[0]:
        for name, own, wanted in zip(
            ("input1", "input2"), (input1[0], input2[0]), weight[0][1:], strict=True
        ):
            _require(
                own[-1] == wanted,
                f"bilinear(): {name} size does not match weight size: got {own[-1]} but expected {wanted}",
            )
    _kernel("bmm", input1, input2)


def _inner(a: Operand, b: Operand) -> None:
    (first, kind), (second, other) = a, b
    if not first or not second:
        return
    _require(
        first[-1] == second[-1],
        "inner() the last dimension must match on both input tensors but got shapes "
        f"{list(first)} and {list(second)}",
    )
    _require(kind is other, "both inputs should have same dtype")
    _kernel("dot" if len(first) == len(second) == 1 else "addmm_impl_cpu_", a, b)


def _vecdot(x: Operand, y: Operand) -> None:
    _require(
        x[1].is_floating_point or x[1].is_complex,
        f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {cpp_name(x[1])}",
    )
    _require(
        x[1] is y[1],
        "linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
        f"{cpp_name(x[1])} and y of type {cpp_name(y[1])} instead",
    )


def _multi_dot(*tensors: Operand) -> None:
    if len(tensors) < 2:
        return
    last = len(tensors) - 1
    for i, name in ((0, "the first tensor"), (last, "the last tensor")):
        ndim = len(tensors[i][0])
        _require(ndim in (1, 2), f"multi_dot(): {name} must be 1D or 2D but got {ndim}D")
    for i in range(1, last):
        _require(len(tensors[i][0]) == 2, f"multi_dot(): tensor {i} must be 2D but got {len(tensors[i][0])}D")
    kind = tensors[0][1]
    for i in range(1, last + 1):
        (before, _), (after, other) = tensors[i - 1 : i + 1]
        _require(
            other is kind,
            f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {c_name(kind)} and "
            f"tensor {i} {c_name(other)}",
        )
        _require(
            before[-1] == after[0],
            f"multi_dot(): tensors {i - 1} and {i} with shapes {list(before)} and {list(after)} cannot be "
            "multiplied",
        )
    _kernel("addmm_impl_cpu_", *tensors)


CHECKS: dict[str, Callable[..., None]] = {
    "mm": _mm, "bmm": _bmm, "mv": _mv, "dot": _dot, "vdot": _dot, "matmul": _matmul, "inner": _inner,
    "addmm": _addmm, "addr": _addr, "addmv": _addmv, "addbmm": _addbmm, "baddbmm": _baddbmm,
    "linear": _linear, "bilinear": _bilinear, "linalg_vecdot": _vecdot, "linalg_multi_dot": _multi_dot,
}  # fmt: skip
"""The checks of each product, by the operation's name, in the order of its tensors."""


def check_product(name: str, specs: Sequence[Any]) -> bool:
    """Raise PyTorch's error for the tensors of a product, by their specs. Whether it was a product."""
    check = CHECKS.get(name)
    if check is None:
        return False
    check(*[(tuple(one.shape), one.dtype) for one in specs])
    return True
