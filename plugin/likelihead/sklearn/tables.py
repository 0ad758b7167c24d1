"""What scikit-learn passes around (arrays, frames, weights) as the tables that the encoders of likelihead read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    _num_samples,
    check_consistent_length,
    validate_data,
)
from torch import Tensor

from likelihead.data.dataset import Examples
from likelihead.data.tables.encoder import TableEncoder
from likelihead.errors import LikelihoodError


@dataclass(frozen=True)
class Rows:
    """Training rows.

    Attributes:
        table: the input and target columns; its index numbers the rows that the user passed.
        weight: how much each row counts (n,), above 0.
        exposure: the time or area over which each row's events were counted (n,); None for 1 everywhere.
    """

    table: pd.DataFrame
    weight: NDArray[np.float64]
    exposure: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: NDArray[Any]) -> Rows:
        """The rows at the positions, or where the mask holds, `rows`."""
        exposure = None if self.exposure is None else self.exposure[rows]
        return replace(self, table=self.table[rows] if rows.dtype == bool else self.table.iloc[rows],
                       weight=self.weight[rows], exposure=exposure)  # fmt: skip

    def merged(self) -> Rows:
        """Each different row once, with the sum of its weights, in an order that depends on the values alone.

        So that weighting a row by 2 and passing it twice are the same, bit for bit. Rows are told apart by 64-bit
        hashes, which coincide with a probability of 3e-8 in a million rows.

        >>> rows = Rows(pd.DataFrame({"x": [1.0, 2.0, 1.0]}), np.array([1.0, 1.0, 3.0]))
        >>> sorted(rows.merged().weight.tolist())
        [1.0, 4.0]
        """
        _, first, group = np.unique(self._keys(), return_index=True, return_inverse=True)
        return replace(self.take(first), weight=np.bincount(group, self.weight).astype(np.float64))

    def distinct_inputs(self, targets: list[str]) -> NDArray[np.uint64]:
        """A number for each different row of inputs, that is of all columns but `targets`."""
        return np.unique(self._keys(targets))

    def _keys(self, without: Iterable[str] = ()) -> NDArray[np.uint64]:
        """A hash of each row (n,)."""
        table = self.table.drop(columns=list(without)).assign(**{"": 0.0 if self.exposure is None else self.exposure})
        keys: NDArray[np.uint64] = pd.util.hash_pandas_object(table, index=False).to_numpy()
        return keys

    def encoded(self, encoder: TableEncoder) -> Examples:
        """The rows as tensors; weights are divided by their mean, and left out where they are all equal."""
        weight = self.weight / self.weight.mean()
        y = encoder.encode_target(self.table)
        return Examples(
            encoder.encode(self.table),
            y,
            None if np.ptp(weight) == 0 else torch.from_numpy(weight.astype(np.float32)),
            encoder.target.target_type.trials(y) if self.exposure is None else as_tensor(self.exposure),
            rows=np.asarray(self.table.index, dtype=np.int64),
        )


def as_tensor(values: NDArray[np.float64] | None) -> Tensor | None:
    """A float32 tensor, or None."""
    return None if values is None else torch.from_numpy(values.astype(np.float32))


def input_table(estimator: Any, X: Any, names: list[str] | None = None) -> pd.DataFrame:
    """X as a pandas frame with text names: a frame keeps its columns, an array gets x0, x1, ….

    Args:
        estimator: checks X, and learns the number and names of its features where `names` is None.
        X: a pandas or polars frame, with text and missing cells as they are, or an array of numbers, (n, p).
        names: those of the fitted columns; None in `fit`.

    Raises:
        ValueError: X is not a table, has no rows, or has other features than in `fit`.
    """
    if not hasattr(X, "columns"):
        least = 2 if names is None else 1
        X = validate_data(
            estimator, X, reset=names is None, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=least
        )
        return pd.DataFrame(X, columns=names or [f"x{index}" for index in range(X.shape[1])])
    validate_data(estimator, X, reset=names is None, skip_check_array=True)
    table = (X.to_pandas() if hasattr(X, "to_pandas") else X).reset_index(drop=True)
    if 0 in table.shape or (names is None and len(table) < 2):
        raise LikelihoodError(
            f"X has {table.shape[0]} sample(s) and {table.shape[1]} feature(s): pass at least 2 and 1"
        )
    table = table.set_axis(names or _distinct_names(table.columns), axis=1)
    # the same numbers in a frame of integers, a frame of floats and an array make the same table
    return table.astype({name: np.float64 for name, kind in table.dtypes.items() if _is_number(kind)})


def _distinct_names(columns: Iterable[Any]) -> list[str]:
    names = [str(column) for column in columns]
    return names if len(set(names)) == len(names) else [f"x{index}" for index in range(len(names))]


def _is_number(dtype: Any) -> bool:
    api = pd.api.types
    return api.is_numeric_dtype(dtype) and not api.is_bool_dtype(dtype) and not api.is_complex_dtype(dtype)


def target_array(estimator: Any, y: Any) -> NDArray[Any]:
    """y as numbers, (n,) or (n, D).

    Raises:
        ValueError: y is missing, holds text, or is not finite.
    """
    if y is None:
        raise LikelihoodError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None"
        )
    values: NDArray[Any] = _check_y(y, multi_output=True, y_numeric=True, estimator=estimator)
    return values.astype(np.float64)


def target_names(y: Any, width: int, taken: Iterable[str]) -> list[str]:
    """Names for the target columns that no input has: those of a pandas object, else y, or y[0], y[1], …."""
    given = getattr(y, "columns", None)
    if given is None:
        name = str(y.name) if getattr(y, "name", None) is not None else "y"
        given = [name] if width == 1 else [f"{name}[{index}]" for index in range(width)]
    taken = set(taken)
    names = [str(name) for name in given]
    return [f"{name} (target)" if name in taken else name for name in names]


def row_weights(X: Any, sample_weight: Any) -> NDArray[np.float64]:
    """Weights (n,), not negative and not all 0."""
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True, ensure_same_device=False
    )
    if not weights.any():
        raise LikelihoodError("Sample weights are 0 in every row: no row would count")
    return weights


def row_exposures(X: Any, exposure: Any) -> NDArray[np.float64] | None:
    """Exposures (n,), finite and above 0; None where none are given."""
    if exposure is None:
        return None
    values: NDArray[np.float64] = check_array(exposure, ensure_2d=False, dtype=np.float64, input_name="exposure")
    check_consistent_length(X, values)
    if values.ndim != 1 or not (values > 0).all():
        raise LikelihoodError(f"exposure must hold one number above 0 for each of the {_num_samples(X)} rows of X")
    return values
