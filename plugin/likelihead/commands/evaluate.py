"""likelihead evaluate: a checkpoint and a table in, scores out."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from likelihead.commands import command_line


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Print the scores of the model on `data.path`, and write them to `output` if it is given.

    Raises:
        LikelihoodError: a file that cannot be read or written, a missing column, targets that the family cannot take.
    """
    from rich.console import Console

    from likelihead.commands.config_paths import output_of, path_of
    from likelihead.commands.saved_model import SavedModel
    from likelihead.commands.summary import table
    from likelihead.evaluation.evaluate import evaluate as evaluate_model
    from likelihead.files import write_json

    checkpoint, path = path_of(config, "checkpoint"), path_of(config, "data.path")
    output = None if config.output is None else output_of(config, [checkpoint, path])
    model = SavedModel.load(checkpoint)
    evaluation = evaluate_model(model.module, model.read(path, "required"))
    errors = evaluation.standard_errors
    rows = [[name, value, errors.get(name)] for name, value in evaluation.scores.items()]
    rows.append(["nll of the marginal fit", evaluation.marginal, None])
    console = Console(highlight=False)
    console.print(
        f"{model.module.head.name}, {evaluation.n} rows of {path.name}", style="bold", markup=False, soft_wrap=True
    )
    console.print(table(["score", "value", "standard error"], rows))
    if output is not None:
        written = {**evaluation.metrics, "standard_errors": errors, "marginal": {"nll": evaluation.marginal}}
        write_json(output, written)
    return evaluation.metrics


def main() -> None:
    """`likelihead evaluate`."""
    command_line.run(evaluate, "evaluate", "evaluate")
