"""A table with targets of different families, for the tests of joint heads and of their ensembles."""

from __future__ import annotations

import numpy as np
import pandas as pd

FAMILIES = {"visits": "poisson", "share": "beta_proportion"}
SPEC = {"families": {**FAMILIES, "kind": "categorical", "direction": "von_mises"}}


def table(rows: int = 200) -> pd.DataFrame:
    """Targets of four families that depend on x; visits and kind have empty cells."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, rows)
    frame = pd.DataFrame(
        {
            "x": x,
            "visits": rng.poisson(np.exp(1 + x)).astype(float),
            "share": rng.beta(3.0, 3.0 - 2.0 * x),
            "kind": np.where(rng.random(rows) < 0.5 + 0.4 * x, "a", "b"),
            "direction": rng.vonmises(x, 4.0),
        }
    )
    frame.loc[::4, "visits"] = np.nan
    frame.loc[1::5, "kind"] = None
    return frame
