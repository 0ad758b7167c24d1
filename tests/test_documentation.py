"""What the README and the examples say is true of the code."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from likelihead.commands import resolvers
from likelihead.configs import conf_directory

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python train\.py ([^\n`#]+)", README)))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_of_the_readme_composes(words: str) -> None:
    resolvers.register()
    overrides = [word for word in words.split() if word not in ("-m", "--help")]
    sweeps = [word for word in overrides if "," in word and "[" not in word]
    single = [word.split(",")[0] if word in sweeps else word for word in overrides]
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = compose("train", overrides=single)
    assert config.distribution.family


def test_the_python_of_the_readme_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        setup = "import torch\nfeatures, y = torch.zeros(3, 64), torch.zeros(3)\n" if "features" in block else ""
        exec(compile(setup + block, "README.md", "exec"), names)
    assert {"head", "module", "dist", "loss", "quantile"} <= set(names)


def test_the_error_in_the_readme_is_the_one_that_is_printed(environment: dict[str, str], tmp_path: Path) -> None:
    words, told = re.findall(r"\$ python train\.py ([^\n]+)\n(error: .*?)\n```", README, flags=re.DOTALL)[0]
    command = [sys.executable, str(ROOT / "train.py"), *words.split()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert " ".join(done.stderr.split()) == " ".join(told.split())


@pytest.mark.filterwarnings("ignore::Warning")
def test_the_example_with_ones_own_lightning_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples" / "own_lightning_code.py"), run_name="__main__")
    assert capsys.readouterr().out.count("most probable count") == 2
