"""Checkpoints survive kills, full disks and flipped bits: the newest or the one before always loads."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, fit, load
from likelihead.training.checkpoint_files import AtomicCheckpointIO, checksum

SAVER = """
import sys, torch
from likelihead.training.checkpoint_files import AtomicCheckpointIO
path, version = sys.argv[1], 0
while True:
    version += 1
    weight = torch.full((500_000,), float(version))
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"weight": weight}, "likelihead": {}, "version": version}, path)
    print(version, flush=True)
"""


def contents(value: float = 1.0) -> dict[str, Any]:
    return {"state_dict": {"weight": torch.full((10,), value)}, "likelihead": {}}


def test_a_kill_while_saving_leaves_a_whole_file(tmp_path: Path, environment: dict[str, str]) -> None:
    path, chance = tmp_path / "last.ckpt", random.Random(0)
    for _ in range(5):
        command = [sys.executable, "-c", SAVER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.05))
            process.send_signal(signal.SIGKILL)
            printed = [1, *map(int, process.stdout.read().split())]
        found = torch.load(path, weights_only=True)
        assert printed[-1] <= found["version"] <= printed[-1] + 1
        assert bool((found["state_dict"]["weight"] == found["version"]).all())
        assert found["likelihead"]["checksum"] == checksum(found["state_dict"])
    AtomicCheckpointIO().save_checkpoint(contents(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_save_that_fails_keeps_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, io = tmp_path / "last.ckpt", AtomicCheckpointIO()
    io.save_checkpoint(contents(1.0), path)

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(LikelihoodError, match="cannot be written: No space left on device; the one before it is kept"):
        io.save_checkpoint(contents(2.0), path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.load(path, weights_only=True)["state_dict"]["weight"][0] == 1.0


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LikelihoodError, match="Permission denied"):
        AtomicCheckpointIO().save_checkpoint(contents(), tmp_path / "last.ckpt")


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    module = LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=2))
    fit(module, (torch.rand(40, 2), torch.randn(40)), max_epochs=1, directory=tmp_path)
    return tmp_path / "checkpoints" / "best.ckpt"


def test_the_checkpoints_of_fit_carry_their_checksum(trained: Path) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        written = torch.load(trained.with_name(name), weights_only=True)
        assert written["likelihead"]["checksum"] == checksum(written["state_dict"])
    assert load(trained, architecture=nn.Identity()).head.name == "Normal"


def test_changed_weights_are_noticed(trained: Path) -> None:
    written = torch.load(trained, weights_only=True)
    name = next(iter(written["state_dict"]))
    written["state_dict"][name] = written["state_dict"][name] + 1e-3
    torch.save(written, trained)
    with pytest.raises(LikelihoodError, match="is damaged: its weights are not those that were written"):
        load(trained, architecture=nn.Identity())


def test_weights_that_are_not_finite_are_refused(trained: Path) -> None:
    written = torch.load(trained, weights_only=True)
    del written["likelihead"]["checksum"]
    written["state_dict"]["head.linear.weight"][0, 0] = torch.nan
    torch.save(written, trained)
    with pytest.raises(LikelihoodError, match=r"holds weights that are not finite \(head.linear.weight\)"):
        load(trained, architecture=nn.Identity())


@pytest.mark.parametrize("seed", range(5))
def test_flipped_bits_are_noticed_or_harmless(trained: Path, seed: int) -> None:
    """A file with 20 flipped bits is refused in a sentence, or its weights are still the ones that were written."""
    expected = checksum(torch.load(trained, weights_only=True)["state_dict"])
    data, chance = bytearray(trained.read_bytes()), random.Random(seed)
    for _ in range(20):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    trained.write_bytes(bytes(data))
    try:
        module = load(trained, architecture=nn.Identity())
    except LikelihoodError as error:
        assert "\n" not in str(error)
    else:
        assert checksum(module.state_dict()) == expected
