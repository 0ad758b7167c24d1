"""Means of scores over rows, and their standard errors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from likelihead.errors import LikelihoodError


def aggregate(per_row: Mapping[str, Tensor], weight: Tensor | None = None, errors: bool = False) -> dict[str, float]:
    """The weighted mean of each score over all rows, and with `errors` its standard error as `<name>_se`.

    With w the weights of n rows and m the mean, the standard error is
    sqrt(n / (n - 1) sum w^2 (x - m)^2) / sum w (Cochran, 1977), which for equal weights is s / sqrt n.

    Args:
        per_row: each score by name, (n,) or any other shape that all of them share.
        weight: of the same shape, not negative; rows of weight 0 do not count.
        errors: whether to include the standard errors.

    Raises:
        LikelihoodError: a weight of another shape, or no row of positive weight.

    >>> aggregate({"nll": torch.tensor([1.0, 3.0])}, errors=True)
    {'nll': 2.0, 'nll_se': 1.0}
    """
    results: dict[str, float] = {}
    for name, values in per_row.items():
        mean, error = _mean_and_error(name, values.detach().cpu().double(), weight)
        results[name] = mean
        if errors:
            results[f"{name}_se"] = error
    return results


class RunningMeans:
    """The means of `aggregate` and their standard errors from one batch of rows after another, none of which is kept.

    Args:
        partial: whether NaN stands for a row without this score, as where one of several targets is missing; a score
            without any row is left out.

    >>> running = RunningMeans()
    >>> for batch in (torch.tensor([1.0]), torch.tensor([3.0])):
    ...     running.add({"nll": batch}, torch.ones(1))
    >>> running.results()
    ({'nll': 2.0}, {'nll': 1.0})
    """

    def __init__(self, partial: bool = False) -> None:
        self.partial = partial
        #: The number of rows, of any weight.
        self.count = 0
        self._sums: dict[str, _Sums] = {}

    def add(self, per_row: Mapping[str, Tensor], weight: Tensor) -> None:
        """Add the scores (m,) of m rows, with their weights (m,); all batches have the same scores."""
        if not len(weight):
            return
        self.count += len(weight)
        for name, values in per_row.items():
            known = ~values.isnan() if self.partial else slice(None)
            self._sums.setdefault(name, _Sums()).add(values[known].double(), weight[known].double())

    def results(self) -> tuple[dict[str, float], dict[str, float]]:
        """The mean of each score, and its standard error; no errors for fewer than two rows.

        Raises:
            LikelihoodError: no row of positive weight.
        """
        empty = [name for name, sums in self._sums.items() if not sums.positive]
        if empty and not self.partial:
            raise LikelihoodError(f"the score {empty[0]} has no row of positive weight to average over")
        kept = {name: sums for name, sums in self._sums.items() if sums.positive}
        means = {name: float(sums.mean) for name, sums in kept.items()}
        return means, {name: sums.error() for name, sums in kept.items()} if self.count > 1 else {}


class _Sums:
    """Sums over rows with values x and weights w; those of squares are about c, the mean of the first batch."""

    def __init__(self) -> None:
        self.positive = 0
        self.weight = self.values = torch.zeros((), dtype=torch.float64)
        self.center: Tensor | None = None
        #: The sums of w², w² (x − c) and w² (x − c)².
        self.squares = torch.zeros(3, dtype=torch.float64)

    def add(self, values: Tensor, weight: Tensor) -> None:
        used = weight > 0.0
        values, weight = values[used], weight[used]
        if not len(values):
            return
        self.positive += len(values)
        self.weight, self.values = self.weight + weight.sum(), self.values + (weight * values).sum()
        self.center = self.mean if self.center is None else self.center
        deviations = values - self.center
        powers = torch.stack([torch.ones_like(values), deviations, deviations.square()])
        self.squares = self.squares + (weight.square() * powers).sum(1)

    @property
    def mean(self) -> Tensor:
        return self.values / self.weight

    def error(self) -> float:
        n, mean = self.positive, self.mean
        if not mean.isfinite() or n < 2 or self.center is None:
            return float("inf")
        shift = mean - self.center
        about_mean = self.squares[2] - 2.0 * shift * self.squares[1] + shift.square() * self.squares[0]
        return float((about_mean.clamp(min=0.0) * n / (n - 1)).sqrt() / self.weight)


def _mean_and_error(name: str, values: Tensor, weight: Tensor | None) -> tuple[float, float]:
    w = torch.ones_like(values) if weight is None else weight.detach().cpu().double()
    if w.shape != values.shape:
        raise LikelihoodError(f"weight has shape {tuple(w.shape)}, but the score {name} has {tuple(values.shape)}")
    used = w > 0.0
    values, w, n = values[used], w[used], int(used.sum())
    if n == 0:
        raise LikelihoodError(f"the score {name} has no row of positive weight to average over")
    total = w.sum()
    mean = (w * values).sum() / total
    if not mean.isfinite():
        return float(mean), float("inf")
    squares = (w * (values - mean)).square().sum() * n / max(n - 1, 1)
    return float(mean), float(squares.sqrt() / total) if n > 1 else float("inf")
