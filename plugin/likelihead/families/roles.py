"""The parameters of a family with their roles, predicted, learned or a fixed number, and their links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.distributions.constraints import Constraint, real

from likelihead.errors import LikelihoodError, suggest
from likelihead.families.links import Link, link_for
from likelihead.families.signature import Signature

#: The parameter that holds the logits of a mixture's weights.
MIXTURE = "mixture_logits"
Role = str | float | Sequence[float]


def features_of_parameters(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """The inputs that a parameter may look at, for each given as `{features: [a, b]}`.

    Raises:
        LikelihoodError: another key, or something else than a list of names.

    >>> features_of_parameters({"loc": "predicted", "scale": {"features": ["age"]}})
    {'scale': ['age']}
    """
    found = {}
    for name, role in given.items():
        if not isinstance(role, Mapping):
            continue
        names: Any = role.get("features")
        if set(role) != {"features"} or not _are_names(names):
            raise LikelihoodError(
                f"parameters.{name} is {dict(role)}; a parameter that looks at some inputs only is given as "
                "{features: [a, b]}, and one that looks at none as learned"
            )
        found[name] = list(names)
    return found


def _are_names(names: Any) -> bool:
    is_list = isinstance(names, Sequence) and not isinstance(names, str)
    return is_list and len(names) > 0 and all(isinstance(each, str) for each in names)


def roles_of(signature: Signature, given: dict[str, Any], added: list[str]) -> dict[str, Role]:
    """The role of each parameter: as given, else predicted.

    Raises:
        LikelihoodError: an unknown parameter, or a role that does not suit it.
    """
    known = [*signature.constraints, *added]
    for name in given:
        if name not in known:
            raise LikelihoodError(f"{signature.cls.__name__} has no parameter {name!r}: {suggest(name, known)}")
    missing = [name for name in added if name not in given] + signature.default_parameters(given)
    roles = {**given, **dict.fromkeys(missing, "predicted")}
    for name, role in roles.items():
        _check_role(signature, name, role)
    return {name: role for name, role in roles.items() if role is not None}


def links_of(
    family: str,
    constraints: Mapping[str, Constraint],
    roles: Mapping[str, Role],
    links: Mapping[str, str],
    floors: Mapping[str, float],
) -> dict[str, Link]:
    """The link of each predicted or learned parameter; the logits of a mixture, which have no constraint, are real.

    Raises:
        LikelihoodError: there is no such link; `family` is the name in the message.
    """
    resolved: dict[str, Link] = {}
    for name in (name for name, role in roles.items() if isinstance(role, str)):
        try:
            resolved[name] = link_for(constraints.get(name, real), links.get(name), float(floors.get(name, 0.0)))
        except LikelihoodError as error:
            raise LikelihoodError(f"{family}.{name}: {error}") from error
    return resolved


def _check_role(signature: Signature, name: str, role: Any) -> None:
    where = f"{signature.cls.__name__}.{name}"
    is_number = role is None or isinstance(role, str) or _is_number(role)
    if not is_number or (isinstance(role, str) and role not in ("predicted", "learned")):
        raise LikelihoodError(
            f"{where} is {role!r}: a parameter is 'predicted' (by the network), 'learned' (one constant), "
            "a number, or null (left out)"
        )
    if isinstance(role, str) and name in signature.constraints and not signature.is_trainable(name):
        raise LikelihoodError(f"{where}: no gradient reaches it, so it cannot be {role}; give it as a number")
    if role is not None and not isinstance(role, str) and name in signature.constraints:
        value = torch.as_tensor(role, dtype=torch.float64)
        constraint = signature.constraints[name]
        if constraint.event_dim == 0 and not bool(constraint.check(value).all()):
            raise LikelihoodError(f"{where} is {role}, but must satisfy {constraint}")


def _is_number(role: Any) -> bool:
    """Whether a role is a number, or an array of them."""
    try:
        torch.as_tensor(role, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True
