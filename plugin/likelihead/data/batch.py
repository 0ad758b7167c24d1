"""What one step of training reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from likelihead.errors import LikelihoodError


class Batch(NamedTuple):
    """Rows of a data set.

    Attributes:
        x: inputs, (n, …) of any shape and dtype, or whatever the network takes.
        y: targets, (n, *sites, *event_shape of the head's family); None where they are not known.
        weight: how much each log-likelihood counts, by row (n,) or by site (n, *sites); None for 1 everywhere.
        exposure: the time or area in which events were counted, by row or by site; None for 1 everywhere.
        mask: False where a row or a site has no target and so does not count, by row or by site; None for True.

    >>> import torch
    >>> Batch(torch.zeros(3, 2), torch.ones(3)).weight is None
    True
    """

    x: Any
    y: Tensor | None = None
    weight: Tensor | None = None
    exposure: Tensor | None = None
    mask: Tensor | None = None

    @classmethod
    def of(cls, batch: Any) -> Batch:
        """A batch as loaders give it: a Batch, (x, y, …) in this order, {"x": …, "y": …}, or a bare x.

        Raises:
            LikelihoodError: a key that a batch does not have, too many entries, or none.

        >>> import torch
        >>> Batch.of({"x": torch.zeros(3, 2)}).y is None
        True
        """
        if isinstance(batch, Batch):
            return batch
        if isinstance(batch, Mapping):
            unknown = [str(key) for key in batch if key not in cls._fields]
            if unknown or "x" not in batch:
                raise LikelihoodError(
                    f"a batch is a mapping with the keys {', '.join(map(str, batch))}; it must have x, and may have "
                    f"{', '.join(cls._fields[1:])}"
                )
            return cls(**batch)
        if isinstance(batch, Sequence) and not isinstance(batch, str):
            if not 1 <= len(batch) <= len(cls._fields):
                raise LikelihoodError(
                    f"a batch has {len(batch)} entries; it must be ({', '.join(cls._fields)}) in this order, "
                    "of which all but x may be left out"
                )
            return cls(*batch)
        return cls(batch)
