"""The resolvers of the configs stay out of the way of the Hydra application that uses them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from likelihead.commands import resolvers

NAMES = ("times_rows", "over_rows", "watched", "unmixed", "new_run_only", "run_directory")


def test_an_application_keeps_its_own_resolvers(environment: dict[str, str], tmp_path: Path) -> None:
    """The application registers all common names, then composes with likelihead on its search path."""
    (tmp_path / "app.yaml").write_text(
        "defaults:\n  - distribution: poisson\nmine: ${times_rows:2}\n", encoding="utf-8"
    )
    script = (
        "from hydra import compose, initialize_config_dir\n"
        "from omegaconf import OmegaConf\n"
        f"for name in {NAMES}:\n"
        "    OmegaConf.register_new_resolver(name, lambda *values: 'foreign')\n"
        f"with initialize_config_dir({str(tmp_path)!r}, version_base='1.3'):\n"
        "    config = compose('app')\n"
        "assert config.distribution.family == 'likelihead.distributions.Poisson'\n"
        "assert config.mine == 'foreign'\n"
        f"for name in {NAMES}:\n"
        "    assert OmegaConf.create({'value': '${' + name + ':0}'}).value == 'foreign', name\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)


def test_nothing_is_registered_without_the_prefix(environment: dict[str, str], tmp_path: Path) -> None:
    script = (
        "from omegaconf import OmegaConf\n"
        "from likelihead.commands import resolvers\n"
        "resolvers.register()\n"
        f"assert not [name for name in {NAMES} if OmegaConf.has_resolver(name)]\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${likelihead.times_rows:0.5}", 20.0),
        ("${likelihead.over_rows:10}", 0.25),
        ("${likelihead.monitored:0}", "train/nll"),
        ("${likelihead.monitored:0.1}", "validation/nll"),
        ("${likelihead.can_fuse:32-true}", True),
        ("${likelihead.can_fuse:bf16-mixed}", False),
        ("${likelihead.can_fuse:16}", False),
    ],
)
def test_what_the_resolvers_compute(expression: str, value: object) -> None:
    resolvers.register()
    assert OmegaConf.create({"rows_per_step": 40, "value": expression}).value == value
