"""likelihead train: data, head, marginal fit, training, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from likelihead.commands import command_line as words
from likelihead.commands.telling import telling
from likelihead.configs import conf_directory

if TYPE_CHECKING:
    from likelihead.commands.training import Outcome


def run(config: DictConfig) -> Outcome | None:
    """Train as the config says; None in processes that only help."""
    from likelihead.commands.training import train

    return train(config)


@hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name="train")
@telling
def application(config: DictConfig) -> float | None:
    """The task that Hydra runs: its value is the validation NLL, the objective of a sweep."""
    outcome = run(config)
    return None if outcome is None else outcome.objective


def main() -> None:
    """`likelihead train` and `python train.py`."""
    words.run(application, "train", "train")
