"""likelihead export: a checkpoint in, a model for other programs out."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from likelihead.commands import command_line


def export(config: DictConfig) -> Path:
    """Write the model to `output` and its card beside it, and return the path of the model.

    Raises:
        LikelihoodError: a file that cannot be read or written, or a format that does not exist or needs a package.
    """
    from likelihead.commands.config_paths import output_of, path_of
    from likelihead.commands.saved_model import load_model
    from likelihead.export import export as export_model
    from likelihead.training.checkpoint import checkpoint_file

    checkpoint = checkpoint_file(path_of(config, "checkpoint"))
    output = output_of(config, checkpoint)
    card = export_model(load_model(checkpoint, config), output, config.format)
    outputs = ", ".join(parameter["name"] for parameter in card["parameters"])
    inputs = ", ".join(column["name"] for column in card["inputs"])
    print(f"from {inputs} to {outputs}: {output}; the card is {output.with_suffix('.json').name}")
    return output


def main() -> None:
    """`likelihead export`."""
    command_line.run(export, "export", "export")
