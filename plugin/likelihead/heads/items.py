"""Features of each item of a row, from which a ranking or a choice among the items is predicted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from likelihead.distributions.partial_plackett_luce import ABSENT
from likelihead.errors import LikelihoodError
from likelihead.families.family import Family


def check_by_item(family: Family) -> None:
    """Raise a LikelihoodError unless the only free parameter of a family is one predicted logit for each item."""
    roles = {name: role for name, role in family.roles.items() if isinstance(role, str)}
    is_of_items = roles == {"logits": "predicted"} and family.parameter_shapes["logits"] == (family.event_size,)
    if not is_of_items or family.components or family.features:
        raise LikelihoodError(
            f"the network has features for each item of a row, which {family.name} does not rank or choose from: take "
            "distribution=plackett_luce, plackett_luce_partial, plackett_luce_top or categorical, or another network"
        )


def logits_by_item(layer: nn.Module, features: Tensor, items: int) -> Tensor:
    """One logit for each item, (N, items), by a layer that is the same for all items (McFadden, 1974).

    Args:
        layer: maps the features of an item to one number.
        features: (N, items, in_features), -inf for an item that is absent, whose logit is `ABSENT`.
        items: the number of items that the family takes.

    Raises:
        LikelihoodError: features of another number of items.

    >>> logits_by_item(nn.Identity(), torch.tensor([[[2.0], [-torch.inf]]]), items=2)
    tensor([[ 2.0000e+00, -1.0000e+04]])
    """
    if features.dim() < 3 or features.shape[-2] != items:
        raise LikelihoodError(
            f"the network gives features of shape (N, {', '.join(map(str, features.shape[1:]))}), but the targets are "
            f"about {items} items, which takes (N, {items}, features); of a choice, data.levels=[…] names all items"
        )
    absent = (features == -torch.inf).all(-1, keepdim=True)
    logits: Tensor = layer(features.masked_fill(absent, 0.0))
    return logits.masked_fill(absent, ABSENT).squeeze(-1)
