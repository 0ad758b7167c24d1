"""What a row costs as tables grow: time and memory of training, time of prediction, time of intervals of mixtures."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pyro.distributions as dist
import torch

from likelihead import load
from likelihead.inference import interval

from .bench_stream import make
from .timing import ROOT, Row, in_turns, run_command

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 1_000


def measure(rows: int) -> None:
    """Print the seconds an epoch takes a row, and the peak memory above that of a table of 1,000 rows, as JSON."""
    from .bench_epoch import rows as drawn
    from .bench_epoch import shipped
    from .bench_stream import status

    torch.manual_seed(0)
    torch.set_num_threads(1)
    shipped(drawn(1_000), drawn(100), BATCH, 4)
    at_rest = status("VmHWM")
    train = drawn(rows)
    seconds = shipped(train, drawn(rows // 10), BATCH, 4 if rows > 100_000 else 7)
    print(json.dumps({"seconds": seconds / rows, "bytes": max(0, status("VmHWM") - at_rest) * 2**20 / rows}))


def in_child(rows: int) -> dict[str, float]:
    """`measure` in a process of its own, whose peak memory is that of this table alone."""
    code = f"from tests.benchmarks.bench_growth import measure; measure({rows})"
    path = f"import sys; sys.path[:0] = [{str(ROOT / 'plugin')!r}]; {code}"
    ended = subprocess.run([sys.executable, "-c", path], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def training(quick: bool) -> list[Row]:
    """Seconds and bytes of a row, each in units of those of the smallest table."""
    sizes = (1_000, 2_000) if quick else SIZES
    found = {rows: in_child(rows) for rows in sizes}
    least = found[sizes[0]]
    result = []
    for rows, values in found.items():
        ratio = values["seconds"] / least["seconds"]
        result.append(Row("growth", f"seconds a row, {rows:,} rows", f"{sizes[0]:,} rows", ratio))
        result.append(Row("growth", f"peak memory a row, {rows:,} rows", "", values["bytes"], None, "bytes"))
    return result


def prediction(quick: bool) -> list[Row]:
    """`likelihead predict` of a million rows against the bare network between reading and writing the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, 1_000 if quick else 1_000_000)
        (table,) = folder.glob("*.parquet")
        small = folder / "small.parquet"
        pq.write_table(pq.read_table(table).slice(0, 500 if quick else 5_000), small)
        run_command([
            "train", "data=table", f"data.path={small}", "data.target=y", "trainer.max_epochs=2", "report=false",
            f"hydra.run.dir={folder}/run",
        ])  # fmt: skip
        written = folder / "predictions.parquet"

        def ours() -> float:
            start = time.process_time()
            run_command(["predict", f"checkpoint={folder}/run", f"data.path={table}", f"output={written}"])
            return time.process_time() - start

        ours()
        columns = pd.read_parquet(written).columns
        model = load(folder / "run" / "checkpoints" / "best.ckpt")

        def bare() -> float:
            start = time.process_time()
            write_raw_outputs(model, table, folder / "bare.parquet", list(columns))
            return time.process_time() - start

        times = in_turns({"ours": ours, "bare": bare}, 1 if quick else 3)
    case = "prediction of 1,000,000 rows to a file"
    return [Row("growth", case, "bare network, same file", times["ours"] / times["bare"], 2.0)]


@torch.no_grad()
def write_raw_outputs(model: Any, table: Path, place: Path, columns: list[str]) -> None:
    """Read the table, apply network and last layer, and write as many columns of numbers as a prediction has."""
    x = torch.as_tensor(pd.read_parquet(table).drop(columns="y").to_numpy(dtype="float32"))
    raw = [model.head.linear(model.architecture(part)) for part in x.split(10_000)]
    values = torch.cat(raw).double().numpy()
    pd.DataFrame({name: values[:, place % values.shape[1]] for place, name in enumerate(columns)}).to_parquet(place)


def intervals(quick: bool) -> list[Row]:
    """Intervals of 10,000 mixtures of five normal distributions."""
    torch.manual_seed(0)
    rows = 100 if quick else 10_000
    weights = dist.Categorical(logits=torch.randn(rows, 5))
    mixture = dist.MixtureSameFamily(weights, dist.Normal(3.0 * torch.randn(rows, 5), torch.rand(rows, 5) + 0.1))
    found = []
    for kind in ("central", "highest"):
        start = time.process_time()
        interval(mixture, 0.9, kind)
        found.append(Row("growth", f"{kind} intervals of 10,000 mixtures", "", time.process_time() - start, 1.0, "s"))
    return found


def run(quick: bool = False) -> Iterator[Row]:
    """Training, prediction and intervals."""
    yield from intervals(quick)
    yield from prediction(quick)
    yield from training(quick)
