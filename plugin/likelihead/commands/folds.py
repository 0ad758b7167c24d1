"""data.folds=K: a run for each fold, as a sweep over data.fold, and one summary of their scores."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from likelihead.commands import overrides, quoting
from likelihead.commands.command_line import SWEEP
from likelihead.commands.ranks import is_copy
from likelihead.commands.run_directory import CONFIG
from likelihead.files import write_json

#: In the directory of the folds.
SUMMARY = "folds.json"
Metrics = Mapping[str, Mapping[str, Any]]


def expanded(words: Sequence[str], config: DictConfig | None) -> list[str]:
    """The command line with a sweep over the folds, if it asks for folds and names none of them.

    The directory of the run then holds a directory for each fold. `config` is that of the command line, or None.

    Raises:
        LikelihoodError: the folds cannot be made, or their rows not be used, so that every fold would be refused.
    """
    count = None if config is None or config.get("resume") else config.data.get("folds")
    # Anything but a number above 1 is left for the check of the options to refuse.
    if config is None or not isinstance(count, int) or count < 2 or config.data.get("fold") is not None:
        return list(words)
    folds = f"data.fold={','.join(map(str, range(count)))}"
    if set(words) & SWEEP:
        return [*words, folds]
    _check(config)
    directory: Any = OmegaConf.to_container(config.hydra.run, resolve=False)
    others = [word for word in words if not word.startswith("hydra.run.dir=")]
    places = [quoting.assignment("hydra.sweep.dir", directory["dir"]), "hydra.sweep.subdir=fold-${data.fold}"]
    return ["-m", *others, folds, *places]


def _check(config: DictConfig) -> None:
    """Read and split the table once, before there is a directory: each fold by itself would say what is wrong."""
    if is_copy():
        return
    # Importing torch takes seconds.
    from likelihead.commands.build import load_rows

    # The folds print what there is to remark on.
    logging.disable(logging.CRITICAL)
    try:
        load_rows(OmegaConf.merge(config, {"data": {"fold": 0}}))  # type: ignore[arg-type]
    finally:
        logging.disable(logging.NOTSET)


def report_folds(words: Sequence[str]) -> bool:
    """Print and write the summary of the folds that a command line started; False if it started none."""
    given = {override.key_or_group: override for override in overrides.parsed(words)}
    if "data.fold" not in given or not given["data.fold"].is_sweep_override() or is_copy():
        return False
    directory = Path(str(given["hydra.sweep.dir"].value()))
    runs = [file.parent for file in sorted(directory.rglob(CONFIG)) if (file.parent / "metrics.json").is_file()]
    if not runs:
        return True
    folds: dict[str, dict[int, Metrics]] = {}
    for run in runs:
        fold, others = _fold_of(run)
        folds.setdefault(others, {})[fold] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    summaries = {words: summary([by_fold[fold] for fold in sorted(by_fold)]) for words, by_fold in folds.items()}
    write_json(directory / SUMMARY, next(iter(summaries.values())) if len(summaries) == 1 else summaries)
    for others, by_fold in folds.items():
        _print(others if len(folds) > 1 else "", by_fold, summaries[others])
    print(f"\nFiles: {directory.absolute()}")
    return True


def summary(folds: Sequence[Metrics]) -> dict[str, Any]:
    """The scores on the test rows of K folds: mean and standard error over the folds, and the NLL of all rows pooled.

    The standard error is s / sqrt K, with the standard deviation s of the K scores. It takes the folds for independent,
    which they are not quite, as they share training rows.

    >>> folds = [{"test": {"n": n, "nll": nll}, "marginal": {"nll": 3.0}} for n, nll in [(10, 1.0), (30, 2.0)]]
    >>> summary(folds)["scores"], summary(folds)["pooled"]
    ({'nll': {'mean': 1.5, 'standard_error': 0.5}}, {'nll': 1.75, 'marginal': 3.0})
    """
    tests = [metrics["test"] for metrics in folds]
    total = sum(test["n"] for test in tests)
    names = [name for name, value in tests[0].items() if name != "n" and isinstance(value, float)]
    marginals = [float(metrics["marginal"]["nll"]) for metrics in folds]
    pooled = {"nll": [test["nll"] for test in tests], "marginal": marginals}
    return {
        "folds": len(folds),
        "n": total,
        "scores": {name: _mean_and_error([test[name] for test in tests]) for name in names},
        "pooled": {
            name: sum(test["n"] * nll for test, nll in zip(tests, nlls, strict=True)) / total
            for name, nlls in pooled.items()
        },
    }


def _mean_and_error(values: Sequence[float]) -> dict[str, float | None]:
    mean, count = sum(values) / len(values), len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return {"mean": mean, "standard_error": math.sqrt(squares / (count - 1) / count) if count > 1 else None}


def _fold_of(run: Path) -> tuple[int, str]:
    """The fold of a run, and the other words that started it."""
    words = [str(word) for word in OmegaConf.load(run / ".hydra" / "overrides.yaml")]
    config: Any = OmegaConf.load(run / CONFIG)
    return int(config.data.fold), " ".join(word for word in words if not word.startswith("data.fold="))


def _print(title: str, by_fold: Mapping[int, Metrics], summed: Mapping[str, Any]) -> None:
    from rich.console import Console

    from likelihead.commands.summary import table

    parts = ("test", "marginal", "validation")
    rows = [
        [str(fold), metrics["test"]["n"], *(metrics[part]["nll"] for part in parts)]
        for fold, metrics in sorted(by_fold.items())
    ]
    scores = [[name, score["mean"], score["standard_error"]] for name, score in summed["scores"].items()]
    console = Console(highlight=False)
    console.print(f"\n{title or 'Folds'}", style="bold", markup=False, soft_wrap=True)
    console.print(table(["fold", "test rows", "test NLL", "marginal NLL", "validation NLL"], rows))
    console.print()
    console.print(table([f"score over {summed['folds']} folds", "mean", "standard error"], scores))
    pooled = summed["pooled"]
    console.print(
        f"\nNLL of all {summed['n']} test rows, each predicted by the run that did not see it: {pooled['nll']:.4f} "
        f"(marginal {pooled['marginal']:.4f})",
        soft_wrap=True,
    )
