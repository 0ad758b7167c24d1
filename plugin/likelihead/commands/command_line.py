"""The command line as Hydra is to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from likelihead.errors import LikelihoodError

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
#: The command line as it was typed, for processes that are started as copies of this one.
_typed: list[str] = []


def run(application: Callable[[], None], config_name: str, command: str, extra: tuple[str, ...] = ()) -> None:
    """Check the words of the command line, then hand them to a Hydra application."""
    from likelihead.commands import overrides, resolvers, run_directory
    from likelihead.commands.telling import fail

    resolvers.register()
    program, *words = sys.argv
    _typed[:] = sys.argv
    if words[:1] == [command]:
        words = words[1:]
    words = overrides.open_up(words)
    try:
        overrides.check(words, config_name)
        run_directory.check_words(words)
    except LikelihoodError as error:
        fail(str(error))
    # Hydra wants its flags before the choices.
    rest = [*extra, *words]
    sys.argv = [program, *(["-m"] if set(rest) & SWEEP else []), *(word for word in rest if word not in SWEEP)]
    try:
        application()
    finally:
        sys.argv = list(_typed)


@contextmanager
def as_typed() -> Iterator[None]:
    """The command line as it was typed: Lightning starts further processes from it."""
    seen = sys.argv
    sys.argv = list(_typed) or seen
    try:
        yield
    finally:
        sys.argv = seen
