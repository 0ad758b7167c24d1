"""Scores of a model on a data set: float64, on the CPU, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.errors import LikelihoodError
from likelihead.evaluation.scores import aggregate, scores
from likelihead.heads.sites import by_row, by_site, counts, filled, log_prob, row_weights

#: The most rows, and the most numbers in x, that are predicted at a time.
MOST_ROWS, MOST_NUMBERS = 10_000, 2**24


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set.

    Attributes:
        n: rows.
        scores: the mean of each score over the rows; `nll` in nats.
        standard_errors: of the means; empty for fewer than two rows.
        marginal: the mean NLL of the marginal fit; None without rows.
        oracle: the mean NLL of the true distribution, where the data set knows it.
    """

    n: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    standard_errors: dict[str, float] = field(default_factory=dict)
    marginal: float | None = None
    oracle: float | None = None

    @property
    def nll(self) -> float | None:
        """The mean NLL over rows; None without rows."""
        return self.scores.get("nll")

    @property
    def metrics(self) -> dict[str, Any]:
        """`n` and the scores, as in metrics.json."""
        return {"n": self.n, "nll": self.nll, **self.scores}


@torch.no_grad()
def evaluate(model: nn.Module, data: Dataset | Iterable[Any]) -> Evaluation:
    """Score a model with a `head` on a data set, or on the batches of a loader.

    A data set without rows has no scores. Rows that are masked throughout do not count. Where there are several sites
    in a row, `nll` is their sum, `nll_per_site` their mean, and the other scores are means over sites.

    Raises:
        LikelihoodError: the rows have no targets.
    """
    exact = in_float64(model)
    parts = [part for part in (_scored(exact, batch) for batch in batches(data)) if len(part.weight)]
    if not parts:
        return Evaluation()
    per_row = {name: torch.cat([part.scores[name] for part in parts]) for name in parts[0].scores}
    weight = torch.cat([part.weight for part in parts])
    means = aggregate(per_row, weight, errors=len(weight) > 1)
    errors = {name: means[f"{name}_se"] for name in per_row if len(weight) > 1}
    if any(part.has_sites for part in parts):
        total, sites = (sum(getattr(part, name) for part in parts) for name in ("total", "sites"))
        means["nll_per_site"] = float(total / sites)
    marginal = torch.cat([part.marginal for part in parts])
    shown = {name: value for name, value in means.items() if not name.endswith("_se")}
    return Evaluation(len(weight), shown, errors, _mean(-marginal, weight), _oracle(data, weight))


def _mean(values: Tensor, weight: Tensor) -> float:
    return float((weight * values).sum() / weight.sum())


def _oracle(data: Any, weight: Tensor) -> float | None:
    known: Tensor | None = getattr(data, "oracle", None)
    return None if known is None or len(known) != len(weight) else _mean(-known.double(), weight)


@dataclass(frozen=True)
class _Scored:
    """The rows of a batch that count: their scores, weights and marginal log-probability; and the sum over sites."""

    scores: dict[str, Tensor]
    weight: Tensor
    marginal: Tensor
    total: Tensor
    sites: Tensor
    has_sites: bool


def _scored(model: Any, batch: Batch) -> _Scored:
    y, weight, exposure = (as_float64(batch.y), as_float64(batch.weight), as_float64(batch.exposure))
    if y is None:
        raise LikelihoodError("these rows have no targets, so there is nothing to score")
    predicted = model(as_float64(batch.x), exposure)
    sited = by_site(predicted)
    shape = sited.batch_shape
    marginal = model.head.marginal(_marginal_shape(model, y, predicted), exposure)
    weights = row_weights(shape, weight, batch.mask)
    keep = weights > 0 if batch.mask is not None else torch.ones_like(weights, dtype=torch.bool)
    per_row = scores(predicted, y) if batch.mask is None else _masked_scores(sited, y, batch.mask)
    if weight is not None and weight.dim() > 1:
        per_row["nll"] = -log_prob(predicted, y, weight, batch.mask) / weights
    return _Scored(
        {name: values[keep] for name, values in per_row.items()},
        weights[keep],
        log_prob(marginal, y, mask=batch.mask)[keep],
        -log_prob(predicted, y, weight, batch.mask).sum(),
        counts(shape, weight, batch.mask)[1],
        len(shape) > 1,
    )


def _marginal_shape(model: Any, y: Tensor, predicted: Any) -> torch.Size:
    """The rows, and those sites that the head does not tell apart by itself."""
    inner = model.head.marginal(1).event_shape
    return y.shape[: y.dim() - len(inner)]


def _masked_scores(sited: Any, y: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """The NLL of each row's unmasked sites, and the mean of each other score over them, (N,)."""
    shown = mask.bool().reshape(*mask.shape, *(1,) * (len(sited.batch_shape) - mask.dim())).expand(sited.batch_shape)
    per_site = scores(sited, filled(y, mask, sited))
    share = shown.reshape(len(shown), -1).double()
    sums = {name: (values.reshape(len(shown), -1) * share).sum(1) for name, values in per_site.items()}
    number = share.sum(1).clamp(min=1.0)
    return {name: value if name == "nll" else value / number for name, value in sums.items()}


def batches(data: Dataset | Iterable[Any]) -> Iterator[Batch]:
    """The batches of a loader, or of a data set in its own order, as large as memory allows."""
    if isinstance(data, list | tuple) or not isinstance(data, Dataset):
        yield from map(Batch.of, data)
        return
    if not len(data):
        return
    first = Batch.of(data[0:1]).x
    size = max(1, min(MOST_ROWS, MOST_NUMBERS // max(1, first.numel() if isinstance(first, Tensor) else 1)))
    for start in range(0, len(data), size):
        yield Batch.of(data[start : start + size])


def in_float64(model: nn.Module) -> Any:
    """A copy of the model in float64 on the CPU, for prediction."""
    return deepcopy(model).cpu().double().eval()


def as_float64(values: Any) -> Any:
    """Real numbers in float64 on the CPU; labels, rankings and token ids stay whole numbers."""
    return apply_to_collection(values, Tensor, _exact)


def _exact(values: Tensor) -> Tensor:
    values = values.detach().cpu()
    return values.double() if values.is_floating_point() else values


@torch.no_grad()
def predict(model: nn.Module, x: Any, exposure: Tensor | None = None) -> Any:
    """The predicted distribution of each row in float64, batch_shape (n,)."""
    return by_row(in_float64(model)(as_float64(x), as_float64(exposure)))
