"""The numbers that answer whether a model is any good, each beside what it is to be compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from likelihead.evaluation.evaluation import Evaluation
from likelihead.evaluation.scores import absolute_error, accuracy, angular_error, scores
from likelihead.report.answers import Answer
from likelihead.report.calibration import coverage
from likelihead.report.style import number
from likelihead.report.subject import Subject


class Fact(NamedTuple):
    """A number, what it is, and what to compare it with."""

    value: str
    label: str
    note: str = ""


class Gain(NamedTuple):
    """The nats per row that the inputs gain over the marginal fit, with the standard error over rows."""

    nats: float
    error: float


def gain(subject: Subject, evaluation: Evaluation) -> Gain:
    """The difference of the mean NLLs; its standard error is estimated from the rows of the subject, in pairs."""
    nats = float(evaluation.marginal or 0.0) - float(evaluation.nll or 0.0)
    difference = subject.log_likelihood(subject.predicted) - subject.log_likelihood(subject.marginal)
    values = difference[subject.known].numpy()
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Gain(nats, deviation / math.sqrt(max(evaluation.n, 1)))


def facts(subject: Subject, evaluation: Evaluation) -> list[Fact]:
    """The numbers of a part of the data: nats gained, the way to the truth, and the errors in the unit of y."""
    found = gain(subject, evaluation)
    listed = [
        Fact(
            with_error(found.nats, 1.96 * found.error),
            "nats gained per row",
            "over a model that ignores the inputs; ± spans 95%",
        )
    ]
    way = share_of_way(evaluation)
    if way is not None:
        listed.append(Fact(f"{way:.0%}", "of the way to the truth", "0% ignores the inputs, 100% cannot be beaten"))
    for answer, judged in zip(subject.parts, subject.judged, strict=True):
        name = f" of {answer.name}" if answer.name else ""
        listed += [fact._replace(label=fact.label + name) for fact in [*_errors(answer), *_intervals(judged)]]
    return listed[:8]


def with_error(value: float, error: float) -> str:
    """A value and its error, to two digits of the error; the value alone where the error is unknown.

    >>> with_error(-0.00193, 0.0118), with_error(153.2, 31.0), with_error(1.5, math.nan)
    ('−0.002 ± 0.012', '153 ± 31', '1.5')
    """
    if not math.isfinite(error) or error <= 0.0:
        return number(value)
    decimals = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{decimals}f} ± {error:,.{decimals}f}".replace("-", "−")


def share_of_way(evaluation: Evaluation) -> float | None:
    """The share of the way from the marginal fit to the truth; None where the truth is unknown or no better."""
    nll, marginal, oracle = evaluation.nll, evaluation.marginal, evaluation.oracle
    if nll is None or marginal is None or oracle is None or not marginal > oracle:
        return None
    return (marginal - nll) / (marginal - oracle)


def _errors(answer: Answer) -> list[Fact]:
    """The errors of point predictions and of probabilities, as far as they suit."""
    suitable = set(answer.target_type.scores)
    found = []
    if "absolute_error" in suitable and "accuracy" not in suitable and "median" in answer.defined:
        model = float(absolute_error(answer.predicted, answer.y, answer.quantiles).mean())
        marginal = float(absolute_error(answer.marginal, answer.y).mean())
        found.append(Fact(number(model), "mean absolute error", f"{number(marginal)} ignoring the inputs"))
    if "angular_error" in suitable:
        model, marginal = (float(angular_error(dist, answer.y).mean()) for dist in (answer.predicted, answer.marginal))
        unit = np.rad2deg(1.0) if answer.columns.angles == "degrees" else 1.0
        sign = "°" if answer.columns.angles == "degrees" else " rad"
        note = f"{number(marginal * unit)}{sign} ignoring the inputs"
        found.append(Fact(f"{number(model * unit)}{sign}", "mean angular error", note))
    if "accuracy" in suitable:
        model, marginal = (float(accuracy(dist, answer.y).mean()) for dist in (answer.predicted, answer.marginal))
        label = "of first ranks guessed right" if "kendall_tau" in suitable else "of rows guessed right"
        found.append(Fact(f"{model:.1%}", label, f"{marginal:.1%} ignoring the inputs"))
    if "kendall_tau" in suitable:
        model = float(scores(answer.predicted, answer.y)["kendall_tau"].mean())
        found.append(Fact(number(model, 2), "Kendall’s rank correlation", "1 is the same order, −1 the reverse"))
    if "brier" in suitable:
        model, marginal = (
            float(scores(dist, answer.y)["brier"].mean()) for dist in (answer.predicted, answer.marginal)
        )
        found.append(Fact(number(model), "Brier score", f"{number(marginal)} ignoring the inputs; 0 is perfect"))
    return found


def _intervals(answer: Answer) -> list[Fact]:
    """The coverage and width of the 90% interval, if it suits."""
    if "coverage_0.9" not in answer.target_type.scores or "interval" not in answer.defined:
        return []
    share = float(coverage(answer, (0.9,), answer.quantiles).observed[0])
    return [Fact(f"{share:.1%}", "inside the 90% intervals", _width(answer))]


def _width(answer: Answer) -> str:
    lower, upper = (end.numpy() for end in answer.quantiles.interval(answer.predicted, 0.9))
    width = float(np.median(np.where(upper < lower, upper - lower + 2.0 * np.pi, upper - lower)))
    if "angular_error" not in answer.target_type.scores:
        return f"median width {number(width)}"
    in_degrees = answer.columns.angles == "degrees"
    return f"median width {number(np.rad2deg(width))}°" if in_degrees else f"median width {number(width)} rad"


def verdict(subject: Subject, evaluation: Evaluation, part: str) -> str:
    """One sentence in words: whether the inputs help, and by how much."""
    found = gain(subject, evaluation)
    sure = not math.isfinite(found.error) or found.nats > 1.96 * found.error
    if subject.encoder is not None and not subject.encoder.columns:
        return "The table has no inputs, so every row gets the same prediction."
    if found.nats <= 0.0:
        return (
            f"The model is no better than one that ignores the inputs: on the {part} rows it loses "
            f"{number(-found.nats)} nats per row. The inputs may say little about the answer, or there may be too "
            "few rows."
        )
    times = f"{math.exp(found.nats):.2g} times" if found.nats < 12.0 else "more than 100,000 times"
    text = f"On the {part} rows, the model thinks the observed answers {times} as likely as one that ignores the inputs"
    return f"{text}." if sure else f"{text}; with so few rows, that may be chance."


def score_table(evaluations: Mapping[str, Evaluation]) -> tuple[list[str], list[list[str]]]:
    """All scores by part, with their standard errors: the header and the rows of a table."""
    parts = {name: evaluation for name, evaluation in evaluations.items() if evaluation.n}
    names = list(dict.fromkeys(name for evaluation in parts.values() for name in evaluation.scores))
    rows = [["rows", *(f"{evaluation.n:,}" for evaluation in parts.values())]]
    for name in names:
        rows.append([name, *(_with_error(evaluation, name) for evaluation in parts.values())])
    for label, attribute in (("nll of the marginal fit", "marginal"), ("nll of the truth", "oracle")):
        values = [getattr(evaluation, attribute) for evaluation in parts.values()]
        if any(value is not None for value in values):
            rows.append([label, *("–" if value is None else number(value, 4) for value in values)])
    return ["score", *parts], rows


def _with_error(evaluation: Evaluation, name: str) -> str:
    value, error = evaluation.scores.get(name), evaluation.standard_errors.get(name)
    if value is None or not math.isfinite(value):
        return "–"
    return number(value, 4) if error is None or not math.isfinite(error) else f"{number(value, 4)} ± {number(error, 2)}"
