"""The benchmarks run and write what they find. No test asserts a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from benchmarks import timing
from benchmarks.__main__ import NAMES, main
from benchmarks.bench_linear import compare, models
from benchmarks.bench_peers import crps, log_likelihood
from benchmarks.peers import _gamma_shape
from benchmarks.timing import Row, child_seconds, in_turns, interleaved, run_command

#: Parts that start processes of their own, which takes longer than an ordinary test may.
SLOW = ("startup", "growth", "run")
#: Parts of which every machine has figures.
MEASURED = [name for name in NAMES if name != "gpu"]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The benchmarks use one thread; other tests have their own number."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def benchmark(name: str, place: Path) -> list[dict[str, object]]:
    main([name, "--quick", f"--output={place}"])
    found = json.loads(place.read_text())
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["versions"]["torch"] == torch.__version__
    rows: list[dict[str, object]] = found["rows"]
    return rows


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MEASURED]
)
def test_each_part_writes_finite_figures(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = benchmark(name, tmp_path / "found.json")
    assert rows
    assert {row["benchmark"] for row in rows} == {name}
    assert all(isinstance(row["value"], float) and math.isfinite(row["value"]) for row in rows)
    assert all(row["value"] >= 0 for row in rows if "log-likelihood" not in str(row["case"]))
    printed = capsys.readouterr().out
    assert all(str(row["case"]) in printed for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_sentence_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark("gpu", tmp_path / "found.json") == []
    assert "There is no GPU on this machine" in capsys.readouterr().out


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["epochs"])
    assert "there is no benchmark epochs; choose from epoch, heads" in capsys.readouterr().err


def test_medians_of_calls_that_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(timing.time, "process_time", lambda: now[0])
    calls: list[str] = []

    def taking(name: str, durations: list[float]) -> object:
        left = iter(durations)

        def call() -> None:
            calls.append(name)
            now[0] += next(left)

        return call

    # The first call warms up.
    functions = {"a": taking("a", [50.0, 1.0, 9.0, 2.0]), "b": taking("b", [50.0, 4.0, 3.0, 100.0])}
    assert interleaved(functions, repeats=3) == {"a": 2.0, "b": 4.0}  # type: ignore[arg-type]
    assert calls == ["a", "b"] * 4


def test_medians_of_values_that_take_turns() -> None:
    values = {"a": iter([3.0, 1.0, 2.0]), "b": iter([5.0, 5.0, 100.0])}
    assert in_turns({name: left.__next__ for name, left in values.items()}, repeats=3) == {"a": 2.0, "b": 5.0}


def test_the_processor_time_of_a_process_is_its_own() -> None:
    idle = child_seconds("-c", "import time; time.sleep(1.0)")
    busy = child_seconds("-c", "import time\nwhile time.process_time() < 1.0: pass")
    assert idle < 1.0 <= busy


def test_a_process_or_a_command_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="exited with 3"):
        child_seconds("-c", "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="poisson"):
        run_command(["train", "distribution=poison"])


def test_a_row_without_a_number_is_null_in_json() -> None:
    assert Row("peers", "case", "other", math.nan, error=0.5).values()["value"] is None


@pytest.mark.parametrize("name", ["poisson", "normal", "gamma", "bernoulli"])
def test_both_linear_models_reach_the_same_optimum(name: str) -> None:
    torch.manual_seed(1)
    x = torch.randn(300, 10)
    assert compare(x, models(x)[name], repeats=1)[1] < 1e-8


@pytest.mark.parametrize(
    "predicted",
    [stats.norm(np.array([1.0]), np.array([2.0])), stats.gamma(np.array([3.0]), scale=np.array([2.0]))],
    ids=["normal", "gamma"],
)
def test_scores_are_those_of_the_definition(predicted: Any) -> None:
    def squared(t: float) -> float:
        return float((predicted.cdf(t).item() - (t >= 2.5)) ** 2)

    integral, _ = integrate.quad(squared, -50, 100, points=[0.0, 2.5], limit=200)
    assert crps(predicted, np.array([2.5])) == pytest.approx(integral, rel=1e-6)
    assert log_likelihood(predicted, np.array([2.5])) == pytest.approx(math.log(predicted.pdf(2.5).item()))


def test_the_score_of_counts_is_that_of_the_definition() -> None:
    law, values = stats.poisson(np.array([3.0])), np.arange(60)
    expected = np.sum((stats.poisson(3.0).cdf(values) - (values >= 5)) ** 2)
    assert crps(law, np.array([5.0])) == pytest.approx(expected)
    assert log_likelihood(law, np.array([5.0])) == pytest.approx(stats.poisson(3.0).logpmf(5))


def test_the_shape_of_a_gamma_distribution_is_its_maximum_likelihood() -> None:
    y = stats.gamma(2.5, scale=2.0).rvs(500, random_state=0)
    shape, _, _ = stats.gamma.fit(y, floc=0)
    assert _gamma_shape(y, np.full_like(y, y.mean())) == pytest.approx(shape, rel=1e-4)
