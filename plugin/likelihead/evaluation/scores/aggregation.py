"""Means of scores over rows, and their standard errors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from likelihead.errors import LikelihoodError


def aggregate(
    per_row: Mapping[str, Tensor], weight: Tensor | None = None, errors: bool = False, partial: bool = False
) -> dict[str, float]:
    """The weighted mean of each score over all rows, and with `errors` its standard error as `<name>_se`.

    With w the weights of n rows and m the mean, the standard error is
    sqrt(n / (n - 1) sum w^2 (x - m)^2) / sum w (Cochran, 1977), which for equal weights is s / sqrt n.

    Args:
        per_row: each score by name, (n,) or any other shape that all of them share.
        weight: of the same shape, not negative; rows of weight 0 do not count.
        errors: whether to include the standard errors.
        partial: whether NaN stands for a row without this score, as where one of several targets is missing; a score
            without any row is left out.

    Raises:
        LikelihoodError: a weight of another shape, or no row of positive weight.

    >>> aggregate({"nll": torch.tensor([1.0, 3.0])}, errors=True)
    {'nll': 2.0, 'nll_se': 1.0}
    """
    results: dict[str, float] = {}
    for name, values in per_row.items():
        values = values.detach().cpu().double()
        each = weight
        if partial:
            known = ~values.isnan() & (torch.ones_like(values) if weight is None else weight).gt(0.0)
            if not known.any():
                continue
            values, each = values[known], None if weight is None else weight[known]
        mean, error = _mean_and_error(name, values, each)
        results[name] = mean
        if errors:
            results[f"{name}_se"] = error
    return results


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
