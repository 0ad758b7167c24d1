"""Families of several targets: one for each target column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from likelihead.errors import LikelihoodError
from likelihead.families.family import Family, family_for

#: The key that names a family for each target.
FAMILIES = "families"


def joint_families(spec: Any) -> dict[str, Any] | None:
    """The family of each target by its name, as in `{"families": {"visits": "poisson"}}`; None for any other mapping.

    Raises:
        LikelihoodError: another key beside it, or no target.

    >>> joint_families({"families": {"visits": "poisson", "share": "beta"}})
    {'visits': 'poisson', 'share': 'beta'}
    >>> joint_families("poisson") is None
    True
    """
    if not isinstance(spec, Mapping) or FAMILIES not in spec:
        return None
    families = spec[FAMILIES]
    if len(spec) > 1:
        others = ", ".join(key for key in spec if key != FAMILIES)
        raise LikelihoodError(f"a joint distribution takes only {FAMILIES}, not {others}: give them to its families")
    if not isinstance(families, Mapping) or not families:
        raise LikelihoodError(
            "a joint distribution needs a family for each target column, such as "
            "distribution.families={visits: poisson, share: beta}"
        )
    return {str(name): family for name, family in families.items()}


def families_for(spec: Any, y: Tensor, classes: Any = None) -> Family | dict[str, Family]:
    """The family of targets y as `family_for`; of a joint distribution that of each target, by its name.

    Args:
        spec: a shipped name, a mapping or a class, or a mapping of `families`.
        y: targets (N,) or (N, K); of a joint distribution (N, D), NaN where a target is missing.
        classes: the number of classes; of a joint distribution by target, None for targets without.

    Raises:
        LikelihoodError: y has another number of columns; or as `family_for`.

    >>> import torch
    >>> y = torch.tensor([[3.0, 0.0], [torch.nan, 1.0]])
    >>> families_for({"families": {"visits": "poisson", "kind": "categorical"}}, y)["kind"].event_size
    2
    """
    families = joint_families(spec)
    if families is None:
        return family_for(spec, y, classes)
    if y.dim() != 2 or y.shape[1] != len(families):
        raise LikelihoodError(
            f"y has shape {tuple(y.shape)}, but a joint distribution of {len(families)} targets takes "
            f"(N, {len(families)}): a column for each"
        )
    sizes = classes or {}
    return {
        name: family_for(family, column[~column.isnan()], sizes.get(name))
        for (name, family), column in zip(families.items(), y.unbind(1), strict=True)
    }
