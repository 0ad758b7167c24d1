"""A checkpoint may come from anywhere: it is refused in a sentence, and nothing in it is executed."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.training.checkpoint_files import checksum

Contents = dict[str, Any]
HUGE = 10**12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a linear model of three inputs."""
    folder = tmp_path_factory.mktemp("whole")
    x, y = torch.rand(40, 3), torch.rand(40)
    fit(LikelihoodModule.for_data((x, y), "normal", "linear"), (x, y), max_epochs=1, directory=folder)
    return folder / "checkpoints" / "best.ckpt"


class Call:
    """Pickled, it calls a function when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(LikelihoodError) as error:
        load(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


CALLS: dict[str, Callable[[str], Call]] = {
    "os.system": lambda proof: Call(os.system, f"touch {proof}"),
    "open": lambda proof: Call(open, proof, "w"),
    "eval": lambda proof: Call(eval, f"open({proof!r}, 'w')"),
    "exec": lambda proof: Call(exec, f"open({proof!r}, 'w')"),
    "pathlib": lambda proof: Call(Path(proof).touch),
    "numpy.save": lambda proof: Call(np.save, proof, [1]),
    "torch.save": lambda proof: Call(torch.save, 1, proof),
    "torch.load": lambda proof: Call(torch.load, proof),
    "pickle.loads": lambda proof: Call(pickle.loads, pickle.dumps(Call(open, proof, "w"))),
    "getattr": lambda proof: Call(getattr, "a text", "upper"),
    "import": lambda proof: Call(__import__, "antigravity"),
    "hub": lambda proof: Call(torch.hub.load, "a/b", "c"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("place", ["whole", "extra", "bare pickle"])
def test_no_pickle_is_executed(tmp_path: Path, whole: Path, call: Callable[[str], Call], place: str) -> None:
    proof, file = tmp_path / "executed", tmp_path / "run.ckpt"
    hostile = call(str(proof))
    if place == "bare pickle":
        file.write_bytes(pickle.dumps(hostile))
    else:
        contents: Any = torch.load(whole, weights_only=True)
        contents["likelihead"]["extra"]["table"] = hostile
        torch.save(hostile if place == "whole" else contents, file)
    assert "cannot be read as data" in refused(file)
    assert not proof.exists()


def _set(*keys: str, value: Any) -> Callable[[Contents], None]:
    def change(contents: Contents) -> None:
        node: Any = contents
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


def _weight(value: torch.Tensor) -> Callable[[Contents], None]:
    return _set("state_dict", "head.linear.weight", value=value)


HEAD, SPEC = ("likelihead", "head"), ("likelihead", "architecture")
CHANGES: dict[str, Callable[[Contents], None]] = {
    "no description": _set("likelihead", value=None),
    "a list": _set("likelihead", value=[1, 2]),
    "no head": _set(*HEAD, value=None),
    "a text for a head": _set(*HEAD, value="os.system"),
    "format": _set("likelihead", "format", value=99),
    "format as text": _set("likelihead", "format", value="../../etc/passwd"),
    "huge input": _set(*HEAD, "in_features", value=HUGE),
    "huge network": _set(*SPEC, "in_features", value=HUGE),
    "larger network": _set(*SPEC, "in_features", value=9_999),
    "negative input": _set(*HEAD, "in_features", value=-1),
    "input as text": _set(*HEAD, "in_features", value="3"),
    "huge event": _set(*HEAD, "event_size", value=HUGE),
    "event as list": _set(*HEAD, "event_size", value=[1]),
    "huge output": _set(*HEAD, "output_shape", value=[HUGE, HUGE]),
    "output as text": _set(*HEAD, "output_shape", value="shape"),
    "function as family": _set(*HEAD, "distribution", "family", value="os.system"),
    "class as family": _set(*HEAD, "distribution", "family", value="pathlib.Path"),
    "module as family": _set(*HEAD, "distribution", "family", value="antigravity"),
    "path as family": _set(*HEAD, "distribution", "family", value="../../../etc/passwd"),
    "number as family": _set(*HEAD, "distribution", "family", value=7),
    "no family": _set(*HEAD, "distribution", value={}),
    "unknown role": _set(*HEAD, "distribution", "parameters", value={"loc": "executed", "scale": "predicted"}),
    "huge mixture": _set(*HEAD, "distribution", "components", value=HUGE),
    "path as network": _set(*SPEC, "name", value="../../evil"),
    "code as network": _set(*SPEC, "name", value="os.system"),
    "number as network": _set(*SPEC, "name", value=3),
    "option of a network": _set(*SPEC, "options", value={"_target_": "os.system"}),
    "options as text": _set(*SPEC, "options", value="rm -rf"),
    "ensemble": _set("likelihead", "members", value=HUGE),
    "members as text": _set("likelihead", "members", value="three"),
    "weights": _set("state_dict", value=None),
    "weights as list": _set("state_dict", value=[torch.zeros(2)]),
    "fewer weights": lambda contents: contents["state_dict"].pop("head.linear.bias"),
    "other shape": _weight(torch.zeros(7, 7)),
    "other type": _weight(torch.zeros(2, 3, dtype=torch.complex64)),
    "number for a weight": _set("state_dict", "head.linear.weight", value=1.0),
    "oversized": _weight(torch.zeros(1).expand(10**6, 10**6)),
    "sparse": _weight(torch.zeros(2, 3).to_sparse()),
    "not finite": _weight(torch.full((2, 3), torch.inf)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_values_get_a_sentence(tmp_path: Path, whole: Path, change: Callable[[Contents], None]) -> None:
    contents, file = torch.load(whole, weights_only=True), tmp_path / "run.ckpt"
    change(contents)
    if isinstance(contents["likelihead"], dict):
        del contents["likelihead"]["checksum"]
    torch.save(contents, file)
    refused(file)


def test_a_checksum_can_be_forged_and_then_protects_nobody(tmp_path: Path, whole: Path) -> None:
    """It notices damage; what a file may do does not depend on it."""
    contents = torch.load(whole, weights_only=True)
    contents["likelihead"]["head"]["in_features"] = HUGE
    contents["likelihead"]["checksum"] = checksum(contents["state_dict"])
    torch.save(contents, tmp_path / "run.ckpt")
    assert "a network of size 1000000000000" in refused(tmp_path / "run.ckpt")


def test_a_compressed_file_is_refused(tmp_path: Path, whole: Path) -> None:
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "run.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for entry in source.namelist():
            bomb.writestr(entry, source.read(entry))
    assert "is compressed" in refused(tmp_path / "run.ckpt")


@pytest.mark.parametrize("contents", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x80\x02.", os.urandom(999)])
def test_files_that_are_none_get_a_sentence(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "run.ckpt").write_bytes(contents)
    refused(tmp_path / "run.ckpt")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_gets_a_sentence(tmp_path: Path, whole: Path, share: float) -> None:
    data = whole.read_bytes()
    (tmp_path / "run.ckpt").write_bytes(data[: int(share * len(data))])
    refused(tmp_path / "run.ckpt")


@pytest.mark.parametrize(
    "address", ["https://example.org/a.ckpt", "s3://bucket/a.ckpt", "file:///etc/passwd", "hf://a"]
)
def test_addresses_are_refused(address: str) -> None:
    with pytest.raises(LikelihoodError, match="is an address"):
        load(address)


def test_a_network_of_ones_own_is_compared_with_the_weights(whole: Path) -> None:
    refused(whole, architecture=nn.Linear(3, 4))
