"""What one step of training reads."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Rows of a data set.

    Attributes:
        x: inputs, (n, p).
        y: targets, (n, *event_shape of the head's distribution).
        weight: how much each row's log-likelihood counts, (n,), or None for 1 everywhere.
        exposure: the time or area in which each row's events were counted, (n,), or None for 1 everywhere.

    >>> import torch
    >>> Batch(torch.zeros(3, 2), torch.ones(3)).weight is None
    True
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    exposure: Tensor | None = None
