"""The parameters of a family with their roles: predicted, learned or a fixed number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from likelihead.errors import LikelihoodError, suggest
from likelihead.families.signature import Signature

#: The parameter that holds the logits of a mixture's weights.
MIXTURE = "mixture_logits"
Role = str | float | Sequence[float]


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
