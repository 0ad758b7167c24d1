"""The marginal fit: the maximum-likelihood parameters of a family on the targets alone, without x.

It is the model to beat and the point at which training starts: raw output 0 gives it. The unit of a real parameter is
its standard error from one observation, one over the root of the diagonal of the observed information. If the
log-density has no second derivative (the location of a Laplace distribution), the information is the mean squared score
(Berndt, Hall, Hall & Hausman, 1974).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from likelihead.distributions.tails import log_likelihood
from likelihead.errors import LikelihoodError, TargetError
from likelihead.families.family import Family
from likelihead.families.links import Exp
from likelihead.heads.exposure import expose
from likelihead.heads.pooled_targets import PooledTargets, check_bounds, merged, subsampled
from likelihead.heads.sites import by_site, log_prob
from likelihead.heads.starting_points import moments, of_splines, starts, tells_components_apart

#: The most starting points that are compared, and from how many of the best the likelihood is maximised.
MAX_STARTS, MAX_DESCENTS = 400, 2
#: The likelihood is first maximised on a subsample of about this many rows, then on all rows.
SUBSAMPLE_ROWS = 1000
#: The most coordinates for which second derivatives are computed.
MAX_COORDINATES = 40
#: How far from 0 the anchors of a spline may be: factors of 50 between its bins.
SPLINE_RANGE = 4.0


@dataclass(frozen=True)
class MarginalFit:
    """A marginal fit.

    Attributes:
        anchors: the anchor of each predicted or learned parameter, (*raw_shape) float64.
        units: the unit of each of their raw outputs, (*raw_shape) float64.
        nll: the mean NLL of the targets, in nats.
    """

    anchors: dict[str, Tensor]
    units: dict[str, Tensor]
    nll: float


class _Problem:
    """The mean NLL of the targets as a function of one flat vector: the anchors of all free parameters."""

    def __init__(self, family: Family, rows: PooledTargets) -> None:
        self.family, self.rows = family, rows
        self.y, weight = rows.y, rows.weights()
        # normalised per output if weights are per output, so that each output is fitted to its own mean
        self.weight = weight / weight.sum(0).clamp(min=torch.finfo(torch.float64).tiny)
        self.shapes = {name: link.raw_shape(family.parameter_shapes[name]) for name, link in family.links.items()}
        self.sizes = [shape.numel() for shape in self.shapes.values()]
        self.numbers = {name: family.number(name).double() for name in family.roles if name not in family.links}
        self.lower_bounds, self.upper_bounds = self._bounds()

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The bounds of each anchor: a mixture's likelihood is unbounded if a component shrinks to a point.

        A spline stays where its parameters still have an effect, so that training can move it.
        """
        pieces = [torch.full((size,), -torch.inf, dtype=torch.float64) for size in self.sizes]
        for name, piece in zip(self.family.links, pieces, strict=True):
            if name in of_splines(self.family):
                piece.fill_(-SPLINE_RANGE)
        upper = torch.cat([*(piece.abs() for piece in pieces), torch.zeros(0, dtype=torch.float64)]).numpy()
        if self.family.components and self.y.is_floating_point():
            deviation = moments(self.y, self.weight)[1].min().clamp(min=1e-300)
            for piece, link in zip(pieces, self.family.links.values(), strict=True):
                if isinstance(link, Exp) and link.floor:
                    piece.fill_((link.floor * deviation).log())
        return torch.cat([*pieces, torch.zeros(0, dtype=torch.float64)]).numpy(), upper

    def scale_free(self) -> np.ndarray:
        """The coordinates that do not depend on the unit of y: factors, and all of a discrete family's."""
        if self.family.is_discrete:
            return np.ones(sum(self.sizes), dtype=bool)
        factors = [link.factors(self.shapes[name]).reshape(-1) for name, link in self.family.links.items()]
        return torch.cat(factors).numpy()

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """Split (..., total) into one tensor (..., *raw_shape) per parameter."""
        pieces = flat.split(self.sizes, dim=-1)
        return {
            name: piece.reshape((*flat.shape[:-1], *shape))
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def log_prob(self, rows: Tensor) -> Tensor:
        """log p(y) at anchors (N, total), per row (N,), or per output if the weights are."""
        values = {
            name: self.family.links[name](torch.zeros_like(anchor), anchor) for name, anchor in self.split(rows).items()
        }
        values |= {name: number.expand(*rows.shape[:-1], *number.shape) for name, number in self.numbers.items()}
        values = expose(self.family, values, self.rows.exposure)
        built, bounds, truncation = self.family.build(values), self.rows.bounds, self.rows.truncation
        if self.weight.dim() == 1:
            return log_prob(built, self.y, bounds=bounds, truncation=truncation)
        return log_likelihood(by_site(built), self.y, bounds, truncation)

    def nll(self, flat: Tensor) -> Tensor:
        return -(self.weight * self.log_prob(flat.expand(len(self.y), -1))).sum()

    def scores(self, flat: Tensor, weight: Tensor) -> Tensor:
        """The gradient of each row's log p(y) with respect to the anchors, times `weight`, (N, total)."""
        rows = flat.detach().expand(len(self.y), -1).clone().requires_grad_()
        (gradient,) = torch.autograd.grad((weight * self.log_prob(rows)).sum(), rows)
        return gradient

    def squared_scores(self, flat: Tensor) -> Tensor:
        """The mean squared score of each coordinate, (total,): the information in one observation."""
        # a coordinate belongs to one output, so its score is squared with the weight of that output
        return self.scores(flat, self.weight.sqrt()).square().sum(0)

    def units(self, flat: Tensor) -> Tensor:
        """One over the root of the mean squared score of each coordinate; 1 without information."""
        return _inverse_root(self.squared_scores(flat))

    def standard_errors(self, flat: Tensor) -> Tensor:
        """One over the root of the diagonal of the observed information in one observation, (total,)."""
        squared = self.squared_scores(flat)
        if len(flat) > MAX_COORDINATES:
            return _inverse_root(squared)
        return _inverse_root(torch.stack([self._information(flat, i, squared[i]) for i in range(len(flat))]))

    def _information(self, flat: Tensor, index: int, squared: Tensor) -> Tensor:
        """Minus the mean derivative of a coordinate's score, or its mean square if the score is piecewise constant."""
        shift = torch.zeros_like(flat)
        shift[index] = 1e-3 * _inverse_root(squared)
        above, below = (self.scores(flat + sign * shift, self.weight)[:, index] for sign in (1.0, -1.0))
        involved = (above != 0) | (below != 0)
        if (above != below).sum() < 0.5 * involved.sum():
            return squared
        return (below - above).sum() / (2.0 * shift[index])

    def value_and_gradient(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        flat = torch.from_numpy(point).requires_grad_()
        try:
            value = self.nll(flat)
        except LikelihoodError:
            raise
        except ValueError:  # some of Pyro's classes always validate some of their parts
            return np.inf, np.zeros_like(point)
        (gradient,) = torch.autograd.grad(value, flat)
        if not (torch.isfinite(value) and torch.isfinite(gradient).all()):
            return np.inf, np.zeros_like(point)
        return value.item(), gradient.numpy()


def _inverse_root(information: Tensor) -> Tensor:
    unit = information.rsqrt()
    # The head keeps units in float32.
    return torch.where(torch.isfinite(unit.float()) & (unit > 0), unit, torch.ones_like(unit))


def _descend(problem: _Problem, start: np.ndarray) -> np.ndarray:
    """Minimise by quasi-Newton steps in units of the standard errors, which are updated until nothing is gained."""
    point, best = start, problem.value_and_gradient(start)[0]
    for _ in range(8):
        unit = np.clip(problem.units(torch.from_numpy(point)).numpy(), 1e-12, 1e12)

        def scaled(step: np.ndarray, origin: np.ndarray = point, unit: np.ndarray = unit) -> tuple[float, np.ndarray]:
            value, gradient = problem.value_and_gradient(origin + unit * step)
            return value, gradient * unit

        lower = np.clip((problem.lower_bounds - point) / unit, -30.0, 0.0)
        upper = np.clip((problem.upper_bounds - point) / unit, 0.0, 30.0)
        result = optimize.minimize(
            scaled, np.zeros_like(point), jac=True, method="L-BFGS-B", bounds=optimize.Bounds(lower, upper),
            options={"maxiter": 200, "ftol": 1e-11, "gtol": 1e-9, "maxls": 50},
        )  # fmt: skip
        if not result.fun < best:
            break
        gain, best, point = best - result.fun, result.fun, point + unit * result.x
        if gain < 1e-6 * max(1.0, abs(best)):
            break
    return point


def _polish(problem: _Problem, point: np.ndarray) -> np.ndarray:
    """Newton steps with a finite-difference Hessian, each taken only if the NLL does not rise."""
    if len(point) > MAX_COORDINATES:
        return point
    value, gradient = problem.value_and_gradient(point)
    for _ in range(5):
        unit = problem.units(torch.from_numpy(point)).numpy()
        hessian = np.empty((len(point), len(point)))
        for index in range(len(point)):
            shift = np.zeros_like(point)
            shift[index] = 1e-4 * unit[index]
            above, below = (problem.value_and_gradient(point + sign * shift)[1] for sign in (1.0, -1.0))
            hessian[index] = (above - below) * unit / 2e-4
        hessian = (hessian + hessian.T) / 2.0
        step = unit * np.linalg.lstsq(hessian, -gradient * unit, rcond=1e-9)[0]
        trial = np.clip(point + step, problem.lower_bounds, problem.upper_bounds)
        new_value, new_gradient = problem.value_and_gradient(trial)
        if not (new_value <= value and np.abs(new_gradient * unit).max() < np.abs(gradient * unit).max()):
            break
        point, value, gradient = trial, new_value, new_gradient
    return point


def fit_marginal(
    family: Family,
    y: Tensor,
    weight: Tensor | None = None,
    exposure: Tensor | None = None,
    bounds: Tensor | None = None,
    truncation: Tensor | None = None,
) -> MarginalFit:
    """Fit a family to targets alone, in float64 on the CPU.

    The likelihoods of several starting points are compared, and maximised from the best of them.

    Args:
        family: the family to fit.
        y: targets (N, *event_shape), already checked against the family.
        weight: per row (N,) or per output (N, *output_shape).
        exposure: per row (N,); it scales the expected count.
        bounds, truncation: (N, *output_shape, 2), of censored and truncated targets.

    Raises:
        TargetError: all targets are equal, so that the likelihood of a continuous family has no maximum, all are
            censored on the same side, or no starting point has a finite NLL.
    """
    check_bounds(family, bounds)
    further = (None if part is None else part.detach().cpu() for part in (weight, exposure, bounds, truncation))
    rows = merged(PooledTargets(y.detach().cpu(), *further))
    if len(rows.y) == 1 and not family.is_discrete and len(y) > 1:
        raise TargetError(f"every target is {y[0].tolist()}: {family.name} needs at least two different values to fit")
    problem = _Problem(family, rows)
    if not family.links:
        return MarginalFit({}, {}, float(problem.nll(torch.zeros(0, dtype=torch.float64))))
    subproblem = _Problem(family, subsampled(rows, SUBSAMPLE_ROWS))
    points = _best_starts(family, subproblem)
    if not points:
        raise TargetError(f"{family.name} has no finite likelihood on these targets; check them against its support")
    is_smaller = len(subproblem.y) < len(problem.y)
    ends = [(start, _descend(problem, _descend(subproblem, start) if is_smaller else start)) for start in points]
    start, best = min(ends, key=lambda pair: problem.value_and_gradient(pair[1])[0])
    return _result(problem, torch.from_numpy(_back_off(problem, start, _polish(problem, best))))


def fit_uniform(family: Family, rows: PooledTargets) -> MarginalFit:
    """The fit of a family of items that are known by their features only: without x all are alike.

    The only parameter of the family is the logits of K items; `rows` are checked targets.
    """
    problem = _Problem(family, merged(rows))
    anchor = torch.zeros(sum(problem.sizes), dtype=torch.float64)
    return MarginalFit(problem.split(anchor), problem.split(torch.ones_like(anchor)), float(problem.nll(anchor)))


def _best_starts(family: Family, problem: _Problem) -> list[np.ndarray]:
    choices = [reversed(starts(family, name, link, problem.y, problem.weight)) for name, link in family.links.items()]
    combinations = list(itertools.islice(itertools.product(*choices), MAX_STARTS))
    if family.components:
        apart = [anchors for anchors in combinations if tells_components_apart(family, anchors)]
        combinations = apart or combinations
    points = [torch.cat([anchor.reshape(-1) for anchor in anchors]).numpy() for anchors in combinations]
    ranked = sorted((problem.value_and_gradient(point)[0], index) for index, point in enumerate(points))
    return [points[index] for value, index in ranked[:MAX_DESCENTS] if np.isfinite(value)]


def _back_off(problem: _Problem, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Stay away from a maximum at infinity (a class that never occurs, a Student-t fit of normal targets).

    Coordinates about which the targets contain no information at `end` move back towards `start` until the mean NLL
    has risen by 1e-4.
    """
    flat = torch.from_numpy(end)
    information = problem.squared_scores(flat).numpy()
    unidentified = (information < 1e-6) & problem.scale_free()
    if not unidentified.any():
        return end
    allowed = problem.value_and_gradient(end)[0] + 1e-4
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        point = np.where(unidentified, start + middle * (end - start), end)
        is_allowed = problem.value_and_gradient(point)[0] <= allowed
        low, high = (low, middle) if is_allowed else (middle, high)
    return np.where(unidentified, start + high * (end - start), end)


def _result(problem: _Problem, flat: Tensor) -> MarginalFit:
    anchors, units = problem.split(flat), problem.split(problem.standard_errors(flat))
    for name, link in problem.family.links.items():
        units[name] = torch.where(link.factors(problem.shapes[name]), torch.ones_like(units[name]), units[name])
    return MarginalFit(anchors, units, float(problem.nll(flat)))
