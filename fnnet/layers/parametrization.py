"""Layers one of whose parameters is computed from others: weight norm, spectral norm, orthogonal weights.

    layer = weight_norm(Linear(3, 4))
    params = layer.init(jax.random.key(0))
    # {"bias": ..., "parametrizations": {"weight": {"original0": g, "original1": v}}}, PyTorch's names

A parametrization is a layer from the free parameters to the computed one, with a method `right_inverse` back.
What it draws for its buffers (the vectors of spectral norm) comes with `net.init_with_buffers(random)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet.functional.parametrization import as_matrix
from fnnet.layers.container import ModuleDict, ModuleList
from fnnet.layers.convolution import _ConvTransposeNd
from fnnet.layers.layer import DrawnBuffer, Layer, Params, Scope
from fnnet.random.source import Source

__all__ = ["Parametrized", "orthogonal", "spectral_norm", "weight_norm"]

_MAPS = ("matrix_exp", "cayley", "householder")


class Parametrization(Layer):
    """From free parameters to a computed one: `forward(scope, *originals)`."""

    def right_inverse(self, weight: Any) -> Any:
        """Free parameters that give `weight`: an array, or a tuple of them."""
        return weight

    def drawn_buffers(self, weight: jax.Array, source: Source) -> Params:
        """The buffers to begin with, for that weight."""
        return {}


@dataclass(frozen=True, repr=False)
class _WeightNorm(Parametrization):
    """original0 is the norm, original1 the direction."""

    dim: int = 0

    def right_inverse(self, weight: Any) -> Any:
        return F.norm_except_dim(weight, 2, self.dim), weight

    def forward(self, scope: Scope, /, weight_g: jax.Array, weight_v: jax.Array) -> jax.Array:
        return F.weight_norm(weight_v, weight_g, self.dim)


@dataclass(frozen=True, repr=False)
class _SpectralNorm(Parametrization):
    """Division by the greatest singular value, which power iterations follow in training."""

    shape: tuple[int, ...]
    n_power_iterations: int = 1
    dim: int = 0
    eps: float = 1e-12

    def __post_init__(self) -> None:
        ndim = len(self.shape)
        if not -ndim <= self.dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got "
                f"{self.dim})"
            )
        if self.n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={self.n_power_iterations}"
            )
        object.__setattr__(self, "dim", self.dim % ndim)

    def own_buffers(self, dtype: DTypeLike) -> Params:
        if len(self.shape) < 2:
            return {}
        rows, columns = jax.eval_shape(lambda: as_matrix(jnp.zeros(self.shape), self.dim)).shape
        return {"_u": jnp.full((rows,), rows**-0.5, dtype), "_v": jnp.full((columns,), columns**-0.5, dtype)}

    def drawn_buffers(self, weight: jax.Array, source: Source) -> Params:
        if weight.ndim < 2:
            return {}
        u, v = (
            F.normalize(source.normal((n,), 0.0, 1.0, weight.dtype), dim=0, eps=self.eps)
            for n in as_matrix(weight, self.dim).shape
        )
        # PyTorch iterates 15 times at first, and again when it looks at the weight that results.
        steps = 15 + self.n_power_iterations
        u, v = F.power_iterations(weight, u, v, self.dim, steps, self.eps)
        return {"_u": u, "_v": v}

    def forward(self, scope: Scope, /, weight: jax.Array) -> jax.Array:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        u, v = scope.buffer("_u"), scope.buffer("_v")
        if scope.training:
            u, v = F.power_iterations(weight, u, v, self.dim, self.n_power_iterations, self.eps)
            scope.update(_u=u, _v=v)
        return F.spectrally_normalised(weight, u, v, self.dim)


@dataclass(frozen=True, repr=False)
class _Orthogonal(Parametrization):
    """An orthogonal matrix of a free one, by a map and with or without a base."""

    shape: tuple[int, ...]
    orthogonal_map: str
    use_trivialization: bool = True

    def own_buffers(self, dtype: DTypeLike) -> Params:
        if not self.use_trivialization:
            return {}
        *batch, rows, columns = self.shape
        size = max(rows, columns)
        return {"base": jnp.broadcast_to(jnp.eye(size, dtype=dtype), (*batch, size, size))}

    def right_inverse(self, weight: Any) -> Any:
        if self.use_trivialization:
            return jnp.broadcast_to(
                -jnp.eye(weight.shape[-2], weight.shape[-1], dtype=weight.dtype), weight.shape
            )
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        return F.reflectors(weight)

    def drawn_buffers(self, weight: jax.Array, source: Source) -> Params:
        if not self.use_trivialization:
            return {}
        *batch, rows, columns = weight.shape
        tall = jnp.swapaxes(weight, -1, -2) if rows < columns else weight
        missing = abs(rows - columns)
        shape = (*batch, max(rows, columns), missing)
        noise = source.normal(shape, 0.0, 1.0, weight.dtype) if missing else None
        return {"base": F.orthogonal_base(tall, noise)}

    def forward(self, scope: Scope, /, X: jax.Array) -> jax.Array:
        base = scope.buffer("base") if self.use_trivialization else None
        return F.orthogonal_matrix(X, self.orthogonal_map, base)


class ParametrizationList(ModuleList):
    """The parametrizations of one parameter, applied in turn to its originals."""

    def forward(self, scope: Any, /) -> Any:
        names = [name for name in scope if name.startswith("original")]
        value: Any = tuple(scope[name] for name in sorted(names))
        for name, part in self.children().items():
            value = part(scope[name], *(value if isinstance(value, tuple) else (value,)))
        return value


class _Computed(Scope):
    """The scope of the layer within, which finds the computed parameter under its name."""

    def __init__(self, scope: Scope, layer: Layer, computed: Mapping[str, Any]) -> None:
        self.__dict__.update(scope.__dict__)
        self.layer = layer
        self._computed = computed

    def __getitem__(self, name: str) -> Any:
        return self._computed[name] if name in self._computed else super().__getitem__(name)


class Parametrized(Layer):
    """A layer with parametrizations of some of its parameters.

    Its parameters are those of PyTorch's module: `parametrizations.<name>.original`, or `original0`,
    `original1`, ... where one parameter is computed from several. A second parametrization of the same
    parameter is applied to the result of the first.
    """

    def __init__(self, layer: Layer, parametrizations: Mapping[str, tuple[Parametrization, ...]]) -> None:
        self.layer = layer
        self.parametrizations = ModuleDict(
            {name: ParametrizationList(parts) for name, parts in parametrizations.items()}
        )

    def children(self) -> dict[str, Layer]:
        return {**self.layer.children(), "parametrizations": self.parametrizations}

    def _put(self, name: str, part: Layer) -> None:
        if name == "parametrizations":
            super()._put(name, part)
        else:
            self.layer = self.layer.with_children(lambda other, own: part if other == name else own)

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        params = dict(self.layer.draw(source, dtype))
        computed: Params = {}
        for name, parts in self.parametrizations.items():
            if name not in params:
                raise ValueError(f"{type(self.layer).__name__} has no parameter '{name}' to parametrize")
            value, drawn = params.pop(name), {}
            for place, part in reversed(parts.children().items()):
                assert isinstance(part, Parametrization)
                buffers = part.drawn_buffers(value, source)
                if buffers:
                    drawn[place] = {key: DrawnBuffer(buffer) for key, buffer in buffers.items()}
                value = part.right_inverse(value)
            single = not isinstance(value, tuple)
            originals = (
                {"original": value} if single else {f"original{i}": one for i, one in enumerate(value)}
            )
            computed[name] = {**originals, **drawn}
        return {**params, "parametrizations": computed}

    def own_buffers(self, dtype: DTypeLike) -> Params:
        return self.layer.own_buffers(dtype)

    def forward(self, scope: Any, /, *inputs: Any, **options: Any) -> Any:
        tables = scope["parametrizations"]
        computed = {name: parts(tables[name]) for name, parts in self.parametrizations.items()}
        return self.layer.forward(_Computed(scope, self.layer, computed), *inputs, **options)

    def extra_repr(self) -> str:
        return self.layer.extra_repr()

    def __repr__(self) -> str:
        return super().__repr__().replace("Parametrized(", f"Parametrized{type(self.layer).__name__}(", 1)


def _parametrized(layer: Layer, name: str, parametrization: Parametrization) -> Parametrized:
    if not isinstance(layer, Parametrized):
        return Parametrized(layer, {name: (parametrization,)})
    own = layer.parametrizations.items()
    parts: dict[str, Any] = {key: tuple(listed.children().values()) for key, listed in own}
    return Parametrized(layer.layer, {**parts, name: (*parts.get(name, ()), parametrization)})


def _shape(layer: Layer, name: str) -> tuple[int, ...]:
    """The shape of a layer's parameter. Raises ValueError if it has none of that name."""
    inner = layer.layer if isinstance(layer, Parametrized) else layer
    shapes = jax.eval_shape(lambda key: inner.init(key), jax.random.key(0))
    if not hasattr(shapes.get(name), "shape"):
        raise ValueError(f"Module '{layer}' has no parameter or buffer with name '{name}'")
    return tuple(shapes[name].shape)


def weight_norm(layer: Layer, name: str = "weight", dim: int | None = 0) -> Parametrized:
    """Length and direction of a weight apart, as torch.nn.utils.parametrizations.weight_norm."""
    return _parametrized(layer, name, _WeightNorm(-1 if dim is None else dim))


def spectral_norm(
    layer: Layer,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Parametrized:
    """The layer with a weight of spectral norm 1, as torch.nn.utils.parametrizations.spectral_norm."""
    inner = layer.layer if isinstance(layer, Parametrized) else layer
    dim = int(isinstance(inner, _ConvTransposeNd)) if dim is None else dim
    return _parametrized(layer, name, _SpectralNorm(_shape(layer, name), n_power_iterations, dim, eps))


def checked_map(shape: tuple[int, ...], orthogonal_map: str | None) -> str:
    """The map for a weight of that shape. Raises ValueError for a vector or an unknown map."""
    if len(shape) < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {len(shape)} dimensions.")
    chosen = orthogonal_map or ("matrix_exp" if shape[-2] == shape[-1] else "householder")
    if chosen not in _MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    return chosen


def orthogonal(
    layer: Layer, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Parametrized:
    """The layer with an orthogonal weight, as torch.nn.utils.parametrizations.orthogonal."""
    shape = _shape(layer, name)
    how = checked_map(shape, orthogonal_map)
    return _parametrized(layer, name, _Orthogonal(shape, how, use_trivialization))
