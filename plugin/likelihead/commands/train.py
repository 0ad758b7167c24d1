"""likelihead train: data, head, marginal fit, training, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import DictConfig

from likelihead.commands import command_line, directory_claim

if TYPE_CHECKING:
    from likelihead.training.fit import Outcome


def run(config: DictConfig) -> Outcome | None:
    """Train as the config says; None in the further processes of a run on several devices."""
    from likelihead.commands.training import train

    with directory_claim.trial():
        return train(config)


def objective(config: DictConfig) -> float | None:
    """The task that Hydra runs: its value is the validation NLL, which a sweep minimises."""
    outcome = run(config)
    return None if outcome is None else outcome.objective


def main() -> None:
    """`likelihead train` and `python train.py`."""
    command_line.run(objective, "train", "train", directory_claim.claim)
