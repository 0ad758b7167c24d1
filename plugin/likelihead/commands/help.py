"""The help of a command: its config, with the comments of the YAML files beside the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from likelihead.commands import overrides
from likelihead.configs import conf_directory

FLAGS = {"--help", "-h"}
#: The headers of commands that take the config of another one.
HEADERS = {
    "compare": """Trains several families or architectures on the same rows and splits, and prints their scores side by
side, the best first.
likelihead compare distribution=normal,laplace,student_t data=table data.path=table.csv data.target=y
likelihead compare distribution=auto …     the families that fit the targets, and of them the best linear models
likelihead compare architecture=linear,mlp …
likelihead compare runs=[RUN1,RUN2]     runs that are there already; output=comparison.csv keeps the table"""
}
#: A line of YAML that sets a key: its indentation, the key, and what follows.
KEY = re.compile(r"^( *)([A-Za-z_][\w.]*):(?= |$)(.*)$")
#: Keys that no one types.
INTERNAL = ("rows_per_step",)


def help_text(words: Sequence[str], config_name: str, command: str) -> str | None:
    """The help of a command for the choices on its command line; None where they cannot be composed."""
    config = overrides.composed([word for word in words if word not in FLAGS], config_name)
    if config is None:
        return None
    header = HEADERS.get(command, config.hydra.help.header)
    comments = _comments(config, config_name)
    with open_dict(config):
        for key in ("hydra", *INTERNAL):
            config.pop(key, None)
    lines = _commented(OmegaConf.to_yaml(config).splitlines(), comments)
    groups = [f"{name}={', '.join(choices)}" for name, choices in overrides.groups().items()]
    choices = ["", "Choices of groups (name=choice):", "", *groups] if config_name == "train" else []
    return "\n".join([header, *choices, "", "Keys (name.key=value), with the values of these choices:", "", *lines])


def _comments(config: DictConfig, config_name: str) -> dict[str, str]:
    """The comments of the files that the config was composed from, by dotted key."""
    comments = _read(conf_directory() / f"{config_name}.yaml", "")
    for group, choice in config.hydra.runtime.choices.items():
        file = conf_directory() / group / f"{choice}.yaml"
        if choice and file.is_file():
            is_global = "@package _global_" in file.read_text(encoding="utf-8")
            comments |= _read(file, "" if is_global else f"{group}.")
    return comments


def _read(file: Path, prefix: str) -> dict[str, str]:
    comments = {}
    for key, rest in _keys(file.read_text(encoding="utf-8").splitlines()):
        comment = re.search(r"(?:^| )# (.*)$", rest)
        if comment and key:
            comments[prefix + key] = comment.group(1)
    return comments


def _keys(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The dotted key of each line of YAML, and the text after it; an empty key for a line that sets none."""
    path: list[tuple[int, str]] = []
    for line in lines:
        match = KEY.match(line)
        if match is None:
            yield "", line
            continue
        indent = len(match.group(1))
        path = [(depth, name) for depth, name in path if depth < indent] + [(indent, match.group(2))]
        yield ".".join(name for _, name in path), match.group(3)


def _commented(lines: Sequence[str], comments: dict[str, str]) -> list[str]:
    """The lines of YAML, each with the comment of its key.

    >>> _commented(["seed: 0", "data:", "  rows: 6"], {"data.rows": "how many"})
    ['seed: 0', 'data:', '  rows: 6  # how many']
    """
    keys = [key for key, _ in _keys(lines)]
    return [f"{line}  # {comments[key]}" if key in comments else line for line, key in zip(lines, keys, strict=True)]
