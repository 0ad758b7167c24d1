"""The words of the command line checked before anything starts: a misspelt name gets one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likelihead.configs import conf_directory
from likelihead.errors import LikelihoodError

#: Mappings whose keys depend on the family that they belong to: the family checks them.
OPEN = ("distribution.parameters.", "distribution.links.", "distribution.floors.", "distribution.options.")
#: Optional keys of one distribution.
OPTIONAL = ("distribution.components", "distribution.links", "distribution.floors", "distribution.options")
#: Flags of Hydra after which only Hydra knows which words there are: other places of configs, completion.
ELSEWHERE = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "--shell-completion", "-sc")


def open_up(words: Sequence[str]) -> list[str]:
    """The command line with `++` before the keys that a distribution need not name.

    >>> open_up(["distribution=any", "distribution.parameters.df=4"])
    ['distribution=any', '++distribution.parameters.df=4']
    """
    return [f"++{word}" if word.startswith(OPEN) or word.split("=")[0] in OPTIONAL else word for word in words]


def check(words: Sequence[str], config_name: str) -> None:
    """Raise a LikelihoodError on the first word that names no group, choice or key of conf/<config_name>.yaml."""
    if any(word.split("=")[0] in ELSEWHERE for word in words):
        return
    given = [_parse(word) for word in _choices(words)]
    given = [override for override in given if not override.is_hydra_override()]
    groups = _groups() if config_name == "train" else {}
    for override in given:
        if override.key_or_group in groups:
            _check_choice(override, groups[override.key_or_group])
    keys = [override for override in given if override.key_or_group not in groups and not override.is_add()]
    keys = [override for override in keys if not override.is_force_add()]
    if keys:
        _check_keys(keys, [o for o in given if o.key_or_group in groups], config_name, groups)


def _choices(words: Sequence[str]) -> list[str]:
    """The words that choose something: no flags, nor what follows one (`--cfg job`)."""
    after_flag = [False, *(word.startswith("-") for word in words)]
    return [
        word
        for word, follows in zip(words, after_flag, strict=False)
        if not word.startswith("-") and ("=" in word or word.startswith("~") or not follows)
    ]


def suggest(name: str, choices: Iterable[str]) -> str:
    """The closest valid name, and all of them."""
    choices = sorted(choices)
    close = difflib.get_close_matches(name, choices, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"valid are {', '.join(choices)}"


def _parse(word: str) -> Override:
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        if "=" not in word:
            raise LikelihoodError(f"{word!r} is no choice: write name=value, such as distribution=poisson") from error
        raise LikelihoodError(f"{word!r} cannot be read: {' '.join(str(error).split())}") from error


def _groups() -> dict[str, list[str]]:
    """The choices of each config group."""
    folders = sorted(folder for folder in conf_directory().iterdir() if folder.is_dir())
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


def _check_choice(override: Override, choices: list[str]) -> None:
    for value in _values(override):
        # A list is several choices of one group; null takes the group away.
        for name in value if isinstance(value, list) else [value]:
            if name is not None and str(name) not in choices:
                group = override.key_or_group
                raise LikelihoodError(f"there is no {group}={name}: {suggest(str(name), choices)}")


def _values(override: Override) -> list[Any]:
    if override.is_delete():
        return []
    if override.is_sweep_override():
        return list(override.sweep_iterator()) if override.is_discrete_sweep() else []
    return [override.value()]


def _check_keys(keys: list[Override], chosen: list[Override], config_name: str, groups: dict[str, list[str]]) -> None:
    composed = _composed(chosen, config_name)
    if composed is None:
        return
    for override in keys:
        name = override.key_or_group
        node: Any = composed
        for depth, part in enumerate(name.split(".")):
            valid = _keys_of(node)
            if part not in valid:
                where = ".".join(name.split(".")[:depth])
                raise LikelihoodError(_unknown(name, part, where, valid, groups))
            node = _child(node, part)
        if _keys_of(node) and not (override.is_delete() or isinstance(override.value(), dict | list)):
            first = _keys_of(node)[0]
            raise LikelihoodError(f"{name} holds {', '.join(_keys_of(node))}: give one of them, as in {name}.{first}=…")


def _keys_of(node: Any) -> list[str]:
    if isinstance(node, DictConfig) and not node._is_none():
        return [str(key) for key in node]
    return [str(index) for index in range(len(node))] if OmegaConf.is_list(node) else []


def _child(node: Any, part: str) -> Any:
    return node._get_node(int(part) if OmegaConf.is_list(node) else part)


def _unknown(name: str, part: str, where: str, valid: list[str], groups: dict[str, list[str]]) -> str:
    if where:
        return f"there is no {name}: {suggest(part, valid) if valid else f'{where} holds no keys'}"
    return f"there is no choice {name!r}: {suggest(part, {*valid, *groups} - {'rows_per_step'})}"


def _composed(chosen: list[Override], config_name: str) -> DictConfig | None:
    """The config with the chosen groups alone, the first value of a sweep; None where Hydra has more to say."""
    words = []
    for override in chosen:
        values = _values(override)
        first = values[0] if values else None
        words.append(f"{override.key_or_group}={_plain(first)}")
    try:
        with initialize_config_dir(str(conf_directory()), version_base="1.3"):
            return compose(config_name, overrides=words)
    except (HydraException, OmegaConfBaseException):
        return None


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return "null" if value is None else str(value)
