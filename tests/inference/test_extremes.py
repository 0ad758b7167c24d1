"""Parameters from 1e-6 to 1e6 against one another: no NaN anywhere, and everything in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from inference.references import EXTREME

from likelihead.inference import law, mode, pit, quantile, summary
from likelihead.inference.functions import cdf
from likelihead.laws.circular import CircularLaw


@pytest.mark.parametrize("made", EXTREME.values(), ids=EXTREME.keys())
def test_nothing_is_nan(made: Callable[[], Any]) -> None:
    for dist in (made(), made().expand([2, *made().batch_shape])):
        for name, value in summary(dist).items() if dist.batch_shape == made().batch_shape else ():
            assert not value.isnan().any(), name
        assert mode(dist).shape == dist.batch_shape + dist.event_shape
    dist = made()
    found = law(dist)
    if found.claims["quantile"].how == "undefined":
        return
    q = torch.tensor([0.0, 1e-9, 0.05, 0.5, 0.95, 1 - 1e-9, 1.0], dtype=torch.float64)
    values = quantile(dist, q)
    assert not values.isnan().any()
    shares = pit(dist, values), cdf(dist, values)
    assert all(((share >= 0) & (share <= 1)).all() for share in shares)
    if not isinstance(found, CircularLaw):
        assert (values[1:] >= values[:-1]).all()


@pytest.mark.parametrize("made", EXTREME.values(), ids=EXTREME.keys())
def test_intervals_hold_their_mass(made: Callable[[], Any]) -> None:
    dist = made()
    found = law(dist)
    if found.claims["interval"].how == "undefined" or isinstance(found, CircularLaw):
        return
    results = summary(dist)
    for kind in ("central", "highest"):
        lower, upper = results[f"{kind}_lower"].double(), results[f"{kind}_upper"].double()
        held = cdf(dist, upper) - cdf(dist, lower - 1.0 if found.discrete else lower)
        # Quantiles that float64 rounds to an edge or to one number cannot tell masses apart.
        edge = (lower <= 1e-300) | (upper >= 1.0 - 1e-15) & (upper <= 1.0) | upper.isinf()
        edge |= upper - lower <= 1e-9 * upper.abs()
        assert ((held >= 0.9 - 1e-6) | edge | (held <= 0)).all(), kind
