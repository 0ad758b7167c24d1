"""likelihead report: the report of a run, written again from the files in its directory."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig

from likelihead.commands import command_line
from likelihead.commands.quoting import assignment


def report(config: DictConfig) -> Path:
    """Write the report of a run to `output`, and return that path.

    Raises:
        LikelihoodError: there is no such run, its data have changed since, or they or its network must be named.
    """
    from likelihead.commands.config_paths import output_of, path_of
    from likelihead.commands.run_report import report_path, stored_run
    from likelihead.report import write_report
    from likelihead.training.checkpoint import checkpoint_file
    from likelihead.training.lightning_warnings import without_hints

    checkpoint = checkpoint_file(path_of(config, "checkpoint"))
    output = report_path(checkpoint)
    if config.output is not None and path_of(config, "output") != output:
        output = output_of(config, checkpoint)
    with without_hints():
        write_report(stored_run(checkpoint, config), output)
    print(output)
    return output


def main() -> None:
    """`likelihead report RUN`, or `likelihead report checkpoint=RUN`."""
    program, command, *words = sys.argv
    if words and "=" not in words[0] and not words[0].startswith("-"):
        words[0] = assignment("checkpoint", words[0])
    sys.argv = [program, command, *words]
    command_line.run(report, "report", "report")
