"""Fewer panels, where a test is not about their number: drawing them is most of the time of a report."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from likelihead.report import sections
from likelihead.report.figures import rows


@pytest.fixture(scope="module")
def few_panels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sections, "MOST_EFFECTS", 1)
        patch.setattr(rows, "PLACES", {"Typical": 0.5, "Worst": 0.0})
        yield
