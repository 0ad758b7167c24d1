"""The command line of every command: what it offers, how it is checked, and how Hydra runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from likelihead.configs import conf_directory

COMMANDS = {
    "train": "train a model: likelihead train distribution=poisson data=table data.path=visits.csv data.target=visits",
    "evaluate": "score a model on new rows: likelihead evaluate checkpoint=RUN/checkpoints/best.ckpt data.path=new.csv",
    "predict": "predict new rows: likelihead predict checkpoint=RUN/checkpoints/best.ckpt data.path=new.csv "
    "output=predictions.csv",
    "compare": "train several families on the same rows: likelihead compare distribution=normal,laplace data=diabetes",
}
USAGE = "\n".join(
    [
        "likelihead: the output of a network is a probability distribution",
        "",
        *(f"  {name:<10}{text}" for name, text in COMMANDS.items()),
        "",
        "likelihead <command> --help lists what can be chosen.",
    ]
)
SWEEP = {"-m", "--multirun"}
Task = Callable[[Any], Any]
#: Holds whatever the command needs while it runs, and may add words to its command line.
Claim = Callable[[list[str]], AbstractContextManager[list[str]]]


def run(task: Task, config_name: str, command: str, claim: Claim = nullcontext) -> None:
    """Check the command line, then run the task on the config that Hydra composes from it."""
    with claim(checked(config_name, command)) as words:
        start(task, config_name, words)


def checked(config_name: str, command: str) -> list[str]:
    """The words after the command, as Hydra can parse them; exits with one sentence on the first wrong one."""
    from likelihead.commands import overrides, quoting, resolvers
    from likelihead.commands.user_errors import reports_errors

    resolvers.register()
    words = sys.argv[1:]
    words = words[1:] if words[:1] == [command] else words
    words = quoting.quote(overrides.open_up(words), sweep=command != "compare" and bool(set(words) & SWEEP))
    with reports_errors():
        overrides.check(words, config_name)
    return overrides.without_null_groups(words)


def start(task: Task, config_name: str, words: Sequence[str]) -> None:
    """Run the task, once or for each trial of a sweep, on the config that Hydra composes from the words.

    The task sees the command line as it was typed: Lightning starts further processes by running it again.
    """
    import hydra

    from likelihead.commands import resolvers
    from likelihead.commands.user_errors import reports_errors

    typed = sys.argv

    # A launcher may run this in another process: all it needs is in its closure, and the resolvers are registered here.
    @wraps(task)
    def reporting(config: Any) -> Any:
        sys.argv = typed
        resolvers.register()
        with reports_errors():
            return task(config)

    application = hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=config_name)(reporting)
    # Hydra accepts its flags only before the overrides.
    flags = ["-m"] if set(words) & SWEEP else []
    sys.argv = [typed[0], *flags, *(word for word in words if word not in SWEEP)]
    try:
        application()
    finally:
        sys.argv = typed
