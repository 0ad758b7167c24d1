"""Sites: what lies between a row and one answer, such as pixels, tokens or several outputs.

Rows are the first dimension of a prediction; the last ones are the event_shape of the family; all between are sites.
Here, and nowhere else, sites are weighted, masked, summed and counted.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from likelihead.errors import TargetError


def by_row(dist: Any) -> Any:
    """The distribution with one batch dimension, the rows; what lies between them and an event joins the event.

    >>> from pyro.distributions import Normal
    >>> by_row(Normal(torch.zeros(5, 3), 1.0)).event_shape
    torch.Size([3])
    """
    sites = len(dist.batch_shape) - 1
    return dist.to_event(sites) if sites > 0 else dist


def by_site(dist: Any) -> Any:
    """The distribution with a batch dimension for the rows and for each dimension of sites.

    >>> from pyro.distributions import Normal
    >>> by_site(Normal(torch.zeros(5, 3), 1.0).to_event(1)).batch_shape
    torch.Size([5, 3])
    """
    while isinstance(dist, torch.distributions.Independent):
        dist = dist.base_dist
    return dist


def aligned(values: Tensor, shape: torch.Size, what: str) -> Tensor:
    """`values` by row (N,) or by site (N, *sites), as they multiply a tensor of `shape` (N, *sites).

    One value for each row is never taken for one for each site, whatever the numbers of both.

    Raises:
        TargetError: they have neither shape.
    """
    if values.shape == shape[:1]:
        return values.reshape(-1, *(1,) * (len(shape) - 1))
    if values.shape != shape:
        sites = f" or {tuple(shape)}, one for each site" if len(shape) > 1 else ""
        raise TargetError(
            f"{what} has shape {tuple(values.shape)}; it must be {tuple(shape[:1])}, one for each row{sites}"
        )
    return values


def counted(weight: Tensor | None, mask: Tensor | None, shape: torch.Size) -> Tensor:
    """How much each site counts, (N, *sites) or what broadcasts to it: its weight, and 0 where it is masked."""
    weights = torch.ones(()) if weight is None else aligned(weight, shape, "weight")
    return weights if mask is None else weights.to(mask.device) * aligned(mask.bool(), shape, "mask")


def log_prob(dist: Any, y: Tensor, weight: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """The log-probability of each row (N,): the sum over its sites, each times its weight, masked ones left out.

    Args:
        dist: batch_shape (N, *sites), or the same as an event.
        y: (N, *sites, *event_shape). What it holds where it is masked does not matter; it may be NaN.
        weight, mask: by row (N,) or by site (N, *sites).

    Raises:
        TargetError: y, weight or mask has another shape; nothing is broadcast.

    >>> from pyro.distributions import Normal
    >>> y = torch.tensor([[0.0, float("nan")], [0.0, 0.0]])
    >>> log_prob(Normal(torch.zeros(2, 2), 1.0), y, mask=~y.isnan())
    tensor([-0.9189, -1.8379])
    """
    expected = dist.batch_shape + dist.event_shape
    if y.shape != expected:
        raise TargetError(
            f"y has shape {tuple(y.shape)}, but the head predicts {tuple(expected)} (rows, then the shape "
            "of one answer); reshape y: nothing is broadcast"
        )
    if weight is None and mask is None:
        whole: Tensor = by_row(dist).log_prob(y)
        return whole
    dist = by_site(dist)
    each: Tensor = dist.log_prob(y if mask is None else filled(y, mask, dist))
    weighted = each * counted(weight, mask, each.shape)
    return weighted.flatten(1).sum(1) if weighted.dim() > 1 else weighted


def filled(y: Tensor, mask: Tensor, dist: Any) -> Tensor:
    """`y` with its masked sites replaced by a value inside the support, so that no NaN reaches a gradient.

    The value is that of another site of the batch; where all are masked it is one drawn from the distribution.
    """
    shape = dist.batch_shape
    shown = aligned(mask.bool(), shape, "mask").expand(shape)
    events = y.reshape(-1, *dist.event_shape)
    known = shown.reshape(-1).nonzero()
    if len(known):
        spare = events[known[0, 0]]
    else:
        with torch.no_grad():
            spare = dist.sample().reshape(-1, *dist.event_shape)[0].to(y.dtype)
    return torch.where(shown.reshape(*shape, *(1,) * len(dist.event_shape)), y, spare)


def counts(shape: torch.Size, weight: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """How many rows and how many sites a batch counts, as float64 scalars.

    A row counts with the mean weight of its sites that are not masked, and not at all where every one is.

    Args:
        shape: (N, *sites).
        weight, mask: by row or by site.

    >>> rows, sites = counts(torch.Size([2, 3]), None, torch.tensor([[True, False, True], [False, False, False]]))
    >>> rows.item(), sites.item()
    (1.0, 2.0)
    """
    sites = counted(weight, mask, shape).double().expand(shape).sum()
    return row_weights(shape, weight, mask).sum().to(sites.device), sites


def row_weights(shape: torch.Size, weight: Tensor | None, mask: Tensor | None) -> Tensor:
    """How much each row counts, (N,) float64: the mean weight of its sites that are not masked."""
    each = counted(weight, mask, shape).double().expand(shape).reshape(shape[0], -1)
    shown = counted(None, mask, shape).double().to(each.device).expand(shape).reshape(shape[0], -1)
    return each.sum(1) / shown.sum(1).clamp(min=1.0)
