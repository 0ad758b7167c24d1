"""Small samples for the tests of the scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def line(n: int = 200, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 5.0 + X @ [2.0, -1.0, 0.5] + rng.normal(size=n)


def counts(n: int = 300, seed: int = 0) -> tuple[Array, Array, Array]:
    """Inputs, counts and exposures."""
    rng = np.random.default_rng(seed)
    X, exposure = rng.normal(size=(n, 2)), rng.uniform(0.2, 5.0, n)
    return X, rng.poisson(exposure * np.exp(0.3 + X @ [0.8, -0.4])).astype(float), exposure
