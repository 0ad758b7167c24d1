"""The rules of the house that can be read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "plugin" / "likelihead"
FILES = sorted(PACKAGE.rglob("*.py"))
#: Each layer may import from those before it, and from its own.
LAYERS = [
    {"errors", "files", "configs"},
    {"laws", "distributions"},
    {"families"},
    {"inference"},
    {"target_types"},
    {"heads", "data", "architectures"},
    {"evaluation", "training"},
    {"commands"},
]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def layer(name: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    if path.parent == PACKAGE and path.stem in ("__init__", "__main__"):
        return
    for module in imported(path):
        parts = module.split(".")
        if parts[0] == "likelihead" and len(parts) > 1:
            assert layer(parts[1]) <= layer(room(path)), f"{path.name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_commands_know_hydra(path: Path) -> None:
    if room(path) != "commands":
        assert not [module for module in imported(path) if module.split(".")[0] in ("hydra", "omegaconf")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_importing_the_package_changes_nothing_and_waits_for_nothing() -> None:
    script = (
        "import sys, likelihead; assert 'torch' not in sys.modules; import torch, pyro;"
        "before = (torch.get_default_dtype(), torch.distributions.Distribution._validate_args, torch.initial_seed());"
        "import likelihead.training.module, likelihead.training.checkpoint, likelihead.distributions;"
        "after = (torch.get_default_dtype(), torch.distributions.Distribution._validate_args, torch.initial_seed());"
        "assert before == after"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=PACKAGE.parent)
