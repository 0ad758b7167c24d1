"""The table of what is exact, inverted or undefined, against what the functions do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from likelihead import LikelihoodError
from likelihead.configs import shipped
from likelihead.inference import cdf, interval, law, mean, median, mode, pit, quantile, sample
from likelihead.inference.table import examples, markdown, table
from likelihead.laws.law import FUNCTIONS

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
EXAMPLES = examples()
CALLS = {
    "mode": mode,
    "mean": mean,
    "median": median,
    "quantile": lambda dist: quantile(dist, 0.3),
    "interval": lambda dist: interval(dist, 0.8, kind="highest")[1],
    "cdf": lambda dist: cdf(dist, sample(dist, 1)[0]),
    "pit": lambda dist: pit(dist, sample(dist, 1)[0]),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("family", EXAMPLES)
def test_each_claim_is_kept(family: str, function: str) -> None:
    dist: Any = EXAMPLES[family]
    how, note = law(dist).claims[function]
    assert how in ("exact", "inverted", "undefined")
    if how == "undefined":
        assert note
        with pytest.raises(LikelihoodError, match=f"the {function} of .* is undefined: ") as error:
            CALLS[function](dist)
        assert note in str(error.value)
    else:
        result = CALLS[function](dist)
        assert result.isfinite().all() and result.shape == dist.batch_shape + dist.event_shape


def test_every_shipped_family_has_a_row() -> None:
    assert set(shipped()) <= set(table())


def test_the_command_prints_the_table() -> None:
    command = [sys.executable, "-m", "likelihead.inference", "--table"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PLUGIN).stdout
    assert printed.strip() == markdown()
