"""A misspelt word gets one sentence with the closest valid name, before anything starts."""

from __future__ import annotations

import pytest
from omegaconf import DictConfig, OmegaConf

from likelihead import LikelihoodError
from likelihead.commands import overrides, resolvers

WRONG = {
    "group": ("distributon=poisson", "no option 'distributon': did you mean 'distribution'"),
    "choice": ("distribution=poison", "no distribution=poison: did you mean 'poisson'.*plackett_luce"),
    "swept choice": ("distribution=normal,poison", "did you mean 'poisson'"),
    "optimizer": ("optimizer=adamx", "valid are adam, adamw, lbfgs, sgd"),
    "key": ("trainer.max_epoch=3", "no trainer.max_epoch: did you mean 'max_epochs'"),
    "data key": ("data.batchsize=3", "did you mean 'batch_size'"),
    "root key": ("sed=3", "did you mean 'seed'"),
    "too deep": ("seed.a=3", "seed has no keys"),
    "word": ("poisson", "'poisson' sets nothing: write name=value"),
    "grammar": ("seed=[1", "cannot be read"),
    "null for a group that a run needs": ("optimizer=null", "optimizer=null: a run needs one; valid are adam"),
    "value for a mapping": ("callbacks.averaging=1", "callbacks.averaging holds _target_, decay"),
    "whole group": ("architecture.name.x=1", "architecture.name has no keys"),
}
RIGHT = [
    ["distribution=poisson"],
    ["-m", "distribution=normal,laplace"],
    ["trainer.max_epochs=3", "seed=2", "data.target=[a,b]", "data=table", "data.path=x.csv"],
    ["data=table", "data.test_path=x.csv"],
    ["architecture=linear", "optimizer=lbfgs", "optimizer.max_iter=10"],
    ["distribution.parameters.scale=learned"],
    ["+trainer.anything=1", "++optimizer.momentum=0.1", "hydra.run.dir=x"],
    ["architecture.width=10,20", "-m"],
    ["~callbacks.early_stopping"],
    ["experiment=glm", "--cfg", "job"],
    ["experiment=null"],
    ["logger=null", "callbacks=null", "strategy=null"],
    ["callbacks.early_stopping=null", "callbacks.averaging=null", "logger.csv=null"],
    ["optimizer.scheduler=null", "distribution.parameters=null"],
    ["callbacks=patient", "callbacks.checkpoint=null"],
]


@pytest.fixture(autouse=True)
def known() -> None:
    resolvers.register()


@pytest.mark.parametrize(("word", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_word_gets_a_sentence(word: str, sentence: str) -> None:
    with pytest.raises(LikelihoodError, match=sentence) as caught:
        overrides.check([word], "train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", RIGHT, ids=" ".join)
def test_right_words_pass(words: list[str]) -> None:
    overrides.check(words, "train")


NULLS = ["callbacks=null", "logger=null", "experiment=null", "callbacks.early_stopping=null", "logger.csv=null"]


@pytest.mark.parametrize("word", NULLS)
def test_what_is_null_is_left_out_of_the_config(word: str) -> None:
    """Whatever builds the trainer finds a group, empty or without the entry."""
    config = overrides.composed(overrides.without_null_groups([word]), "train")
    assert config is not None
    name = word.removesuffix("=null")
    assert not OmegaConf.select(config, name)
    assert isinstance(config.callbacks, DictConfig)
    assert isinstance(config.logger, DictConfig)


def test_a_key_that_depends_on_the_choice() -> None:
    with pytest.raises(LikelihoodError, match=r"no architecture\.width"):
        overrides.check(["architecture=linear", "architecture.width=3"], "train")


def test_parameters_of_any_family_are_left_to_the_family() -> None:
    words = overrides.open_up(["distribution=any", "distribution.parameters.df=4", "distribution.components=3"])
    assert words == ["distribution=any", "++distribution.parameters.df=4", "++distribution.components=3"]
    overrides.check(words, "train")


def test_a_mapping_wants_one_of_its_keys() -> None:
    with pytest.raises(LikelihoodError, match=r"data holds path, unseen: give one of them, as in data\.path="):
        overrides.check(["data=table"], "predict")
