"""The directory of a run, and the config that is kept there: as composed, or that of the run to resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf, open_dict

from likelihead.commands.overrides import OPTIONAL_GROUPS, groups
from likelihead.commands.ranks import is_copy
from likelihead.commands.stored_config import check_stored, load_stored
from likelihead.errors import LikelihoodError
from likelihead.files import refuse_url, write_text

CONFIG = "config.yaml"
LAST, BEST = Path("checkpoints") / "last.ckpt", Path("checkpoints") / "best.ckpt"
#: What shows that a directory holds a run.
TRACES = ("checkpoints", "metrics.csv", "metrics.json")


def output_directory() -> Path:
    """Where this run writes."""
    return Path(HydraConfig.get().runtime.output_dir)


def run_config(config: DictConfig) -> DictConfig:
    """The config to run, which is stored with the run: as composed, or that of the resumed run with the new overrides.

    Raises:
        LikelihoodError: an override asks a resumed run for another choice of a group.
    """
    directory = output_directory()
    if config.resume:
        config = _resumed(directory, config)
    else:
        _record_choices(config)
    for key in ("path", "test_path"):
        if not OmegaConf.is_missing(config.data, key) and config.data.get(key):
            if not isinstance(config.data[key], str):
                raise LikelihoodError(f"data.{key} is {config.data[key]!r}; it must be the path of a table")
            refuse_url(config.data[key], f"data.{key}")
            config.data[key] = to_absolute_path(config.data[key])
    if not is_copy():
        write_text(directory / CONFIG, OmegaConf.to_yaml(OmegaConf.merge(config, {"resume": None})))
    return config


def _resumed(directory: Path, composed: DictConfig) -> DictConfig:
    given = OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task))
    saved = load_stored(directory / CONFIG, replaced=[override.key_or_group for override in given])
    choices = HydraConfig.get().runtime.choices
    for override in given:
        key = override.key_or_group
        # `~architecture` makes room for a class of the user's own, whose options the run has stored.
        if override.is_delete() and key in groups():
            continue
        if key in choices or key in OPTIONAL_GROUPS:
            _check_choice(saved, key, override, directory)
        elif key != "resume":
            with open_dict(saved):
                OmegaConf.update(saved, key, override.value(), merge=True)
    check_stored(saved, composed, directory)
    OmegaConf.set_struct(saved, True)
    saved.resume = composed.resume
    return saved


def _check_choice(saved: DictConfig, group: str, override: Override, directory: Path) -> None:
    """A resumed run keeps its choices of groups."""
    chosen: Any = OmegaConf.select(saved, f"choices.{group}")
    if chosen != (override.value() or None):
        given = override.value() or "null"
        raise LikelihoodError(
            f"{directory} was trained with {group}={chosen or 'null'}, and a resumed run keeps its choices: leave out "
            f"{group}={given}, or start a new run with it"
        )


def _record_choices(config: DictConfig) -> None:
    """Record in the config which choice of each group it was composed from."""
    choices = {key: value for key, value in HydraConfig.get().runtime.choices.items() if not key.startswith("hydra/")}
    with open_dict(config):
        config.choices = choices


def is_sweep() -> bool:
    """Whether this run is one trial of a sweep."""
    return HydraConfig.get().mode == RunMode.MULTIRUN


def is_finished(config: DictConfig, directory: Path) -> bool:
    """Whether the run to resume had already ended, and no override asks for more training."""
    typed = [word for word in HydraConfig.get().overrides.task if word.split("=", 1)[0] not in ("resume", "report")]
    return bool(config.resume) and not typed and all((directory / name).is_file() for name in (BEST, "metrics.json"))


def newest(directory: Path) -> Path:
    """The newest checkpoint of a run that loads; a line on the terminal names one that does not.

    Raises:
        LikelihoodError: none loads.
    """
    from likelihead.training.checkpoint import read

    steps, faults = {}, []
    for file in (directory / LAST, directory / BEST):
        try:
            steps[file] = int(read(file)["global_step"])
        except (LikelihoodError, KeyError, TypeError, ValueError) as error:
            faults.append(str(error) if isinstance(error, LikelihoodError) else f"{str(file)!r} is damaged")
    if not steps:
        raise LikelihoodError(f"{directory} has no checkpoint to resume from: {'; '.join(faults)}")
    chosen = max(steps, key=lambda file: steps[file])
    if faults and not is_copy():
        print(f"Resuming from {chosen.name}, step {steps[chosen]}: {'; '.join(faults)}", flush=True)
    return chosen
