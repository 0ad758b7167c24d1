"""The command line of every command: what it offers, how it is checked, and how Hydra runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.machinery import ModuleSpec
from typing import Any

from likelihead.configs import conf_directory

COMMANDS = {
    "train": "train a model: likelihead train distribution=poisson data=table data.path=visits.csv data.target=visits",
    "evaluate": "score a model on new rows: likelihead evaluate checkpoint=RUN data.path=new.csv",
    "predict": "predict new rows: likelihead predict checkpoint=RUN data.path=new.csv output=predictions.csv",
    "report": "write the report of a run again: likelihead report RUN",
    "compare": "compare families, architectures or runs: likelihead compare distribution=normal,laplace data=diabetes",
    "export": "write a model for other programs: likelihead export checkpoint=RUN output=model.onnx",
    "doctor": "say what is installed and test it: likelihead doctor",
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


def run(task: Task, config_name: str, command: str) -> None:
    """Check the command line, then run the task on the config that Hydra composes from it."""
    start(task, config_name, checked(config_name, command))


def typed_words(command: str) -> list[str]:
    """The words after the command, as they were typed."""
    words = sys.argv[1:]
    return words[1:] if words[:1] == [command] else words


def checked(config_name: str, command: str, words: Sequence[str] | None = None) -> list[str]:
    """The words after the command, as Hydra can parse them; exits with one sentence on the first wrong one.

    `words` take the place of those that were typed. With --help it prints the help of the command and exits.
    """
    from likelihead.commands import help, overrides, quoting, resolvers
    from likelihead.commands.user_errors import reports_errors

    resolvers.register()
    words = typed_words(command) if words is None else words
    words = overrides.open_up(overrides.replaced(words, config_name))
    words = quoting.quote(words, sweep=command != "compare" and bool(set(words) & SWEEP))
    with reports_errors():
        overrides.check(words, config_name)
        if command != "compare" and not set(words) & SWEEP:
            overrides.check_lists(words)
    text = help.help_text(words, config_name, command) if help.FLAGS & set(words) else None
    if text is not None:
        with reports_errors():
            print(text, flush=True)
        raise SystemExit(0)
    return overrides.without_null_groups(words)


def start(task: Task, config_name: str, words: Sequence[str]) -> None:
    """Run the task, once or for each trial of a sweep, on the config that Hydra composes from the words.

    The task sees the command line as it was typed: Lightning starts further processes by running it again.
    """
    import hydra

    from likelihead.commands import resolvers
    from likelihead.commands.ranks import is_copy
    from likelihead.commands.user_errors import reports_errors, reports_interruption, terminates_as_interrupted

    typed, module = sys.argv, getattr(sys.modules["__main__"].__spec__, "name", None)
    if is_copy():
        from likelihead.training.processes import end_with_parent

        end_with_parent()
    # A console script does not look for modules in the folder where it was typed, as `python train.py` does.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())

    # A launcher may run this in another process: all it needs is in its closure, and the resolvers are registered here.
    @wraps(task)
    def reporting(config: Any) -> Any:
        sys.argv = typed
        _start_as(module)
        resolvers.register()
        with reports_errors():
            return task(config)

    application = hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=config_name)(reporting)
    # Hydra accepts its flags only before the overrides.
    flags = ["-m"] if set(words) & SWEEP else []
    sys.argv = [typed[0], *flags, *(word for word in words if word not in SWEEP)]
    try:
        with reports_interruption(lambda: "nothing more was done"), terminates_as_interrupted():
            application()
    finally:
        sys.argv = typed


def _start_as(module: str | None) -> None:
    """Let Lightning start further processes as this command was started: as a module, or else as a script."""
    main = sys.modules["__main__"]
    if getattr(main.__spec__, "name", None) != module:
        main.__spec__ = None if module is None else ModuleSpec(module, None)
