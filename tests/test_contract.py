"""The contract of tests/contract.py over every shipped family."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import CASES, Case
from contract import CHECKS, Check

from likelihead.configs import shipped


def test_every_shipped_family_has_a_row() -> None:
    assert sorted(CASES) == sorted(shipped())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_shipped_family_keeps_the_contract(case: Case, check: Check, tmp_path: Path) -> None:
    check(case, tmp_path)
