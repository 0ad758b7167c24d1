"""A batch: the rows that one training step reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.utils._pytree import tree_map

from likelihead.errors import LikelihoodError

#: The fields that a tuple gives, in this order.
BY_POSITION = ("x", "y", "weight", "exposure", "mask")


class Batch(NamedTuple):
    """A batch of n rows; everything but x is optional.

    Attributes:
        x: inputs, (n, …) of any shape and dtype, or whatever the network takes.
        y: targets, (n, *sites, *event_shape of the head's family); None if unknown.
        weight: the weight of each log-likelihood, per row (n,) or per site (n, *sites); None for 1 everywhere.
        exposure: the time or area over which events were counted, per row or per site; None for 1 everywhere.
        mask: False for rows or sites without a target, which do not count; per row or per site; None for True
            everywhere.
        bounds: between what each target lies, (n, *sites, 2); equal where y is observed, -inf and inf where there is no
            bound; None if all are observed. See `likelihead.data.censored`.
        truncation: the limits outside which a row would not be in the data, (n, *sites, 2), -inf and inf where there is
            none; None for no truncation.

    >>> import torch
    >>> Batch(torch.zeros(3, 2), torch.ones(3)).weight is None
    True
    """

    x: Any
    y: Tensor | None = None
    weight: Tensor | None = None
    exposure: Tensor | None = None
    mask: Tensor | None = None
    bounds: Tensor | None = None
    truncation: Tensor | None = None

    @classmethod
    def of(cls, batch: Any) -> Batch:
        """Convert what a loader yields: a Batch, a tuple (x, y, …), a mapping {"x": …, "y": …}, or x alone.

        Raises:
            LikelihoodError: a mapping without x or with an unknown key, or a sequence that is empty or too long.

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
                    f"a batch has the keys {', '.join(map(str, batch))}; it must have x, and may have "
                    f"{', '.join(cls._fields[1:])}"
                )
            return cls(**batch)
        if isinstance(batch, Sequence) and not isinstance(batch, str):
            if not 1 <= len(batch) <= len(BY_POSITION):
                raise LikelihoodError(
                    f"a batch has {len(batch)} entries; it must be ({', '.join(BY_POSITION)}) in this order, where "
                    f"all but x are optional; {' and '.join(cls._fields[len(BY_POSITION) :])} are given by name"
                )
            return cls(*batch)
        return cls(batch)

    @classmethod
    def combined(cls, batches: Sequence[Batch], function: Callable[[Any], Tensor]) -> Batch:
        """Several batches as one: a function of a sequence of tensors, such as torch.cat, applied to each column.

        >>> import torch
        >>> Batch.combined([Batch(torch.zeros(2, 1)), Batch(torch.ones(1, 1))], torch.cat).x.flatten().tolist()
        [0.0, 0.0, 1.0]
        """
        columns = zip(*batches, strict=True)
        return cls(*(None if each[0] is None else tree_map(lambda *parts: function(parts), *each) for each in columns))

    def map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        """Apply a function to each tensor, also to those within x.

        >>> import torch
        >>> Batch({"age": torch.arange(3)}, torch.arange(3.0)).map(lambda values: values[1:]).y.tolist()
        [1.0, 2.0]
        """
        return Batch(*apply_to_collection(tuple(self), Tensor, function))
