"""An application of its own, in a folder of its own, with nothing of likelihead but the installed wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

APPLICATION = """
import json
import hydra
from omegaconf import OmegaConf

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    import likelihead
    import torch
    from likelihead import DistributionHead

    mapping = OmegaConf.to_container(config.distribution, resolve=True)
    dist = DistributionHead(mapping, in_features=config.width)(torch.zeros(2, config.width))
    roles = mapping.get("parameters")
    print(json.dumps([type(dist).__name__, list(dist.batch_shape), roles, config.seed, likelihead.__file__]))

main()
"""

#: The files of the application; its own `laplace` takes the place of the shipped one, and `steady` starts from it.
FILES = {
    "app.py": APPLICATION,
    "conf/config.yaml": "defaults: [{distribution: poisson}, _self_]\nwidth: 3\nseed: 7\n",
    "conf/distribution/record.yaml": "family: pyro.distributions.Gumbel\nparameters: {scale: learned}\n",
    "conf/distribution/laplace.yaml": "family: pyro.distributions.Laplace\nparameters: {loc: predicted, scale: 2.0}\n",
    "conf/distribution/steady.yaml": "defaults: [normal, _self_]\nparameters: {scale: learned}\n",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked as pip does it."""
    pytest.importorskip("hatchling")
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)], ROOT)
    (wheel,) = wheels.glob("likelihead-*.whl")
    run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)], wheels)
    return site


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(command: list[str], folder: Path, site: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site or "")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trials(installed: Path, project: Path) -> dict[str, Any]:
    """What the application prints for each distribution, in one sweep."""
    names = ["poisson", "record", "laplace", "steady"]
    words = [sys.executable, "app.py", "-m", f"distribution={','.join(names)}", "hydra/hydra_logging=none"]
    lines = [line for line in run(words, project, installed).splitlines() if line.startswith('["')]
    return dict(zip(names, map(json.loads, lines), strict=True))


def test_the_package_comes_from_the_wheel(trials: dict[str, Any], installed: Path) -> None:
    assert {Path(trial[-1]).parents[1] for trial in trials.values()} == {installed}
    assert (installed / "likelihead" / "conf" / "train.yaml").is_file() and (
        installed / "likelihead/py.typed"
    ).is_file()


def test_a_shipped_distribution_is_chosen_by_its_name(trials: dict[str, Any]) -> None:
    assert trials["poisson"][:2] == ["Poisson", [2]]


def test_a_distribution_of_its_own_is_one_file(trials: dict[str, Any]) -> None:
    assert trials["record"][0] == "Gumbel" and trials["record"][2]["scale"] == "learned"


def test_its_files_come_before_the_shipped_ones(trials: dict[str, Any]) -> None:
    assert trials["laplace"][2] == {"loc": "predicted", "scale": 2.0}


def test_a_file_may_start_from_a_shipped_one(trials: dict[str, Any]) -> None:
    assert trials["steady"][0] == "Normal" and trials["steady"][2] == {"loc": "predicted", "scale": "learned"}


def test_the_config_of_the_application_stays_its_own(trials: dict[str, Any]) -> None:
    assert {trial[3] for trial in trials.values()} == {7}


def test_keys_of_a_shipped_file_are_overridden_on_the_command_line(installed: Path, project: Path) -> None:
    words = ["app.py", "distribution=normal", "distribution.parameters.scale=0.5", "--cfg", "job"]
    assert "scale: 0.5" in run([sys.executable, *words], project, installed)


def test_the_console_script_finds_the_configs_of_the_wheel(installed: Path, project: Path) -> None:
    printed = run(
        [sys.executable, "-m", "likelihead", "train", "--cfg", "job", "--package", "trainer"], project, installed
    )
    assert "max_epochs" in printed
