"""Groups of parameters, each with its own rule or its own hyper-parameters.

groups({"matrix": muon(2e-2), "rest": adamw(3e-4)}, lambda name, p: "matrix" if p.ndim == 2 else "rest")
param_groups(sgd, [{"params": "base"}, {"params": "classifier", "lr": 1e-3}], lr=1e-2, momentum=0.9)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import optax

Labels: TypeAlias = Any
"""A tree of labels (or a prefix of one), or a function (dotted name, parameter) -> label."""

Choice: TypeAlias = str | Sequence[str] | Callable[[str, Any], bool]
"""Which parameters: a name of a parameter or of a part, several of them, or a test of (name, parameter)."""


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def groups(
    transforms: Mapping[Hashable, optax.GradientTransformation], labels: Labels
) -> optax.GradientTransformationExtraArgs:
    """Each parameter is moved by the transformation of its label.

    Args:
        transforms: label -> transformation.
        labels: a tree of labels like the parameters (or a prefix of it), or a function that is given a
            parameter's name, dotted as in a state_dict, and the parameter.

    Raises:
        ValueError: a label without transformation, when the parameters are first seen.
    """
    if not callable(labels):
        return optax.partition(transforms, labels)

    def label(params: Any) -> Any:
        return jax.tree.map_with_path(lambda path, p: labels(_name(path), p), params)

    return optax.partition(transforms, label)


def _holds(choice: Choice, name: str, p: Any) -> bool:
    if callable(choice):
        return choice(name, p)
    names = [choice] if isinstance(choice, str) else choice
    return any(name == chosen or name.startswith(chosen + ".") for chosen in names)


def param_groups(
    rule: Callable[..., optax.GradientTransformation],
    groups_of: Sequence[Mapping[str, Any]],
    **defaults: Any,
) -> optax.GradientTransformationExtraArgs:
    """One rule with hyper-parameters by group, as PyTorch's list of dicts.

    Args:
        rule: sgd, adam, ...
        groups_of: dicts of hyper-parameters; "params" says which parameters (see `Choice`).
        defaults: hyper-parameters where a group gives none.

    A parameter in no group does not move.

    Raises:
        ValueError: no groups, a group without "params", one that matches nothing, a parameter in two groups.
    """
    if not groups_of:
        raise ValueError("optimizer got an empty parameter list")
    for index, group in enumerate(groups_of):
        if "params" not in group:
            raise ValueError(f"param_groups: group {index} has no 'params': {sorted(group)}")
    options = [{**defaults, **{k: v for k, v in g.items() if k != "params"}} for g in groups_of]
    transforms: dict[Hashable, optax.GradientTransformation] = {
        index: rule(**option) for index, option in enumerate(options)
    }
    transforms[len(groups_of)] = optax.set_to_zero()

    def label(params: Any) -> Any:
        seen: set[int] = set()

        def find(path: tuple[Any, ...], p: Any) -> int:
            name = _name(path)
            found = [index for index, group in enumerate(groups_of) if _holds(group["params"], name, p)]
            if len(found) > 1:
                raise ValueError(
                    f"some parameters appear in more than one parameter group: {name} in groups {found}"
                )
            seen.update(found)
            return found[0] if found else len(groups_of)

        tree = jax.tree.map_with_path(find, params)
        for index, group in enumerate(groups_of):
            if index not in seen:
                raise ValueError(f"param_groups: group {index} matches no parameter: {group['params']!r}")
        return tree

    return optax.partition(transforms, label)
