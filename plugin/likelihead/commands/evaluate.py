"""likelihead evaluate: a checkpoint and a table in, scores out."""

from __future__ import annotations

from typing import Any

import hydra
from omegaconf import DictConfig

from likelihead.commands import command_line as words
from likelihead.commands.telling import telling
from likelihead.configs import conf_directory


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Print the scores of the model on `data.path`, and write them to `output` where one is given.

    Raises:
        LikelihoodError: a file that cannot be read, a missing column, targets that the family cannot take.
    """
    from rich.console import Console

    from likelihead.commands.saved_model import file_of, rows_of, trained
    from likelihead.commands.summary import table
    from likelihead.evaluation import evaluate as evaluation
    from likelihead.files import write_json

    model = trained(file_of(config, "checkpoint"))
    path = file_of(config, "data.path")
    split = rows_of(model, path, "required")
    scores = evaluation.evaluate(model.module, split)
    errors = evaluation.standard_errors(model.module, split)
    marginal = evaluation.marginal_nll(model.module, split)
    rows = [[name, value, errors.get(name)] for name, value in scores.items() if name != "n"]
    rows.append(["nll of the marginal fit", marginal, None])
    title = f"{model.module.head.family.name}, {scores['n']} rows of {path.name}"
    console = Console(highlight=False)
    console.print(title, style="bold", markup=False, soft_wrap=True)
    console.print(table(["score", "value", "standard error"], rows))
    if config.output is not None:
        found = {**scores, "standard_errors": errors, "marginal": {"nll": marginal}}
        write_json(file_of(config, "output"), found)
    return scores


@hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name="evaluate")
@telling
def application(config: DictConfig) -> None:
    """The task that Hydra runs."""
    evaluate(config)


def main() -> None:
    """`likelihead evaluate`."""
    words.run(application, "evaluate", "evaluate")
