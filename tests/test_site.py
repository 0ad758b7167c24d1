"""The documentation site: every block is run, every family has a page, and the site builds without a warning."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import test_documentation
import yaml
from test_documentation import ROOT

from likelihead import DistributionHead
from likelihead.configs import read, shipped

home = test_documentation.home
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
PAGES["CONTRIBUTING.md"] = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = [
    (page, language, block)
    for page, text in PAGES.items()
    for language, block in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL)
]
#: What installs or checks the project itself.
OURS = ("pip ", "pytest", "ruff ", "mkdocs ")
LINES = sorted({line for _, language, block in BLOCKS if language == "console" for line in block.splitlines()})
COMMANDS = [line for line in LINES if line.startswith(("python train.py", "likelihead "))]
NEW = [line for line in COMMANDS if line not in test_documentation.COMMANDS]


def test_every_block_is_of_a_sort_that_is_run() -> None:
    assert {language for _, language, _ in BLOCKS} == {"console", "python", "yaml"}
    assert all(line.startswith(OURS) for line in LINES if line not in COMMANDS)


@pytest.mark.parametrize("line", NEW)
def test_a_command_of_the_site_runs(
    line: str, home: Path, command: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    experiments = re.findall(r"\bexperiment=(\w+)", line)
    if experiments:  # tests/test_experiments.py runs each of them
        assert (ROOT / "conf" / "experiment" / f"{experiments[0]}.yaml").is_file()
        return
    if "data.describe=true" in line:  # prints, and trains nothing
        monkeypatch.chdir(home)
        command(*line.split()[1:])
        return
    test_documentation.test_a_command_of_the_readme_runs(line, home, command, monkeypatch, tmp_path)


@pytest.mark.parametrize("page", sorted({page for page, language, _ in BLOCKS if language == "python"}))
def test_the_python_of_a_page_runs(page: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    names: dict[str, object] = {}
    for block in (block for name, language, block in BLOCKS if (name, language) == (page, "python")):
        exec(compile(block, page, "exec"), names)
    assert len(names) > 1


def test_the_yaml_of_the_site_is_a_distribution() -> None:
    for _, _, block in (found for found in BLOCKS if found[1] == "yaml"):
        mapping = yaml.safe_load(block)
        started = [read(name) for name in mapping.pop("defaults", []) if name != "_self_"]
        for base in started:
            mapping = base | mapping | {"parameters": base["parameters"] | mapping["parameters"]}
        assert DistributionHead(mapping, in_features=3).family.roles


def test_the_family_in_contributing_is_a_shipped_one() -> None:
    (block,) = (block for page, language, block in BLOCKS if (page, language) == ("CONTRIBUTING.md", "yaml"))
    assert block == (ROOT / "conf" / "distribution" / "laplace.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def family_files() -> dict[str, str]:
    files: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "family_pages.py"))["files"]()
    return files


def test_each_family_has_a_page_and_a_picture(family_files: dict[str, str]) -> None:
    for name in shipped():
        page, drawn = family_files[f"families/{name}.md"], family_files[f"families/{name}.svg"]
        assert f"[`{name}`]({name}.md)" in family_files["families/index.md"]
        roles = {key: role for key, role in (read(name).get("parameters") or {}).items() if role is not None}
        for parameter, role in roles.items():
            assert f"| `{parameter}` | {role if isinstance(role, str) else 'fixed'} |" in page
        assert ElementTree.fromstring(drawn).tag.endswith("svg") and 5_000 < len(drawn) < 200_000


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path, environment: dict[str, str]) -> None:
    """Links and anchors are checked by mkdocs itself."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")]
    quiet = {**environment, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path.parent.name for path in (tmp_path / "site").rglob("index.html")}
    assert {*shipped(), "reference", "recipe"} <= pages
    assert "DistributionHead" in (tmp_path / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    names = re.findall(
        r'(?:src|href)="(https?://[^"]+\.(?:js|css|woff2?))"', (tmp_path / "site/index.html").read_text()
    )
    assert not names, "the site loads something from elsewhere"
