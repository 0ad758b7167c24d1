"""The data sets bundled with scikit-learn, as tables; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from likelihead.data.dataset import Data
from likelihead.data.tables.array_column import cells_of
from likelihead.data.tables.split_table import Table, split
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list

#: The options of this source, with their defaults.
OPTIONS: dict[str, Any] = {"name": None}


def _diabetes() -> Any:
    from sklearn.datasets import load_diabetes

    return load_diabetes(as_frame=True, scaled=False)


def _breast_cancer() -> Any:
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(as_frame=True)


def _wine() -> Any:
    from sklearn.datasets import load_wine

    return load_wine(as_frame=True)


def _digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits(as_frame=True)


def _digit_images() -> Any:
    """The digits as images of one channel, rather than as 64 columns of pixels."""
    loaded = _digits()
    images = cells_of(loaded.images.astype(np.uint8)[:, None])
    loaded.frame = pd.DataFrame({"image": images, "target": loaded.target})
    return loaded


def _linnerud() -> Any:
    from sklearn.datasets import load_linnerud

    return load_linnerud(as_frame=True)


SETS: dict[str, Callable[[], Any]] = {
    "diabetes": _diabetes,
    "breast_cancer": _breast_cancer,
    "wine": _wine,
    "digits": _digits,
    "digit_images": _digit_images,
    "linnerud": _linnerud,
}


def bundled(name: str | None) -> tuple[pd.DataFrame, list[str]]:
    """A data set as a table in natural units, and its target columns.

    The target is `target` (progression of diabetes; 0 malignant, 1 benign; cultivar 0 to 2; digit 0 to 9); the targets
    of linnerud are `Weight`, `Waist` and `Pulse`.

    Raises:
        LikelihoodError: an unknown name.

    >>> bundled("wine")[1]
    ['target']
    """
    if name not in SETS:
        raise LikelihoodError(f"data.name is {name!r}; the sets bundled with scikit-learn are {', '.join(SETS)}")
    loaded = SETS[name]()
    frame = loaded.frame.rename(columns=lambda column: str(column).replace(" ", "_"))
    return frame, list(loaded.target_names) if name == "linnerud" else ["target"]


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The data set `options["name"]`, split and encoded for the family."""
    frame, target = bundled(options["name"])
    return split(Table(frame, as_list(options["target"]) or target, options["name"]), family, options, seed)
