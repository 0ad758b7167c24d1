"""Tab completion, as bash asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")

LINES = {
    "likelihead tr": ["train"],
    "likelihead train distribution=p": [
        "distribution=plackett_luce",
        "distribution=plackett_luce_partial",
        "distribution=plackett_luce_top",
        "distribution=poisson",
        "distribution=projected_normal",
    ],
    "likelihead train optimizer.l": ["optimizer.lr="],
    "likelihead export for": ["format="],
}


@pytest.mark.parametrize(("line", "choices"), LINES.items())
def test_a_line_is_completed(
    line: str, choices: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from likelihead.commands import main

    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setattr("sys.argv", ["likelihead", "-sc", "query=bash"])
    main()
    assert capsys.readouterr().out.split() == choices


def test_the_completion_in_the_readme_is_the_one_that_is_printed() -> None:
    shown = README.split("$ likelihead train distribution=p<TAB>\n")[1].splitlines()[0]
    assert shown.split() == LINES["likelihead train distribution=p"]
