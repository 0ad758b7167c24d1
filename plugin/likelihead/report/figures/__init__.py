"""Figures, one function each; `FIGURES` says which of them a target type may ask for, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from likelihead.report.answers import Answer
from likelihead.report.effects import fan as quantiles_along
from likelihead.report.figures import calibration, classes, directions, numbers, rankings, unit_vectors
from likelihead.report.figures.inputs import fan_panel
from likelihead.report.importance import Importance
from likelihead.report.style import Drawing
from likelihead.report.subject import Subject


class Scene(NamedTuple):
    """What a figure may be drawn from.

    Attributes:
        answer: the answer that it is about.
        subject: the model and its rows.
        part: the number of the answer among `subject.parts`; None for a vector as a whole.
        importances: the importance of the inputs, the largest first.
    """

    answer: Answer
    subject: Subject
    part: int | None
    importances: list[Importance]


class FigureSpec(NamedTuple):
    """A figure, and the answers that it can be drawn for.

    Attributes:
        draw: draws it.
        section: the section of the page, `predictions` or `calibration`.
        title: its title.
        meaning: what it means, for a reader who has not studied statistics.
        needs: functions of the distribution that must be defined.
        dims: 0 for numbers and labels, 1 for vectors and rankings.
    """

    draw: Callable[[Scene], Drawing]
    section: str
    title: str
    meaning: str
    needs: tuple[str, ...] = ()
    dims: int = 0

    def suits(self, answer: Answer) -> bool:
        """Whether it can be drawn for an answer."""
        return answer.dims == self.dims and set(self.needs) <= answer.defined


def _of(draw: Callable[[Answer], Drawing]) -> Callable[[Scene], Drawing]:
    return lambda scene: draw(scene.answer)


def fan(scene: Scene) -> Drawing:
    """The quantiles of the predictions along the most important input; nothing without inputs."""
    if not scene.importances or scene.part is None:
        return Drawing([])
    entry = scene.importances[0].entry
    values, quantiles = quantiles_along(scene.subject, scene.part, entry)
    if len(values) < 2 or scene.answer.rows is None:
        return Drawing([])
    data = entry.values(scene.subject.batch.x).iloc[scene.answer.rows.numpy()]
    return Drawing([fan_panel(scene.answer, entry, values, quantiles, data)])


_ROWS = (
    "Each picture is one row of the table. The model does not answer with one number but says how likely each value "
    "is: the higher the blue shape, the more likely. The orange line is what was observed. The dashed line is what one "
    "would say without looking at the inputs. Best and worst are the rows whose observed value the model thought most "
    "and least likely. A good model is rarely taken by surprise, and its worst row deserves a look: it may be wrong."
)
_VECTORS = (
    "Each picture is one row of the table, and shows two of its answers at once. The model expects the point inside "
    "the inner region with a probability of 50%, and inside the outer one with 90%. A slanted shape means that the "
    "answers go together: if one is higher than expected, so is the other, or the other is lower."
)
_PIT = (
    "For each row the model says with what probability the answer is smaller than the one observed. If its "
    "probabilities are right, these numbers are spread evenly, and the bars stay in the grey range. A valley in the "
    "middle means that the predictions are too sure of themselves; a hill, that they are too vague; a slope, that they "
    "are too high or too low."
)

#: The figures by the names that target types list.
FIGURES: dict[str, FigureSpec] = {
    "densities": FigureSpec(_of(numbers.densities), "predictions", "Predictions for single rows", _ROWS),
    "contours": FigureSpec(_of(numbers.contours), "predictions", "Two answers at once", _VECTORS, dims=1),
    "probabilities": FigureSpec(
        _of(classes.probabilities),
        "predictions",
        "Predictions for single rows",
        "Each picture is one row of the table. The bars are the probabilities that the model gives to the classes, and "
        "that of the class observed is orange. The thin marks are the shares of the classes, which one would say "
        "without looking at the inputs. In the worst row the model was surprised most: it may hold an error.",
    ),
    "rose": FigureSpec(
        _of(directions.rose),
        "predictions",
        "Predictions for single rows",
        "Each picture is one row of the table. The larger the blue area in a direction, the more likely the "
        "model thinks it. The orange line is the direction observed.",
        ("mean",),
    ),
    "directions": FigureSpec(
        _of(directions.directions),
        "predictions",
        "All directions together",
        "The orange bars show how often each direction was observed; the blue line is how often the model expects it. "
        "Where they differ, the model misses something that happens often, or expects something that does not happen.",
    ),
    "circle": FigureSpec(
        _of(unit_vectors.circle),
        "predictions",
        "Predictions for single rows",
        "Each picture is one row of the table. The larger the blue area in a direction, the more likely the "
        "model thinks it. The orange line is the direction observed.",
        dims=1,
    ),
    "sphere": FigureSpec(
        _of(unit_vectors.sphere),
        "predictions",
        "Predictions for single rows",
        "Each picture is one row of the table, and a map of all directions, as an atlas shows the earth: the third "
        "answer points to the upper edge, the first to the middle. The model expects the direction inside the inner "
        "region with a probability of 50%, and inside the outer one with 90%; a region that leaves the map on one side "
        "goes on at the other, and near the upper and the lower edge it looks wider than it is. The orange point is "
        "the direction observed.",
        dims=1,
    ),
    "ranks": FigureSpec(
        _of(rankings.ranks),
        "predictions",
        "Predictions for single rows",
        "Each picture is one row of the table. The darker a field, the more likely the model thinks that the item has "
        "that rank. The orange squares are the ranking observed; they should lie on dark fields.",
        dims=1,
    ),
    "rankings": FigureSpec(
        _of(rankings.rankings),
        "calibration",
        "All rankings together",
        "The left picture is how often the model expects each item at each rank, over all rows; the right one is how "
        "often that happened, in percent. If the model's probabilities are right, the two look alike.",
        dims=1,
    ),
    "fan": FigureSpec(
        fan,
        "predictions",
        "Along the most important input",
        "The line is the middle of the prediction: half of the answers are expected above it, half below. The dark "
        "band is to hold half of all answers, the light band nine in ten. A band that widens means that the answer is "
        "less certain there. About one orange point in ten should lie outside.",
        ("quantile",),
    ),
    "pit": FigureSpec(_of(calibration.pit), "calibration", "Are the probabilities right?", _PIT, ("pit", "median")),
    "pit_reliability": FigureSpec(
        _of(calibration.pit_reliability),
        "calibration",
        "Do the quantiles hold?",
        "If the model says that an answer stays below some value with a probability of 30%, that should happen in "
        "about 30% of the rows, and likewise for every other probability: then the line follows the diagonal and stays "
        "in the grey range.",
        ("pit", "median"),
    ),
    "coverage": FigureSpec(
        _of(calibration.coverages),
        "calibration",
        "Do the intervals hold?",
        "An interval of 90% should contain the answer in nine rows of ten. Below the dashed line the intervals are too "
        "narrow and promise too much; above it they are wider than they need to be. With whole numbers an interval "
        "holds more than it was asked for, so the dashed line bends.",
        ("interval", "cdf"),
    ),
    "residuals": FigureSpec(
        _of(calibration.residuals),
        "calibration",
        "Surprises",
        "Each point is a row, and its height is how surprising the answer was: 0 is the middle of the prediction, and "
        "beyond ±2 only one row in twenty should lie. There should be no pattern: a slope, a curve or a funnel shows "
        "that the model is off for some of its predictions.",
        ("pit", "median"),
    ),
    "worm": FigureSpec(
        _of(calibration.worms),
        "calibration",
        "Worm plot",
        "The surprises in order, less what a correct model expects. A worm that stays in the grey range is fine. If "
        "it lies above or below, the predictions are too low or too high; if it rises or falls, they are too narrow or "
        "too wide; if it bends, their shape is wrong: another family may fit better.",
        ("pit", "median"),
    ),
    "class_reliability": FigureSpec(
        _of(classes.class_reliability),
        "calibration",
        "Do the probabilities come true?",
        "The rows are put into groups by their probability: 0 to 10%, 10 to 20%, and so on. Of the rows with a "
        "probability of about 70%, about 70% should turn out so: then the points lie on the dashed line, or in the "
        "blue range around it, which is wide for small groups. Below the line the model is too sure of itself.",
    ),
    "confusion": FigureSpec(
        _of(classes.confusion),
        "calibration",
        "Which classes are mixed up?",
        "Each row of the picture is a class as observed, and each column the class that the model thought most "
        "probable. Numbers on the diagonal are right guesses; all others are mistakes.",
    ),
}
