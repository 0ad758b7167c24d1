"""Scores an exported model without torch and without likelihead: numpy, pandas and ONNX Runtime are enough.

likelihead export checkpoint=RUN output=model.onnx
python examples/score_exported.py model.onnx new.csv
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd


def cells_of(column: dict, cells: pd.Series) -> pd.Series:
    """Numbers as they are, the codes of labels, or days since 1970; NaN where a cell is empty."""
    if column["type"] == "category":
        codes = {level: code for code, level in enumerate(column["levels"])}
        return cells.map(lambda label: codes.get(label, column["other"]), na_action="ignore")
    if column["type"] == "date":
        return (pd.to_datetime(cells, format=column["format"]) - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return cells


def score(model: Path, table: Path) -> dict[str, np.ndarray]:
    """The parameters of each row's distribution, by name."""
    card = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    labels = {column["name"]: str for column in card["inputs"] if column["type"] == "category"}
    frame = pd.read_csv(table, dtype=labels)
    cells = [cells_of(column, frame[column["name"]]) for column in card["inputs"]]
    inputs = {"x": np.stack(cells, axis=1).astype(np.float64)}
    if card["exposure"] is not None:
        inputs["exposure"] = frame[card["exposure"]].to_numpy(np.float32)
    session = onnxruntime.InferenceSession(model)
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs), strict=True))


if __name__ == "__main__":
    for name, values in score(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(name, values[:5])
