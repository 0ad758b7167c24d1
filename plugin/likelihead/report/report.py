"""write_report: one HTML file about a run."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from likelihead.evaluation.evaluation import Evaluation
from likelihead.files import write_text
from likelihead.report import style
from likelihead.report.examples import example_blocks
from likelihead.report.figures.training import learning_curves, nats
from likelihead.report.headline import facts, score_table, verdict
from likelihead.report.importance import importances
from likelihead.report.page import Section, page
from likelihead.report.sections import Block, additive_blocks, figure_blocks, guarded, input_blocks
from likelihead.report.subject import Subject
from likelihead.report.tables import Table, coefficient_table, column_table

#: With fewer rows than this, calibration can hardly be judged.
FEW_ROWS = 50
#: The name of the report in the directory of a run.
REPORT = "report.html"


@dataclass(frozen=True)
class Run:
    """A trained model with everything that its report shows.

    Attributes:
        title: what was predicted, by what.
        module: the trained module.
        parts: the rows of each part: `train`, `validation`, `test`.
        evaluations: the scores on each part.
        history: the columns of metrics.csv; empty where there is none.
        texts: preformatted texts by heading, such as the command that repeats the run.
    """

    title: str
    module: Any
    parts: Mapping[str, Any]
    evaluations: Mapping[str, Evaluation]
    history: Mapping[str, list[float]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def part(self) -> str:
        """The part that the model is judged by: the test rows, or the training rows where there are none."""
        return "test" if self.evaluations["test"].n else "train"


def read_history(path: Path) -> dict[str, list[float]]:
    """The columns of metrics.csv, NaN in empty cells; empty if there is no such file.

    >>> read_history(Path("nowhere/metrics.csv"))
    {}
    """
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = rows[0].keys() if rows else ()
    return {name: [float(row[name]) if row[name] else math.nan for row in rows] for name in names}


def write_report(run: Run, path: Path) -> None:
    """Write the report of a run to an HTML file, whole or not at all.

    Raises:
        LikelihoodError: the rows have no targets.
    """
    # Densities underflow far from the data, which is no fault.
    with style.applied(), np.errstate(all="ignore"):
        subject = Subject.of(run.module, run.parts[run.part])
        text = page(run.title, _subtitle(run, subject), list(_sections(run, subject)))
    write_text(path, text)


def _subtitle(run: Run, subject: Subject) -> str:
    counts = [f"{evaluation.n:,} {part}" for part, evaluation in run.evaluations.items() if evaluation.n]
    target = ", ".join(subject.target_names[:4]) + (", …" if len(subject.target_names) > 4 else "")
    judged = "test rows, which the model has not seen" if run.part == "test" else "training rows"
    return f"Target: {target}. {', '.join(counts)} rows. Figures and numbers are about the {judged}."


def _sections(run: Run, subject: Subject) -> Iterator[Section]:
    evaluation, important = run.evaluations[run.part], importances(subject)
    yield Section(
        "verdict",
        "Is it good?",
        _verdict_blocks(run),
        verdict(subject, evaluation, run.part),
        facts(subject, evaluation),
    )
    yield Section(
        "predictions", "What it predicts", [*example_blocks(subject), *figure_blocks(subject, important, "predictions")]
    )
    yield Section(
        "calibration",
        "Can it be believed?",
        list(figure_blocks(subject, important, "calibration")),
        notes=list(_cautions(subject, evaluation)),
    )
    exact = [*additive_blocks(subject, important), *_coefficient_block(run)]
    yield Section("inputs", "What the inputs do", [*input_blocks(subject, important), *exact])
    yield Section("details", "The data and the run", list(_detail_blocks(run, subject)), texts=run.texts)


def _cautions(subject: Subject, evaluation: Evaluation) -> Iterator[str]:
    """What to bear in mind about the calibration."""
    if evaluation.n < FEW_ROWS:
        yield f"There are only {evaluation.n} rows to judge by, so this section proves little."
    answers, observed = (sum(len(part.y) for part in parts) for parts in (subject.judged, subject.parts))
    if observed < answers:
        yield (
            f"{answers - observed:,} of {answers:,} answers are censored: only bounds are known. Here each "
            "of them counts at a random place within its bounds, as likely as the model thinks it; single rows and "
            "errors are shown for observed answers only."
        )


def _verdict_blocks(run: Run) -> list[Block]:
    return [block for block in (_nats_block(run), _learning_block(run)) if block.panels]


def _nats_block(run: Run) -> Block:
    drawing = guarded("nats", lambda: nats(run.evaluations, run.part))
    return Block(
        "nats",
        "Between ignorance and the truth",
        "NLL measures how surprised the model is by what was observed, in nats: each nat less means that it thinks the "
        "answers e = 2.7 times as likely. Ignoring the inputs is the least to expect of a model; the truth, known for "
        "simulated data only, is the most. If the training rows do far better than the test rows, the model has "
        "learned some of them by heart. The lines span 95%.",
        panels=drawing.panels,
    )


def _learning_block(run: Run) -> Block:
    watched = run.evaluations["validation" if run.evaluations["validation"].n else "train"]
    curves = guarded("learning", lambda: learning_curves(run.history, watched.marginal, watched.oracle))
    return Block(
        "learning",
        "How it learned",
        "NLL after each pass over the training rows. The validation rows are not learned from: where their line rises "
        "while the other falls, the model begins to learn the training rows by heart. The weights of the best epoch "
        "are kept.",
        [curves.finding],
        curves.panels,
    )


def _coefficient_block(run: Run) -> Iterator[Block]:
    table = coefficient_table(run.module, run.parts["train"])
    if table is not None:
        yield Block(
            "coefficients",
            "Coefficients",
            "The model is linear: each parameter is a constant plus a sum over the inputs, in their own units, put "
            "through the function in brackets (log: each coefficient acts as a factor e to that power). The levels of "
            "a category are compared with its first one. An interval that holds 0 means that the input may not matter. "
            "The intervals are right where training ended at the maximum of the likelihood, as with optimizer=lbfgs.",
            table=table,
        )


def _detail_blocks(run: Run, subject: Subject) -> Iterator[Block]:
    meaning = "The means over the rows of each part, with standard errors; the lower the better, but for accuracy, "
    meaning += "coverage (which should be 0.9) and rank correlation."
    yield Block("scores", "All scores", meaning, table=Table(*score_table(run.evaluations)))
    if subject.encoder is not None and subject.encoder.description:
        meaning = "What each column was taken for and why, in the training rows. Numbers are standardised, categories "
        meaning += "get a column for each level; x is what the network sees."
        yield Block("columns", "The columns of the table", meaning, table=column_table(subject.encoder))
