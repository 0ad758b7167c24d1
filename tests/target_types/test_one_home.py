"""What sort of answer y is, is asked in one place, the target types: nobody else tests for a type or its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from likelihead.target_types import TARGET_TYPES

PACKAGE = Path(__file__).resolve().parents[2] / "plugin" / "likelihead"
ELSEWHERE = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "target_types")
#: Classes of target types, of laws and of distributions by which one could tell sorts of answers apart.
CLASSES = {cls.__name__ for cls in TARGET_TYPES.values()} | {
    "Categorical", "OrderedLogistic", "Bernoulli", "OneHotCategorical", "PlackettLuce", "VonMises", "Permutation",
    "ClassLaw", "LevelLaw", "BernoulliLaw", "FiniteLaw", "RankingLaw", "CircularLaw",
}  # fmt: skip
#: Rooms below the target types that define these classes, and so may know each other's.
DEFINED = ("laws", "distributions")


def names_in(node: ast.AST) -> set[str]:
    inner = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    return inner | {child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)}


def smells(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            if names_in(node.args[1]) & CLASSES:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Compare):
            texts = {child.value for child in ast.walk(node) if isinstance(child, ast.Constant)}
            asked = {"name", "value", "__name__"} & {
                child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)
            }
            if asked and texts & (set(TARGET_TYPES) | CLASSES | {"ermutation", "label", "order"}):
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_else_asks_which_type(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] not in DEFINED:
        assert not smells(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "code",
    [
        "isinstance(predicted, dist.Categorical | dist.Bernoulli)",
        "issubclass(family.cls, OrderedLogistic)",
        "isinstance(found, (RankingLaw, CircularLaw))",
        "target_type.name == 'class'",
        "kind.value in ('label', 'level')",
        "'ermutation' in type(support).__name__",
    ],
)
def test_the_smell_is_noticed(code: str) -> None:
    assert smells(ast.parse(code))


@pytest.mark.parametrize("code", ["isinstance(rows, Tensor)", "name == 'class'", "path.name == 'rows.csv'"])
def test_other_questions_are_free(code: str) -> None:
    assert not smells(ast.parse(code))
