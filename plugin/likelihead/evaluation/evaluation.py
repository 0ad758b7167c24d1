"""The scores of a model on a data set, beside those of the marginal fit and of the true distribution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set.

    Attributes:
        n: the number of rows that count.
        scores: the mean of each score over the rows; `nll` in nats.
        standard_errors: the standard errors of these means; empty for fewer than two rows.
        marginal: the mean NLL of the marginal fit; None without rows.
        oracle: the mean NLL of the true distribution; None if it is unknown.
        uncalibrated: of a calibrated model, the scores that its quantiles had before; otherwise empty.
        marginal_scores: the means of those further scores of the marginal fit that `MARGINAL_SCORES` names, if they
            were asked for.
        gain_error: the standard error of `gain`, from its differences row by row; None for fewer than two rows.
    """

    n: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    standard_errors: dict[str, float] = field(default_factory=dict)
    marginal: float | None = None
    oracle: float | None = None
    uncalibrated: dict[str, float] = field(default_factory=dict)
    marginal_scores: dict[str, float] = field(default_factory=dict)
    gain_error: float | None = None

    @property
    def gain(self) -> float | None:
        """The nats per row by which the NLL lies below that of the marginal fit; None without rows."""
        return None if self.nll is None or self.marginal is None else self.marginal - self.nll

    @property
    def share_of_oracle(self) -> float | None:
        """The share of the way from the marginal fit to the true distribution; None if that is unknown or no better.

        >>> Evaluation(2, {"nll": 1.25}, marginal=2.0, oracle=1.0).share_of_oracle
        0.75
        """
        if self.gain is None or self.marginal is None or self.oracle is None or not self.oracle < self.marginal:
            return None
        return self.gain / (self.marginal - self.oracle)

    @property
    def nll(self) -> float | None:
        """The mean NLL over the rows, in nats; None without rows."""
        return self.scores.get("nll")

    @property
    def metrics(self) -> dict[str, Any]:
        """`n` and the scores, as in metrics.json; those before calibration under `uncalibrated`."""
        before = {"uncalibrated": self.uncalibrated} if self.uncalibrated else {}
        return {"n": self.n, "nll": self.nll, **self.scores, **before}
