"""likelihead evaluate: a checkpoint and a table in, scores out."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from likelihead.commands import command_line


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Print the scores of the model on `data.path`, and write them to `output` if it is given.

    Without `data.path` they are those on the test rows of the run.

    Raises:
        LikelihoodError: a file that cannot be read or written, a missing column, targets that the family cannot take.
    """
    from rich.console import Console

    from likelihead.commands.config_paths import input_paths, output_of
    from likelihead.commands.saved_model import load_model, rows_of
    from likelihead.commands.summary import count, table
    from likelihead.data import encode_table
    from likelihead.evaluation.evaluate import evaluate as evaluate_model
    from likelihead.files import write_json

    checkpoint, path = input_paths(config)
    output = None if config.output is None else output_of(config, checkpoint, path)
    module = load_model(checkpoint, config)
    frame, encoder, name = rows_of(module, checkpoint, path, config.data.get("encoding"))
    options = {"missing_target": config.data.missing_target, "unseen": config.data.unseen}
    evaluation = evaluate_model(module, encode_table(frame, encoder, **options))
    errors = evaluation.standard_errors
    rows = [[score, value, errors.get(score)] for score, value in evaluation.scores.items()]
    rows.append(["nll of the marginal fit", evaluation.marginal, None])
    title = f"{module.extra.get('distribution', module.head.name)}, {count(evaluation.n, 'row')} of {name}"
    console = Console(highlight=False)
    console.print(title, style="bold", markup=False, soft_wrap=True)
    console.print(table(["score", "value", "standard error"], rows))
    if output is not None:
        written = {**evaluation.metrics, "standard_errors": errors, "marginal": {"nll": evaluation.marginal}}
        write_json(output, written)
    return evaluation.metrics


def main() -> None:
    """`likelihead evaluate`."""
    command_line.run(evaluate, "evaluate", "evaluate")
