"""The coefficients of a linear model in the inputs' own units, with standard errors from the observed information."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import linalg, stats
from torch import Tensor
from torch.func import jacrev, vmap

from likelihead.data.batch import Batch
from likelihead.data.dataset import Dataset
from likelihead.data.tables.encoder import TableEncoder
from likelihead.data.tables.numeric_column import Term
from likelihead.errors import LikelihoodError
from likelihead.evaluation.evaluate import as_float64, batches, in_float64
from likelihead.families.links import Exp, Identity, Link, LowerCholesky, Ordered, Upper
from likelihead.heads.distribution_head import DistributionHead
from likelihead.heads.parameters import Anchored, Learned, Predicted
from likelihead.heads.restricted_linear import RestrictedLinear
from likelihead.heads.sites import log_prob, row_weights

Array = NDArray[np.float64]
#: Directions whose share of the information is below this are not determined by the data.
SMALLEST = 1e-11


def is_linear(model: Any) -> bool:
    """Whether a model is linear in its inputs on the scale of the links, so that it has coefficients."""
    spec = getattr(getattr(model, "architecture", None), "spec", None) or {}
    head = getattr(model, "head", None)
    return spec.get("name") == "linear" and isinstance(head, DistributionHead) and head.linear is not None


def coefficients(model: Any, data: Dataset | Iterable[Any], level: float = 0.95) -> pd.DataFrame:
    """The coefficients of a linear model, with standard errors, z-values and intervals.

    They are on the scale of the link (the logarithm of a positive parameter) and in the inputs' own units. The levels
    of a category are compared with its first one. Standard errors are the roots of the diagonal of the inverse of the
    observed information, which is minus the second derivative of the log-likelihood at the estimates; where the data do
    not determine a coefficient, they are NaN. They hold for a model at the maximum of the likelihood of these rows,
    where optimizer=lbfgs ends.

    Args:
        model: a LikelihoodModule with the architecture `linear`.
        data: the training rows.
        level: of the intervals, in (0, 1).

    Returns:
        A row for each parameter and term: parameter, link, term, estimate, standard_error, z, lower, upper.

    Raises:
        LikelihoodError: the model is not linear, the rows have no targets, or the level lies outside (0, 1).

    >>> from likelihead import LikelihoodModule
    >>> from likelihead.data import Examples
    >>> rows = Examples(torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([1.0, 3.0, 4.0]))
    >>> module = LikelihoodModule.for_data((rows.x, rows.y), "poisson", "linear")
    >>> coefficients(module, rows)["term"].tolist()
    ['intercept', 'x1']
    """
    if not is_linear(model):
        raise LikelihoodError("only a model with architecture=linear has coefficients")
    if not 0.0 < level < 1.0:
        raise LikelihoodError(f"level is {level}; it must lie between 0 and 1")
    head, table = in_float64(model.head), model.extra.get("table")
    encoder = None if table is None else TableEncoder.from_state(table)
    terms = [Term(f"x{place + 1}") for place in range(head.in_features)] if encoder is None else encoder.terms
    design = _Design(terms)
    entries = _entries(head)
    change = linalg.block_diag(
        *[design.own_units() if entry.is_predicted else np.ones((1, 1)) for entry in entries],
    )
    values = change @ np.concatenate([entry.estimates(design) for entry in entries])
    used = np.concatenate([entry.used(design) for entry in entries])
    both = np.ix_(used, used)
    errors = np.zeros(len(used))
    errors[used] = _errors(_information(head, entries, design, data)[both], change[both])
    return _frame(entries, design, values, errors, level)[used].reset_index(drop=True)


@np.errstate(divide="ignore", invalid="ignore")
def _frame(entries: list[_Entry], design: _Design, values: Array, errors: Array, level: float) -> pd.DataFrame:
    reach = stats.norm.ppf(0.5 + 0.5 * level) * errors
    labels = [
        (entry.name, entry.link, term)
        for entry in entries
        for term in (design.names if entry.is_predicted else ["intercept"])
    ]
    numbers = {
        "estimate": values,
        "standard_error": errors,
        "z": values / errors,
        "lower": values - reach,
        "upper": values + reach,
    }
    return pd.DataFrame(labels, columns=["parameter", "link", "term"]).assign(**numbers)


@dataclass(frozen=True)
class _Design:
    """The columns of x, of which each category loses its first level."""

    terms: list[Term]

    @property
    def kept(self) -> list[int]:
        return [place for place, term in enumerate(self.terms) if term.reference != term.name]

    @property
    def names(self) -> list[str]:
        return ["intercept", *(self.terms[place].name for place in self.kept)]

    def matrix(self, x: Tensor) -> Tensor:
        """The intercept and the kept columns of x, (n, 1 + kept)."""
        return torch.cat([torch.ones_like(x[:, :1]), x[:, self.kept]], 1)

    def contrasts(self, weight: Array, bias: float) -> Array:
        """The coefficients of `matrix` that predict the same as `weight` (p,) and `bias` do on x."""
        first = {term.name: weight[place] for place, term in enumerate(self.terms) if term.reference == term.name}
        kept = [weight[place] - first.get(self.terms[place].reference or "", 0.0) for place in self.kept]
        return np.array([bias + sum(first.values()), *kept])

    def own_units(self) -> Array:
        """From coefficients of the columns of x to those of the values of the table."""
        means = np.array([self.terms[place].mean for place in self.kept])
        scales = np.array([self.terms[place].scale for place in self.kept])
        change = np.diag(np.concatenate([[1.0], 1.0 / scales]))
        change[0, 1:] = -means / scales
        return change


@dataclass(frozen=True)
class _Entry:
    """One raw output of the head, or one learned constant, on the scale of its link."""

    name: str
    link: str
    anchor: float
    unit: float
    weight: Array
    bias: float
    is_predicted: bool
    allowed: NDArray[np.bool_] | None = None

    def used(self, design: _Design) -> NDArray[np.bool_]:
        """Whether each coefficient is one of the model's: not where the parameter may not look at the input."""
        if not self.is_predicted:
            return np.ones(1, dtype=bool)
        if self.allowed is None:
            return np.ones(1 + len(design.kept), dtype=bool)
        return np.concatenate([[True], self.allowed[design.kept]])

    def estimates(self, design: _Design) -> Array:
        if not self.is_predicted:
            return np.array([self.anchor + self.unit * self.bias])
        found = self.unit * design.contrasts(self.weight, self.bias)
        found[0] += self.anchor
        return found


def _entries(head: DistributionHead) -> list[_Entry]:
    """The predicted entries in the order of the linear layer, then the learned ones."""
    linear = head.linear
    assert linear is not None
    weights, biases = linear.weight.detach().numpy(), linear.bias.detach().numpy()
    mask = linear.mask.bool().numpy() if isinstance(linear, RestrictedLinear) else None
    predicted: list[_Entry] = []
    learned: list[_Entry] = []
    for name, parameter in head.parameter.items():
        if not isinstance(parameter, Anchored):
            continue
        shape = parameter.raw_shape
        anchors, units = parameter.anchor.reshape(-1).tolist(), parameter.unit.reshape(-1).tolist()
        for place, (anchor, unit) in enumerate(zip(anchors, units, strict=True)):
            label = name + "".join(f"[{index}]" for index in np.unravel_index(place, shape)) if shape else name
            link = link_name(parameter.link, place, shape)
            if isinstance(parameter, Predicted):
                row = len(predicted)
                allowed = None if mask is None else mask[row]
                predicted.append(_Entry(label, link, anchor, unit, weights[row], float(biases[row]), True, allowed))
            elif isinstance(parameter, Learned):
                constant = float(parameter.raw.detach().reshape(-1)[place])
                learned.append(_Entry(label, link, anchor, unit, np.zeros(0), constant, False))
    return predicted + learned


def link_name(link: Link, place: int, shape: torch.Size) -> str:
    if isinstance(link, Identity):
        return "identity"
    if isinstance(link, LowerCholesky | Ordered):
        return "log" if bool(link.factors(shape).reshape(-1)[place]) else "identity"
    return "log" if isinstance(link, Exp | Upper) else type(link).__name__.lower()


def _information(head: DistributionHead, entries: list[_Entry], design: _Design, data: Any) -> Array:
    """Minus the second derivative of the log-likelihood by all coefficients of `matrix` and all constants."""
    units = torch.tensor([entry.unit for entry in entries], dtype=torch.float64)
    outputs = sum(entry.is_predicted for entry in entries)
    total: Any = 0.0
    for batch in batches(data):
        x = as_float64(batch.x)
        curvature = -_row_curvatures(head, x, batch) / (units[:, None] * units)
        # A constant is the coefficient of a column of ones.
        ones, matrix = torch.ones(len(x), 1, dtype=torch.float64), design.matrix(x)
        designs = [matrix] * outputs + [ones] * (len(entries) - outputs)
        blocks = [
            torch.cat([one.T @ (curvature[:, i, j, None] * other) for j, other in enumerate(designs)], 1)
            for i, one in enumerate(designs)
        ]
        total = total + torch.cat(blocks).numpy()
    return np.asarray(total)


@torch.no_grad()
def _row_curvatures(head: DistributionHead, x: Tensor, batch: Batch) -> Tensor:
    """The second derivatives (n, T, T) of each row's weighted log-likelihood by its raw outputs and the constants."""
    if batch.y is None:
        raise LikelihoodError("these rows have no targets, so there is no likelihood")
    assert head.linear is not None
    raw = head.linear(x)
    constants: list[Tensor] = [head.parameter[name].raw for name in head._learned]  # type: ignore[misc]
    flat = torch.cat([raw, *(constant.reshape(1, -1).expand(len(x), -1) for constant in constants)], 1)
    sizes = [raw.shape[1], *(constant.numel() for constant in constants)]
    exposure = torch.ones(len(x), dtype=torch.float64) if batch.exposure is None else as_float64(batch.exposure)

    def of_row(values: Tensor, y: Tensor, exposed: Tensor) -> Tensor:
        outputs, *rest = values.split(sizes)
        learned = [value.reshape(constant.shape) for value, constant in zip(rest, constants, strict=True)]
        dist = head.distribution_of(outputs[None], learned, None if batch.exposure is None else exposed[None])
        return log_prob(dist, y[None]).squeeze(0)

    # Reverse over reverse mode: forward mode has to load a table of its own first.
    each: Tensor = vmap(jacrev(jacrev(of_row)))(flat, as_float64(batch.y), exposure)
    if batch.weight is None and batch.mask is None:
        return each
    return each * row_weights(x.shape[:1], as_float64(batch.weight), batch.mask)[:, None, None]


def _errors(information: Array, change: Array) -> Array:
    """The standard errors of `change` times the coefficients; NaN for what the data do not determine."""
    scale = np.sqrt(np.abs(np.diagonal(information)))
    scale = np.where(scale > 0.0, scale, 1.0)
    values, vectors = linalg.eigh(information / np.outer(scale, scale))
    directions = change @ (vectors / scale[:, None])
    known = values > SMALLEST
    variances = (directions[:, known] ** 2 / values[known]).sum(1)
    # An undetermined direction would dominate the error even if the data said a little about it.
    unknown = (directions[:, ~known] ** 2).sum(1) > 1e-8 * variances
    return np.where(unknown, np.nan, np.sqrt(variances))
