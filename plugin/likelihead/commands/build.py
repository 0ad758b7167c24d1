"""From a composed config to the objects of a run: trainer, network, head, optimiser."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, LearningRateMonitor, ModelCheckpoint, ProgressBar
from torch import nn

from likelihead import architectures
from likelihead.data import Data
from likelihead.errors import LikelihoodError
from likelihead.families.family import family_for
from likelihead.heads.distribution_head import DistributionHead
from likelihead.training.callbacks.random_state import RandomState
from likelihead.training.callbacks.shared_dropout import SharedDropout
from likelihead.training.epoch_log import EpochLines
from likelihead.training.module import LikelihoodModule

#: What goes wrong when a class is called with arguments that it cannot take.
REFUSALS = (TypeError, ValueError, RuntimeError, InstantiationException, MisconfigurationException)


def plain(node: Any) -> Any:
    """A config node as plain values, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True, throw_on_missing=True) if OmegaConf.is_config(node) else node


def _made(what: str, node: Any) -> Any:
    """What a node with a `_target_` describes; a LikelihoodError where it cannot be made."""
    try:
        return instantiate(node, _convert_="all")
    except REFUSALS as error:
        raise LikelihoodError(f"{what} cannot be built: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What the innermost error says, on one line."""
    innermost = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
    return " ".join(str(innermost).split()) or type(innermost).__name__


def build_trainer(config: DictConfig) -> pl.Trainer:
    """Lightning's Trainer with the callbacks and loggers of the config; clipping waits for `scale_to_rows`.

    Raises:
        LikelihoodError: an argument that the Trainer, a callback or a logger does not take.
    """
    settings = {key: value for key, value in config.trainer.items_ex(resolve=False) if key != "gradient_clip_val"}
    arguments = _made("trainer", OmegaConf.create(settings, parent=config))
    bar = arguments["enable_progress_bar"]
    bar = (sys.stdout.isatty() if bar is None else bar) and not arguments["barebones"]
    arguments["enable_progress_bar"] = bar
    loggers = [_made(f"logger.{name}", node) for name, node in _present(config.logger)]
    try:
        return pl.Trainer(**arguments, callbacks=_callbacks(config, bar), logger=loggers or False)
    except REFUSALS as error:
        raise LikelihoodError(f"the trainer cannot be built: {reason(error)}") from error


def _present(group: DictConfig | None) -> list[tuple[str, Any]]:
    return [(str(name), node) for name, node in (group or {}).items() if node is not None]


def _callbacks(config: DictConfig, bar: bool) -> list[Callback]:
    if config.trainer.barebones:
        return []
    made = []
    for name, node in _present(config.callbacks):
        target = get_class(node._target_)
        if issubclass(target, ProgressBar) and not bar:
            continue
        if issubclass(target, ModelCheckpoint) and not config.trainer.enable_checkpointing:
            continue
        if issubclass(target, LearningRateMonitor) and not _present(config.logger):
            continue
        made.append(_made(f"callbacks.{name}", node))
    return [*made, RandomState(config.seed), SharedDropout(), *([] if bar else [EpochLines()])]


def scale_to_rows(config: DictConfig, data: Data, trainer: pl.Trainer) -> None:
    """Tell the config how many rows a step has, over all devices, and set the clipping that depends on it."""
    rows = len(data.train)
    size = config.data.batch_size = _batch_size(config.data.batch_size, rows, trainer.world_size)
    if size is not None:
        rows = min(rows, size * trainer.world_size * trainer.accumulate_grad_batches)
    config.rows_per_step = rows
    trainer.gradient_clip_val = config.trainer.gradient_clip_val


def _batch_size(given: Any, rows: int, processes: int) -> int | None:
    """Rows per process and step; `auto` takes many steps on small tables and large ones on large tables."""
    if given == "auto":
        return max(1, min(max(rows // 16, 16), 512) // processes)
    if given is not None and (not isinstance(given, int) or given < 1):
        raise LikelihoodError(
            f"data.batch_size is {given}; it must be a whole number above 0, auto, or null for all rows"
        )
    return given


def build_module(config: DictConfig, data: Data) -> LikelihoodModule:
    """The network and the head for the training rows, with links still plain.

    Raises:
        LikelihoodError: an unknown family, architecture, optimiser or argument.
    """
    if data.train.y is None:
        raise LikelihoodError("the training rows have no target: give data.target=COLUMN")
    target = data.encoder.target
    classes = target.event_size if target.kind.value in ("label", "level") else None
    family = family_for(plain(config.distribution), data.train.y, classes)
    network = build_architecture(config, data.train.x.shape[1])
    _refuse_noise(config, network)
    head = DistributionHead(family, int(network.out_features))  # type: ignore[arg-type]
    optimizer, scheduler = build_optimizer(config)
    module = LikelihoodModule(network, head, optimizer, scheduler)
    module.extra = {"table": data.encoder.state(), "data": data.name}
    return module


def build_architecture(config: DictConfig, in_features: int) -> nn.Module:
    """A shipped network by name, or the class that `architecture._target_` names, called with `in_features`."""
    options = plain(config.architecture)
    if "_target_" not in options:
        return architectures.build(options.pop("name"), in_features, **options)
    options.pop("name", None)
    network: nn.Module = _made("architecture", {**options, "in_features": in_features})
    if not isinstance(getattr(network, "out_features", None), int):
        raise LikelihoodError(
            f"{type(network).__name__} does not say how many features it gives: set self.out_features in its __init__"
        )
    return network


def _refuse_noise(config: DictConfig, network: nn.Module) -> None:
    """A line search compares losses, which dropout draws anew at each call and batches at each step."""
    if config.optimizer._target_ != "torch.optim.LBFGS":
        return
    if config.data.batch_size is not None:
        raise LikelihoodError("optimizer=lbfgs trains on all rows at once: leave out data.batch_size")
    if any(isinstance(layer, nn.Dropout) and layer.p > 0 for layer in network.modules()):
        raise LikelihoodError(
            "optimizer=lbfgs compares losses along a line, and dropout draws them at random: add "
            "architecture.dropout=0, or choose architecture=linear or shallow"
        )


def build_optimizer(config: DictConfig) -> tuple[partial[Any], partial[Any] | None]:
    """What makes the optimiser from parameters, and the schedule (or None) from the optimiser; tried out once.

    Raises:
        LikelihoodError: an argument that they do not take.
    """
    settings = plain(config.optimizer)
    schedule = settings.pop("scheduler", None)
    optimizer = _made("optimizer", settings)
    scheduler = None if schedule is None else _made("optimizer.scheduler", schedule)
    if scheduler is not None and scheduler.keywords.get("T_max", 1) < 1:
        raise LikelihoodError(
            "the cosine schedule needs to know how long a run may be: give trainer.max_epochs above 0, "
            "or optimizer.scheduler=null"
        )
    try:
        tried = optimizer([nn.Parameter(torch.zeros(1))])
        if scheduler is not None:
            scheduler(tried)
    except REFUSALS as error:
        raise LikelihoodError(f"the optimizer cannot be built: {reason(error)}") from error
    return optimizer, scheduler
