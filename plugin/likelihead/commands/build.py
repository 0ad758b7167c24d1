"""From a composed config to the objects of a run: trainer, network, head, optimiser."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
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
from likelihead.architectures.features import features_of
from likelihead.commands.argument_types import check_types
from likelihead.data import load_data
from likelihead.data.options import table_defaults
from likelihead.errors import LikelihoodError, one_line
from likelihead.training.callbacks.progress import EpochLines
from likelihead.training.checkpoint_files import AtomicCheckpointIO
from likelihead.training.data_module import as_data_module, input_columns, rows_per_step, sample_inputs
from likelihead.training.ensemble import Ensemble
from likelihead.training.ensemble_data import EnsembleData
from likelihead.training.lightning_packages import require_pytorch_lightning
from likelihead.training.module import LikelihoodModule
from likelihead.training.refit import OF_FIRST_FIT
from likelihead.training.trainer import of_every_run

#: The errors of classes that are called with arguments that they cannot take.
REFUSALS = (TypeError, ValueError, RuntimeError, ImportError, InstantiationException, MisconfigurationException)

#: Settings of a schedule that Lightning takes, and not the scheduler itself.
SCHEDULE_KEYS = ("interval", "frequency", "monitor", "strict", "name")


def plain(node: Any) -> Any:
    """A config node as plain values, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True, throw_on_missing=True) if OmegaConf.is_config(node) else node


def _made(what: str, node: Any) -> Any:
    """What a node with a `_target_` describes; a LikelihoodError where it cannot be made."""
    try:
        return instantiate(node, _convert_="all")
    except REFUSALS as error:
        raise LikelihoodError(f"{what} cannot be built: {reason(error)}") from error


def _class_of(what: str, target: str) -> type:
    try:
        return get_class(target)
    except REFUSALS as error:
        raise LikelihoodError(f"{what} cannot be built: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What the innermost error says, on one line."""
    innermost = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
    return one_line(innermost) or type(innermost).__name__


def build_trainer(config: DictConfig, of_refit: Sequence[Callback] = ()) -> pl.Trainer:
    """Lightning's Trainer with the callbacks and loggers of the config; clipping waits for `scale_to_rows`.

    That of a refit has the callbacks `of_refit` in place of those that choose an epoch, and logs nothing.

    Raises:
        LikelihoodError: an argument that the Trainer, a callback or a logger does not take.
    """
    settings = {key: value for key, value in config.trainer.items_ex(resolve=False) if key != "gradient_clip_val"}
    arguments = _made("trainer", OmegaConf.create(settings, parent=config))
    _check_counts(arguments)
    bar = arguments["enable_progress_bar"]
    bar = (sys.stdout.isatty() if bar is None else bar) and not arguments["barebones"]
    arguments["enable_progress_bar"] = bar
    arguments["plugins"] = _plugins(arguments)
    check_types("trainer", arguments, pl.Trainer)
    loggers = [] if of_refit else [_logger(name, node) for name, node in _present(config.logger)]
    callbacks = [*_callbacks(config, bar, OF_FIRST_FIT if of_refit else ()), *of_refit]
    require_pytorch_lightning(callbacks=callbacks, logger=loggers, **arguments)
    try:
        return pl.Trainer(**arguments, callbacks=callbacks, logger=loggers or False)
    except REFUSALS as error:
        raise LikelihoodError(f"the trainer cannot be built: {reason(error)}") from error


def _logger(name: str, node: Any) -> Any:
    try:
        return _made(f"logger.{name}", node)
    except LikelihoodError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) or isinstance(getattr(cause, "__cause__", None), ModuleNotFoundError):
            raise LikelihoodError(f"logger={name} needs the package {name}: pip install {name}") from error
        raise


def _check_counts(arguments: Mapping[str, Any]) -> None:
    """Refuse counts below 1, which Lightning takes and fails on in the middle of a step."""
    for name in ("accumulate_grad_batches", "num_nodes", "check_val_every_n_epoch", "log_every_n_steps"):
        value = arguments[name]
        smallest = 0 if name == "log_every_n_steps" else 1
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < smallest):
            raise LikelihoodError(f"trainer.{name} is {value}; it must be a whole number, {smallest} or more")


def _plugins(arguments: dict[str, Any]) -> list[Any] | None:
    """The trainer's plugins, and atomic checkpoint files except where a model is saved in shards."""
    given = arguments["plugins"]
    listed = given if isinstance(given, list) else [] if given is None else [given]
    return listed or None if arguments["strategy"] == "fsdp" else [AtomicCheckpointIO(), *listed]


def _present(group: DictConfig | None) -> list[tuple[str, Any]]:
    return [(str(name), node) for name, node in (group or {}).items() if node is not None]


def _callbacks(config: DictConfig, bar: bool, without: tuple[type, ...]) -> list[Callback]:
    if config.trainer.barebones:
        return []
    made = []
    for name, node in _present(config.callbacks):
        target = _class_of(f"callbacks.{name}", node._target_)
        if issubclass(target, without):
            continue
        if issubclass(target, ProgressBar) and not bar:
            continue
        if issubclass(target, ModelCheckpoint) and not config.trainer.enable_checkpointing:
            continue
        if issubclass(target, LearningRateMonitor) and not _present(config.logger):
            continue
        check_types(f"callbacks.{name}", plain(node), target)
        made.append(_made(f"callbacks.{name}", node))
    return [*made, *of_every_run(config.seed), *([] if bar else [EpochLines()])]


def load_rows(config: DictConfig) -> Any:
    """The data of the config: a table, a bundled or a synthetic set, or what `data._target_` makes.

    A `data._target_` of the user's is called with the options of its own file and returns whatever `fit` takes.

    Raises:
        LikelihoodError: an unknown option, a file that cannot be read, targets that the family cannot take.
    """
    options = plain(config.data)
    if "_target_" not in options:
        return load_data(plain(config.distribution), options, config.seed)
    if options["folds"] is not None:
        raise LikelihoodError(
            "data.folds splits a table, but these data come from a class of your own: leave it out, and let the class "
            "hold out the rows of each fold"
        )
    return own_data(options)


def own_data(options: Mapping[str, Any]) -> Any:
    """What the function or class that `options["_target_"]` names makes of the options of its own file."""
    own = {
        key: value
        for key, value in options.items()
        if key not in table_defaults() or (key == "seed" and value is not None)
    }
    return _made("data", own)


def build_rows(config: DictConfig, data: Any, processes: int) -> pl.LightningDataModule:
    """The rows as batches, dealt to the networks of an ensemble if there are several.

    Raises:
        LikelihoodError: a wrong batch size or number of networks, or rows that cannot be dealt.
    """
    members = config.ensemble
    if not isinstance(members, int) or isinstance(members, bool) or members < 1:
        raise LikelihoodError(f"ensemble is {members}; it must be the number of networks, a whole number above 0")
    batches = {"batch_size": config.data.batch_size, "seed": config.seed, "processes": processes}
    rows = as_data_module(data, **batches)
    return rows if members == 1 else EnsembleData(rows, members, split_seed=config.data.seed, **batches)


def scale_to_rows(config: DictConfig, rows: pl.LightningDataModule, trainer: pl.Trainer) -> None:
    """Tell the config how many rows a step has, over all devices, and set the clipping that depends on it."""
    config.rows_per_step = rows_per_step(rows, trainer.world_size, trainer.accumulate_grad_batches)
    check_types("trainer", {"gradient_clip_val": config.trainer.gradient_clip_val}, pl.Trainer)
    trainer.gradient_clip_val = config.trainer.gradient_clip_val


def build_module(config: DictConfig, rows: pl.LightningDataModule) -> LikelihoodModule:
    """The network and the head for the training rows, with links still plain; several as an ensemble.

    Raises:
        LikelihoodError: an unknown family, architecture, optimiser or argument.
    """
    optimizer, scheduler = build_optimizer(config)

    def member() -> LikelihoodModule:
        network = build_architecture(config, sample_inputs(rows), input_columns(rows))
        _refuse_noise(config, network)
        compile_mode = config.get("compile", False)
        return LikelihoodModule.for_data(
            rows, plain(config.distribution), network, optimizer, scheduler, compile=compile_mode
        )

    return member() if config.ensemble == 1 else Ensemble.of(member, config.ensemble, config.seed)


def build_architecture(config: DictConfig, x: Any, columns: Sequence[int] | None = None) -> nn.Module:
    """A shipped network by name, or the class that `architecture._target_` names.

    A class of the user's is called with `in_features`, the length of x (N, in_features), where it takes it; `columns`
    are those of each input of a table.
    """
    options = plain(config.architecture)
    if "_target_" in options:
        return own_network(options, x.shape[-1])
    return architectures.build_for(options.pop("name", None), x, columns, **options)


def own_network(options: Mapping[str, Any], in_features: int) -> nn.Module:
    """The network of the class that `options["_target_"]` names, called with `in_features` where it takes it."""
    if "in_features" in inspect.signature(_class_of("architecture", options["_target_"])).parameters:
        options = {"in_features": in_features, **options}
    network: nn.Module = _made("architecture", dict(options))
    features_of(network)
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


def build_optimizer(config: DictConfig) -> tuple[partial[Any], Callable[[Any], Any] | None]:
    """What makes the optimizer from parameters, and the schedule (or None) from the optimizer; tried out once.

    Raises:
        LikelihoodError: an argument that they do not take.
    """
    settings = {**plain(config.optimizer), "_partial_": True}
    schedule = settings.pop("scheduler", None)
    check_types("optimizer", settings, _class_of("optimizer", settings["_target_"]))
    optimizer = _made("optimizer", settings)
    scheduler = None if schedule is None else _scheduler(schedule)
    try:
        tried = optimizer([nn.Parameter(torch.zeros(1))])
        if scheduler is not None:
            scheduler(tried)
    except REFUSALS as error:
        raise LikelihoodError(f"the optimizer cannot be built: {reason(error)}") from error
    return optimizer, scheduler


def _scheduler(schedule: Mapping[str, Any]) -> Callable[[Any], Any]:
    """What makes a scheduler from an optimizer, with the settings that are Lightning's where there are any."""
    settings = {key: value for key, value in schedule.items() if key not in SCHEDULE_KEYS}
    lightning = {key: value for key, value in schedule.items() if key in SCHEDULE_KEYS}
    check_types("optimizer.scheduler", settings, _class_of("optimizer.scheduler", settings["_target_"]))
    scheduler = _made("optimizer.scheduler", {**settings, "_partial_": True})
    if scheduler.keywords.get("T_max", 1) < 1:
        raise LikelihoodError(
            "the cosine schedule needs to know how long a run may be: give trainer.max_epochs above 0, "
            "or optimizer.scheduler=null"
        )
    return (lambda optimizer: {"scheduler": scheduler(optimizer), **lightning}) if lightning else scheduler
