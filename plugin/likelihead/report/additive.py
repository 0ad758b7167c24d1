"""The effects of an additive model along its inputs, as its report draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from likelihead.evaluation.additive import AdditiveEffects, Output, is_additive
from likelihead.report.inputs import Input
from likelihead.report.subject import Subject
from likelihead.training.ensemble import Ensemble

Array = NDArray[np.float64]
#: The most values of an input at which its effect is computed.
GRID = 200


@dataclass(frozen=True)
class Curve:
    """What an input adds to a parameter.

    Attributes:
        entry: the input.
        values: values of the input, (m,), in order.
        label: the parameter on the scale of its link.
        names: the name of each raw output of the parameter; empty for a single one.
        heights: the effect (members, m, outputs), 0 on average over the rows; one member, or those of an ensemble.
        data: the values of the input in the rows, (n,).
    """

    entry: Input
    values: pd.Series
    label: str
    names: list[str]
    heights: Array
    data: pd.Series


def curves(subject: Subject, entries: Sequence[Input]) -> list[list[Curve]]:
    """The curves of each predicted parameter of an additive model along some inputs; none for other models.

    A parameter whose raw outputs have different links, such as a matrix with a positive diagonal, has curves for each.
    """
    if not is_additive(subject.model) or not subject.inputs:
        return []
    model = subject.model
    members = [model.member(k) for k in range(model.members)] if isinstance(model, Ensemble) else [model]
    effects = [AdditiveEffects.of(member) for member in members]
    # Columns of a tensor are inputs of their own there, but may belong together in the network.
    starts = list(accumulate(effects[0].network.inputs, initial=0))[:-1]
    if starts != [entry.start for entry in subject.inputs]:
        return []
    found: dict[str, list[Curve]] = {}
    for entry in entries:
        place = starts.index(entry.start)
        values, columns = entry.grid(subject.batch.x, GRID)
        each = [member.centred(place, columns, entry.block(subject.batch.x)) for member in effects]
        for output in effects[0].outputs:
            heights = np.stack([member[output.name].numpy() for member in each])
            names, links = _names(output, subject), np.array(output.link)
            for link in dict.fromkeys(output.link):
                own = np.flatnonzero(links == link)
                label = output.name if link == "identity" else f"{link} {output.name}"
                shown = [names[k] for k in own] if names else []
                curve = Curve(entry, values, label, shown, heights[:, :, own], entry.values(subject.batch.x))
                found.setdefault(label, []).append(curve)
    return list(found.values())


def _names(output: Output, subject: Subject) -> list[str]:
    """The names of the raw outputs: those of the targets or of the classes, else their places."""
    if not output.shape:
        return []
    known = [subject.target_names]
    if not isinstance(subject.columns, dict):
        known.append(list(subject.columns.labels or []))
    for names in known:
        if len(output.shape) == 1 and len(names) == output.shape[0] > 1:
            return list(names)
    return [
        "[" + ", ".join(map(str, np.unravel_index(place, output.shape))) + "]" for place in range(output.shape.numel())
    ]
