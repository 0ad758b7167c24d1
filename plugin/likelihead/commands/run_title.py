"""How a run is called: the distribution and the data as the user named them."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from likelihead.data import Data
from likelihead.training.module import LikelihoodModule


def run_title(config: DictConfig, module: LikelihoodModule, data: object) -> str:
    """The distribution and the data, as in `poisson on visits.csv`."""
    return f"{module.extra.get('distribution', module.head.name)} on {source_name(config, data)}"


def source_name(config: DictConfig, data: object) -> str:
    """The data as the user named them: a file, a data set, or the choice of a config."""
    if "_target_" not in config.data and config.data.get("path"):
        return Path(config.data.path).name
    if "_target_" in config.data:
        return str(OmegaConf.select(config, "choices.data") or type(data).__name__)
    return data.name if isinstance(data, Data) else type(data).__name__
