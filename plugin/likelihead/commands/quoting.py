"""Names of files and columns on the command line, quoted where Hydra would not take them as they were typed."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

#: The keys whose value is one path.
PATHS = (
    "data.path", "data.test_path", "output", "checkpoint", "resume", "hydra.run.dir", "hydra.sweep.dir",
)  # fmt: skip
#: The keys whose value is a column, or a list of columns in brackets.
COLUMNS = ("data.target", "data.weight", "data.exposure", "data.group", "data.time", "columns")
#: The keys whose value is a comparison, or a list of comparisons in brackets.
COMPARISONS = ("probability",)


def quote(words: Sequence[str], sweep: bool) -> list[str]:
    """The words, with quotes around each path that Hydra would not parse as text, and each column it cannot parse.

    Args:
        words: the command line.
        sweep: whether a list of paths is several trials; otherwise a comma is part of a file's name.

    >>> quote(["data.path=my data (1).csv", "seed=1"], sweep=False)
    ["data.path='my data (1).csv'", 'seed=1']
    >>> quote(["probability=[y>10,1<y<=3]"], sweep=False)
    ["probability=['y>10','1<y<=3']"]
    """
    return [_quoted_items(_quoted(word) if _needs_quotes(word, sweep) else word) for word in words]


def assignment(key: str, value: str) -> str:
    """The word that sets a key to a text, whatever characters it contains.

    >>> assignment("hydra.run.dir", "runs/it's (1)")
    "hydra.run.dir='runs/it\\\\'s (1)'"
    """
    return f"{key}={QuotedString(value, Quote.single).with_quotes()}"


def text_assignment(key: str, value: str) -> str:
    """The word that sets a key to a text, in quotes only where Hydra would read something else.

    >>> text_assignment("net.name", "wide"), text_assignment("net.name", "1")
    ('net.name=wide', "net.name='1'")
    """
    try:
        is_read = OverridesParser.create().parse_override(f"{key}={value}").value() == value
    except HydraException:
        is_read = False
    return f"{key}={value}" if is_read else assignment(key, value)


def _quoted(typed: str) -> str:
    key, _, value = typed.partition("=")
    return assignment(key, value)


def _quoted_items(typed: str) -> str:
    """The word, with quotes around each comparison."""
    key, equals, value = typed.partition("=")
    if not equals or key.lstrip("+") not in COMPARISONS or value in ("null", "[]") or {"'", '"'} & set(value):
        return typed
    is_list = value.startswith("[") and value.endswith("]")
    items = value[1:-1].split(",") if is_list else [value]
    quoted = ",".join(QuotedString(item.strip(), Quote.single).with_quotes() for item in items)
    return f"{key}=[{quoted}]"


def _needs_quotes(typed: str, sweep: bool) -> bool:
    key, equals, value = typed.partition("=")
    if not equals or key.lstrip("+") not in (*PATHS, *COLUMNS):
        return False
    try:
        override = OverridesParser.create().parse_override(typed)
    except HydraException:
        return key.lstrip("+") in PATHS or not value.startswith(("[", "'", '"'))
    if key.lstrip("+") in COLUMNS:
        return False
    if override.is_sweep_override():
        return not sweep
    return not (override.value() is None or isinstance(override.value(), str))
