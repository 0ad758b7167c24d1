"""The test rows of a run, read or simulated again as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from likelihead.commands.run_directory import CONFIG
from likelihead.commands.stored_config import load_stored, reads_run
from likelihead.data import TableEncoder, load_rows
from likelihead.data.sources import read_again
from likelihead.data.sources.bundled import bundled
from likelihead.data.sources.synthetic import make
from likelihead.data.stream import read_part
from likelihead.errors import LikelihoodError
from likelihead.families.joint import FAMILIES
from likelihead.heads.joint_head import JointHead
from likelihead.training.module import LikelihoodModule

#: In the directory of a run: the row numbers of each part.
SPLITS = "splits.npz"


def held_out_rows(checkpoint: Path, module: LikelihoodModule) -> pd.DataFrame:
    """The test rows of the run that wrote the checkpoint RUN/checkpoints/….ckpt.

    Raises:
        LikelihoodError: there is no such run, it held out no rows, or its table has changed.
    """
    run = checkpoint.absolute().parent.parent
    if not (run / CONFIG).is_file() or not (run / SPLITS).is_file():
        raise LikelihoodError(f"{str(checkpoint)!r} is not in the directory of a run: give data.path=FILE")
    with reads_run(run):
        return _held_out_rows(run, module)


def _held_out_rows(run: Path, module: LikelihoodModule) -> pd.DataFrame:
    config = load_stored(run / CONFIG)
    options: Any = OmegaConf.to_container(config.data, resolve=False)
    if options.get("stream") and not options["test_path"]:
        seed = config.seed if options["seed"] is None else options["seed"]
        return read_part(options["path"], options, seed, "test")
    rows = load_rows(run / SPLITS)["test"]
    if not len(rows):
        raise LikelihoodError(f"the run in {str(run)!r} held out no test rows: give data.path=FILE")
    frame = _source(options, module)
    if rows.max() >= len(frame):
        raise LikelihoodError(f"the table of the run in {str(run)!r} has lost rows since: give data.path=FILE")
    return frame.iloc[rows].reset_index(drop=True)


def spec_of(head: Any) -> dict[str, Any]:
    """The mapping that describes the family of a head, or of each target."""
    if isinstance(head, JointHead):
        return {FAMILIES: {name: spec_of(part) for name, part in head.parts.items()}}
    return {**head.family.spec, "family": head.family.cls}


def _source(options: Mapping[str, Any], module: LikelihoodModule) -> pd.DataFrame:
    """The whole table that the test rows were taken from. The config is data: it names no code that is run."""
    if "_target_" not in options and options.get("path"):
        encoder = TableEncoder.from_state(module.extra["table"])
        return read_again(encoder, options["test_path"] or options["path"], options.get("encoding"))
    if options.get("kind") == "bundled":
        return bundled(options["name"])[0]
    if options.get("kind") == "synthetic":
        family = spec_of(module.head)
        return make(options["name"], family, int(options["rows"]), int(options["data_seed"])).frame
    raise LikelihoodError("the data of this run come from a function of your own: give data.path=FILE")
