"""likelihead predict: statistics on request, tables in parts, files written whole or not at all."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands.runs import ROWS, Command, metrics
from scipy import stats

from likelihead import load

pytestmark = pytest.mark.usefixtures("at_home")


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 100 rows, from text files too."""
    monkeypatch.setattr(import_module("likelihead.evaluation.evaluate"), "MAX_ROWS", 100)
    monkeypatch.setattr("likelihead.data.tables.table_parts.LARGE_FILE", 0)


OPTIONS = ["point=median", "quantiles=[]", "intervals=[.5,.9]", "samples=2", "seed=3"]


def test_statistics_on_request(finished: Path, home: Path, command: Command) -> None:
    command(
        "predict", "checkpoint=run", "data.path=rows.csv", "output=asked.csv", *OPTIONS,
        "probability=[mass>1,-1 < y <= 2]",
    )  # fmt: skip
    predicted = pd.read_csv(home / "asked.csv")
    asked = ["median", "lower0.5", "upper0.5", "lower0.9", "upper0.9", "P(mass>1)", "P(-1<y<=2)", "sample1", "sample2"]
    assert list(predicted) == [*asked, "loc", "scale", "log_prob", "pit"]
    law = stats.norm(predicted["loc"], predicted.scale)
    np.testing.assert_allclose(predicted["upper0.9"], law.ppf(0.95), rtol=1e-9)
    np.testing.assert_allclose(predicted["P(mass>1)"], law.sf(1.0), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(predicted["P(-1<y<=2)"], law.cdf(2.0) - law.cdf(-1.0), atol=1e-12)
    assert stats.kstest(law.cdf(predicted.sample1), "uniform").pvalue > 1e-3
    command("predict", "checkpoint=run", "data.path=rows.csv", "output=one.csv", "probability=y>1", "intervals=.8")
    one = pd.read_csv(home / "one.csv")
    np.testing.assert_array_equal(one["P(y>1)"], predicted["P(mass>1)"])
    assert {"mean", "mode", "median", "q0.05", "lower0.8"} <= {*one}


@pytest.mark.usefixtures("in_small_parts")
@pytest.mark.parametrize("source", ["rows.csv", "rows.parquet"])
@pytest.mark.parametrize("name", ["parts.csv", "parts.csv.gz", "parts.parquet"])
def test_a_file_in_parts_is_the_frame_of_python(
    source: str, name: str, finished: Path, home: Path, command: Command
) -> None:
    frame = pd.read_csv(home / "rows.csv")
    frame.to_parquet(home / "rows.parquet")
    files = []
    for _ in range(2):
        command("predict", "checkpoint=run", f"data.path={source}", f"output={name}", "columns=[kind]", *OPTIONS)
        files.append((home / name).read_bytes())
    assert files[0] == files[1]
    written = pd.read_parquet(home / name) if name.endswith("parquet") else pd.read_csv(home / name)
    options = {"quantiles": [], "point": "median", "intervals": [0.5, 0.9], "samples": 2, "seed": 3}
    expected = load(finished).predict(frame, columns=["kind"], **options)  # type: ignore[arg-type]
    assert len(written) == ROWS
    pd.testing.assert_frame_equal(written, expected, check_exact=True, check_dtype=False)


def test_the_log_probs_add_up_to_the_metrics(finished: Path, home: Path, command: Command) -> None:
    command("predict", "checkpoint=run", "output=held.parquet")
    predicted, test = pd.read_parquet(home / "held.parquet"), metrics(finished)["test"]
    assert len(predicted) == test["n"]
    assert -np.sum(predicted.log_prob.to_numpy()) / test["n"] == pytest.approx(test["nll"], rel=1e-15)


@pytest.mark.usefixtures("in_small_parts")
def test_a_file_is_written_whole_or_not_at_all(
    finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv(home / "rows.csv").astype({"size": object})
    frame.loc[ROWS - 1, "size"] = "large"
    frame.to_csv(home / "broken.csv", index=False)
    (home / "out").mkdir()
    for name in ("new.csv", "new.parquet"):
        with pytest.raises(SystemExit):
            command("predict", "checkpoint=run", "data.path=broken.csv", f"output=out/{name}")
        assert f"'size': 1 of 40 cells are not numbers (row {ROWS - 1}: 'large')" in capsys.readouterr().err
        assert not list((home / "out").iterdir())


@pytest.mark.usefixtures("in_small_parts")
def test_remarks_are_not_repeated_for_every_part(
    finished: Path, home: Path, command: Command, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.read_csv(home / "rows.csv").assign(kind="z", mass=np.nan)
    frame.to_csv(home / "odd.csv", index=False)
    with caplog.at_level("INFO", logger="likelihead.data"):
        command("predict", "checkpoint=run", "data.path=odd.csv", "data.unseen=ignore", "output=odd.out.csv")
    assert caplog.text.count("hold an unseen category") == 1
    assert "the same was found in later rows of the table, 2 times" in caplog.text
    assert pd.read_csv(home / "odd.out.csv").log_prob.isna().all()


WRONG = {
    "point": (["point=meann"], "there is no point=meann: did you mean 'mean'?"),
    "interval": (["intervals=[90]"], "intervals contains 90; each mass must lie between 0 and 1"),
    "event": (["probability=y>tall"], "'tall' is not a number, and 'mass' holds numbers"),
    "value": (["probability=y=3"], "single value has probability 0"),
    "samples": (["samples=some"], "samples='some' must be a whole number"),
}


@pytest.mark.parametrize(("given", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_statistics(
    given: list[str], sentence: str, finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command("predict", "checkpoint=run", "output=wrong.csv", *given)
    assert sentence in capsys.readouterr().err
    assert not (home / "wrong.csv").exists()


READ = ["rows.csv", "run/metrics.json", "run/config.yaml", "run/checkpoints/last.ckpt"]


@pytest.mark.parametrize(("kind", "name"), [("predict", "rows.csv"), *(("evaluate", name) for name in READ)])
def test_files_that_are_read_are_not_overwritten(
    kind: str, name: str, finished: Path, home: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even the table of the run, which is read where no other is named."""
    before = (home / name).read_bytes()
    with pytest.raises(SystemExit):
        command(kind, "checkpoint=run", f"output={name}")
    assert "is one of the input files" in capsys.readouterr().err
    assert (home / name).read_bytes() == before


def test_scores_are_written_with_their_errors(finished: Path, home: Path, command: Command) -> None:
    """The standard error of the mean NLL is that of numpy over the rows of the prediction file."""
    command("predict", "checkpoint=run", "output=rows.out.csv")
    command("evaluate", "checkpoint=run", "output=scores.out.json")
    nll, scores = -pd.read_csv(home / "rows.out.csv").log_prob, json.loads((home / "scores.out.json").read_text())
    assert scores["nll"] == pytest.approx(nll.mean(), rel=1e-12)
    assert scores["standard_errors"]["nll"] == pytest.approx(stats.sem(nll), rel=1e-9)
    assert scores["standard_errors"].keys() == {name for name in scores if isinstance(scores[name], float)}
