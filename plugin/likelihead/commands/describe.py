"""data.describe=true: what was decided about each column of the table, without training."""

from __future__ import annotations

from omegaconf import DictConfig

from likelihead.errors import LikelihoodError

#: The columns that are text rather than numbers.
TEXT = ("role", "type", "why")
#: Wider than most terminals, which wrap whole lines better than a table wraps its cells.
WIDTH = 250
#: Where Hydra would write: no run, no directory.
NOWHERE = ("hydra.run.dir=.", "hydra.output_subdir=null")


def is_asked_for(config: DictConfig | None) -> bool:
    """Whether the config of `train` asks for the description of the table; None is one that cannot be composed."""
    return config is not None and bool(config.data.get("describe"))


def describe(config: DictConfig) -> None:
    """Print the table of columns.

    Raises:
        LikelihoodError: the data did not come from a table, or cannot be read or encoded.
    """
    from rich.console import Console

    from likelihead.commands.build import load_rows
    from likelihead.commands.summary import table

    data = load_rows(config)
    encoder = getattr(data, "encoder", None)
    if encoder is None:
        raise LikelihoodError("data.describe=true describes a table, but these data come from a class of your own")
    described = encoder.describe()
    described = described[[*(name for name in described if name != "why"), "why"]]
    rows = [["" if cell is None else _text(cell) for cell in row] for row in described.itertuples(index=False)]
    Console(highlight=False, width=WIDTH).print(table(list(described), rows, TEXT), soft_wrap=True)


def _text(cell: object) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
