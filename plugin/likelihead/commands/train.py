"""likelihead train: data, head, marginal fit, training, scores."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from likelihead.commands import command_line, describe, directory_claim, overrides
from likelihead.commands.folds import expanded, report_folds
from likelihead.commands.ranks import is_copy
from likelihead.commands.run_directory import BEST, LAST, is_sweep, output_directory
from likelihead.commands.sweep import attempt, report_sweep, reported
from likelihead.commands.user_errors import reports_errors, reports_interruption

if TYPE_CHECKING:
    from likelihead.training.fit import Outcome


def run(config: DictConfig) -> Outcome | None:
    """Train as the config says; None in the further processes of a run on several devices."""
    with directory_claim.trial(), reports_interruption(_how_to_resume):
        # Importing torch takes seconds.
        if not is_copy():
            print(f"{_chosen(config)}; writing to {output_directory()}", flush=True)
        from likelihead.commands.training import train

        return train(config)


def _chosen(config: DictConfig) -> str:
    if config.resume:
        return "Resuming a run"
    return f"distribution={HydraConfig.get().runtime.choices.get('distribution', 'your own')}"


def _how_to_resume() -> str:
    directory = output_directory()
    if not any((directory / file).is_file() for file in (LAST, BEST)):
        return f"no epoch had ended, so that there is nothing to resume in {directory}"
    return f"{shlex.join(['likelihead', 'train', f'resume={directory}'])} continues this run"


def objective(config: DictConfig) -> float | None:
    """The task that Hydra runs: its value is the validation NLL, which a sweep minimises."""
    if is_sweep():
        return attempt(run, config, output_directory())
    outcome = run(config)
    return None if outcome is None else outcome.objective


def main() -> None:
    """`likelihead train` and `python train.py`."""
    words = command_line.checked("train", "train")
    config = overrides.composed(words, "train")
    if describe.is_asked_for(config):
        command_line.start(describe.describe, "train", [*words, *describe.NOWHERE])
        return
    with reports_errors():
        words = expanded(words, config)
    with directory_claim.claim(words) as claimed, reported(lambda: _report(claimed)):
        command_line.start(objective, "train", claimed)


def _report(words: Sequence[str]) -> None:
    report_sweep(words, has_table=not report_folds(words))
