"""Every choice of every group, composed and built."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from likelihead import LikelihoodError
from likelihead.architectures import ARCHITECTURES
from likelihead.commands import build, overrides, resolvers
from likelihead.configs import conf_directory, read, shipped
from likelihead.data.options import complete
from likelihead.data.sources import source_options
from likelihead.families.family import Family, probe_family
from likelihead.training.lightning_warnings import without_hints

TABLE = [
    "normal", "laplace", "student_t", "gaussian_mixture", "exponential", "gamma", "beta", "multivariate_normal",
    "von_mises", "bernoulli", "categorical", "poisson", "plackett_luce",
]  # fmt: skip


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_directory() / group).glob("*.yaml"))


@contextmanager
def composed(folder: Path, *words: str) -> Iterator[DictConfig]:
    resolvers.register()
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = compose("train", overrides=list(words), return_hydra_config=True)
    with open_dict(config):
        config.hydra.runtime.output_dir = str(folder)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    yield config


def test_the_contract_names_these() -> None:
    assert set(TABLE) <= set(shipped())
    assert len(shipped()) >= 19
    assert {"linear", "shallow", "mlp"} <= set(choices("architecture"))
    assert {"auto", "cpu", "gpu", "ddp", "fsdp"} <= set(choices("strategy"))
    assert {"adam", "adamw", "sgd", "lbfgs"} <= set(choices("optimizer"))


@pytest.mark.parametrize("name", [name for name in choices("distribution") if name != "joint"])
def test_distribution(name: str, tmp_path: Path) -> None:
    with composed(tmp_path, f"distribution={name}") as config:
        if name == "any":
            config.distribution.family = "pyro.distributions.Gumbel"
        mapping = build.plain(config.distribution)
    family = Family.of(mapping, event_size=probe_family(mapping).event_size)
    # The number of trials is a number: it is that of the data, and no parameter to learn.
    roles = {parameter: role for parameter, role in family.roles.items() if parameter != "total_count"}
    assert all(role in ("predicted", "learned") for role in roles.values())
    assert family.example().batch_shape == (1,)


@pytest.mark.parametrize("name", shipped())
def test_positive_parameters_have_a_floor_that_shows(name: str) -> None:
    spec = read(name)
    if not set(spec["parameters"]) & {"scale", "rate", "concentration", "scale_tril"}:
        return
    # Those of directions are vectors of any numbers.
    assert name in ("von_mises", "projected_normal") or all(0 < floor <= 0.01 for floor in spec["floors"].values())


#: Inputs of the networks that take other than a table, and the sites of their features.
IMAGES, TOKENS = torch.zeros(2, 1, 4, 5), torch.ones(2, 3, dtype=torch.int64)
INPUTS = {
    "convolution": (IMAGES, ()),
    "unet": (IMAGES, (4, 5)),
    "transformer": (TOKENS, (3,)),
    "recurrent": (TOKENS, ()),
    "set": (torch.zeros(2, 3, 2), (3,)),
    "graph": (torch.zeros(2, 3, 5), ()),
}


@pytest.mark.parametrize("name", choices("architecture"))
def test_architecture(name: str, tmp_path: Path) -> None:
    x, sites = INPUTS.get(name, (torch.zeros(2, 3), ()))
    with composed(tmp_path, f"architecture={name}") as config:
        network = build.build_architecture(config, x)
    assert network(x).shape == (2, *sites, network.out_features)


#: The data that are read from a path.
FILES = ("table", "image_files", "text", "arrays")


@pytest.mark.parametrize("name", choices("data"))
def test_data(name: str, tmp_path: Path) -> None:
    words = [f"data={name}", *(["data.path=x.csv", "data.target=y"] if name in FILES else [])]
    with composed(tmp_path, *words) as config:
        options = build.plain(config.data)
    assert complete(options, source_options()) == options


@pytest.mark.parametrize("name", choices("optimizer"))
def test_optimizer(name: str, tmp_path: Path) -> None:
    with composed(tmp_path, f"optimizer={name}") as config:
        config.rows_per_step = 50
        optimizer, scheduler = build.build_optimizer(config)
        assert (scheduler is None) == (name == "lbfgs")
        made = optimizer([torch.nn.Parameter(torch.zeros(2))])
        if name == "sgd":
            assert made.param_groups[0]["lr"] == pytest.approx(0.1 / 50)
        if name == "lbfgs":
            assert (config.data.batch_size, config.trainer.precision) == (None, "64-true")
            assert made.param_groups[0]["max_iter"] > 1


def test_an_argument_that_the_optimizer_does_not_take(tmp_path: Path) -> None:
    with (
        composed(tmp_path, "optimizer=adam", "optimizer.lr=-1") as config,
        pytest.raises(LikelihoodError, match="optimizer cannot be built: Invalid learning rate"),
    ):
        build.build_optimizer(config)


def test_a_text_for_a_number(tmp_path: Path) -> None:
    for word in ("optimizer.lr=abc", "optimizer.scheduler.T_max=abc"):
        with composed(tmp_path, word) as config, pytest.raises(LikelihoodError) as caught:
            build.build_optimizer(config)
        name = word.partition("=")[0]
        assert str(caught.value).startswith(f"{name} is 'abc'; it must be a number")


PLATEAU = "optimizer.scheduler._target_=torch.optim.lr_scheduler.ReduceLROnPlateau"


@pytest.mark.parametrize("more", [[], ["optimizer.scheduler.factor=0.5", "optimizer.scheduler.monitor=train/nll"]])
def test_a_schedule_in_place_of_the_cosine(more: list[str], tmp_path: Path) -> None:
    words = overrides.open_up(overrides.replaced([PLATEAU, *more], "train"))
    overrides.check(words, "train")
    with composed(tmp_path, *words) as config:
        optimizer, scheduler = build.build_optimizer(config)
    made = scheduler(optimizer([torch.nn.Parameter(torch.zeros(2))]))
    plateau = made["scheduler"] if more else made
    assert isinstance(plateau, torch.optim.lr_scheduler.ReduceLROnPlateau)
    assert plateau.factor == (0.5 if more else 0.1)
    assert not more or made["monitor"] == "train/nll"


def test_the_cosine_by_step(tmp_path: Path) -> None:
    words = overrides.open_up(["optimizer.scheduler.interval=step", "optimizer.scheduler.T_max=500"])
    overrides.check(words, "train")
    with composed(tmp_path, *words) as config:
        optimizer, scheduler = build.build_optimizer(config)
    made = scheduler(optimizer([torch.nn.Parameter(torch.zeros(2))]))
    assert (made["interval"], made["scheduler"].T_max) == ("step", 500)


def test_the_cosine_needs_an_end(tmp_path: Path) -> None:
    with (
        composed(tmp_path, "trainer.max_epochs=-1") as config,
        pytest.raises(LikelihoodError, match="cosine schedule needs to know"),
    ):
        build.build_optimizer(config)


def test_every_argument_of_the_trainer_can_be_overridden(tmp_path: Path) -> None:
    taken = set(inspect.signature(pl.Trainer.__init__).parameters) - {"self", "callbacks", "logger"}
    with composed(tmp_path) as config:
        assert set(config.trainer) == taken


@pytest.mark.parametrize("name", choices("strategy"))
def test_strategy(name: str, tmp_path: Path) -> None:
    words = ["trainer.accelerator=cpu", "trainer.devices=2"] if name == "ddp" else []
    with without_hints(), composed(tmp_path, f"strategy={name}", *words) as config:
        if name in ("gpu", "fsdp") and not torch.cuda.is_available():
            with pytest.raises(LikelihoodError, match="trainer cannot be built"):
                build.build_trainer(config)
            return
        trainer = build.build_trainer(config)
    assert trainer.world_size == (2 if name == "ddp" else 1)


@pytest.mark.parametrize("group", ["callbacks", "logger", "trainer"])
def test_trainer(group: str, tmp_path: Path) -> None:
    for name in choices(group):
        with without_hints(), composed(tmp_path, f"{group}={name}", "strategy=cpu") as config:
            if name in ("mlflow", "wandb") and find_spec(name) is None:
                with pytest.raises(
                    LikelihoodError, match=f"logger={name} needs the package {name}: pip install {name}"
                ):
                    build.build_trainer(config)
                continue
            trainer = build.build_trainer(config)
        checkpoint = trainer.checkpoint_callback
        assert (checkpoint.monitor, checkpoint.dirpath) == ("validation/nll", str(tmp_path / "checkpoints"))
        assert len(trainer.loggers) == {"none": 0, "tensorboard": 2, "mlflow": 2, "wandb": 2}.get(name, 1)


def test_without_validation_rows_the_training_nll_is_watched(tmp_path: Path) -> None:
    with without_hints(), composed(tmp_path, "data.validation_fraction=0", "strategy=cpu") as config:
        trainer = build.build_trainer(config)
    assert trainer.checkpoint_callback.monitor == trainer.early_stopping_callback.monitor == "train/nll"


#: The role of the scale in the experiments on it.
SCALES = {"heteroscedastic": "predicted", "homoscedastic": "learned", "least_squares": 1.0}


@pytest.mark.parametrize("name", choices("experiment"))
def test_experiment(name: str, tmp_path: Path) -> None:
    with composed(tmp_path, f"experiment={name}") as config:
        family = probe_family(build.plain(config.distribution))
        if name == "glm":
            assert config.architecture.name == "linear"
            assert config.optimizer._target_ == "torch.optim.LBFGS"
            assert config.trainer.gradient_clip_val is None
        elif name in SCALES:
            assert family.roles["scale"] == SCALES[name]
        assert config.architecture.name in ARCHITECTURES


def test_clipping_and_steps_follow_the_rows(tmp_path: Path) -> None:
    with composed(tmp_path) as config:
        assert config.trainer.gradient_clip_val == "1.0 times the rows of a step"
        config.rows_per_step = 128
        assert config.trainer.gradient_clip_val == 128.0
