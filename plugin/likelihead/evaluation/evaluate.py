"""Scores of a model on a data set, computed batch by batch in float64 on the CPU."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.distributions.tails import is_observed
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluation import Evaluation
from likelihead.evaluation.quantiles import Quantiles
from likelihead.evaluation.scores import SCORES, scores
from likelihead.evaluation.scores.aggregation import RunningMeans
from likelihead.heads.sites import aligned, by_row, by_site, counts, filled, log_prob, row_weights
from likelihead.target_types.joint import JointType

#: The largest batch: its rows, and the numbers in its x.
MAX_ROWS, MAX_NUMBERS = 10_000, 2**24
#: Appended to the name of a score for that of the marginal fit, which is averaged beside the model's.
OF_MARGINAL = " of the marginal fit"
#: The name under which the difference of both NLLs is averaged.
GAIN = "gain over the marginal fit"
#: The scores of the marginal fit, besides its NLL, that a model's own are compared with.
MARGINAL_SCORES = (
    *("absolute_error", "squared_error", "coverage_0.9", "width_0.9", "accuracy", "brier"),
    *("angular_error", "kendall_tau"),
)
#: Appended to the name of a score of a calibrated model, for its value before calibration.
BEFORE = " before calibration"


def evaluate(model: nn.Module, data: Dataset | Iterable[Any], marginal_scores: bool = False) -> Evaluation:
    """Score a model on a data set, or on the batches of a loader.

    Rows whose sites are all masked do not count. If rows have several sites, `nll` is the sum over a row's sites,
    `nll_per_site` the mean over all sites, and the other scores are means over a row's sites. Censored targets count in
    `nll` only, and are left out of the other scores, which need an observed value.

    Args:
        model: a module that maps x to a distribution and has a `head`, such as a LikelihoodModule.
        data: a `Dataset`, or an iterable of batches.
        marginal_scores: whether the marginal fit is scored by more than its NLL.

    Returns:
        The weighted means of the scores over the rows; no scores for data without rows.

    Raises:
        LikelihoodError: the rows have no targets.
        TargetError: y, a weight, an exposure or a mask has the wrong shape.

    >>> from likelihead import DistributionHead, LikelihoodModule
    >>> from likelihead.data import Examples
    >>> module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))
    >>> evaluation = evaluate(module, Examples(torch.zeros(4, 1), torch.arange(4.0)))
    >>> evaluation.n, sorted(evaluation.scores)[:3]
    (4, ['absolute_error', 'coverage_0.9', 'crps'])
    """
    return evaluate_all([(model, data)], marginal_scores)


@torch.no_grad()
def evaluate_all(
    scored: Sequence[tuple[nn.Module, Dataset | Iterable[Any]]], marginal_scores: bool = False
) -> Evaluation:
    """Score several models, each on its own rows, as if one had predicted all of them; see `evaluate`."""
    known: list[Tensor] = [getattr(data, "oracle", None) for _, data in scored]  # type: ignore[misc]
    has_oracle = all(part is not None for part in known)
    is_joint = isinstance(getattr(scored[0][0].head, "target_type", None), JointType)
    running, weights, has_sites = RunningMeans(partial=is_joint), [torch.zeros(0)], False
    total, sites = torch.zeros(()), torch.zeros(())
    names = MARGINAL_SCORES if marginal_scores else ()
    for model, data in scored:
        model64 = in_float64(model)
        for part in (_score_batch(model64, batch, names) for batch in batches(data)):
            running.partial |= not bool(part.observed.all())
            running.add({**part.known_scores, f"nll{OF_MARGINAL}": part.marginal, GAIN: part.gain}, part.weight)
            total, sites, has_sites = total + part.total, sites + part.sites, has_sites or part.has_sites
            weights += [part.weight] if has_oracle else []
    if not running.count:
        return Evaluation()
    means, errors = running.results()
    means.pop(GAIN)
    gain_error = errors.pop(GAIN, None)
    if has_sites:
        means["nll_per_site"] = float(total / sites)
    before, of_marginal = _popped(means, errors, BEFORE), _popped(means, errors, OF_MARGINAL)
    oracle = _oracle(torch.cat(known), torch.cat(weights)) if has_oracle else None
    marginal = of_marginal.pop("nll")
    return Evaluation(running.count, means, errors, marginal, oracle, before, of_marginal, gain_error)


def _popped(means: dict[str, float], errors: dict[str, float], ending: str) -> dict[str, float]:
    """The means whose names end so, by the names before it; they and their errors are taken out."""
    found = [name for name in means if name.endswith(ending)]
    for name in found:
        errors.pop(name, None)
    return {name.removesuffix(ending): means.pop(name) for name in found}


def _oracle(log_prob: Tensor, weight: Tensor) -> float | None:
    return float((weight * -log_prob.double()).sum() / weight.sum()) if len(log_prob) == len(weight) else None


@dataclass(frozen=True)
class _BatchScores:
    """Scores of the m rows of a batch that count.

    Attributes:
        scores: each score per row, (m,).
        weight: per row, (m,).
        observed: whether a target of the row is observed, (m,).
        marginal: the NLL of each row under the marginal fit, (m,).
        total: the NLL of the batch, a scalar.
        sites: the number of sites that count, a scalar.
        has_sites: whether rows have sites.
    """

    scores: dict[str, Tensor]
    weight: Tensor
    observed: Tensor
    marginal: Tensor
    total: Tensor
    sites: Tensor
    has_sites: bool

    @property
    def gain(self) -> Tensor:
        """By how much each row's NLL lies below that of the marginal fit, (m,)."""
        return self.marginal - self.scores["nll"]

    @property
    def known_scores(self) -> dict[str, Tensor]:
        """The scores, NaN where one needs an observed target and the row has none."""
        if bool(self.observed.all()):
            return self.scores
        unknown = ~self.observed
        return {
            name: each if name == "nll" else each.masked_fill(unknown, torch.nan) for name, each in self.scores.items()
        }


def _score_batch(model: Any, batch: Batch, names: Collection[str]) -> _BatchScores:
    y, weight, exposure, bounds, truncation = (
        as_float64(part) for part in (batch.y, batch.weight, batch.exposure, batch.bounds, batch.truncation)
    )
    if y is None:
        raise LikelihoodError("these rows have no targets, so there is nothing to score")
    predicted = model(as_float64(batch.x), exposure)
    sited = by_site(predicted)
    shape = sited.batch_shape
    marginal = model.head.marginal(_marginal_shape(model, y, predicted), exposure)
    weights = row_weights(shape, weight, batch.mask)
    keep = weights > 0 if batch.mask is not None else torch.ones_like(weights, dtype=torch.bool)
    observed = observed_sites(batch.mask, bounds, shape)
    calibration = getattr(model, "calibration", None)
    per_row = _scores(predicted, sited, y, observed, calibration)
    if calibration is not None:
        before = _scores(predicted, sited, y, observed)
        per_row |= {f"{name}{BEFORE}": before[name] for name in before if SCORES[name].from_quantiles}
    if names:
        of_marginal = _scores(by_row(marginal), by_site(marginal), y, observed, names=names)
        per_row |= {f"{name}{OF_MARGINAL}": values for name, values in of_marginal.items()}
    ends = {"bounds": bounds, "truncation": truncation}
    by_site_weight = weight if weight is not None and weight.dim() > 1 else None
    if by_site_weight is not None or any(end is not None for end in ends.values()):
        each = -log_prob(predicted, y, by_site_weight, batch.mask, **ends)
        per_row["nll"] = each if by_site_weight is None else each / weights
    return _BatchScores(
        {name: values[keep] for name, values in per_row.items()},
        weights[keep],
        _any_site(observed, weights)[keep],
        -log_prob(marginal, y, mask=batch.mask, **ends)[keep],
        -log_prob(predicted, y, weight, batch.mask, **ends).sum(),
        counts(shape, weight, batch.mask)[1],
        len(shape) > 1,
    )


def _marginal_shape(model: Any, y: Tensor, predicted: Any) -> torch.Size:
    """The rows, and those sites that are not outputs of the head."""
    inner = model.head.marginal(1).event_shape
    return y.shape[: y.dim() - len(inner)]


def observed_sites(mask: Tensor | None, bounds: Tensor | None, shape: torch.Size) -> Tensor | None:
    """False where a row or site is masked or its target censored, (N,) or (N, *sites); None if nothing is."""
    if bounds is None:
        return mask
    known = is_observed(bounds)
    known = known.flatten(len(shape)).all(-1) if known.dim() > len(shape) else known
    return known if mask is None else known & aligned(mask.bool(), shape, "mask")


def _any_site(observed: Tensor | None, weights: Tensor) -> Tensor:
    """Whether any site of a row is observed, (N,)."""
    return torch.ones_like(weights, dtype=torch.bool) if observed is None else observed.reshape(len(weights), -1).any(1)


def _scores(
    predicted: Any,
    sited: Any,
    y: Tensor,
    observed: Tensor | None,
    calibration: Quantiles | None = None,
    names: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """The scores of each row, (N,), over its observed sites."""
    if observed is None:
        return scores(predicted, y, calibration, names)
    return _masked_scores(sited, y, observed, calibration, names)


def _masked_scores(
    sited: Any, y: Tensor, mask: Tensor, calibration: Quantiles | None, names: Collection[str] | None
) -> dict[str, Tensor]:
    """The NLL of each row's unmasked sites, and the mean of the other scores over them, (N,); NaN where none is."""
    unmasked = mask.bool().reshape(*mask.shape, *(1,) * (len(sited.batch_shape) - mask.dim())).expand(sited.batch_shape)
    per_site = scores(sited, filled(y, mask, sited), calibration, names)
    counts_site = unmasked.reshape(len(unmasked), -1).double()
    sums = {name: (values.reshape(len(unmasked), -1) * counts_site).sum(1) for name, values in per_site.items()}
    number = counts_site.sum(1)
    return {name: value if name == "nll" else value / number for name, value in sums.items()}


def batches(data: Dataset | Iterable[Any], every: int = 1) -> Iterator[Batch]:
    """The batches of a loader, or a data set in order, in batches as large as `MAX_ROWS` and `MAX_NUMBERS` allow.

    With `every` k, only every k-th row of a data set.
    """
    if isinstance(data, list | tuple) or not isinstance(data, Dataset):
        yield from map(Batch.of, data)
        return
    if not len(data):
        return
    first = Batch.of(data[0:1]).x
    size = batch_size(first.numel() if isinstance(first, Tensor) else 1)
    for start in range(0, len(data), size * every):
        yield Batch.of(data[start : start + size * every : every])


def batch_size(width: int) -> int:
    """The rows of a batch, if a row of x holds `width` numbers.

    >>> batch_size(10), batch_size(2**20)
    (10000, 16)
    """
    return max(1, min(MAX_ROWS, MAX_NUMBERS // max(1, width)))


def in_float64(model: nn.Module) -> Any:
    """A copy of the model in float64 on the CPU, in evaluation mode."""
    return deepcopy(model).cpu().double().eval()


def as_float64(values: Any) -> Any:
    """Tensors on the CPU, in any nesting: floats in float64; labels, rankings and token ids stay integers."""
    return apply_to_collection(values, Tensor, _tensor_as_float64)


def _tensor_as_float64(values: Tensor) -> Tensor:
    values = values.detach().cpu()
    return values.double() if values.is_floating_point() else values


@torch.no_grad()
def predict(model: nn.Module, x: Any, exposure: Tensor | None = None) -> Any:
    """The predicted distribution of each row of x, in float64 on the CPU.

    Args:
        model: a module that maps x to a distribution, such as a LikelihoodModule.
        x: inputs (n, …).
        exposure: the exposure of counts, per row (n,) or per site; None for 1.

    Returns:
        A Pyro distribution of batch_shape (n,).

    Raises:
        TargetError: an exposure of the wrong shape, or for a family that takes none.

    >>> from likelihead import DistributionHead, LikelihoodModule
    >>> module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))
    >>> predict(module, torch.zeros(3, 1)).mean.dtype
    torch.float64
    """
    return by_row(in_float64(model)(as_float64(x), as_float64(exposure)))
