"""torch.nn.utils.parametrizations: weight norm, spectral norm and orthogonal weights.

The computations are the layers' of fnnet.layers.parametrization.
"""

from __future__ import annotations

from typing import Any

from fnnet.layers import parametrization as _layers
from fnnet.layers.convolution import _ConvTransposeNd
from fnnet.torch.call import call
from fnnet.torch.creation import zeros_like
from fnnet.torch.declare import OPS
from fnnet.torch.mode import no_grad
from fnnet.torch.nn.derive import CLASSES, module_class
from fnnet.torch.nn.utils import parametrize
from fnnet.torch.random import randn
from fnnet.torch.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_WeightNormBase: Any = module_class(_layers._WeightNorm)
_SpectralNormBase: Any = module_class(_layers._SpectralNorm)
_OrthogonalBase: Any = module_class(_layers._Orthogonal)


class _WeightNorm(_WeightNormBase):
    """From norm and direction to a weight."""

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Norm and direction of a weight."""
        return call(OPS["norm_except_dim"], (weight, 2, self.dim), {}), weight


def drawn_direction(weight: Tensor, count: int, eps: float) -> Tensor:
    """A random vector of length 1."""
    drawn = randn(count, dtype=weight.dtype, device=weight.device)
    return call(OPS["normalize"], (drawn,), {"dim": 0, "eps": eps})


class _SpectralNorm(_SpectralNormBase):
    """From a weight to the same with spectral norm 1."""

    def right_inverse(self, value: Tensor) -> Tensor:
        """The weight itself."""
        return value

    def begin(self, weight: Tensor) -> None:
        """Draw the vectors and iterate, as for a new weight."""
        if weight.ndim < 2:
            return
        with no_grad():
            columns = weight.numel() // max(weight.shape[self.dim], 1)
            u, v = (drawn_direction(weight, n, self.eps) for n in (weight.shape[self.dim], columns))
            u, v = call(OPS["power_iterations"], (weight, u, v, self.dim, 15, self.eps), {})
            self._u, self._v = u, v


class _Orthogonal(_OrthogonalBase):
    """From a free matrix to an orthogonal one."""

    def right_inverse(self, Q: Tensor) -> Tensor:
        """A free matrix for an orthogonal one; with a base, the base is set instead."""
        if tuple(Q.shape) != tuple(self.shape):
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{Q.shape}."
            )
        if not self.use_trivialization:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations "
                    "when use_trivialization=False."
                )
            return call(OPS["reflectors"], (Q,), {})
        with no_grad():
            *batch, rows, columns = Q.shape
            tall = Q.transpose(-1, -2) if rows < columns else Q
            missing = abs(rows - columns)
            shape = (*batch, max(rows, columns), missing)
            noise = randn(*shape, dtype=Q.dtype, device=Q.device) if missing else None
            self.base = call(OPS["orthogonal_base"], (tall, noise), {})
            free = zeros_like(Q)
            free.diagonal(0, -2, -1).fill_(-1.0)
            return free


for _layer, _made in (
    (_layers._WeightNorm, _WeightNorm),
    (_layers._SpectralNorm, _SpectralNorm),
    (_layers._Orthogonal, _Orthogonal),
):
    CLASSES[_layer] = _made


def weight_of(module: Any, name: str) -> Tensor:
    """A module's parameter or buffer. Raises ValueError if it has none of that name."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


def dimension_of(module: Any, dim: int | None) -> int:
    """The dimension of the outputs in a module's weight."""
    return int(isinstance(module, module_class(_ConvTransposeNd))) if dim is None else dim


def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Let a weight be orthogonal: the map of a matrix that is trained in its place."""
    weight = weight_of(module, name)
    shape = tuple(weight.shape)
    made = _Orthogonal(shape, _layers.checked_map(shape, orthogonal_map), use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be a norm times a direction, each trained by itself."""
    made = _WeightNorm(-1 if dim is None else dim)
    parametrize.register_parametrization(module, name, made, unsafe=True)

    def rename(state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        """Take checkpoints of the older weight_norm."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Let a weight have spectral norm 1, by power iterations in training."""
    weight = weight_of(module, name)
    made = _SpectralNorm(tuple(weight.shape), n_power_iterations, dimension_of(module, dim), eps)
    made.begin(weight)
    return parametrize.register_parametrization(module, name, made)
