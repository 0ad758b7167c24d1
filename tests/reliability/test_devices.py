"""Several processes, gradient accumulation and launchers of other makers: the same steps, and the same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from reliability import faults

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
#: 61 training rows in steps of 24, and 37 validation rows: neither divides by two or four.
STEPS = """
import sys, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from likelihead import DistributionHead, LikelihoodModule, fit
directory, devices, accumulated, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.manual_seed(0)
x = torch.randn(98, 3, dtype=torch.float64)
y = x[:, 0] + torch.randn(98, dtype=torch.float64)
network = nn.Sequential(nn.Linear(3, 8), nn.Tanh())
module = LikelihoodModule(network, DistributionHead("normal", 8), lambda parameters: torch.optim.SGD(parameters, 1e-3))
rows, size = (x[:61], y[:61]), 24 // (devices * accumulated)
if kind == "loader":
    rows = DataLoader(TensorDataset(*rows), batch_size=24 // accumulated, num_workers=1)
fit(module, rows, (x[61:], y[61:]), batch_size=size, directory=directory, max_epochs=2, accelerator="cpu",
    precision="64-true", devices=devices, strategy="ddp" if devices > 1 else "auto",
    accumulate_grad_batches=accumulated, gradient_clip_val=1e9, num_sanity_val_steps=0)
"""
WORDS = ["distribution=normal", "data.rows=300", "trainer.max_epochs=2", "trainer.accelerator=cpu", "report=null"]


def stepped(folder: Path, devices: int, accumulated: int, kind: str = "tensors") -> tuple[Any, pd.DataFrame]:
    """The weights after two epochs of plain gradient steps, and the metrics of the epochs."""
    script, run = folder / "steps.py", folder / f"{kind}-{devices}-{accumulated}"
    script.write_text(STEPS, encoding="utf-8")
    command = [sys.executable, str(script), str(run), str(devices), str(accumulated), kind]
    subprocess.run(command, env=faults.environment(), check=True, timeout=300)
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    return state["current_model_state"], pd.read_csv(run / "metrics.csv")


@pytest.mark.slow
def test_a_step_is_the_same_on_any_number_of_processes(tmp_path: Path) -> None:
    """The last step of an epoch has 13 rows. All rows of tensors are shuffled alike; a loader is read in order."""
    alone = {kind: stepped(tmp_path, 1, 1, kind) for kind in ("tensors", "loader")}
    cases = [(1, 2), (2, 1), (2, 2), (4, 1), (4, 2)]
    for kind, devices, accumulated in [*(("tensors", *case) for case in cases), ("loader", 2, 1), ("loader", 2, 2)]:
        weights, metrics = stepped(tmp_path, devices, accumulated, kind)
        for name, value in alone[kind][0].items():
            torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-12)
        for column in ("train/nll", "validation/nll"):
            assert metrics[column].tolist() == pytest.approx(alone[kind][1][column].tolist(), rel=1e-6)


STREAM = """
import sys, torch
from likelihead import LikelihoodModule, fit
from likelihead.data import load_data
folder, directory, devices = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = load_data("normal", {"kind": "table", "path": folder, "target": "y", "stream": True}, seed=0)
torch.manual_seed(0)
module = LikelihoodModule.for_data(data, "normal", "linear", lambda parameters: torch.optim.SGD(parameters, 1e-4))
fit(module, data, batch_size=100_000, directory=directory, max_epochs=3, accelerator="cpu", devices=devices,
    strategy="ddp" if devices > 1 else "auto", precision="64-true", gradient_clip_val=1e9)
"""


def test_a_stream_on_two_processes_has_the_gradient_of_one(tmp_path: Path) -> None:
    """Each epoch is one step on all rows: of a row that was read twice, or not at all, the weights would tell."""
    generator, script = np.random.default_rng(0), tmp_path / "stream.py"
    script.write_text(STREAM, encoding="utf-8")
    folder = tmp_path / "rows"
    folder.mkdir()
    for part, count in enumerate((500, 731, 90)):
        frame = pd.DataFrame(generator.normal(size=(count, 3)), columns=["a", "b", "y"])
        frame.to_parquet(folder / f"{part}.parquet", row_group_size=97)
    found = []
    for devices in (1, 2):
        run = tmp_path / f"run-{devices}"
        command = [sys.executable, str(script), str(folder), str(run), str(devices)]
        subprocess.run(command, env=faults.environment(), check=True, timeout=300)
        state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
        assert state["global_step"] == 3
        found.append((state["current_model_state"], pd.read_csv(run / "metrics.csv")))
    (weights, metrics), (shared, shared_metrics) = found
    for name, value in weights.items():
        torch.testing.assert_close(shared[name], value, rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(shared_metrics, metrics, rtol=1e-9)


SLURM = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"}
SLURM |= {"SLURM_NODEID": "0", "SLURM_NODELIST": "localhost", "SLURM_NNODES": "1", "MASTER_ADDR": "127.0.0.1"}


def launched(folder: Path, how: str, words: list[str]) -> list[subprocess.Popen[str]]:
    """Two processes of a command, started by torchrun on one machine or on two, or as srun starts them."""
    train, torchrun = [str(ROOT / "train.py"), *words], [sys.executable, "-m", "torch.distributed.run"]
    if how == "torchrun":
        commands = [([*torchrun, "--standalone", "--nproc-per-node", "2", *train, "trainer.devices=2"], {})]
    elif how == "two nodes":
        nodes = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", "29611"]
        more = ["trainer.devices=1", "trainer.num_nodes=2"]
        commands = [([*torchrun, *nodes, "--node-rank", rank, *train, *more], {}) for rank in "01"]
    else:
        ranks = [{**SLURM, "MASTER_PORT": "29612", "SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in "01"]
        commands = [([sys.executable, *train, "trainer.devices=2"], rank) for rank in ranks]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": folder}
    return [subprocess.Popen(command, env=faults.environment(**more), **streams) for command, more in commands]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["torchrun", "two nodes", "srun"])
def test_other_launchers_start_it(tmp_path: Path, how: str) -> None:
    own = faults.likelihead(tmp_path, "train", *WORDS, "strategy=ddp", "trainer.devices=2", "hydra.run.dir=own")
    assert own.returncode == 0, own.stderr
    processes = launched(tmp_path, how, [*WORDS, "strategy=ddp", "hydra.run.dir=run"])
    ended = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), ended
    first, second = (json.loads((tmp_path / run / "metrics.json").read_text()) for run in ("own", "run"))
    assert first == second
    assert sum(output.count("Files:") for output, _ in ended) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"own", "run"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "sentence"),
    [([], "name one for all of them, hydra.run.dir=RUN"), (["-m", "seed=1,2"], "each would sweep for itself")],
)
def test_what_other_launchers_cannot_start_gets_a_sentence(tmp_path: Path, more: list[str], sentence: str) -> None:
    (process,) = launched(tmp_path, "torchrun", [*WORDS, "strategy=ddp", *more])
    _, error = process.communicate(timeout=120)
    assert process.returncode != 0
    assert sentence in error
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_processes_with_other_configs_stop(tmp_path: Path) -> None:
    """The second process of srun is given another seed."""
    ranks = [{**SLURM, "MASTER_PORT": "29613", "SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in "01"]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    words = [sys.executable, str(ROOT / "train.py"), *WORDS, "strategy=ddp", "trainer.devices=2", "hydra.run.dir=run"]
    processes = [
        subprocess.Popen([*words, f"seed={seed}"], env=faults.environment(**rank), **streams)
        for seed, rank in enumerate(ranks)
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [1, 1]
    assert "processes [1] of this run were given another config than process 0" in "".join(errors)
    assert "Traceback" not in "".join(errors)


SWEEPERS = {
    "basic": ["optimizer.lr=0.01,0.001"],
    "optuna": ["optimizer.lr=interval(0.001,0.01)", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2"],
    "joblib": ["optimizer.lr=0.01,0.001", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
}


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("sweeper", SWEEPERS)
def test_a_sweep_trains_each_trial_on_its_own_processes(tmp_path: Path, sweeper: str, devices: int) -> None:
    """Each trial equals a run of its own with the same learning rate; nothing is written beside the sweep."""
    if sweeper != "basic":
        pytest.importorskip({"optuna": "hydra_plugins.hydra_optuna_sweeper", "joblib": "joblib"}[sweeper])
    strategy = ["strategy=ddp", f"trainer.devices={devices}"] if devices > 1 else ["strategy=cpu"]
    more = ["hydra.sweeper.n_jobs=1"] if sweeper == "optuna" else []
    words = [*WORDS, *strategy]
    done = faults.likelihead(tmp_path, "train", "-m", *words, *SWEEPERS[sweeper], *more, "hydra.sweep.dir=all")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["all"]
    table = pd.read_csv(tmp_path / "all" / "sweep.csv")
    assert len(table) == 2
    rate = table["optimizer.lr"].iloc[1]
    single = faults.likelihead(tmp_path, "train", *words, f"optimizer.lr={rate}", "hydra.run.dir=single")
    assert single.returncode == 0, single.stderr
    stored = json.loads((tmp_path / "single" / "metrics.json").read_text())
    assert table.validation_nll.iloc[1] == pytest.approx(stored["validation"]["nll"], rel=1e-12)


def test_a_trial_that_fails_does_not_lose_the_others(in_folder: Path, command: Any, capsys: Any) -> None:
    words = ["distribution=normal,beta", "data=diabetes", "trainer.max_epochs=1", "strategy=cpu"]
    with pytest.raises(SystemExit) as end:
        command("train", "-m", *words, "hydra.sweep.dir=all")
    assert end.value.code == 1
    table = pd.read_csv(in_folder / "all" / "sweep.csv").set_index("distribution")
    assert table.validation_nll.notna().to_dict() == {"normal": True, "beta": False}
    assert "cannot be targets of Beta" in table.failure["beta"]
    assert capsys.readouterr().err.strip() == "error: 1 of 2 runs could not be trained: beta"
