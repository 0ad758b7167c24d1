"""Sites: the dimensions between rows and events, such as pixels, tokens or several outputs.

The first dimension of a prediction are the rows, the last ones the event_shape of the family, and all in between the
sites. Only this module weights, masks, sums and counts sites.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from likelihead.distributions.tails import log_likelihood
from likelihead.errors import TargetError


def by_row(dist: Any) -> Any:
    """The distribution with the rows as its only batch dimension; sites become event dimensions.

    >>> from pyro.distributions import Normal
    >>> by_row(Normal(torch.zeros(5, 3), 1.0)).event_shape
    torch.Size([3])
    """
    sites = len(dist.batch_shape) - 1
    return dist.to_event(sites) if sites > 0 else dist


def by_site(dist: Any) -> Any:
    """The distribution with the rows and all sites as batch dimensions.

    >>> from pyro.distributions import Normal
    >>> by_site(Normal(torch.zeros(5, 3), 1.0).to_event(1)).batch_shape
    torch.Size([5, 3])
    """
    while isinstance(dist, torch.distributions.Independent):
        dist = dist.base_dist
    return dist


def predicted(head: Any, features: Tensor, exposure: Tensor | None = None) -> Any:
    """The distribution of features (N, …, in_features), computed outside autocast.

    In mixed precision the network computes in bfloat16 or float16. Their three digits are too few for the parameters of
    a distribution: a mean of 1000 would be rounded to multiples of 4.

    >>> from likelihead import DistributionHead
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     predicted(DistributionHead("poisson", in_features=2), torch.zeros(1, 2)).rate.dtype
    torch.float32
    """
    device = features.device.type
    if not torch.is_autocast_enabled(device):
        return head(features, exposure)
    with torch.autocast(device, enabled=False):
        return head(features.float() if features.element_size() < 4 else features, exposure)


def aligned(values: Tensor, shape: torch.Size, what: str) -> Tensor:
    """Reshape `values`, per row (N,) or per site (N, *sites), so that they broadcast to `shape` (N, *sites).

    Values per row are never mistaken for values per site, even if both are equally many.

    Args:
        values: a weight, a mask or an exposure.
        shape: rows and sites.
        what: the name of the values, for messages.

    Raises:
        TargetError: the values have neither shape.
    """
    if values.shape == shape[:1]:
        return values.reshape(-1, *(1,) * (len(shape) - 1))
    if values.shape != shape:
        sites = f" or {tuple(shape)}, one for each site" if len(shape) > 1 else ""
        raise TargetError(
            f"{what} has shape {tuple(values.shape)}; it must be {tuple(shape[:1])}, one for each row{sites}"
        )
    return values


def site_weights(weight: Tensor | None, mask: Tensor | None, shape: torch.Size) -> Tensor:
    """The weight of each site, 0 where it is masked; it broadcasts to `shape` (N, *sites)."""
    weights = torch.ones(()) if weight is None else aligned(weight, shape, "weight")
    return weights if mask is None else weights.to(mask.device) * aligned(mask.bool(), shape, "mask")


def log_prob(
    dist: Any,
    y: Tensor,
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    bounds: Tensor | None = None,
    truncation: Tensor | None = None,
) -> Tensor:
    """The log-probability of each row (N,): the weighted sum over its sites that are not masked.

    Args:
        dist: a distribution of batch_shape (N, *sites), or of batch_shape (N,) with the sites in the event_shape.
        y: targets (N, *sites, *event_shape); masked values may be anything, even NaN.
        weight, mask: per row (N,) or per site (N, *sites).
        bounds, truncation: of censored and truncated targets, (N, *sites, 2); see `Batch`.

    Raises:
        TargetError: y, weight, mask, bounds or truncation has another shape; nothing is broadcast.

    >>> from pyro.distributions import Normal
    >>> y = torch.tensor([[0.0, float("nan")], [0.0, 0.0]])
    >>> log_prob(Normal(torch.zeros(2, 2), 1.0), y, mask=~y.isnan())
    tensor([-0.9189, -1.8379])
    """
    if torch.is_autocast_enabled(y.device.type):
        with torch.autocast(y.device.type, enabled=False):
            return log_prob(dist, y, weight, mask, bounds, truncation)
    expected = dist.batch_shape + dist.event_shape
    if y.shape != expected:
        raise TargetError(
            f"y has shape {tuple(y.shape)}, but the head predicts {tuple(expected)} (rows, then the shape "
            "of y in one row); reshape y: nothing is broadcast"
        )
    require_pairs(bounds, "bounds", y)
    require_pairs(truncation, "truncation", y)
    if weight is None and mask is None and bounds is None and truncation is None:
        whole: Tensor = by_row(dist).log_prob(y)
        return whole
    dist = by_site(dist)
    each = log_likelihood(dist, y if mask is None else filled(y, mask, dist), bounds, truncation)
    weighted = each * site_weights(weight, mask, each.shape)
    return weighted.flatten(1).sum(1) if weighted.dim() > 1 else weighted


def require_pairs(pairs: Tensor | None, what: str, y: Tensor) -> None:
    """Raise a TargetError unless `pairs` is None or holds two ends for each target, (N, *sites, 2)."""
    if pairs is not None and pairs.shape != (*y.shape, 2):
        raise TargetError(
            f"{what} has shape {tuple(pairs.shape)}; it must be {(*y.shape, 2)}: both ends for each target"
        )


def filled(y: Tensor, mask: Tensor, dist: Any) -> Tensor:
    """`y` with its masked sites replaced by a value inside the support, so that no gradient is NaN.

    The value is that of a site that is not masked; if all are masked, it is drawn from the distribution.
    """
    shape = dist.batch_shape
    unmasked = aligned(mask.bool(), shape, "mask").expand(shape)
    events = y.reshape(-1, *dist.event_shape)
    known = unmasked.reshape(-1).nonzero()
    if len(known):
        filler = events[known[0, 0]]
    else:
        with torch.no_grad():
            filler = dist.sample().reshape(-1, *dist.event_shape)[0].to(y.dtype)
    return torch.where(unmasked.reshape(*shape, *(1,) * len(dist.event_shape)), y, filler)


def counts(shape: torch.Size, weight: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The weighted numbers of rows and of sites in a batch, as float64 scalars.

    The weight of a row is the mean weight of its sites that are not masked, and 0 if all are.

    Args:
        shape: (N, *sites).
        weight, mask: per row (N,) or per site (N, *sites).

    >>> rows, sites = counts(torch.Size([2, 3]), None, torch.tensor([[True, False, True], [False, False, False]]))
    >>> rows.item(), sites.item()
    (1.0, 2.0)
    """
    sites = site_weights(weight, mask, shape).double().expand(shape).sum()
    return row_weights(shape, weight, mask).sum().to(sites.device), sites


def row_weights(shape: torch.Size, weight: Tensor | None, mask: Tensor | None) -> Tensor:
    """The weight of each row, (N,) float64: the mean weight of its sites that are not masked."""
    each = site_weights(weight, mask, shape).double().expand(shape).reshape(shape[0], -1)
    unmasked = site_weights(None, mask, shape).double().to(each.device).expand(shape).reshape(shape[0], -1)
    return each.sum(1) / unmasked.sum(1).clamp(min=1.0)
