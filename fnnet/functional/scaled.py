"""Products of matrices that are kept in 8 or 4 bits beside the scales of their parts."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.dtypes import scalar_name
from fnnet.functional.grouped import product_of_groups
from fnnet.functional.operation import operation

__all__ = ["ScalingType", "SwizzleType", "scaled_grouped_mm", "scaled_mm"]


class ScalingType(enum.IntEnum):
    """Which part of a matrix shares a scale; blocks are rows times elements that are summed over."""

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5

    __str__ = enum.Enum.__str__


class SwizzleType(enum.IntEnum):
    """In which order the scales of blocks lie: in rows, or in tiles of 128 rows and 4 columns."""

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1

    __str__ = enum.Enum.__str__


Scales = jax.Array | Sequence[jax.Array]
Recipes = ScalingType | Sequence[ScalingType]
Swizzles = SwizzleType | Sequence[SwizzleType] | None

_BLOCKS = {
    ScalingType.BlockWise1x16: (1, 16, "float8_e4m3fn"),
    ScalingType.BlockWise1x32: (1, 32, "float8_e8m0fnu"),
    ScalingType.BlockWise1x128: (1, 128, "float32"),
    ScalingType.BlockWise128x128: (128, 128, "float32"),
}
"""The rows and columns of a block, and the dtype of its scale."""

_TWO_LEVELS = (ScalingType.BlockWise1x16, ScalingType.TensorWise)
_ALIKE = {(one,) for one in ScalingType if one is not ScalingType.BlockWise128x128} | {_TWO_LEVELS}
_SQUARE, _LONG = (ScalingType.BlockWise128x128,), (ScalingType.BlockWise1x128,)
_PAIRS = {(one, one) for one in _ALIKE} | {(_SQUARE, _LONG), (_LONG, _SQUARE)}


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _is_narrow(x: jax.Array) -> bool:
    return x.dtype.name.startswith(("float8", "float4"))


def _fail(function: str, name: str, expected: str, scale: jax.Array) -> ValueError:
    return ValueError(f"{function}: {name} must have {expected}, got {scale.dtype.name}{list(scale.shape)}")


def _in_rows(scale: jax.Array, rows: int, columns: int) -> jax.Array:
    """Scales of blocks that lie in tiles of 128 rows and 4 columns, padded to such, in rows."""
    down, right = -(-rows // 128), -(-columns // 4)
    tiles = scale.reshape(down, right, 32, 4, 4).transpose(0, 3, 2, 1, 4)
    return tiles.reshape(down * 128, right * 4)[:rows, :columns]


def _by_blocks(
    function: str, name: str, scale: jax.Array, recipe: ScalingType, swizzle: Any, rows: int, summed: int
) -> jax.Array:
    """The scale of every element of (rows, summed)."""
    high, wide, kind = _BLOCKS[recipe]
    if scale.dtype.name != kind:
        raise _fail(function, name, f"elements of {kind}", scale)
    down, right = -(-rows // high), -(-summed // wide)
    if swizzle is SwizzleType.SWIZZLE_32_4_4:
        expected = -(-down // 128) * 128 * -(-right // 4) * 4
        if scale.size != expected or high > 1:
            raise _fail(function, name, f"{expected} elements", scale)
        found = _in_rows(scale, down, right)
    elif high > 1:  # PyTorch keeps them turned, the number of rows a multiple of 4
        shape = (-(-right // 4) * 4, down)
        if scale.shape != shape:
            raise _fail(function, name, f"shape {list(shape)}", scale)
        found = scale[:right].T
    elif scale.shape != (down, right):
        raise _fail(function, name, f"shape {[down, right]}", scale)
    else:
        found = scale
    found = jnp.repeat(found.astype(jnp.float32), high, axis=0)[:rows]
    return jnp.repeat(found, wide, axis=1)[:, :summed]


def _scaled(function: str, side: str, mat: jax.Array, scales: Any, recipes: Any, swizzles: Any) -> jax.Array:
    """The matrix (rows, summed) in float32, times its scales."""
    rows, summed = mat.shape
    result = mat.astype(jnp.float32)
    swizzles = (*swizzles, *([SwizzleType.NO_SWIZZLE] * (len(recipes) - len(swizzles))))
    for scale, recipe, swizzle in zip(scales, recipes, swizzles, strict=True):
        name = f"scale_{side}"
        if recipe is ScalingType.TensorWise:
            if scale.size != 1 or scale.dtype != jnp.float32:
                raise _fail(function, name, "1 Float element", scale)
            result = result * scale.reshape(())
        elif recipe is ScalingType.RowWise:
            shape = (rows, 1) if side == "a" else (1, rows)
            if scale.shape != shape or scale.dtype != jnp.float32:
                raise _fail(function, name, f"Float elements and shape {list(shape)}", scale)
            result = result * scale.reshape(rows, 1)
        else:
            result = result * _by_blocks(function, name, scale, recipe, swizzle, rows, summed)
    return result


def _recipes(function: str, mats: Sequence[jax.Array], *given: Any) -> list[Any]:
    """Scales and recipes as tuples. Raises ValueError for those that do not go together."""
    scale_a, recipe_a, scale_b, recipe_b = map(_listed, given)
    recipe_a, recipe_b = (tuple(map(ScalingType, one)) for one in (recipe_a, recipe_b))
    fit = len(scale_a) == len(recipe_a) and len(scale_b) == len(recipe_b)
    if not fit or (recipe_a, recipe_b) not in _PAIRS or not all(map(_is_narrow, mats)):
        raise ValueError(
            f"{function}: Invalid scaling configuration. Both matrices should be float8 (or float4), with a "
            f"scale for each recipe; got {scalar_name(mats[0])} with {len(scale_a)} scales by "
            f"{[one.name for one in recipe_a]} and {scalar_name(mats[1])} with {len(scale_b)} by "
            f"{[one.name for one in recipe_b]}"
        )
    return [scale_a, recipe_a, scale_b, recipe_b]


@operation("nn.functional")
def scaled_mm(
    mat_a: jax.Array,
    mat_b: jax.Array,
    scale_a: Scales,
    scale_recipe_a: Recipes,
    scale_b: Scales,
    scale_recipe_b: Recipes,
    swizzle_a: Swizzles = None,
    swizzle_b: Swizzles = None,
    bias: jax.Array | None = None,
    output_dtype: Any = jnp.bfloat16,
    contraction_dim: Sequence[int] = (),
    use_fast_accum: bool = False,
) -> jax.Array:
    """mat_a (M, K) times mat_b (K, N), both float8, each by its scales, plus `bias` (N,).

    Scales: of TensorWise one element; of RowWise (M, 1) and (1, N); of blocks of 1 x n (M, K/n) and
    (N, K/n), or as many in tiles (SWIZZLE_32_4_4), padded to 128 rows and 4 columns; of 128 x 128
    (K/128, M/128) and (K/128, N/128), the first padded to a multiple of 4. Two matrices have one recipe, but
    that 1 x 128 goes with 128 x 128; [BlockWise1x16, TensorWise] has two scales. Computed in float32 and
    rounded once; `output_dtype` None is that of mat_a. Raises ValueError for what does not fit.

    Differs from PyTorch: its kernels for CPUs know TensorWise and RowWise, blocks are as its checks of shapes
    for CUDA say; float4 has an element for each number, not for two; `use_fast_accum` changes nothing.
    """
    del use_fast_accum
    dims = tuple(contraction_dim) or (1, 0)
    if mat_a.ndim != 2 or mat_b.ndim != 2:
        raise ValueError(f"scaled_mm: mat_a and mat_b must be matrices, got {mat_a.ndim}D and {mat_b.ndim}D")
    if [dim % 2 for dim in dims] != [1, 0] or mat_a.shape[1] != mat_b.shape[0]:
        shapes = " and ".join("x".join(map(str, mat.shape)) for mat in (mat_a, mat_b))
        raise ValueError(
            f"scaled_mm: mat_a and mat_b shapes cannot be multiplied ({shapes}) with contraction dims "
            f"{list(dims)}"
        )
    given = (scale_a, scale_recipe_a, scale_b, scale_recipe_b)
    scales_a, recipes_a, scales_b, recipes_b = _recipes("scaled_mm", (mat_a, mat_b), *given)
    a = _scaled("scaled_mm", "a", mat_a, scales_a, recipes_a, _listed(swizzle_a))
    b = _scaled("scaled_mm", "b", mat_b.T, scales_b, recipes_b, _listed(swizzle_b))
    product = jnp.matmul(a, b.T, precision="highest")
    if bias is not None:
        if bias.shape != (mat_b.shape[1],):
            raise ValueError(f"scaled_mm: bias must be size {mat_b.shape[1]} but got {list(bias.shape)}")
        product = product + bias.astype(product.dtype)
    return product.astype(mat_a.dtype if output_dtype is None else output_dtype)


@operation("nn.functional")
def scaled_grouped_mm(
    mat_a: jax.Array,
    mat_b: jax.Array,
    scale_a: Scales,
    scale_recipe_a: Recipes,
    scale_b: Scales,
    scale_recipe_b: Recipes,
    swizzle_a: Swizzles = None,
    swizzle_b: Swizzles = None,
    bias: jax.Array | None = None,
    offs: jax.Array | None = None,
    output_dtype: Any = jnp.bfloat16,
    contraction_dim: Sequence[int] = (),
    use_fast_accum: bool = False,
) -> jax.Array:
    """As grouped_mm, of float8 matrices whose rows (mat_a) and columns (mat_b) have scales.

    Scales are float32: of (G, M, K) and (G, K, N) they are (G, M) and (G, N); of (M, K) and (K, N) they are
    (M,) and (N,), but (G * M,) and (G * N,) where both are matrices, those of the first group first. Raises
    ValueError or RuntimeError for what does not fit.

    Differs from PyTorch: that has it for CUDA alone; RowWise is the one recipe, NotImplementedError is raised
    for others; `use_fast_accum` changes nothing.
    """
    del swizzle_a, swizzle_b, contraction_dim, use_fast_accum
    given = (scale_a, scale_recipe_a, scale_b, scale_recipe_b)
    scales_a, recipes_a, scales_b, recipes_b = _recipes("scaled_grouped_mm", (mat_a, mat_b), *given)
    if recipes_a != (ScalingType.RowWise,) or recipes_b != (ScalingType.RowWise,):
        raise NotImplementedError(
            f"scaled_grouped_mm: scales by {recipes_a[0].name} are not supported in fnnet"
        )
    if bias is not None:
        raise RuntimeError("scaled_grouped_mm: Bias tensor provided, but it is not supported yet.")
    groups = offs.shape[0] if offs is not None and mat_a.ndim == mat_b.ndim == 2 else 1
    sides = []
    for side, mat, scale, axis in (("a", mat_a, scales_a[0], -2), ("b", mat_b, scales_b[0], -1)):
        shape = (mat.shape[0], mat.shape[axis]) if mat.ndim == 3 else (mat.shape[axis] * groups,)
        if scale.shape != shape or scale.dtype != jnp.float32:
            raise _fail(
                "scaled_grouped_mm", f"scale_{side}", f"Float elements and shape {list(shape)}", scale
            )
        sides.append(scale.reshape(groups, -1) if groups > 1 else scale)
    kind = mat_a.dtype if output_dtype is None else output_dtype
    by_row, by_column = sides
    a, b = mat_a.astype(jnp.float32), mat_b.astype(jnp.float32)
    if mat_a.ndim == mat_b.ndim == 2:
        product = product_of_groups(a, b, offs)
        return (product * by_row.reshape(-1, a.shape[0], 1) * by_column.reshape(-1, 1, b.shape[1])).astype(
            kind
        )
    return product_of_groups(a * by_row[..., None], b * by_column[..., None, :], offs).astype(kind)
