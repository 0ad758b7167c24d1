"""The command line checked before anything starts: a misspelt name gets one sentence with the closest valid one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likelihead.configs import conf_directory
from likelihead.errors import LikelihoodError, one_line, suggest

#: Mappings whose keys depend on the family, which checks them itself.
OPEN = ("distribution.parameters.", "distribution.links.", "distribution.floors.", "distribution.options.")
#: Keys that a config need not name: of one distribution, of a schedule that Lightning takes, and of a text file.
OPTIONAL = (
    "distribution.components", "distribution.zeros", "distribution.ones", "distribution.limits",
    "distribution.spline", "distribution.links", "distribution.floors", "distribution.options",
    "optimizer.scheduler.interval", "optimizer.scheduler.frequency", "optimizer.scheduler.monitor", "data.encoding",
)  # fmt: skip
#: What a class of the user's own may replace, by the key of `_target_`.
REPLACEABLE = ("architecture", "optimizer.scheduler")
#: Groups that a run can do without: `logger=null`.
OPTIONAL_GROUPS = ("callbacks", "experiment", "logger", "strategy")
#: All flags of Hydra.
FLAGS = (
    *("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p", "--run", "-r"),
    *("--multirun", "-m", "--shell-completion", "-sc", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd", "--experimental-rerun", "--info", "-i"),
)
#: Flags of Hydra after which only Hydra knows which words there are: other config folders, completion.
ELSEWHERE = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "--shell-completion", "-sc")


def open_up(words: Sequence[str]) -> list[str]:
    """The command line with `++` before the keys that a config file need not name.

    >>> open_up(["distribution=any", "distribution.parameters.df=4"])
    ['distribution=any', '++distribution.parameters.df=4']
    """
    return [f"++{word}" if word.startswith(OPEN) or word.split("=")[0] in OPTIONAL else word for word in words]


def replaced(words: Sequence[str], config_name: str) -> list[str]:
    """The command line with the shipped options taken away from what a `_target_` on it replaces.

    >>> replaced(["architecture._target_=my.Net", "architecture.channels=4"], "train")
    ['~architecture', '++architecture._target_=my.Net', '++architecture.channels=4']
    """
    for name in REPLACEABLE:
        if not any(word.startswith(f"{name}._target_=") for word in words):
            continue
        words = [f"++{word}" if word.startswith(f"{name}.") else word for word in words]
        if config_name == "train" and not any(word.startswith(f"{name}=") for word in words):
            # In front of its keys, and not of the flags: Hydra wants all overrides side by side.
            first = next(i for i, word in enumerate(words) if word.startswith(f"++{name}."))
            words = [*words[:first], f"~{name}" if name in groups() else f"++{name}=null", *words[first:]]
    return list(words)


def without_null_groups(words: Sequence[str]) -> list[str]:
    """The command line with `[]`, no choice of a group, in place of `null`, which Hydra takes for keys only.

    >>> without_null_groups(["logger=null", "optimizer.scheduler=null", "experiment=null,glm"])
    ['logger=[]', 'optimizer.scheduler=null', 'experiment=[],glm']
    """
    return [_without_null(word) if word.split("=")[0] in OPTIONAL_GROUPS else word for word in words]


def _without_null(word: str) -> str:
    group, _, value = word.partition("=")
    return f"{group}={','.join('[]' if choice == 'null' else choice for choice in value.split(','))}"


def check(words: Sequence[str], config_name: str) -> None:
    """Check that each word names a group, choice or key of conf/<config_name>.yaml.

    Raises:
        LikelihoodError: the first word that does not.
    """
    _check_flags(words)
    if any(word.split("=")[0] in ELSEWHERE for word in words):
        return
    given = [override for override in parsed(words) if not override.is_hydra_override()]
    known = groups() if config_name == "train" else {}
    for override in given:
        if override.is_add() and override.key_or_group in known:
            word = str(override.input_line).lstrip("+")
            raise LikelihoodError(f"+{word}: a choice of a group takes no plus sign; write {word}")
    for override in given:
        if override.key_or_group in known:
            _check_choice(override, known[override.key_or_group])
    keys = [override for override in given if override.key_or_group not in known and not override.is_add()]
    keys = [override for override in keys if not override.is_force_add()]
    if keys:
        _check_keys(keys, [o for o in given if o.key_or_group in known], config_name, known)


def _check_flags(words: Sequence[str]) -> None:
    """Raise a LikelihoodError for a flag that Hydra does not have, such as `--checkpoint x` for `checkpoint=x`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        flag, equals, value = word.partition("=")
        if not word.startswith("--") or flag in FLAGS:
            continue
        value = value if equals else following if following and "=" not in following else "…"
        name = flag.lstrip("-").replace("-", "_")
        raise LikelihoodError(f"there is no flag {flag}; options have no dashes: write {name}={value}")


def check_lists(words: Sequence[str]) -> None:
    """Refuse several values for a key in a command that runs once.

    Raises:
        LikelihoodError: the first word that gives them.
    """
    if any(word.split("=")[0] == "hydra.mode" for word in words):
        return
    for override in parsed(words):
        if override.is_sweep_override():
            raise LikelihoodError(
                f"{override.input_line} gives several values: add -m to train one run for each, give one value, or "
                f"write a list in brackets, {override.key_or_group}=[…]"
            )


def parsed(words: Sequence[str]) -> list[Override]:
    """The overrides among the words.

    Raises:
        LikelihoodError: a word that is not an override.
    """
    return [_parse(word) for word in _override_words(words)]


def values(override: Override) -> list[Any]:
    """The values that an override gives: several in a sweep, none where it deletes a key or names an interval."""
    if override.is_delete():
        return []
    if override.is_sweep_override():
        return list(override.sweep_iterator()) if override.is_discrete_sweep() else []
    return [override.value()]


def composed(words: Sequence[str], config_name: str) -> DictConfig | None:
    """The config of a command line, `hydra` included, with the first value of each sweep.

    None where Hydra cannot compose it; Hydra's own message then says why.
    """
    flags, rest = _config_flags(words)
    singles = [_single(override) for override in parsed(rest)]
    if flags.config_dir:
        singles.append(f"hydra.searchpath=[file://{Path(flags.config_dir).absolute()}]")
    folder = str(Path(flags.config_path or conf_directory()).absolute())
    return _composed(singles, flags.config_name or config_name, folder)


def _config_flags(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--config-path", "-cp")
    parser.add_argument("--config-name", "-cn")
    return parser.parse_known_args(list(words))


def _single(override: Override) -> str:
    """The override as it was typed; for a sweep, with its first value only."""
    if not override.is_sweep_override() or override.is_delete():
        return str(override.input_line)
    key = str(override.input_line).partition("=")[0]
    return f"{key}={next(iter(override.sweep_string_iterator()), 'null') if override.is_discrete_sweep() else 'null'}"


def _composed(words: Sequence[str], config_name: str, folder: str) -> DictConfig | None:
    try:
        with initialize_config_dir(folder, job_name=config_name, version_base="1.3"):
            return compose(config_name, overrides=list(words), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException):
        return None


def _override_words(words: Sequence[str]) -> list[str]:
    """The words that are neither flags nor the argument of one (`--cfg job`)."""
    after_flag = [False, *(word.startswith("-") for word in words)]
    return [
        word
        for word, follows in zip(words, after_flag, strict=False)
        if not word.startswith("-") and ("=" in word or word.startswith("~") or not follows)
    ]


def _parse(word: str) -> Override:
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        if "=" not in word:
            raise LikelihoodError(f"{word!r} sets nothing: write name=value, such as distribution=poisson") from error
        raise LikelihoodError(f"{word!r} cannot be read: {one_line(error)}") from error


def groups() -> dict[str, list[str]]:
    """The choices of each config group.

    >>> groups()["strategy"]
    ['auto', 'cpu', 'ddp', 'fsdp', 'gpu']
    """
    folders = sorted(folder for folder in conf_directory().iterdir() if folder.is_dir())
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


def _check_choice(override: Override, choices: list[str]) -> None:
    group = override.key_or_group
    for value in values(override):
        # A list is several choices of one group; null leaves the group out.
        for name in value if isinstance(value, list) else [value]:
            if name is None and group not in OPTIONAL_GROUPS:
                raise LikelihoodError(f"{group}=null: a run needs one; valid are {', '.join(choices)}")
            if name is not None and str(name) not in choices:
                raise LikelihoodError(f"there is no {group}={name}: {suggest(str(name), choices)}")


def _check_keys(keys: list[Override], chosen: list[Override], config_name: str, groups: dict[str, list[str]]) -> None:
    config = _composed(
        without_null_groups([_single(override) for override in chosen]), config_name, str(conf_directory())
    )
    if config is None:
        return
    tree: Any = OmegaConf.to_container(config, resolve=False)
    del tree["hydra"]
    for override in keys:
        node = _node(tree, override.key_or_group, groups)
        if isinstance(node, dict) and node and any(value is not None for value in _scalars(override)):
            first, name = next(iter(node)), override.key_or_group
            raise LikelihoodError(f"{name} holds {', '.join(node)}: give one of them, as in {name}.{first}=…")


def _node(tree: Any, name: str, groups: dict[str, list[str]]) -> Any:
    """What the config holds under a dotted name; raises a LikelihoodError if there is nothing of that name."""
    node, parts = tree, name.split(".")
    for depth, part in enumerate(parts):
        valid = _keys_of(node)
        if part not in valid:
            raise LikelihoodError(_unknown(name, part, ".".join(parts[:depth]), valid, groups))
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node


def _keys_of(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [str(key) for key in node]
    return [str(index) for index in range(len(node))] if isinstance(node, list) else []


def _scalars(override: Override) -> list[Any]:
    return [value for value in values(override) if not isinstance(value, dict | list)]


def _unknown(name: str, part: str, where: str, valid: list[str], groups: dict[str, list[str]]) -> str:
    if where:
        return f"there is no {name}: {suggest(part, valid) if valid else f'{where} has no keys'}"
    return f"there is no option {name!r}: {suggest(part, {*valid, *groups} - {'rows_per_step'})}"
