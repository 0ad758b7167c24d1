"""Several models on the same rows: their scores row by row, and the means of paired differences."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batches, in_float64
from likelihead.evaluation.scores import aggregate, scores
from likelihead.evaluation.scores.integers import integer_nll
from likelihead.heads.sites import by_row

#: The scores of each row that models are compared by.
COMPARED = ("nll", "crps", "coverage_0.9")


@dataclass(frozen=True)
class RowScores:
    """The scores of a model for each of n rows.

    Attributes:
        scores: each score by name, (n,): `nll`, and `crps`, `coverage_0.9` and `integer_nll` where they are defined.
        weight: the weight of each row, (n,).
    """

    scores: dict[str, Tensor]
    weight: Tensor

    def mean(self, score: str) -> float | None:
        """The weighted mean of a score; None where it is undefined."""
        return aggregate({score: self.scores[score]}, self.weight)[score] if score in self.scores else None

    def difference(self, other: RowScores, score: str = "nll") -> tuple[float, float]:
        """By how much a score lies above that of another model on the same rows, and its standard error.

        Raises:
            LikelihoodError: other rows.

        >>> weight = torch.ones(2)
        >>> first, second = (RowScores({"nll": torch.tensor(nll)}, weight) for nll in ([1.0, 5.0], [0.0, 2.0]))
        >>> first.difference(second)
        (2.0, 1.0)
        """
        if self.weight.shape != other.weight.shape or not torch.equal(self.weight, other.weight):
            raise LikelihoodError("models can only be compared on the same rows")
        found = aggregate({score: self.scores[score] - other.scores[score]}, self.weight, errors=True)
        return found[score], found[f"{score}_se"]


@torch.no_grad()
def score_rows(model: nn.Module, data: Dataset | Iterable[Any], names: Collection[str] = COMPARED) -> RowScores:
    """Score a model on each row of a data set, by the scores `names` and `integer_nll`.

    Raises:
        LikelihoodError: the rows have no targets, or some of them are masked.
    """
    model64 = in_float64(model)
    parts = [_score(model64, batch, names) for batch in batches(data)]
    names = set.intersection(*(set(part.scores) for part in parts))
    joined = {name: torch.cat([part.scores[name] for part in parts]) for name in sorted(names)}
    return RowScores(joined, torch.cat([part.weight for part in parts]))


def _score(model: Any, batch: Batch, names: Collection[str]) -> RowScores:
    y, weight, exposure = (as_float64(part) for part in (batch.y, batch.weight, batch.exposure))
    is_plain = batch.mask is None and batch.bounds is None and (weight is None or weight.dim() == 1)
    if y is None or not is_plain:
        raise LikelihoodError("models are compared on rows that have an observed target and one weight each")
    predicted = by_row(model(as_float64(batch.x), exposure))
    found = scores(predicted, y, getattr(model, "calibration", None), names)
    on_integers = integer_nll(predicted, y)
    found |= {} if on_integers is None else {"integer_nll": on_integers}
    return RowScores(found, torch.ones(len(y), dtype=torch.float64) if weight is None else weight)
