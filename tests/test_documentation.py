"""What the README and the examples say is true of the code: every block of the README is run."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir

from likelihead import DistributionHead
from likelihead.commands import resolvers
from likelihead.configs import conf_directory

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)
LINES = [line for language, block in BLOCKS if not language for line in block.splitlines() if line]
TABLE = sorted(set(re.findall(r"`python train\.py ([^\n`#]+)`", README)))
INSTALL = {"pip install -e . && python train.py distribution=poisson", "pip install -e '.[test]' && pytest"}
#: A command line of its own: shown with what it prints, below.
TRANSCRIPT = [line for line in LINES if line.startswith("$ ") or not line.startswith(("python", "likelihead", "pip"))]
COMMANDS = [line for line in LINES if line not in TRANSCRIPT and line not in INSTALL]

MY_IMAGES = """
import torch
from likelihead.data import Data, Examples
def images():
    x, y = torch.rand(60, 1, 6, 6), torch.poisson(torch.ones(60))
    return Data(Examples(x[:40], y[:40]), Examples(x[40:50], y[40:50]), Examples(x[50:], y[50:]))
class Network(torch.nn.Sequential):
    out_features = 36
    def __init__(self):
        super().__init__(torch.nn.Flatten())
"""

MY_NETWORK = """
import torch
class Net(torch.nn.Sequential):
    def __init__(self, in_features, width):
        super().__init__(torch.nn.Linear(in_features, width), torch.nn.ReLU())
        self.out_features = width
"""


def test_every_block_is_of_a_sort_that_is_run() -> None:
    assert {language for language, _ in BLOCKS} == {"", "python", "yaml"}
    assert set(LINES) >= INSTALL
    assert len(COMMANDS) >= 12
    assert "pip install --quiet --disable-pip-version-check -e '.[test]'" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("words", TABLE)
def test_a_command_of_the_table_composes(words: str) -> None:
    resolvers.register()
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = compose("train", overrides=[word for word in words.split() if word != "--help"])
    assert config.distribution.family


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, command: Callable[..., None]) -> Path:
    """A folder with the files that the README names, and a trained run."""
    folder = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.uniform(20, 80, 80), "region": rng.choice(["north", "south"], 80)})
    frame["amount"] = rng.gamma(2.0, frame.age)
    frame.to_csv(folder / "claims.csv", index=False)
    frame.to_csv(folder / "new.csv", index=False)
    frame.rename(columns={"amount": "y"}).to_csv(folder / "table.csv", index=False)
    frame.assign(visits=rng.poisson(frame.age / 20)).drop(columns="amount").to_csv(folder / "visits.csv", index=False)
    followed = rng.exponential(5.0, 80)
    trial = frame[["age"]].assign(followed=followed, survival=np.where(followed < 6.0, followed, np.nan))
    trial.to_csv(folder / "trial.csv", index=False)
    numbered = range(1, 5)
    races = pd.DataFrame({f"{name}_{k}": rng.uniform(50, 60, 80) for k in numbered for name in ("speed", "weight")})
    places = races.filter(like="speed").rank(axis=1, ascending=False).set_axis([f"place_{k}" for k in numbered], axis=1)
    races.assign(soft=rng.uniform(size=80)).join(places).to_csv(folder / "races.csv", index=False)
    bonds = np.triu(rng.integers(0, 2, (80, 4, 4)), 1)
    arrays = {"x": rng.normal(size=(80, 4, 2)), "adjacency": bonds + bonds.transpose(0, 2, 1), "y": rng.normal(size=80)}
    np.savez(folder / "molecules.npz", **arrays)
    (folder / "readme_images.py").write_text(MY_IMAGES)
    (folder / "my_code.py").write_text(MY_NETWORK)
    for name, target in {"data/my_images": "images", "architecture/my_network": "Network"}.items():
        path = folder / "my_configs" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"_target_: readme_images.{target}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = ["data=table", "data.path=claims.csv", "data.target=amount"]
        patch.syspath_prepend(str(folder))
        words = ["train", "distribution=gamma", *data, "trainer.max_epochs=1", "strategy=cpu"]
        command(*words, "hydra.run.dir=RUN")
        command(*words, "hydra.run.dir=my_run", "architecture._target_=my_code.Net", "architecture.width=4")
    return folder


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_runs(
    line: str, home: Path, command: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(str(home))
    program, *words = shlex.split(line.replace("python train.py", "likelihead train"))
    assert program == "likelihead"
    if "strategy=ddp" in words:  # tests/commands/test_processes.py runs it in processes of its own
        return test_a_command_of_the_table_composes(" ".join(words[1:]))
    if words[0] in ("train", "compare"):
        words += ["trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.devices=1"]
        swept = "-m" in words or words[0] == "compare"
        words.append(f"hydra.{'sweep' if swept else 'run'}.dir={tmp_path}/run")
        words += [] if any(word.startswith("data=") for word in words) else ["data.rows=80"]
    command(*words)
    if words[0] in ("train", "compare"):
        assert list(tmp_path.rglob("metrics.json"))


def test_the_files_of_the_commands_are_written(home: Path, command: Callable[..., None]) -> None:
    output = home / "predictions.parquet"
    output.unlink(missing_ok=True)
    line = next(line for line in COMMANDS if line.startswith("likelihead predict"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        command(*line.split()[1:])
    assert len(pd.read_parquet(output)) == 80


def test_the_python_of_the_readme_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    names: dict[str, object] = {}
    for block in (block for language, block in BLOCKS if language == "python"):
        setup = "import torch\nfeatures, y = torch.zeros(3, 64), torch.zeros(3)\n" if "features)" in block else ""
        exec(compile(setup + block, "README.md", "exec"), names)
    assert {"outcome", "head", "module", "dist", "loss", "tagger", "quantile"} <= set(names)


def test_the_first_python_example_is_ten_lines_of_code() -> None:
    block = next(block for language, block in BLOCKS if language == "python")
    assert len([line for line in block.splitlines() if line and not line.startswith(("import", "from"))]) <= 10


def test_the_yaml_of_the_readme_is_a_distribution() -> None:
    for block in (block for language, block in BLOCKS if language == "yaml"):
        assert DistributionHead(yaml.safe_load(block), in_features=3).name == "Gumbel"


def test_the_error_in_the_readme_is_the_one_that_is_printed(environment: dict[str, str], tmp_path: Path) -> None:
    words, printed = re.findall(r"\$ python train\.py ([^\n]+)\n(error: .*?)\n```", README, flags=re.DOTALL)[0]
    command = [sys.executable, str(ROOT / "train.py"), *words.split()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert " ".join(done.stderr.split()) == " ".join(printed.split())


def test_the_closing_screen_in_the_readme_is_the_one_that_is_printed(
    command: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, printed = re.findall(r"\$ python train\.py ([^\n]+)\n(test rows .*?)\n```", README, flags=re.DOTALL)[0]
    command("train", *words.split(), "strategy=cpu", f"hydra.run.dir={tmp_path}")
    assert " ".join(printed.split()) in " ".join(capsys.readouterr().out.split())


@pytest.mark.filterwarnings("ignore::Warning")
def test_the_example_with_ones_own_lightning_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples" / "own_lightning_code.py"), run_name="__main__")
    assert capsys.readouterr().out.count("most probable count") == 2
