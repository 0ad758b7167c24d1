"""How the raw outputs of one head become the parameters of a fast formula, and its gradient theirs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from likelihead.families.family import Family
from likelihead.families.links import EXP_RANGE, Exp, Identity, Link, LowerCholesky
from likelihead.families.signature import path_of

# Importing them registers their formulas.
from likelihead.heads.fast import continuous, discrete  # noqa: F401
from likelihead.heads.fast.formulas import DIFFERENTIATED, FORMULAS, LABELLED, Formula, Parameters
from likelihead.heads.parameters import Anchored, Learned, Parameter, Predicted

#: The largest anchor of a positive parameter: a factor of 3e11 either way.
LARGEST_ANCHOR = 26.0
#: Raw outputs get below it where a floor is meant to be reached, as by the scales of a mixture's components.
NEAR = -12.0


def plan_of(family: Family, parameters: dict[str, Parameter]) -> Plan | None:
    """The plan of a head; None where its family or a link has no fast formula."""
    anchored = [each for each in parameters.values() if isinstance(each, Anchored)]
    if family.output_shape or family.options or family.wrappings or len(anchored) < len(parameters):
        return None
    if any(each.anchor.is_inference() or each.unit.is_inference() for each in anchored):
        return None
    for (path, *names), formula in FORMULAS.items():
        is_same = path == path_of(family.cls) and set(names) == set(parameters)
        if is_same and all(_is_usual(parameters[name]) for name in names):  # type: ignore[arg-type]
            return Plan(formula, names, parameters)  # type: ignore[arg-type]
    return None


def _is_usual(parameter: Anchored) -> bool:
    """Whether the parameter has the link that the formulas expect: exp, none, or that of a packed factor."""
    link = parameter.link
    if isinstance(link, LowerCholesky):
        return isinstance(parameter, Predicted)
    is_scalar = isinstance(parameter, Predicted) or not parameter.raw_shape
    return is_scalar and (type(link) is Identity or (type(link) is Exp and not link.lower))


def _floor(link: Link) -> float:
    """The lowest raw output at which the link is exp; -inf where it is none."""
    exp = link.exp if isinstance(link, LowerCholesky) else link
    if not isinstance(exp, Exp):
        return -math.inf
    return max(-EXP_RANGE, math.log(2.0 * exp.floor)) if exp.floor > 0 else -EXP_RANGE


class Plan:
    """The fast log-density of one head at its present anchors.

    Args:
        formula: of the family.
        names: the parameters in the order of the formula.
        parameters: of the head, in the order of its linear layer.
    """

    def __init__(self, formula: Formula, names: list[str], parameters: dict[str, Anchored]) -> None:
        self.formula = formula
        self.predicted = [name for name, each in parameters.items() if isinstance(each, Predicted)]
        self.learned = [name for name, each in parameters.items() if isinstance(each, Learned)]
        self.order = [[*self.predicted, *self.learned].index(name) for name in names]
        self.sizes = [parameters[name].size for name in self.predicted]
        self.inverse = sorted(range(len(names)), key=self.order.__getitem__)
        self.scalars = [not parameters[name].raw_shape for name in self.predicted]
        self.is_scalar = all(self.scalars)
        each = [parameters[name] for name in (*self.predicted, *self.learned)]
        self.sources = [(part._buffers, part.anchor, part.unit) for part in each]
        self.versions = self._versions()
        #: The anchors may be others by the time that a distribution is built, as inside `functional_call`.
        self.parts = [(part.link, part.raw_shape, part.anchor.clone(), part.unit.clone()) for part in each]
        floors = [_floor(parameter.link) for parameter in each]
        # All outputs are held against the floors at once, but for those that some of them are meant to reach.
        self.floor = max([-EXP_RANGE, *(floor for floor in floors if floor <= NEAR)])
        starts = [sum(self.sizes[:place]) for place in range(len(self.sizes))]
        columns = zip(starts, self.sizes, floors, strict=False)
        self.reached = [(start, start + size, floor) for start, size, floor in columns if floor > NEAR]
        self.bounds = [_bounds(parameters[name]) for name in self.predicted]
        self.is_usable = bool(self.predicted) and all(_is_near(parameter) for parameter in each)
        self.dtype, self.takes_labels = each[0].anchor.dtype, formula in LABELLED
        self.is_differentiated = formula in DIFFERENTIATED
        chosen = [parameters[name] for name in self.predicted]
        if self.is_usable:
            self.anchor = torch.cat([parameter.anchor.reshape(-1) for parameter in chosen])
            self.unit = torch.cat([parameter.unit.reshape(-1) for parameter in chosen])
            self.is_plain = bool((self.unit == 1).all())
            self.anchors, self.units = self.anchor.split(1), self.unit.tolist()
            self.constants = [(float(parameters[name].anchor), float(parameters[name].unit)) for name in self.learned]

    def _tensors(self) -> list[Tensor]:
        return [tensor for _, anchor, unit in self.sources for tensor in (anchor, unit)]

    def _versions(self) -> list[int]:
        return [tensor._version for tensor in self._tensors()]

    def is_current(self) -> bool:
        """Whether the anchors are still those of the plan."""
        if not all(held["anchor"] is anchor and held["unit"] is unit for held, anchor, unit in self.sources):
            return False
        versions = self._versions()
        if versions != self.versions:
            # Averaged weights take the place of others, and give it back, with anchors of the same values.
            copies = [tensor for part in self.parts for tensor in part[2:]]
            if not all(torch.equal(new, old) for new, old in zip(self._tensors(), copies, strict=True)):
                return False
            self.versions = versions
        return True

    def __call__(self, y: Tensor, raw: Tensor, learned: list[Tensor]) -> tuple[Tensor, list[Tensor]] | None:
        """The log-density (N,), and its derivatives (N, total) by `raw` and (N,) by each learned constant, per row.

        None where a raw output lies outside the usual range, or the formula declines.
        """
        found = self.found(y, raw, learned)
        return None if found is None else (found[0], self._joined(found[1]))

    def found(self, y: Tensor, raw: Tensor, learned: list[Tensor]) -> Any:
        """What the formula gives, the log-density (N,) of one that autograd differentiates; None as for a call."""
        parameters = self._parameters(raw, learned)
        return None if parameters is None else self.formula(y, parameters)

    def _parameters(self, raw: Tensor, learned: list[Tensor]) -> Parameters | None:
        """The arguments of the formula; None where one lies outside the usual range."""
        plain = raw.detach()
        lowest, highest = (end.item() for end in plain.aminmax())
        if not (self.floor <= lowest and highest <= EXP_RANGE):
            return None
        for start, stop, floor in self.reached:
            if not plain[:, start:stop].amin().item() >= floor:
                return None
        values = self._split(raw)
        bounds = self.bounds
        if learned:
            constants = [constant.item() for constant in learned]
            for constant, (_, unit) in zip(constants, self.constants, strict=True):
                if not NEAR <= constant * unit <= EXP_RANGE:
                    return None
            known = [anchor + unit * each for each, (anchor, unit) in zip(constants, self.constants, strict=True)]
            for each, (anchor, unit) in zip(learned, self.constants, strict=True):
                values.append(anchor + unit * each)
            bounds = bounds + [(value, value, 0.0) for value in known]
        ordered = ([values[place] for place in self.order], [bounds[place] for place in self.order])
        return Parameters(*ordered, (lowest, highest))

    def values(self, raw: Tensor, learned: Sequence[Tensor]) -> dict[str, Tensor]:
        """The values (N, *shape) of all parameters, by the links themselves."""
        pieces = [*raw.split(self.sizes, -1), *(constant.unsqueeze(0) for constant in learned)]
        found = {}
        names = [*self.predicted, *self.learned]
        for name, piece, (link, shape, anchor, unit) in zip(names, pieces, self.parts, strict=True):
            value = link(piece.reshape(len(piece), *shape) * unit, anchor)
            found[name] = value.expand(len(raw), *value.shape[1:])
        return found

    def _split(self, raw: Tensor) -> list[Tensor]:
        """The predicted parameters on the link's scale."""
        if self.is_scalar:
            # One by one, so that each lies in one piece.
            columns = raw.unbind(-1) if len(self.sizes) > 1 else [raw.squeeze(-1)]
            if self.is_plain:
                return [column + anchor for column, anchor in zip(columns, self.anchors, strict=True)]
            placed = zip(columns, self.anchors, self.units, strict=True)
            return [torch.add(anchor, column, alpha=unit) for column, anchor, unit in placed]
        shifted = raw + self.anchor if self.is_plain else torch.addcmul(self.anchor, raw, self.unit)
        if len(self.sizes) == 1:
            return [shifted]
        pieces = shifted.split(self.sizes, -1)
        return [piece.squeeze(-1) if scalar else piece for piece, scalar in zip(pieces, self.scalars, strict=True)]

    def _joined(self, slopes: list[Tensor]) -> list[Tensor]:
        """The derivatives by the raw outputs in the order of the linear layer, then those by the constants."""
        count = len(self.sizes)
        ordered = [slopes[place] for place in self.inverse]
        if count == 1:
            joined = ordered[0].unsqueeze(-1) if self.is_scalar else ordered[0]
        elif self.is_scalar:
            joined = torch.stack(ordered[:count]).T
        else:
            pieces = zip(ordered[:count], self.scalars, strict=True)
            joined = torch.cat([slope.unsqueeze(-1) if scalar else slope for slope, scalar in pieces], -1)
        scaled = joined if self.is_plain else joined * self.unit
        return [scaled, *(slope * unit for slope, (_, unit) in zip(ordered[count:], self.constants, strict=True))]


def _bounds(parameter: Anchored) -> tuple[float, float, float]:
    """The lowest and highest anchor, and the largest unit."""
    low, high = parameter.anchor.aminmax()
    return float(low), float(high), float(parameter.unit.max())


def _is_near(parameter: Anchored) -> bool:
    """Whether the anchor keeps the formula in range, and raw outputs of exp links are factors."""
    if isinstance(parameter.link, Identity):
        return bool(parameter.anchor.isfinite().all() and parameter.unit.isfinite().all())
    factors = parameter.link.factors(parameter.raw_shape)
    is_near = bool((parameter.anchor[factors].abs() <= LARGEST_ANCHOR).all())
    return is_near and bool((parameter.unit[factors] == 1).all())
