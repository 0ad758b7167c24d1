"""Linear models of many families, fitted in seconds, to see which of them are worth training in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from likelihead.data.batch import Batch
from likelihead.data.dataset import Data
from likelihead.evaluation.paired import RowScores, score_rows
from likelihead.training.module import LikelihoodModule

#: Rounds of optimisation, and the steps of each.
ROUNDS, STEPS = 8, 10


def linear_scores(data: Data, family: str | Mapping[str, Any] | type) -> RowScores:
    """The scores of a linear model on the validation rows (the training rows without any), from the marginal fit on.

    The optimiser stops at the round that is best on those rows. It is no substitute for `fit`: a few steps on all rows
    at once are enough to rank families.

    Raises:
        LikelihoodError: targets that the family cannot take, or a loss that is not finite.

    >>> from likelihead.data import Examples
    >>> x = torch.linspace(-1, 1, 90)[:, None]
    >>> rows = Examples(x, torch.poisson((1 + 2 * x[:, 0]).exp()))
    >>> data = Data(rows, rows, rows)
    >>> linear_scores(data, "poisson").mean("nll") < linear_scores(data, "exponential").mean("nll")
    True
    """
    module = LikelihoodModule.for_data(data, family, "linear").double()
    whole = data.train[:]
    y = whole.y.double() if whole.y is not None and whole.y.is_floating_point() else whole.y
    weight, exposure = (None if part is None else part.double() for part in (whole.weight, whole.exposure))
    batch = Batch(whole.x.double(), y, weight, exposure)
    module.head.fit_marginal(batch.y, batch.weight, batch.exposure)
    optimizer = torch.optim.LBFGS(module.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = -module.log_prob(batch).sum() / len(batch.x)
        loss.backward()
        return loss

    held_out = data.validation if len(data.validation) else data.train
    rounds = []
    for _ in range(ROUNDS):
        optimizer.step(closure)
        rounds.append(score_rows(module, held_out, ["nll"]))
    return min(rounds, key=lambda scored: scored.mean("nll") or 0.0)
