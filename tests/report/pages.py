"""Small runs without training, and what the tests read of their reports."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import html5lib
import torch
from cases import Case

from likelihead import LikelihoodModule
from likelihead.data import Data, load_data
from likelihead.evaluation import evaluate
from likelihead.report import Run, write_report

HISTORY = {"epoch": [0.0, 1.0, 2.0], "train/nll": [3.0, 2.0, 1.9], "validation/nll": [3.1, 2.2, 2.3]}


def simulated(case: Case, rows: int = 150) -> Data:
    return load_data(case.spec, {"kind": "synthetic", "rows": rows}, seed=0)


def module_for(data: Data, spec: Any, architecture: str = "linear") -> LikelihoodModule:
    """A model at the marginal fit, with predictions that differ a little between rows."""
    module = LikelihoodModule.for_data(data, spec, architecture)
    module.head.fit_marginal(data.train.y, data.train.weight, data.train.exposure)
    torch.manual_seed(0)
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return module.eval()


def run_of(module: LikelihoodModule, data: Data, title: str = "a run") -> Run:
    return Run(title, module, data.parts, {name: evaluate(module, part) for name, part in data.parts.items()}, HISTORY)


def page_of(run: Run, folder: Path) -> str:
    write_report(run, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def parsed(text: str) -> Any:
    """The page as a tree; anything that is not valid HTML is an error."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def blocks(tree: Any) -> set[str]:
    return {str(node.get("id")) for node in tree.iter("div") if "block" in (node.get("class") or "").split()}


def drawings(tree: Any) -> list[Any]:
    return [node for node in tree.iter() if str(node.tag).endswith("svg")]


def repeated_ids(tree: Any) -> list[str]:
    counts = Counter(node.get("id") for node in tree.iter() if node.get("id"))
    return [name for name, count in counts.items() if count > 1]
