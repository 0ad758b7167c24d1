"""Calibrated quantiles: those of a predicted distribution, corrected by how often held-out targets fell below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from likelihead import inference
from likelihead.data.dataset import Dataset
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batches, in_float64
from likelihead.evaluation.quantiles import Quantiles
from likelihead.heads.sites import by_site, row_weights
from likelihead.laws.law import law

#: The most ranks that are kept.
MAX_RANKS = 1000


@dataclass(frozen=True)
class Conformal(Quantiles):
    """Distributional conformal prediction (Chernozhukov, Wüthrich & Zhu, 2021): F⁻¹(g(q)) in place of F⁻¹(q).

    F is the predicted cdf and g the empirical quantile function of F(y) on n held-out rows, its k-th smallest value
    at level k / (n + 1), with straight lines between. A new target lies below the result with a probability that
    differs from q by at most 1 / (n + 1), on average over rows, whether or not the model is right. A count lies at or
    below it with at least that probability. Levels below 1 / (n + 1) and above n / (n + 1) have no such guarantee.
    Parameters, log_prob, mean, mode and pit stay those of the model.

    Attributes:
        levels: (K,), rising, in (0, 1).
        ranks: g at these levels, (K,), or (K, D) where D targets are calibrated one by one.

    >>> pit = torch.linspace(0.3, 0.7, 99)  # no target is as far out as the model thinks
    >>> calibration = Conformal.fit(pit)
    >>> from pyro.distributions import Normal
    >>> lower, upper = calibration.interval(Normal(torch.zeros(1), 1.0), 0.9)
    >>> round(upper.item(), 3)
    0.478
    """

    levels: NDArray[np.float64]
    ranks: NDArray[np.float64]

    @classmethod
    def fit(cls, pit: Tensor, weight: Tensor | None = None) -> Conformal:
        """Calibrate on the probability integral transforms of held-out rows.

        Args:
            pit: F(y) (n,) or (n, D), randomised for discrete families, of rows that the model was not trained on: of a
                part held out, or of all rows out of fold.
            weight: the weight of each row (n,).

        Raises:
            LikelihoodError: there are no rows, or a pit is not a number between 0 and 1.
        """
        values = pit.detach().cpu().double().numpy()
        if not len(values) or not ((values >= 0.0) & (values <= 1.0)).all():
            raise LikelihoodError(
                f"conformal calibration needs the pit of held-out rows, numbers between 0 and 1; got {len(values)} rows"
            )
        w = np.ones(len(values)) if weight is None else weight.detach().cpu().double().numpy()
        columns = [_knots(column, w) for column in values.reshape(len(values), -1).T]
        first, last = columns[0][0][[0, -1]].tolist()
        levels = np.linspace(first, last, min(len(values), MAX_RANKS))
        ranks = np.stack([np.interp(levels, *knots) for knots in columns], axis=-1)
        return cls(levels, ranks.reshape(len(levels), *values.shape[1:]))

    def rank(self, q: float) -> NDArray[np.float64]:
        """g(q): the rank at which to take the quantile of level q, () or (D,)."""
        levels = np.concatenate([[0.0], self.levels, [1.0]])
        columns = self.ranks.reshape(len(self.levels), -1).T
        ranks = [np.interp(q, levels, np.concatenate([[0.0], column, [1.0]])) for column in columns]
        return np.reshape(ranks, self.ranks.shape[1:])

    def quantile(self, dist: Any, q: float) -> Tensor:
        """The calibrated quantile of level q, batch_shape + event_shape.

        Raises:
            LikelihoodError: the distribution has no quantiles.
        """
        its_law = law(dist)
        if its_law.claims["quantile"].how == "undefined":
            raise its_law.refusal("quantile")
        with np.errstate(all="ignore"):
            values = its_law.quantile(np.broadcast_to(self.rank(q), its_law.shape))
        return torch.from_numpy(np.array(values, dtype=np.int64 if its_law.labels else np.float64))

    def interval(self, dist: Any, mass: float) -> tuple[Tensor, Tensor]:
        """The ends of the central interval: the calibrated quantiles that leave (1 - mass) / 2 on either side."""
        return self.quantile(dist, 0.5 - mass / 2.0), self.quantile(dist, 0.5 + mass / 2.0)

    def median(self, dist: Any) -> Tensor:
        """The calibrated quantile of level 1/2."""
        return self.quantile(dist, 0.5)

    def of_target(self, number: int) -> Conformal:
        """The calibration of one of D targets that are calibrated one by one; of a single target that itself."""
        return self if self.ranks.ndim == 1 else Conformal(self.levels, self.ranks[:, number])

    def state(self) -> dict[str, Any]:
        """The levels and ranks as plain values, for a checkpoint."""
        return {"levels": self.levels.tolist(), "ranks": self.ranks.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Conformal:
        """Rebuild a calibration from its `state()`."""
        return cls(np.asarray(state["levels"], dtype=np.float64), np.asarray(state["ranks"], dtype=np.float64))


def _knots(values: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels and sorted values: with equal weights the k-th of n is at level k / (n + 1)."""
    order = np.argsort(values)
    return np.cumsum(weight[order]) / (weight.sum() + weight.mean()), values[order]


@torch.no_grad()
def calibrate(held_out: Sequence[tuple[nn.Module, Dataset | Iterable[Any]]]) -> Conformal:
    """Calibrate on held-out rows; sites of a row count as rows.

    Args:
        held_out: a model that maps x to a distribution, and rows with targets that it was not trained on; several for
            an ensemble, of which each member has its own.

    Raises:
        LikelihoodError: there are no rows, their targets are censored or truncated, or they have no order (classes,
            directions, rankings).
    """
    parts = [part for model, data in held_out for part in _pits(in_float64(model), data)]
    if not parts:
        raise LikelihoodError("calibrate=conformal needs held-out rows, and there are none")
    pit, weight = (torch.cat(column) for column in zip(*parts, strict=True))
    return Conformal.fit(pit[weight > 0], weight[weight > 0])


def _pits(model: Any, data: Dataset | Iterable[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """The pit of the targets of each batch, (n, *event_shape), and their weight (n,)."""
    for number, batch in enumerate(batches(data)):
        dist = model(as_float64(batch.x), as_float64(batch.exposure))
        _check(dist, batch)
        pit = inference.pit(dist, as_float64(batch.y), seed=number).reshape(-1, *model.head.marginal(1).event_shape)
        weight = row_weights(by_site(dist).batch_shape, as_float64(batch.weight), batch.mask)
        yield pit, weight.repeat_interleave(len(pit) // len(weight))


def _check(dist: Any, batch: Any) -> None:
    if batch.bounds is not None or batch.truncation is not None:
        raise LikelihoodError("calibrate=conformal needs targets that are observed; these are censored or truncated")
    if batch.mask is not None and batch.mask.dim() > 1:
        raise LikelihoodError("calibrate=conformal needs a target at every site, and some are masked")
    its_law = law(dist)
    if its_law.claims["quantile"].how == "undefined" or its_law.on_circle:
        raise LikelihoodError(f"calibrate=conformal corrects quantiles, and the targets of {its_law.name} have none")
