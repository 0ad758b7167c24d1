"""What a report needs of a run: as it ends, or read again from its directory."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml
from omegaconf import DictConfig, OmegaConf

from likelihead.commands.build import build_rows, own_data, own_network, plain
from likelihead.commands.held_out_rows import SPLITS, spec_of
from likelihead.commands.run_directory import CONFIG
from likelihead.commands.run_parts import row_numbers
from likelihead.commands.run_title import run_title
from likelihead.commands.stored_config import load_stored, reads_run
from likelihead.data import Data, load_data, load_rows
from likelihead.errors import LikelihoodError, one_line
from likelihead.families.signature import resolve
from likelihead.heads.joint_head import any_head_from
from likelihead.report import REPORT, Run, read_history, write_report
from likelihead.training.checkpoint import read, restore
from likelihead.training.data_module import part_of, sample_inputs, with_calibration_rows
from likelihead.training.fit import PARTS, Outcome, conclude


def report_path(checkpoint: Path) -> Path:
    """Where the report of the run that wrote RUN/checkpoints/….ckpt lies."""
    return checkpoint.absolute().parent.parent / REPORT


def run_of(outcome: Outcome, rows: pl.LightningDataModule, directory: Path, title: str) -> Run:
    """The run that has just ended in a directory."""
    parts = {part: part_of(rows, part) for part in PARTS}
    history = read_history(directory / "metrics.csv")
    return Run(title, outcome.module, parts, outcome.evaluations, history, _texts(directory))


def report_at_end(outcome: Outcome, rows: pl.LightningDataModule, directory: Path, title: str) -> str:
    """Write the report of a run that has just ended; a sentence for the end of its output.

    Whatever goes wrong is told in that sentence: the run is worth more than its report.
    """
    path = directory / REPORT
    try:
        write_report(run_of(outcome, rows, directory, title), path)
    except Exception as error:
        return f"Note:    the report could not be written ({type(error).__name__}: {one_line(error, 200)})"
    return f"Report:  {path}"


def stored_run(checkpoint: Path, config: DictConfig) -> Run:
    """The run that wrote a checkpoint, with its data read or simulated again.

    The run's directory is data: code of the user's own is imported only where `config`, the command line, names it.

    Raises:
        LikelihoodError: there is no such run, its data have changed since, or code must be named.
    """
    contents, directory = read(checkpoint), report_path(checkpoint).parent
    if not (directory / CONFIG).is_file():
        raise LikelihoodError(f"{str(checkpoint)!r} is not in the directory of a run, so there is nothing to report on")
    with reads_run(directory):
        return _stored_run(contents, checkpoint, config)


def _stored_run(contents: dict[str, Any], checkpoint: Path, config: DictConfig) -> Run:
    directory = report_path(checkpoint).parent
    description = contents["likelihead"]
    families = [resolve(str(name)) for name in plain(config.families) or []]
    head = any_head_from(description["head"], families)
    stored = load_stored(directory / CONFIG)
    data = _data(directory, stored, config, spec_of(head))
    rows = build_rows(stored, data, processes=1)
    rows = with_calibration_rows(rows, stored.get("calibrate"), stored.get("ensemble", 1) > 1)
    module = restore(contents, str(checkpoint), _network(checkpoint, config, description, rows), families)
    _check_unchanged(data, rows, directory, module.extra.get("table"))
    return run_of(conclude(module, rows), rows, directory, run_title(stored, module, data))


def _data(directory: Path, stored: DictConfig, config: DictConfig, family: Mapping[str, Any]) -> Any:
    """The data of the run, with the files that the command line names instead of those that have moved."""
    options: dict[str, Any] = OmegaConf.to_container(stored.data, resolve=True)  # type: ignore[assignment]
    if "_target_" in options:
        if config.data["_target_"] != options["_target_"]:
            raise LikelihoodError(
                f"the data of the run in {str(directory)!r} come from a function of your own: name it again, "
                f"data._target_={options['_target_']}"
            )
        # As before training: what a function draws at random, it draws again.
        pl.seed_everything(int(stored.seed), workers=True, verbose=False)
        return own_data(options)
    moved = {key: value for key in ("path", "test_path") if (value := config.data[key]) is not None}
    return load_data(family, {**options, **moved}, int(stored.seed))


def _network(checkpoint: Path, config: DictConfig, description: Mapping[str, Any], rows: pl.LightningDataModule) -> Any:
    """The network that the command line names; None where the checkpoint describes a shipped one."""
    if description["architecture"] is not None:
        return None
    options = plain(config.architecture)
    if "_target_" not in options:
        raise LikelihoodError(
            f"{str(checkpoint)!r} was trained with a network of your own: name it as in training, with its options, "
            "such as architecture._target_=my_module.Net architecture.width=64"
        )
    return own_network(options, sample_inputs(rows).shape[-1])


def _check_unchanged(data: Any, rows: pl.LightningDataModule, directory: Path, table: Mapping[str, Any] | None) -> None:
    if not isinstance(data, Data) or not (directory / SPLITS).is_file():
        return
    then = load_rows(directory / SPLITS)
    same_rows = {name: numbers.tolist() for name, numbers in then.items()} == {
        name: numbers.tolist() for name, numbers in row_numbers(data, rows).items()
    }
    if not same_rows or (data.encoder is not None and data.encoder.state() != table):
        raise LikelihoodError(
            f"the data of the run in {str(directory)!r} have changed since, so a report would not be about that run: "
            "give data.path=FILE with the table that it was trained on"
        )


def _texts(directory: Path) -> dict[str, str]:
    """The command that repeats the run, and its config."""
    texts, file = {}, directory / ".hydra" / "overrides.yaml"
    if file.is_file():
        words = [str(word) for word in yaml.safe_load(file.read_text(encoding="utf-8"))]
        texts["The command that repeats this run"] = shlex.join(["likelihead", "train", *words])
    if (directory / CONFIG).is_file():
        texts["Its config"] = (directory / CONFIG).read_text(encoding="utf-8").strip()
    return texts
