"""torch.func: gradients, Jacobians and mapping of functions of tensors, by JAX's own transformations.

The function runs on tensors that hold JAX's tracers, at PyTorch's precision. To `backward` each outermost
call is one node (`func_graph.py`).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.torch.autograd.traced import TRANSFORMS
from fnnet.torch.captured import READING
from fnnet.torch.chosen import Refusing, chosen_source, drawing_from
from fnnet.torch.func_graph import in_graph, is_replayed
from fnnet.torch.plan import conjugate
from fnnet.torch.pure import array_of, computing_at_once, flatten, tensor_of
from fnnet.torch.state import functional_call as functional_call
from fnnet.torch.state import replace_all_batch_norm_modules_ as replace_all_batch_norm_modules_
from fnnet.torch.state import stack_module_state as stack_module_state
from fnnet.torch.tensor import Tensor

__all__ = [
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


@contextlib.contextmanager
def _transforming(kind: str, source: Any = None, randomness: str = "error") -> Iterator[None]:
    with jax.enable_x64(True), computing_at_once(source if source is not None else chosen_source()):
        TRANSFORMS.append((kind, randomness))
        try:
            yield
        finally:
            TRANSFORMS.pop()


def _leaves(tree: Any) -> list[Any]:
    """All leaves, whatever they are."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [leaf for one in tree for leaf in _leaves(one)] if isinstance(tree, list | tuple) else [tree]


def _check_output(name: str, output: Any, called: str = "") -> None:
    for leaf in _leaves(output):
        if not isinstance(leaf, Tensor):
            if called:
                raise ValueError(
                    f"vmap({called}, ...): `{called}` must only return Tensors, got type {type(leaf)}. Did "
                    "you mean to set out_dims= to None for output?"
                )
            raise RuntimeError(f"{name}: the function must only return Tensors, got type {type(leaf)}")


def _check_argnums(argnums: Any, count: int) -> tuple[int, ...]:
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(wanted, tuple) or not all(isinstance(one, int) for one in wanted):
        raise RuntimeError(f"argnum must be int or tuple of ints, got {type(argnums).__name__}")
    if not wanted:
        raise RuntimeError("argnums must be non-empty")
    for one in wanted:
        if not -count <= one < count:
            raise RuntimeError(f"Got argnum={one}, but only {count} positional inputs")
    unique = tuple(one % count for one in wanted)
    if len(set(unique)) != len(unique):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return unique


def _check_floating(name: str, tree: Any) -> None:
    for leaf in _leaves(tree):
        if not isinstance(leaf, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)} ({name})")
        if not leaf._spec.differentiable:
            raise RuntimeError(
                f"{name}: only Tensors of floating point and complex dtype can require gradients, "
                f"got {leaf.dtype}"
            )


class _OfArrays:
    """A function of tensors as one of a list of arrays, for JAX.

    Attributes:
        arrays: those of the wanted arguments.
        inputs: puts tensors, one for each array, into the form of the wanted arguments.
        output, aux: the same for the results, once the function was called.
    """

    output: Function
    aux: Function

    def __init__(
        self, name: str, func: Function, args: Sequence[Any], kwargs: dict[str, Any], wanted: Sequence[int],
        has_aux: bool = False,
    ) -> None:  # fmt: skip
        self.name, self.func, self.args, self.kwargs = name, func, args, kwargs
        self.wanted, self.has_aux = wanted, has_aux
        chosen = tuple(args[i] for i in wanted)
        _check_floating(name, chosen)
        leaves, self.inputs = flatten(chosen)
        self.arrays = [array_of(leaf) for leaf in leaves]

    def __call__(self, arrays: list[Any]) -> tuple[list[Any], list[Any]]:
        complete = list(self.args)
        for i, tree in zip(self.wanted, self.inputs([tensor_of(array) for array in arrays]), strict=True):
            complete[i] = tree
        output, aux = self.func(*complete, **self.kwargs), None
        if self.has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    f"{self.name}: output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            output, aux = output
        _check_output(self.name, output)
        output, self.output = flatten(output)
        aux, self.aux = flatten(aux)
        return list(map(array_of, output)), list(map(array_of, aux))


def _wrapped(arrays: Any) -> list[Tensor]:
    return [tensor_of(array) for array in arrays]


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient and the value of `func` (with has_aux: gradient, (value, aux)).

    Raises RuntimeError unless `func` returns one tensor without dimensions.
    """
    name = "grad_and_value(f)(*args)"

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        wanted = _check_argnums(argnums, len(args))
        with _transforming("reverse"):
            pure = _OfArrays(name, func, args, kwargs, wanted, has_aux)

            def scalar(arrays: list[Any]) -> Any:
                output, aux = pure(arrays)
                if not isinstance(pure.output(output), jax.Array):
                    raise RuntimeError(
                        f"{name}: Expected f(*args) to return a scalar tensor, got a container"
                    )
                if output[0].ndim:
                    raise RuntimeError(
                        f"{name}: Expected f(*args) to return a scalar tensor, got tensor with "
                        f"{output[0].ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                    )
                if jnp.issubdtype(output[0].dtype, jnp.complexfloating):
                    raise RuntimeError(
                        f"{name}: grad can be implicitly created only for real scalar outputs, got a complex "
                        "one"
                    )
                return output[0], aux

            (value, aux), grads = jax.value_and_grad(scalar, has_aux=True)(pure.arrays)
            made = pure.inputs(_wrapped([conjugate(one) for one in grads]))
            found = pure.output(_wrapped([value])), pure.aux(_wrapped(aux))
        made = made if isinstance(argnums, tuple) else made[0]
        return (made, found) if has_aux else (made, found[0])

    return in_graph(wrapper)


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of `func` with respect to the arguments `argnums`."""
    both = grad_and_value(func, argnums, has_aux)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapper


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The output of `func`, and a function from cotangents of the output to those of the primals."""

    def compute() -> tuple[Any, Function, _OfArrays, Any]:
        with _transforming("reverse"):
            pure = _OfArrays("vjp(f, *primals)", func, primals, {}, range(len(primals)), has_aux)
            arrays, pull, aux = jax.vjp(pure, pure.arrays, has_aux=True)
            return (pure.output(_wrapped(arrays)), pure.aux(_wrapped(aux))), pull, pure, arrays

    first: list[Any] = []
    read: list[Tensor] = []

    def forward() -> Any:
        outputs, *rest = compute()
        if not first:
            first[:] = rest
            read[:] = READING[-1].tensors.values() if READING else ()
        return outputs

    output, found = in_graph(forward)()

    def back(*cotangents: Any) -> Any:
        pull, pure, arrays = compute()[1:] if is_replayed() else first
        shapes = [array.shape for array in arrays]
        with _transforming("reverse"):
            given = [array_of(leaf) for leaf in flatten(cotangents)[0]]
            if [array.shape for array in given] != shapes:
                raise RuntimeError(
                    "vjp_fn: Expected pytree structure and shapes of cotangents to be those of the outputs: "
                    f"expected shapes {shapes}, got {[array.shape for array in given]}"
                )
            if READING:
                for one in read:  # what the pullback keeps depends on these
                    READING[-1].note(one)
            pulled = pull([conjugate(one) for one in given])[0]
            results = pure.inputs(_wrapped([conjugate(one) for one in pulled]))
        return tuple(results)

    vjp_fn = in_graph(back)
    return (output, vjp_fn, found) if has_aux else (output, vjp_fn)


def jvp(
    func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """The output of `func` and its derivative in the direction of the tangents."""
    return in_graph(_jvp)(func, primals, tangents, has_aux)


def _jvp(func: Function, primals: Any, tangents: Any, has_aux: bool) -> tuple[Any, ...]:
    name = "jvp(f, primals, tangents)"
    for kind, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple):
            raise RuntimeError(
                f"{name}: Expected {kind} to be a tuple. E.g. it should be valid to call f(*primals)."
            )
    with _transforming("forward"):
        pure = _OfArrays(name, func, primals, {}, range(len(primals)), has_aux)
        directions = [array_of(leaf) for leaf in flatten(tangents)[0]]
        if [one.shape for one in directions] != [one.shape for one in pure.arrays]:
            raise RuntimeError(
                f"{name}: Expected primals and tangents to have the same python structure and shapes."
            )
        output, moved, aux = jax.jvp(pure, (pure.arrays,), (directions,), has_aux=True)
        made = pure.output(_wrapped(output)), pure.output(_wrapped(moved))
        return (*made, pure.aux(_wrapped(aux))) if has_aux else made


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """The output of `func`, and the linear function that moves tangents along it."""
    with _transforming("forward"):
        pure = _OfArrays("linearize", func, primals, {}, range(len(primals)))
        output, push = jax.linearize(lambda arrays: pure(arrays)[0], pure.arrays)
        made = pure.output(_wrapped(output))

    def jvp_fn(*tangents: Any) -> Any:
        with _transforming("forward"):
            return pure.output(_wrapped(push([array_of(leaf) for leaf in flatten(tangents)[0]])))

    return made, jvp_fn


def _jacobian(name: str, transform: Function) -> Function:
    def jacobian(
        func: Function, argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None,
        randomness: str = "error",
    ) -> Function:  # fmt: skip
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            wanted = _check_argnums(argnums, len(args))
            with _transforming("reverse" if transform is jax.jacrev else "forward", _random(randomness)):
                pure = _OfArrays(name, func, args, kwargs, wanted, has_aux)
                rows, aux = transform(pure, has_aux=True)(pure.arrays)
                parts = [pure.inputs(_wrapped(row)) for row in rows]
                made = pure.output([part if isinstance(argnums, tuple) else part[0] for part in parts])
                return (made, pure.aux(_wrapped(aux))) if has_aux else made

        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"{name}: `chunk_size` should be greater than 0.")
        return in_graph(wrapper)

    jacobian.__name__ = name
    jacobian.__doc__ = f"A function that returns the Jacobian of `func`, by jax.{name}."
    return jacobian


jacrev = _jacobian("jacrev", jax.jacrev)
jacfwd = _jacobian("jacfwd", jax.jacfwd)


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """A function that returns the Hessian of `func`: forward over reverse."""
    return jacfwd(jacrev(func, argnums), argnums)


_RANDOM = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
    "'different' randomness flags on vmap or perform the randomness operation out of vmap"
)


class _Different:
    """Draws for all examples at once from the default generator, of which each takes its own."""

    def __init__(self, source: Any, size: int, index: Any) -> None:
        self._source, self._size, self._index = source, size, index

    def __getattr__(self, method: str) -> Function:
        if method == "permutation":

            def permuted(*arguments: Any) -> Any:
                drawn = [self._source.permutation(*arguments) for _ in range(self._size)]
                return jax.lax.dynamic_index_in_dim(jnp.stack(drawn), self._index, keepdims=False)

            return permuted

        def draw(shape: Sequence[int], *arguments: Any) -> Any:
            drawn = getattr(self._source, method)((self._size, *shape), *arguments)
            return jax.lax.dynamic_index_in_dim(jnp.asarray(drawn), self._index, keepdims=False)

        return draw


def _random(randomness: str) -> Any:
    """The source of draws inside vmap; None for the one outside."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    return Refusing(_RANDOM) if randomness == "error" else chosen_source()


def vmap(
    func: Function,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Function:
    """`func` for every slice of its arguments along `in_dims`, stacked along `out_dims`.

    `chunk_size` is accepted, and all is computed in one piece.
    """
    source = _random(randomness)
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    called = getattr(func, "__name__", repr(func))

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        from fnnet.torch.random import default_generator

        dims = _broadcast_dims(called, in_dims, args)
        size = _mapped_size(args, dims)
        given = source
        if randomness != "error":
            given = chosen_source() or default_generator.__source__()
        with _transforming("vmap", given, randomness):
            leaves, inputs = flatten(args)
            output: list[Function] = []

            def pure(index: Any, arrays: list[Any]) -> Any:
                own = _Different(given, size, index) if randomness == "different" else given
                with drawing_from(own):
                    made = func(*inputs(_wrapped(arrays)), **kwargs)
                _check_output("vmap", made, called)
                results, rebuild = flatten(made)
                output[:] = [rebuild]
                ends.clear()
                if isinstance(out_dims, int):
                    ends[:] = [out_dims] * len(results)
                else:
                    _walk(out_dims, made, ends, f"vmap({called}, ..., out_dims={out_dims})")
                # The dimension goes to its place afterwards: JAX asks for the places before the call.
                arrays = [array_of(one) for one in results]
                _check_unmapped(called, arrays, ends)
                return arrays

            ends: list[Any] = []
            mapped = jax.vmap(pure, in_axes=(0, dims))(jnp.arange(size), [array_of(leaf) for leaf in leaves])
            moved = [_placed(one, end) for one, end in zip(mapped, ends, strict=True)]
            return output[0](_wrapped(moved))

    return in_graph(wrapper)


def _check_unmapped(called: str, arrays: list[Any], ends: list[Any]) -> None:
    for array, end in zip(arrays, ends, strict=True):
        if end is None and type(array).__name__ == "BatchTracer":
            raise ValueError(
                f"vmap({called}, ...): `{called}` can not return a BatchedTensor when out_dim is None"
            )


def _placed(array: Any, end: int | None) -> Any:
    """A result with the mapped dimension where it belongs; without it if all examples share one."""
    if end is None:
        return array[0]
    if not -array.ndim <= end < array.ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-array.ndim}, {array.ndim - 1}], but got "
            f"{end})"
        )
    return jnp.moveaxis(array, 0, end)


def _walk(dim: Any, tree: Any, found: list[Any], where: str) -> None:
    """Add to `found` the dimension of every tensor of the tree; other leaves have none."""
    if dim is None or isinstance(dim, int):
        for leaf in _leaves(tree):
            if isinstance(leaf, Tensor):
                found.append(dim)
            elif dim is not None:
                raise ValueError(
                    f"{where}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. "
                    "We cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
                )
    elif isinstance(tree, dict) and isinstance(dim, dict) and tree.keys() == dim.keys():
        for name in tree:
            _walk(dim[name], tree[name], found, where)
    elif isinstance(tree, list | tuple) and len(tree) == len(dim):
        for inner, part in zip(dim, tree, strict=True):
            _walk(inner, part, found, where)
    else:
        raise ValueError(f"{where} is not compatible with the structure of the tensors")


def _broadcast_dims(called: str, in_dims: Any, args: tuple[Any, ...]) -> list[int | None]:
    """One dimension, or None, for each leaf of the arguments."""
    if not isinstance(in_dims, int | tuple):
        raise ValueError(
            f"vmap({called}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a "
            f"(potentially nested) tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({called})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you "
            "are trying to vmap "
            "over a function with no inputs. The latter is unsupported."
        )
    dims: list[int | None] = []
    _walk(in_dims, args, dims, f"vmap({called}, in_dims={in_dims}, ...)(<inputs>)")
    return dims


def _mapped_size(args: tuple[Any, ...], dims: list[int | None]) -> int:
    sizes = []
    for leaf, dim in zip(flatten(args)[0], dims, strict=True):
        if dim is None:
            continue
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(
                f"vmap: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality "
                f"{leaf.ndim} so expected in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}."
            )
        sizes.append(leaf.shape[dim])
    if not sizes:
        raise ValueError(
            "vmap: at least one input must have a dimension to be mapped over; all in_dims are None"
        )
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return int(sizes[0])


def functionalize(func: Function, *, remove: str = "mutations") -> Function:
    """The function as it is: what is recorded of it writes to no memory anyway.

    Raises:
        RuntimeError: `remove` is neither "mutations" nor "mutations_and_views".
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid "
            "options are: remove='mutations', remove='mutations_and_views'"
        )

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapped
