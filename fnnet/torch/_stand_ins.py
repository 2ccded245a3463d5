"""Operations that fnnet.functional will declare."""

import jax.numpy as jnp
from fnnet.functional.operation import Operation, OPERATIONS
import fnnet.functional


def _op(f, *sp, **k):
    if f.__name__ not in OPERATIONS:
        OPERATIONS[f.__name__] = Operation(f.__name__, f, frozenset(sp), spelled=f.__name__, **k)


def mm(input, mat2):
    return input @ mat2


def sum(input, dim=None, keepdim=False):
    return jnp.sum(input, axis=dim, keepdims=keepdim)


def t(input):
    return input.T


def reshape(input, shape):
    return jnp.reshape(input, shape)


def view(input, size):
    return jnp.reshape(input, size)


def transpose(input, dim0, dim1):
    return jnp.swapaxes(input, dim0, dim1)


def diagonal(input, offset=0, dim1=0, dim2=1):
    return jnp.diagonal(input, offset, dim1, dim2)


def squeeze(input, dim=None):
    return jnp.squeeze(input, dim)


def unsqueeze(input, dim):
    return jnp.expand_dims(input, dim)


def expand(input, size):
    return jnp.broadcast_to(input, size)


def unbind(input, dim=0):
    return tuple(jnp.squeeze(a, dim) for a in jnp.split(input, input.shape[dim], dim))


_op(mm, "torch", "Tensor", promote=())
_op(sum, "torch", "Tensor")
for f in (t, transpose, diagonal, squeeze, unsqueeze, unbind):
    _op(f, "torch", "Tensor", view=True)
_op(reshape, "torch", "Tensor", view=True)
_op(view, "Tensor", view=True)
_op(expand, "Tensor", view=True)
