"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

if "PYTEST_XDIST_WORKER" in os.environ:
    # The processes share the cores. The filters of warnings have imported torch by now, which reads the variable then.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)

#: Words that keep Hydra from writing logs to streams that pytest closes.
UNLOGGED = ("hydra/job_logging=none", "hydra/hydra_logging=none")
#: A report takes longer than the training of a test; tests that read it switch it on.
UNREPORTED = {"train": ("report=false",), "compare": ("report=false",)}


@pytest.fixture(scope="session")
def command() -> Callable[..., None]:
    """Run `likelihead <words>` in this process."""

    def run(*words: str) -> None:
        from likelihead.commands import main

        seen = sys.argv
        unreported = () if any(word.startswith("report=") for word in words) else UNREPORTED.get(words[0], ())
        sys.argv = ["likelihead", *words, *unreported, *UNLOGGED]
        try:
            main()
        finally:
            sys.argv = seen

    return run


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """What a process of its own needs to find the package, installed or not."""
    source = Path(__file__).resolve().parents[1] / "plugin"
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the command is typed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
