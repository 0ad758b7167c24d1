"""The rules of the house that can be read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "plugin" / "likelihead"
PLUGIN = PACKAGE.parent / "hydra_plugins"
FILES = sorted(PACKAGE.rglob("*.py"))
#: Each layer may import from those before it, and its own rooms from themselves.
LAYERS = [
    {"errors"},
    {"files", "configs", "loggers"},
    {"laws"},
    {"distributions"},
    {"families"},
    {"inference"},
    {"target_types"},
    {"heads", "data", "architectures"},
    {"evaluation"},
    {"training"},
    {"report"},
    {"export", "pyro_models"},
    {"sklearn"},
    {"skpro"},
    {"commands"},
]
#: The package's own entry points, which lead everywhere.
ENTRIES = ("__init__.py", "__main__.py")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def imported(path: Path) -> set[str]:
    """The modules of likelihead that a file imports, in any form: under TYPE_CHECKING and inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: relative imports hide where a name comes from"
            joined = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in joined}
    return {name for name in names if name.split(".")[0] == "likelihead"}


def room(name: str) -> str:
    return name.split(".")[1]


def layer(name: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if room(name) in names)


INSIDE = {name: path for name, path in MODULES.items() if not (path.parent == PACKAGE and path.name in ENTRIES)}


@pytest.mark.parametrize("name", INSIDE)
def test_imports_run_one_way(name: str) -> None:
    for other in imported(INSIDE[name]):
        assert other != "likelihead", f"{name} imports from the package itself: name the module"
        assert room(other) == room(name) or layer(other) < layer(name), f"{name} imports {other}"


def test_there_are_no_circles() -> None:
    """Each module can be put after all that it imports; a package's `__init__` may gather its own modules."""
    graph = {name: imported(path) - {name} for name, path in INSIDE.items() if path.name != "__init__.py"}
    graph = {name: {other for other in others if other in graph} for name, others in graph.items()}
    while graph:
        free = {name for name, others in graph.items() if not others & set(graph)}
        assert free, f"circle among {sorted(graph)}"
        graph = {name: others for name, others in graph.items() if name not in free}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_commands_know_hydra(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    if path.relative_to(PACKAGE).parts[0] != "commands":
        assert not [name for name in names if name.split(".")[0] in ("hydra", "omegaconf")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_functions_fit_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            start = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.lineno
            assert (node.end_lineno or 0) - start < 45, f"{path.name}: {node.name}"


def test_importing_the_package_changes_nothing_and_waits_for_nothing() -> None:
    script = (
        "import sys, likelihead; assert 'torch' not in sys.modules; import torch, pyro;"
        "before = (torch.get_default_dtype(), torch.distributions.Distribution._validate_args, torch.initial_seed());"
        "import likelihead.training.fit, likelihead.training.checkpoint, likelihead.distributions;"
        "after = (torch.get_default_dtype(), torch.distributions.Distribution._validate_args, torch.initial_seed());"
        "assert before == after; assert not {'hydra', 'omegaconf'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=PACKAGE.parent)


@pytest.mark.parametrize("name", ["fit", "load", "DistributionHead", "LikelihoodModule", "LikelihoodError"])
def test_the_public_names_are_there(name: str) -> None:
    import likelihead

    assert name in likelihead.__all__
    assert callable(getattr(likelihead, name))
