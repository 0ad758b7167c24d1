"""The figures of the lecture: each script runs in its quick mode, and what it prints proves its sentence."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = sorted(path.stem for path in (EXAMPLES / "lecture").glob("*.py") if path.stem not in ("drawing", "networks"))
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str) -> str:
    monkeypatch.syspath_prepend(str(EXAMPLES / "lecture"))
    monkeypatch.setattr(sys, "argv", [name, "--quick", "--folder", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / "lecture" / f"{name}.py"), run_name="__main__")
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return capsys.readouterr().out


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", line)]


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name.endswith("_loss")])
def test_likelihood_and_loss_share_their_optimum(printed: str) -> None:
    first, second = printed.splitlines()
    assert len(set(numbers(first))) == 1
    assert numbers(second)[0] == pytest.approx(numbers(second)[1], abs=0.004)


@pytest.mark.parametrize("name", ["why_cross_entropy"])
def test_divergence_and_cross_entropy_differ_by_the_entropy(printed: str) -> None:
    best, differences, nll = (numbers(line) for line in printed.splitlines())
    assert best == pytest.approx([best[2]] * 3, abs=0.06)
    assert differences == pytest.approx([differences[2]] * 3, abs=1e-6)
    assert nll[0] < 1e-6


@pytest.mark.parametrize("name", ["universal_approximation"])
def test_the_error_of_a_piecewise_linear_function_falls_with_the_square_of_the_pieces(printed: str) -> None:
    *errors, ratio = (numbers(line)[-1] for line in printed.splitlines())
    assert errors == sorted(errors, reverse=True)
    assert ratio == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("name", ["decision_boundaries"])
def test_two_regions_classify_better_than_either(printed: str) -> None:
    one, another, both = (numbers(line)[0] for line in printed.splitlines())
    assert both > 0.95 > max(one, another)


@pytest.mark.parametrize("name", ["heteroscedastic", "predicting_distributions"])
def test_the_trained_examples_run(printed: str, name: str) -> None:
    assert len(printed.splitlines()) == {"heteroscedastic": 3, "predicting_distributions": 4}[name]


def test_the_page_shows_every_script_and_its_picture() -> None:
    assert sorted(set(re.findall(r"examples/lecture/(\w+)\.py", PAGE))) == SCRIPTS
    pictures = re.findall(r"!\[[^\]]{20,}\]\((lecture/\w+\.png)\)", PAGE)
    assert sorted(Path(picture).stem for picture in pictures) == SCRIPTS
    assert all((EXAMPLES / picture).is_file() for picture in pictures)
