"""The commands rest on the public interfaces of Hydra and OmegaConf alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from likelihead import commands

FILES = sorted(Path(str(commands.__file__)).parent.glob("*.py"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("_")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_private_attribute_is_used(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_private(node.attr)]
    foreign = [
        ast.unparse(node) for node in attributes if not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    assert not foreign
    assert not [module for module in modules if any(map(is_private, module.split(".")))]


def test_a_private_attribute_would_be_noticed() -> None:
    assert [is_private(name) for name in ("_is_none", "_get_node", "_target_", "__file__", "select")] == [
        True, True, False, False, False,
    ]  # fmt: skip
