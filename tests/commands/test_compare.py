"""likelihead compare: what is refused, what it says of families that fail, and its exit status."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig
from scipy import stats

Command = Callable[..., None]
QUICK = ["data=diabetes", "trainer.max_epochs=1", "strategy=cpu"]


def compare(command: Command, *words: str) -> int:
    """The exit status of `likelihead compare`."""
    try:
        command("compare", *words)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code
    return 0


def test_all_families_succeed(in_folder: Path, command: Command) -> None:
    assert compare(command, *QUICK, "distribution=normal,poisson", "hydra.sweep.dir=both") == 0
    table = pd.read_csv(in_folder / "both" / "comparison.csv")
    nlls, scores = ["nll", "marginal_nll", "validation_nll"], ["integer_nll", "crps", "coverage_0.9"]
    differences = ["difference", "standard_error"]
    columns = ["distribution", "part", *nlls, "discrete", *differences, *scores, "seconds", "directory", "failure"]
    assert list(table) == columns
    assert dict(zip(table.distribution, table.discrete, strict=True)) == {"normal": False, "poisson": True}
    for name, directory in zip(table.distribution, table.directory, strict=True):
        assert Path(directory) == in_folder / "both" / name
    assert {path.name for path in (in_folder / "both").iterdir()} == {
        "comparison.csv", "multirun.yaml", "normal", "poisson",
    }  # fmt: skip


def test_some_families_fail(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(command, *QUICK, "distribution=beta,normal", "hydra.sweep.dir=some") == 1
    printed = capsys.readouterr()
    assert "test NLL" in printed.out
    assert "beta: target column 'target': 442 of 442 rows cannot be targets of Beta" in printed.out
    assert printed.err.strip() == "error: 1 of 2 families could not be trained: beta"
    table = pd.read_csv(in_folder / "some" / "comparison.csv").set_index("distribution")
    reason = (in_folder / "some" / "beta" / "error.txt").read_text(encoding="utf-8").strip()
    assert table.failure["beta"] == reason
    assert not (in_folder / "some" / "normal" / "error.txt").exists()


def test_all_families_fail(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(command, *QUICK, "distribution=beta,bernoulli", "hydra.sweep.dir=none") == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: none of the families could be trained: beta: target column 'target'")
    assert "; bernoulli: target column 'target'" in error
    assert not list(in_folder.iterdir())


def test_one_reason_is_said_once(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(command, "distribution=normal,laplace", "trainer.max_epochs=1") == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: none of the families could be trained: each family would train on a synthetic set")
    assert error.count("synthetic") == 1
    assert not list(in_folder.iterdir())


WRONG = {
    "no list": (["distribution=normal"], "compare needs several families"),
    "twice": (["distribution=normal,laplace,normal"], "names a family twice"),
    "unknown": (["distribution=normal,laplas"], "did you mean 'laplace'"),
    "second list": (
        ["distribution=normal,laplace", "trainer.max_epochs=1,2"],
        "trainer.max_epochs=1,2: compare takes a list of distributions only",
    ),
    "second range": (["distribution=normal,laplace", "seed=range(3)"], "takes a list of distributions only"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_words(
    words: list[str], sentence: str, in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(command, "data=diabetes", *words) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert sentence in error
    assert "\n" not in error
    assert not list(in_folder.iterdir())


def test_a_comparison_is_not_overwritten(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    (in_folder / "old").mkdir()
    (in_folder / "old" / "comparison.csv").write_text("mine", encoding="utf-8")
    assert compare(command, *QUICK, "distribution=normal,laplace", "hydra.sweep.dir=old") == 1
    assert "already holds a comparison" in capsys.readouterr().err
    assert [path.name for path in in_folder.rglob("*")] == ["old", "comparison.csv"]


def test_the_task_can_be_sent_to_another_process(environment: dict[str, str], tmp_path: Path) -> None:
    """A launcher such as joblib's pickles the task; its results come back as files alone."""
    pytest.importorskip("cloudpickle")
    send = (
        "import cloudpickle, hydra, sys\n"
        "def catch(**_):\n    return lambda task: lambda: sys.stdout.buffer.write(cloudpickle.dumps(task))\n"
        "hydra.main = catch\n"
        "from likelihead.commands import command_line, compare\n"
        "command_line.start(compare.train_family, 'train', [])\n"
    )
    receive = (
        "import cloudpickle, sys\n"
        "from omegaconf import OmegaConf\n"
        "task = cloudpickle.loads(sys.stdin.buffer.read())\n"
        "from likelihead.commands import compare\n"
        "from pathlib import Path\n"
        "compare.output_directory = lambda: Path('.')\n"
        "task(OmegaConf.create({'data': {'kind': 'synthetic', 'name': None}}))\n"
        "assert OmegaConf.has_resolver('likelihead.times_rows')\n"
    )
    options = {"cwd": tmp_path, "env": environment, "check": True}
    pickled = subprocess.run([sys.executable, "-c", send], stdout=subprocess.PIPE, **options).stdout  # type: ignore[call-overload]
    subprocess.run([sys.executable, "-c", receive], input=pickled, **options)  # type: ignore[call-overload]
    assert "each family would train on a synthetic set" in (tmp_path / "error.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """Two families that give probabilities and one that gives densities, on the same counts."""
    folder = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = [*QUICK, "distribution=normal,poisson,laplace", "hydra.sweep.dir=all", "architecture=linear"]
        assert compare(command, *words) == 0
    return folder


def test_differences_are_paired_row_by_row(compared: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(compared)
    table = pd.read_csv("all/comparison.csv").set_index("distribution")
    nlls = {}
    for name in ("normal", "laplace"):
        command("predict", f"checkpoint=all/{name}", f"output={name}.parquet")
        nlls[name] = -pd.read_parquet(f"{name}.parquet").log_prob
    best, other = sorted(nlls, key=lambda name: table.integer_nll[name])
    gap = nlls[other] - nlls[best]
    assert pd.isna(table.difference[table.integer_nll.idxmin()])
    found = table.difference[other] - (0.0 if pd.isna(table.difference[best]) else table.difference[best])
    assert found == pytest.approx(gap.mean(), abs=1e-3)
    assert table.standard_error[other] == pytest.approx(stats.sem(gap), rel=0.05)


def test_counts_and_densities_are_ranked_by_what_they_say_of_whole_numbers(compared: Path) -> None:
    table = pd.read_csv(compared / "all" / "comparison.csv").set_index("distribution")
    assert list(table.integer_nll) == sorted(table.integer_nll)
    assert table.integer_nll["poisson"] == pytest.approx(table.nll["poisson"], rel=1e-12)
    assert table.integer_nll["normal"] == pytest.approx(table.nll["normal"], abs=1e-3)
    assert table["coverage_0.9"].between(0, 1).all() and (table.crps > 0).all() and (table.seconds > 0).all()


def test_finished_runs(
    compared: Path, command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(compared)
    assert compare(command, "runs=[all/normal,all/laplace]", "output=two.csv") == 0
    table = pd.read_csv("two.csv").set_index("distribution")
    whole = pd.read_csv("all/comparison.csv").set_index("distribution")
    assert set(table.run) == {"all/normal", "all/laplace"}
    for name in table.index:
        assert table.nll[name] == whole.nll[name]
        assert table.crps[name] == pytest.approx(whole.crps[name])
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Choose all/{table.index[0]}: " in printed and "NLL(int)" not in printed


def test_runs_on_other_rows_have_no_difference(
    compared: Path, command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(compared)
    command("train", "distribution=normal", *QUICK, "architecture=linear", "data.seed=5", "hydra.run.dir=elsewhere")
    capsys.readouterr()
    assert compare(command, "runs=[all/normal,elsewhere]", "output=rows.csv") == 0
    assert pd.read_csv("rows.csv").difference.isna().all()
    printed = capsys.readouterr().out
    assert "cannot be ranked, as they were tested on different rows" in printed
    assert "Choose" not in printed


def test_joint_runs_are_compared(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=120)
    frame = pd.DataFrame({"x": x, "n": rng.poisson(np.exp(x)), "share": rng.uniform(size=120)})
    frame.to_csv(in_folder / "both.csv", index=False)
    words = ["distribution=joint", "data=table", "data.path=both.csv", "data.target=[n,share]", "architecture=linear"]
    for name, family in (("good", "poisson"), ("bad", "poisson"), ("other", "normal")):
        families = f"distribution.families={{n: {family}, share: beta}}"
        epochs = "trainer.max_epochs=30" if name == "good" else "trainer.max_epochs=1"
        command("train", *words, families, epochs, "strategy=cpu", "report=false", f"hydra.run.dir={name}")
    capsys.readouterr()
    assert compare(command, "runs=[bad,good]", "output=joint.csv") == 0
    assert "Choose good: " in capsys.readouterr().out
    table = pd.read_csv(in_folder / "joint.csv")
    assert table.run.tolist() == ["good", "bad"]
    assert table.discrete.tolist() == ["n", "n"]
    assert table.difference[1] == pytest.approx(table.nll[1] - table.nll[0], abs=1e-5)
    assert compare(command, "runs=[good,other]") == 0
    assert "cannot be ranked, as some give probabilities and others densities" in capsys.readouterr().out


WRONG_RUNS = {
    "one": (["runs=[all/normal]"], "compare needs several runs"),
    "no run": (["runs=[all/normal,all]"], "'all' is not the directory of a run"),
    "several": (["runs=[all/normal,all]"], "but holds 3 of them: name one, such as 'all/laplace'"),
    "another key": (["runs=[all/normal,all/laplace]", "seed=1"], "only output=FILE.csv can be given"),
    "output": (["runs=[all/normal,all/laplace]", "output=all/normal/metrics.csv"], "exists and is no comparison"),
}


@pytest.mark.parametrize(("words", "sentence"), WRONG_RUNS.values(), ids=WRONG_RUNS)
def test_wrong_runs(
    words: list[str], sentence: str, compared: Path, command: Command, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(compared)
    assert compare(command, *words) == 1
    assert sentence in capsys.readouterr().err


def test_architectures_and_families_are_combined(in_folder: Path, command: Command) -> None:
    words = [*QUICK, "distribution=normal,laplace", "architecture=linear,shallow", "hydra.sweep.dir=four"]
    assert compare(command, *words) == 0
    table = pd.read_csv(in_folder / "four" / "comparison.csv")
    assert set(zip(table.distribution, table.architecture, strict=True)) == {
        (family, network) for family in ("normal", "laplace") for network in ("linear", "shallow")
    }
    assert {Path(directory).name for directory in table.directory} == {
        f"{family}-{network}" for family in ("normal", "laplace") for network in ("linear", "shallow")
    }


def test_auto_trains_the_best_of_the_families_that_fit(
    in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """The counts are overdispersed and depend on x through a log link."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    frame = pd.DataFrame({"x": x, "n": rng.negative_binomial(1.0, 1.0 / (1.0 + np.exp(1.0 + x)))})
    frame.to_csv(in_folder / "n.csv", index=False)
    words = ["data=table", "data.path=n.csv", "data.target=n", "architecture=linear", "strategy=cpu", "refit=false"]
    assert compare(command, "distribution=auto", *words, "trainer.max_epochs=5", "hydra.sweep.dir=auto") == 0
    table = pd.read_csv(in_folder / "auto" / "comparison.csv")
    assert len(table) == 3 and "negative_binomial" in set(table.distribution)
    printed = capsys.readouterr().out
    assert "validation NLL of a linear model of each" in printed
    assert "gamma" not in printed  # some counts are 0
    assert "Choose negative_binomial: " in printed


def test_auto_of_labels(in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"x": range(60), "y": ["a", "b", "c"] * 20}).to_csv(in_folder / "y.csv", index=False)
    words = ["data=table", "data.path=y.csv", "data.target=y", "architecture=linear", "strategy=cpu"]
    assert compare(command, "distribution=auto", *words, "trainer.max_epochs=1", "hydra.sweep.dir=auto") == 0
    assert pd.read_csv(in_folder / "auto" / "comparison.csv").distribution.tolist() == ["categorical"]


def test_an_unexpected_error_loses_no_other_result(
    in_folder: Path, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from likelihead.commands import train

    sound = train.run

    def run(config: DictConfig) -> object:
        if "Laplace" in str(config.distribution.family):
            raise ZeroDivisionError("a bug")
        return sound(config)

    monkeypatch.setattr(train, "run", run)
    assert compare(command, *QUICK, "distribution=laplace,normal", "hydra.sweep.dir=some") == 1
    printed = capsys.readouterr()
    assert "laplace: ZeroDivisionError: a bug" in printed.out
    assert "ZeroDivisionError" in printed.err and "1 of 2 families could not be trained: laplace" in printed.err
    assert pd.read_csv(in_folder / "some" / "comparison.csv").nll.notna().sum() == 1
