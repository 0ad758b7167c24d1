"""What an installed copy needs: metadata, configs, the plugin of other Hydra applications."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from likelihead.configs import conf_directory

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    tomllib = pytest.importorskip("tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_holds_package_plugin_and_configs(project: dict[str, Any]) -> None:
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["plugin/likelihead", "plugin/hydra_plugins"]
    assert wheel["force-include"] == {"conf": "likelihead/conf"}
    assert all((ROOT / package).is_dir() for package in wheel["packages"])


def test_hydra_plugins_is_a_namespace() -> None:
    assert not (ROOT / "plugin" / "hydra_plugins" / "__init__.py").exists()


def test_torch_has_an_upper_bound(project: dict[str, Any]) -> None:
    assert "torch>=2.6,<2.14" in project["project"]["dependencies"]


def test_scripts_and_plugins_exist(project: dict[str, Any]) -> None:
    from importlib import import_module

    entries = [*project["project"]["scripts"].values(), *project["project"]["entry-points"]["hydra.plugins"].values()]
    for entry in entries:
        module, name = entry.split(":")
        assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("path", sorted(conf_directory().rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_config_says_what_it_is(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    if "@package" in lines[0]:
        assert lines[1].startswith("# ")


def test_another_application_can_say_distribution(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("defaults:\n  - distribution: poisson\n", encoding="utf-8")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert compose("app").distribution.family == "likelihead.distributions.Poisson"


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["train", "--cfg", "job"], ["predict", "--help"]])
def test_reading_configs_does_not_wait_for_torch(words: list[str], tmp_path: Path, environment: dict[str, str]) -> None:
    script = (
        f"import sys; sys.argv = ['likelihead', *{words!r}]\n"
        "from likelihead.commands import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'pandas', 'scipy', 'pyro', 'pytorch_lightning'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "likelihead" in done.stdout or "distribution" in done.stdout
    assert not list(tmp_path.iterdir())
