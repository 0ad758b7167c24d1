"""The folder of a run may come from anywhere: resuming it executes nothing that it names and writes nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Command = Callable[..., None]
WORDS = ["distribution=normal", "data.rows=60", "trainer.max_epochs=2", "trainer.max_steps=3", "strategy=cpu"]
#: Functions that a hostile config might name; none may be called, whatever it would do with its arguments.
FUNCTIONS = [
    "os.system", "os.remove", "subprocess.call", "subprocess.Popen", "builtins.eval", "builtins.exec", "builtins.open",
    "pathlib.Path.touch", "pathlib.Path", "io.open", "shutil.copyfile", "shutil.rmtree", "numpy.load", "numpy.save",
    "torch.load", "torch.save", "torch.hub.load", "pandas.read_pickle", "pandas.read_csv", "joblib.load", "pickle.load",
    "importlib.import_module", "runpy.run_path", "webbrowser.open", "urllib.request.urlopen", "hydra.utils.instantiate",
    "likelihead.commands.main", "pytorch_lightning.Trainer", "likelihead.training.checkpoint.load",
]  # fmt: skip
NODES = ["callbacks.evil", "logger.evil", "optimizer.scheduler", "trainer.plugins", "architecture", "data.levels"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A run that was stopped after one step."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        command("train", *WORDS, "hydra.run.dir=run")
    return folder / "run"


@pytest.fixture
def resume(stopped: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Put a config into the run, resume it, and return what is printed on standard error."""
    file = stopped / "config.yaml"
    whole = file.read_text(encoding="utf-8")

    def refused(text: str) -> str:
        file.write_text(text, encoding="utf-8")
        before = {path for path in stopped.parent.rglob("*")}
        try:
            with pytest.raises(SystemExit) as end:
                command("train", f"resume={stopped}")
        finally:
            file.write_text(whole, encoding="utf-8")
        assert end.value.code == 1
        assert {path for path in stopped.parent.rglob("*")} == before
        error = capsys.readouterr().err.strip()
        assert error.startswith("error: ") and "\n" not in error
        return error

    return refused


def changed(stopped: Path, key: str, value: Any) -> str:
    config = yaml.safe_load((stopped / "config.yaml").read_text(encoding="utf-8"))
    node = config
    *parents, last = key.split(".")
    for parent in parents:
        node = node[parent]
    node[last] = value
    return yaml.safe_dump(config)


@pytest.mark.parametrize("target", FUNCTIONS)
def test_no_function_that_a_config_names_is_called(target: str, stopped: Path, resume: Callable[[str], str]) -> None:
    proof = stopped.parent / "executed"
    text = changed(stopped, "callbacks.evil", {"_target_": target, "_args_": [str(proof)]})
    assert f"callbacks.evil._target_={target}, which no shipped config names" in resume(text)
    assert not proof.exists()


@pytest.mark.parametrize("key", NODES)
def test_no_place_of_a_config_may_name_code(key: str, stopped: Path, resume: Callable[[str], str]) -> None:
    node = {"_target_": "pathlib.Path.touch", "_args_": [str(stopped.parent / "executed")]}
    value = [node] if key == "trainer.plugins" else node
    assert "which no shipped config names" in resume(changed(stopped, key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("callbacks.checkpoint._target_", "${oc.decode:'os.system'}"),
        ("callbacks.checkpoint._target_", "${hydra:job.name}"),
        ("callbacks.checkpoint._target_", ["os.system"]),
        ("callbacks.checkpoint._target_", None),
        ("data._target_", "pathlib.Path.touch"),
        ("distribution.family", "antigravity.Distribution"),
        ("distribution.family", "os.path"),
        ("distribution.family", 7),
        ("distribution", {"families": {"y": {"family": "antigravity.Distribution"}}}),
        ("seed", "${oc.env:HOME}"),
        ("seed", "${oc.create:${oc.env:HOME}}"),
        ("data.seed", "${${logger.csv._target_}:HOME}"),
    ],
)
def test_a_class_cannot_be_hidden(key: str, value: object, stopped: Path, resume: Callable[[str], str]) -> None:
    assert "which no shipped config names" in resume(changed(stopped, key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("callbacks.checkpoint.dirpath", "/tmp/elsewhere"),
        ("callbacks.checkpoint.dirpath", "${hydra:runtime.output_dir}/../elsewhere"),
        ("logger.csv.directory", "/etc"),
        ("trainer.default_root_dir", "https://example.org/runs"),
        ("trainer.default_root_dir", "s3://bucket/runs"),
        ("callbacks.checkpoint.filename", "../../elsewhere"),
        ("callbacks.checkpoint.filename", "/tmp/elsewhere"),
        ("logger.csv.version", "../../elsewhere"),
    ],
)
def test_nothing_is_written_elsewhere(key: str, value: str, stopped: Path, resume: Callable[[str], str]) -> None:
    assert "outside the directory of the run" in resume(changed(stopped, key, value))


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "pytorch_lightning.loggers.MLFlowLogger", "tracking_uri": "https://example.org"},
        {"_target_": "pytorch_lightning.loggers.MLFlowLogger", "_args_": ["a", "b", "https://example.org"]},
        {"_target_": "likelihead.training.metrics_csv.MetricsCSV", "_args_": ["/etc"]},
        {"_target_": "pytorch_lightning.loggers.WandbLogger", "offline": False},
        {"_target_": "pytorch_lightning.loggers.WandbLogger", "settings": {"base_url": "https://example.org"}},
        {"_target_": "pytorch_lightning.loggers.MLFlowLogger", "artifact_location": "https://example.org"},
        {"_target_": "pytorch_lightning.loggers.TensorBoardLogger", "log_dir": "s3://bucket"},
    ],
)
def test_a_run_is_sent_nowhere(node: dict[str, Any], stopped: Path, resume: Callable[[str], str]) -> None:
    assert "may not choose where a run is sent" in resume(changed(stopped, "logger.evil", node))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.ignore", 1.5e300),
        ("data.group", [1]),
        ("data.weight", {"a": 1}),
        ("data.levels", 3),
        ("data.target", [["y"]]),
        ("data.categorical", {"_target_": "pathlib.Path"}),
        ("distribution.parameters.loc", {}),
        ("distribution.parameters", 3),
        ("distribution", "normal"),
        ("trainer", []),
        ("trainer.gradient_clip_val", "../../etc/passwd"),
        ("trainer.limit_train_batches", [1]),
        ("trainer.max_epochs", {}),
        ("callbacks.averaging.decay", "much"),
        ("callbacks.early_stopping.monitor", {}),
        ("callbacks.early_stopping.patience", "a"),
        ("optimizer.lr", []),
        ("ensemble", 1.5),
        ("seed", "x"),
    ],
)
def test_a_value_of_another_type_gets_a_sentence(
    key: str, value: object, stopped: Path, resume: Callable[[str], str]
) -> None:
    resume(changed(stopped, key, value))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch executed']",
        "a: !!python/name:os.system",
        "- a list",
        "a: [1, 2",
        "\x00",
        "seed: ${seed}",
        "just text",
        "",
    ],
)
def test_a_config_that_is_none_gets_a_sentence(text: str, resume: Callable[[str], str]) -> None:
    resume(text)


def test_the_run_itself_resumes(stopped: Path, command: Command) -> None:
    command("train", f"resume={stopped}", "trainer.max_steps=-1")
    assert (stopped / "metrics.json").is_file()
