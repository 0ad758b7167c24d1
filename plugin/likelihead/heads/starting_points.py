"""Starting points of the marginal fit: candidate anchors for each parameter, derived from moments of the targets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from likelihead.families.family import Family
from likelihead.families.links import Exp, Identity, Link, LowerCholesky, PositiveDefinite
from likelihead.families.roles import MIXTURE
from likelihead.target_types.detect import target_type_of


def moments(y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted mean, standard deviation and median of the targets over rows, each of shape y.shape[1:]."""
    y, share = y.double(), weight / weight.sum(0)
    share = share.reshape(*share.shape, *(1,) * (y.dim() - share.dim()))
    mean = (share * y).sum(0)
    deviation = (share * (y - mean).square()).sum(0).sqrt()
    return mean, deviation, _quantiles(y, weight, torch.tensor([0.5], dtype=torch.float64))[0]


def _quantiles(y: Tensor, weight: Tensor, levels: Tensor) -> Tensor:
    """Weighted quantiles, (Q, *y.shape[1:])."""
    values, order = y.double().reshape(len(y), -1).sort(dim=0)
    each = weight.reshape(*weight.shape, *(1,) * (y.dim() - weight.dim())).expand(y.shape).reshape(len(y), -1)
    ranks = each.gather(0, order).cumsum(0) / each.sum(0)
    index = torch.searchsorted(ranks.T.contiguous(), levels.expand(values.shape[1], -1).contiguous())
    return values.gather(0, index.clamp(max=len(y) - 1).T).reshape(len(levels), *y.shape[1:])


def starts(family: Family, name: str, link: Link, y: Tensor, weight: Tensor) -> list[Tensor]:
    """Candidate anchors (*raw_shape) of one parameter, derived from moments of the targets."""
    shape = family.parameter_shapes[name]
    raw_shape = link.raw_shape(shape)
    plain = torch.zeros(raw_shape, dtype=torch.float64)
    if name == MIXTURE or not y.is_floating_point() or name in of_splines(family):
        return [plain]
    if family.components:
        values = [link.inverse(value) for value in _component_values(family, link, shape, y, weight)]
        if _has_location(family):
            return values or [plain]
        return values if values and not name.endswith("logits") else [plain, plain + _spread(family, raw_shape)]
    if isinstance(link, LowerCholesky | PositiveDefinite):
        matrix = _covariance_factor(y, weight) if y.dim() == 2 else torch.zeros(0)
        fits = matrix.shape == shape
        value = matrix @ matrix.mT if isinstance(link, PositiveDefinite) else matrix
        return [plain, link.inverse(value)] if fits else [plain]
    if isinstance(link, Identity) and len(shape) == 2 and y.dim() == 2 and shape[0] == y.shape[1]:
        # A factor of the covariance; at 0 its gradient is 0.
        return [_leading_factor(_covariance_factor(y, weight), shape[1])]
    candidates = _candidates(link, *moments(y, weight))
    return [plain, *(link.inverse(value.expand(shape)) for value in candidates if value.shape in ((), shape))]


def of_splines(family: Family) -> list[str]:
    """The parameters of a spline, which changes nothing where they start."""
    return [name for wrapping in family.wrappings for name, shape in wrapping.shapes.items() if shape]


def _has_location(family: Family) -> bool:
    """Whether the components of a mixture have a location: a real number, but no log-odds."""
    place = len(family.output_shape) + 1
    real = [name for name, link in family.links.items() if isinstance(link, Identity)]
    return any(not family.parameter_shapes[name][place:] and not name.endswith("logits") for name in real)


def _component_values(family: Family, link: Link, shape: torch.Size, y: Tensor, weight: Tensor) -> list[Tensor]:
    """For mixtures: locations at quantiles of the targets, and scales that divide their standard deviation.

    Of positive families also those of their logarithms. Components without a location have means, scales or rates at
    quantiles.
    """
    components = shape[-1]
    levels = (torch.arange(components, dtype=torch.float64) + 0.5) / components
    is_positive = getattr(target_type_of(family), "lower", -math.inf) >= 0.0
    candidates = []
    for values in (y, y.double().clamp(min=1e-300).log()) if is_positive and _has_location(family) else (y,):
        places, deviation = _quantiles(values, weight, levels).movedim(0, -1), moments(values, weight)[1][..., None]
        if isinstance(link, Identity):
            candidates.append(places)
        elif isinstance(link, Exp):
            candidates += [(deviation / size).expand(shape) for size in (components, 1)]
            if not _has_location(family):
                sizes = places.abs().clamp(min=0.05 * deviation)
                candidates += [sizes, sizes.reciprocal(), torch.ones(shape, dtype=torch.float64)]
    return [value for value in candidates if value.shape == shape]


def _spread(family: Family, raw_shape: torch.Size) -> Tensor:
    """Anchors (*raw_shape) that differ from component to component, from -1 to 1."""
    place = len(family.output_shape)
    steps = torch.linspace(-1.0, 1.0, raw_shape[place], dtype=torch.float64)
    return steps.reshape(*steps.shape, *(1,) * (len(raw_shape) - place - 1)).expand(raw_shape)


def tells_components_apart(family: Family, anchors: Sequence[Tensor]) -> bool:
    """Whether components start at different anchors: equal ones have equal gradients, and stay equal for ever."""
    place = len(family.output_shape)
    return any(bool((anchor != anchor.narrow(place, 0, 1)).any()) for anchor in anchors)


def _covariance_factor(y: Tensor, weight: Tensor) -> Tensor:
    """The Cholesky factor of the targets' covariance, or of its diagonal where it is singular."""
    mean, deviation, _ = moments(y, weight)
    centred = y.double() - mean
    covariance = torch.einsum("n,ni,nj->ij", weight / weight.sum(), centred, centred)
    factor, failed = torch.linalg.cholesky_ex(covariance + 1e-9 * torch.diag(covariance.diagonal()))
    return torch.diag_embed(deviation.clamp(min=1e-12)) if failed else factor


def _leading_factor(factor: Tensor, rank: int) -> Tensor:
    """The columns (d, rank) of a covariance's square root along its longest axes, or at most d of them and zeros."""
    axes, deviations, _ = torch.linalg.svd(factor)
    columns = (axes * deviations)[:, :rank]
    return torch.nn.functional.pad(columns, (0, rank - columns.shape[1]))


def _candidates(link: Link, mean: Tensor, deviation: Tensor, median: Tensor) -> list[Tensor]:
    """Candidate values of one parameter."""
    if isinstance(link, Identity):
        return [median, mean]
    size = mean.abs().clamp(min=1e-300)
    deviation = deviation.clamp(min=1e-300)
    return [deviation, 1.0 / deviation, size, 1.0 / size, (size / deviation).square()] if isinstance(link, Exp) else []
