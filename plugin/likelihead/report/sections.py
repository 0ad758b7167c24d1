"""The sections of the page: figures and tables, each with what it means."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from likelihead.report.additive import curves
from likelihead.report.effects import effect
from likelihead.report.figures import FIGURES, Scene
from likelihead.report.figures.additive import additive_panels
from likelihead.report.figures.inputs import effect_panel, importance_bars
from likelihead.report.importance import Importance
from likelihead.report.style import Drawing, Panel
from likelihead.report.subject import Subject
from likelihead.report.tables import Table
from likelihead.target_types.detect import class_of

log = logging.getLogger("likelihead.report")

#: The inputs whose effects are drawn, and the parts of an answer that they are drawn for.
MOST_EFFECTS, MOST_PARTS = 6, 3
#: The inputs whose effects in an additive model are drawn.
MOST_ADDITIVE = 12


@dataclass
class Block:
    """A figure or a table of the page, with its explanation.

    Attributes:
        name: identifies it on the page.
        title: its heading.
        meaning: what it means.
        findings: what is found in it, in one sentence for each answer.
        panels: its drawings.
        table: its table.
    """

    name: str
    title: str
    meaning: str
    findings: list[str] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    table: Table | None = None


def guarded(name: str, draw: Callable[[], Drawing]) -> Drawing:
    """The drawing, or none if it fails, which is logged: a figure is never worth the rest of the report."""
    try:
        return draw()
    except Exception as error:
        log.warning("the figure %r could not be drawn: %s: %s", name, type(error).__name__, error)
        return Drawing([])


def figure_blocks(subject: Subject, importances: list[Importance], section: str) -> Iterator[Block]:
    """The figures of a section that suit the answers, those of all answers together in one block."""
    whole = [Scene(answer, subject, None, importances) for answer in subject.answers]
    answers = subject.judged if section == "calibration" else subject.parts
    parts = [Scene(answer, subject, number, importances) for number, answer in enumerate(answers)]
    for name, spec in FIGURES.items():
        scenes = [
            scene
            for scene in (parts if spec.dims == 0 else whole)
            if name in class_of(scene.answer.predicted).figures and spec.suits(scene.answer)
        ]
        if spec.section != section or not scenes:
            continue
        block = Block(name, spec.title, spec.meaning)
        for scene in scenes:
            drawing = guarded(name, partial(spec.draw, scene))
            prefix = f"{scene.answer.name}: " if scene.answer.name else ""
            block.panels += [panel._replace(alt=prefix + panel.alt) for panel in drawing.panels]
            block.findings += [prefix + drawing.finding] if drawing.finding else []
        if block.panels:
            yield block


def input_blocks(subject: Subject, importances: list[Importance]) -> Iterator[Block]:
    """The importance of the inputs, and the effects of the most important ones."""
    if not importances:
        return
    bars = guarded("importance", lambda: importance_bars(importances))
    meaning = (
        "How much worse the predictions get if the values of one input are shuffled among the rows, so that they say "
        "nothing any more. A long bar means that the model relies on the input. The orange line spans 95%: where it "
        "reaches 0, the input may not matter at all. Of two inputs that say the same, either may look unimportant."
    )
    yield Block("importance", "Which inputs matter", meaning, [bars.finding], bars.panels)
    effects = Block(
        "effects",
        "What each input does",
        "What the model predicts on average if the input is set to each of these values in all rows, the other inputs "
        "left as they are. Where there is a second line, it is how far the prediction reaches: the width of the 90% "
        "interval, or the standard deviation of a direction. The grey bars are the rows that have such values: where "
        "there are few, the lines rest on little. It shows what the model does, not what would happen if somebody "
        "changed the input.",
    )
    for importance in importances[:MOST_EFFECTS]:
        for number, answer in enumerate(subject.parts[:MOST_PARTS]):

            def draw(importance: Importance = importance, number: int = number) -> Drawing:
                found = effect(subject, number, importance.entry)
                return Drawing([effect_panel(found, subject.parts[number])] if len(found.values) > 1 else [])

            effects.panels += guarded(f"effect of {importance.entry.name} on {answer.label}", draw).panels
    if effects.panels:
        yield effects


def additive_blocks(subject: Subject, importances: list[Importance]) -> Iterator[Block]:
    """What each of the most important inputs adds to each parameter, where the model is a sum of such effects."""
    block = Block(
        "additive",
        "What each input adds",
        f"The model is additive: each parameter is a constant plus what each input adds{_shown(len(importances))}. "
        "The lines are on the scale named at the side: on a log scale, adding 0.7 doubles the parameter. Each "
        "line is 0 on average over the rows. The panels of a parameter have the same scale, so a flat line is an input "
        "that hardly matters. The networks of an ensemble each have a line; where they part, the data say little.",
    )
    entries = [importance.entry for importance in importances[:MOST_ADDITIVE]]
    drawing = guarded("additive", lambda: additive_panels(curves(subject, entries)))
    if drawing.panels:
        block.panels, block.findings = drawing.panels, [drawing.finding]
        yield block


def _shown(inputs: int) -> str:
    if inputs <= MOST_ADDITIVE:
        return ", and these lines are all of it"
    which = "the one that matters most is" if MOST_ADDITIVE == 1 else f"the {MOST_ADDITIVE} that matter most are"
    return f"; of {inputs} inputs, {which} shown"
