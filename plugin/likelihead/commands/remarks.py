"""Remarks at the end of a run: what its numbers do not say by themselves, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from likelihead.evaluation.evaluation import Evaluation
from likelihead.training.checkpoint import read
from likelihead.training.module import LikelihoodModule


def remarks(module: LikelihoodModule, evaluations: Mapping[str, Evaluation]) -> list[str]:
    """What to know about the scores of a trained module."""
    return [*(_about_inputs(module) or _about_marginal(evaluations)), *_about_scale(module, evaluations)]


def _about_inputs(module: LikelihoodModule) -> list[str]:
    table = module.extra.get("table")
    if table is None or table["columns"]:
        return []
    return ["Note: the table has no input column, so that every row gets the same prediction, the marginal fit."]


def _about_marginal(evaluations: Mapping[str, Evaluation]) -> list[str]:
    test = evaluations["test"]
    if test.nll is None or test.marginal is None or not test.nll > test.marginal:
        return []
    return [
        "Note: on the test rows the trained model is worse than the marginal fit, which ignores the inputs: they may "
        "say little about the target, or the rows may be too few."
    ]


def _about_scale(module: LikelihoodModule, evaluations: Mapping[str, Evaluation]) -> list[str]:
    """A scale that is a number is not fitted: squared errors are compared, and not distributions."""
    scale = getattr(getattr(module.head, "family", None), "roles", {}).get("scale", "predicted")
    if isinstance(scale, str) or all(part.oracle is None for part in evaluations.values()):
        return []
    return [
        f"Note: the scale is fixed at {scale}, so that the NLL is a squared or absolute error in disguise, and cannot "
        "be compared with that of the truth."
    ]


def about_refit(module: LikelihoodModule) -> list[str]:
    """What was done with the validation rows, where they were learned from in the end."""
    refit = module.extra.get("refit")
    if refit is None:
        return []
    return [
        f"Refit:   on all {refit['rows']} training and validation rows, as long as was best; the validation scores are "
        "those before it"
    ]


def course(best: Path, trained: int | None, asked: int | None) -> str | None:
    """Which epoch was best and whether training stopped early, counted from 1; None without a checkpoint.

    Args:
        best: the checkpoint of the best epoch.
        trained: the number of epochs that were trained; None if unknown, as for a run that had already ended.
        asked: the most epochs that were asked for; None or -1 for no limit.
    """
    if not best.is_file():
        return None
    last = trained if asked is None or asked < 0 else asked
    text = f"epoch {int(read(best)['epoch']) + 1}" + (f" of {last}" if last else "")
    is_early = trained is not None and last is not None and trained < last
    return f"{text}; stopped early after epoch {trained}" if is_early else text
