"""Checkpoints as data: tensors and plain values that describe a module, loaded with weights_only=True."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from likelihead.errors import DAMAGED, LikelihoodError, one_line
from likelihead.files import refuse_url
from likelihead.heads.joint_head import any_head_from
from likelihead.training.checkpoint_files import AtomicCheckpointIO, check_checksum
from likelihead.training.ensemble import Ensemble
from likelihead.training.module import FORMAT, LikelihoodModule
from likelihead.training.refitted import HELD_OUT
from likelihead.training.untrusted import build_described, check_archive, check_contents, check_sizes

#: In the directory of a run.
BEST = Path("checkpoints") / "best.ckpt"
#: How the name of a file of exported weights ends, and the key of its metadata that describes the module.
SAFETENSORS, DESCRIPTION = ".safetensors", "likelihead"
#: How the names of tables end, which are mistaken for checkpoints on the command line.
TABLES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet", ".pq")


def load(path: str | Path, architecture: nn.Module | None = None, families: Iterable[type] = ()) -> LikelihoodModule:
    """Load the module in a checkpoint file, on the CPU and ready to predict.

    The file is read as data: no code in it runs, and it can only name classes on a closed list.

    Args:
        path: the directory of a run, for its best checkpoint, a file such as RUN/checkpoints/last.ckpt, or exported
            weights such as model.safetensors.
        architecture: the network, if it is one of your own; its weights are loaded from the file.
        families: distribution classes of your own that the file may name.

    Returns:
        The module in evaluation mode; `module(x)` is a Pyro distribution of batch_shape (N,).

    Raises:
        LikelihoodError: the file is missing, damaged or not a checkpoint of likelihead, or it needs a network or class
            that is not given.

    >>> import tempfile
    >>> from likelihead import fit
    >>> folder = tempfile.mkdtemp()
    >>> x, y = torch.zeros(40, 2), torch.arange(40.0)
    >>> _ = fit(LikelihoodModule.for_data((x, y), "normal", "linear"), (x, y), directory=folder, max_epochs=1)
    >>> load(folder)(x).batch_shape
    torch.Size([40])
    """
    return restore(read(path), str(path), architecture, families)


def checkpoint_file(path: str | Path) -> Path:
    """The checkpoint file that a path names: the best one of a run if it is the directory of a run.

    >>> checkpoint_file("run.ckpt").name
    'run.ckpt'
    """
    return Path(path) / BEST if Path(path).is_dir() else Path(path)


def check_single_run(path: str | Path) -> None:
    """Raise a LikelihoodError for a directory that holds several runs, such as that of a sweep or of folds."""
    runs = sorted(file.parent.parent for file in Path(path).glob(f"*/{BEST}"))
    if runs:
        raise LikelihoodError(
            f"{str(path)!r} is not the directory of a run, but holds {len(runs)} of them: name one, such as "
            f"{str(runs[0])!r}"
        )


def read(path: str | Path) -> dict[str, Any]:
    """Read the contents of a checkpoint, tensors and plain values.

    Args:
        path: a file, or the directory of a run.

    Raises:
        LikelihoodError: the file is missing, damaged or not a checkpoint of likelihead.
    """
    refuse_url(path, "checkpoint")
    file = checkpoint_file(path)
    if not file.is_file():
        if file.name == BEST.name and file.parent.name == BEST.parent.name:  # as made from a directory
            check_single_run(file.parents[1])
        raise LikelihoodError(
            f"there is no checkpoint {str(file)!r}; name the directory of a run, or a file such as "
            "RUN/checkpoints/best.ckpt"
        )
    if file.name.lower().endswith(TABLES):
        raise LikelihoodError(
            f"{str(file)!r} is a table, not a checkpoint: give the table as data.path={file}, and as the checkpoint "
            "the directory of a run"
        )
    if file.suffix == SAFETENSORS:
        return _read_exported(file)
    try:
        check_archive(file)
        with warnings.catch_warnings():
            # torch warns of a pickle that it did not write, and then refuses it.
            warnings.simplefilter("ignore", UserWarning)
            contents = torch.load(file, map_location="cpu", weights_only=True)
    except LikelihoodError:
        raise
    except DAMAGED as error:
        raise LikelihoodError(
            f"{str(path)!r} cannot be read as data: it is damaged, or holds more than tensors and plain values"
        ) from error
    check_contents(contents, str(path))
    check_checksum(contents, str(path))
    return contents


def _read_exported(file: Path) -> dict[str, Any]:
    """The weights of a safetensors file, and the description of the module in its metadata."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise LikelihoodError(f"{str(file)!r} needs the package safetensors: pip install safetensors") from error
    try:
        with safe_open(file, framework="pt") as opened:
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            return {"state_dict": weights, "likelihead": json.loads(opened.metadata()[DESCRIPTION])}
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise LikelihoodError(f"{str(file)!r} is damaged, or likelihead did not export it: export it again") from error


def restore(
    contents: dict[str, Any], where: str, architecture: nn.Module | None = None, families: Iterable[type] = ()
) -> LikelihoodModule:
    """Rebuild a module from the contents of a checkpoint; `where` names the file in messages.

    Raises:
        LikelihoodError: its description or its weights are not those of a module.
    """
    try:
        return _restored(contents, where, architecture, families)
    except LikelihoodError:
        raise
    except DAMAGED as error:
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise LikelihoodError(f"{where!r} describes no module: it is damaged, or was changed ({reason})") from error


def _restored(
    contents: dict[str, Any], where: str, architecture: nn.Module | None = None, families: Iterable[type] = ()
) -> LikelihoodModule:
    description, state = contents["likelihead"], contents["state_dict"]
    check_sizes(description, state, where)
    if description.get("format") != FORMAT:
        raise LikelihoodError(
            f"{where!r} has format {description.get('format')}, and this version reads format {FORMAT}: train it again"
        )
    if architecture is None:
        spec = description["architecture"]
        if spec is None:
            raise LikelihoodError(f"{where!r} was trained with a network of your own: load(path, architecture=network)")
        architecture = build_described(spec, state, where)
        given, taken = architecture.out_features, description["head"].get("in_features")
        if given != taken:
            raise LikelihoodError(f"{where!r} has a network that gives {given} features, and a head that takes {taken}")
    module = LikelihoodModule(architecture, any_head_from(description["head"], families))
    members = description.get("members")
    if members is not None:
        module = Ensemble([module] * _checked_members(members, state, where))
    load_weights(module, state, where)
    module.extra, module.held_out = description["extra"], contents.get(HELD_OUT)
    return module.eval()


def _checked_members(members: Any, state: dict[str, Any], where: str) -> int:
    """The number of members, which all weights must have; a file may claim any."""
    sizes = {len(value) for name, value in state.items() if name.startswith("member_head.") and value.dim()}
    if not isinstance(members, int) or isinstance(members, bool) or sizes != {members}:
        raise LikelihoodError(f"{where!r} claims to hold an ensemble of {members!r}, which its weights are not")
    return members


def store_description(path: Path, description: dict[str, Any]) -> None:
    """Write what is now known of a module, such as its calibration, into its checkpoint; the weights stay."""
    AtomicCheckpointIO().save_checkpoint({**read(path), "likelihead": description}, path)


def load_trained(module: LikelihoodModule, path: Path) -> None:
    """Load what a run that has ended keeps into the module that it trained."""
    contents = read(path)
    load_weights(module, contents["state_dict"], str(path))
    module.held_out = contents.get(HELD_OUT)
    if refit := contents["likelihead"]["extra"].get("refit"):
        module.extra["refit"] = refit


def load_weights(module: LikelihoodModule, state: dict[str, Any], where: str) -> None:
    """Load the weights of a checkpoint, and its marginal fit, into the module; `where` names the file in messages.

    Raises:
        LikelihoodError: the weights belong to another network.
    """
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise LikelihoodError(
            f"the weights in {where!r} do not fit this network, which has other layers, inputs or parameters; "
            "choose the architecture, distribution and columns that they were trained with"
        ) from error
