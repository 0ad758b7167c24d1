"""How good a model is beside the marginal fit, which ignores the inputs: in a few lines, and in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from likelihead.evaluation.evaluation import Evaluation
from likelihead.target_types.target_type import TargetColumns


class Line(NamedTuple):
    """One measure of a model, and the same of the marginal fit where it has one, as text."""

    measure: str
    trained: str
    marginal: str = ""


def compared(evaluation: Evaluation, columns: TargetColumns | Mapping[str, TargetColumns] | None = None) -> list[Line]:
    """The measures of a model that matter to its user, in the units of the table.

    Args:
        evaluation: the scores, with those of the marginal fit.
        columns: the target columns of the table; of joint targets by name.

    >>> scores = {"nll": 1.0, "accuracy": 0.75}
    >>> for line in compared(Evaluation(4, scores, marginal=1.5, marginal_scores={"accuracy": 0.5}, gain_error=0.1)):
    ...     print(*line)
    nats gained over the marginal 0.500 ± 0.100
    rows whose most probable class is right 75 % 50 %
    """
    lines = [_gain(evaluation)] if evaluation.gain is not None else []
    if isinstance(columns, Mapping):
        parts = {f"{name}: ": (_of_target(evaluation, name), own) for name, own in columns.items()}
    else:
        parts = {"": (evaluation, columns or TargetColumns(["y"]))}
    for prefix, (part, own) in parts.items():
        for measure, score, text in _measures(part, own):
            of_marginal = part.marginal_scores.get(score)
            shown = "" if of_marginal is None else text(of_marginal)
            lines.append(Line(prefix + measure, text(part.scores[score]), shown))
    return lines


def _of_target(evaluation: Evaluation, name: str) -> Evaluation:
    """The scores of one of several joint targets."""
    scores, of_marginal = (
        {score.removeprefix(f"{name}."): value for score, value in found.items() if score.startswith(f"{name}.")}
        for found in (evaluation.scores, evaluation.marginal_scores)
    )
    return replace(evaluation, scores=scores, marginal_scores=of_marginal)


def heading(part: str, columns: TargetColumns | Mapping[str, TargetColumns] | None = None) -> str:
    """What the measures are of: `test rows`, and of how many outputs they are the mean."""
    outputs = len(columns.names) if isinstance(columns, TargetColumns) and columns.labels is None else 1
    return f"{part} rows" + (f", mean of {outputs} outputs" if outputs > 1 else "")


def _gain(evaluation: Evaluation) -> Line:
    share, error = evaluation.share_of_oracle, evaluation.gain_error
    if share is not None:
        return Line("way from the marginal to the truth", f"{100.0 * share:.1f} %")
    assert evaluation.gain is not None
    error_text = "" if error is None else f" ± {rounded(error)}"
    return Line("nats gained over the marginal", rounded(evaluation.gain) + error_text)


def _measures(evaluation: Evaluation, columns: TargetColumns) -> list[tuple[str, str, Callable[[float], str]]]:
    """A measure in words, the score it shows, and how its value is written."""
    found = evaluation.scores
    angle, degrees = "angular_error" in found, columns.angles == "degrees"
    length = _degrees if angle and degrees else _radians if angle else rounded
    right = "first item" if "kendall_tau" in found else "class"
    measures: list[tuple[str, str, Callable[[float], str]]] = [
        ("angle to the mean direction", "angular_error", length),
        ("distance to the median", "absolute_error", rounded),
        ("root mean square error of the mean", "squared_error", lambda value: rounded(math.sqrt(value))),
        ("rows in their 90 % interval", "coverage_0.9", _percent),
        ("width of the 90 % interval", "width_0.9", length),
        (f"rows whose most probable {right} is right", "accuracy", _percent),
        ("Brier score", "brier", rounded),
        ("rank correlation with the most probable ranking", "kendall_tau", rounded),
    ]
    return [entry for entry in measures if entry[1] in found]


def sentence(
    evaluation: Evaluation,
    where: str = "On new rows",
    columns: TargetColumns | Mapping[str, TargetColumns] | None = None,
) -> str | None:
    """What the scores say, in a sentence; None without rows or scores beside the NLL, and for joint targets.

    Args:
        evaluation: the scores, with those of the marginal fit.
        where: which rows they are of.
        columns: the target columns of the table.

    >>> scores = {"nll": 1.0, "accuracy": 0.75}
    >>> sentence(Evaluation(4, scores, marginal=1.5, marginal_scores={"accuracy": 0.5}))
    'On new rows, the most probable class is right 75 % of the time (50 % without the inputs).'
    """
    if isinstance(columns, Mapping):
        return None
    texts = {score: text for _, score, text in _measures(evaluation, columns or TargetColumns(["y"]))}

    def value(score: str) -> str:
        return texts[score](evaluation.scores[score])

    def both(score: str) -> str:
        of_marginal = evaluation.marginal_scores.get(score)
        return "" if of_marginal is None else f" ({texts[score](of_marginal)} without the inputs)"

    phrases = {
        "kendall_tau": "the most probable ranking has a rank correlation of {value} with the observed one{both}",
        "angular_error": "the predicted direction is off by {value} on average{both}",
        "absolute_error": "the predicted median is off by {value} on average{both}",
        "accuracy": "the most probable class is right {value} of the time{both}",
    }
    found = [score for score in phrases if score in texts]
    if not found:
        return None
    text = f"{where}, {phrases[found[0]].format(value=value(found[0]), both=both(found[0]))}"
    if "coverage_0.9" in texts and "width_0.9" in texts:
        text += f", and {value('coverage_0.9')} of the answers lie in their 90 % intervals"
    return text + "."


def rounded(value: float) -> str:
    """A number to three digits, in plain notation where that is short.

    >>> [rounded(value) for value in (0.0, 0.01234, 2.0, 1234567.8, 1e-7)]
    ['0', '0.0123', '2.00', '1234568', '1e-07']
    """
    if value == 0.0 or not math.isfinite(value) or not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3g}"
    return f"{value:.0f}" if abs(value) >= 1000.0 else f"{value:#.3g}".rstrip(".")


def _percent(value: float) -> str:
    return f"{100.0 * value:.0f} %"


def _degrees(value: float) -> str:
    return f"{math.degrees(value):.0f}°"


def _radians(value: float) -> str:
    return f"{rounded(value)} rad"
