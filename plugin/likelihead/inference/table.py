"""The table family × function: what is exact, inverted numerically, or undefined and why. Read off the laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import torch

from likelihead import distributions as ours
from likelihead.laws.law import FUNCTIONS, Claim, law

_one, _two = torch.tensor(1.0), torch.tensor([0.5, -0.5])


def _mixture(components: Any) -> Any:
    return ours.MixtureSameFamily(dist.Categorical(logits=_two), components)


#: One distribution of each family, in the order of the table.
EXAMPLES: dict[str, Callable[[], Any]] = {
    "normal": lambda: ours.Normal(_one, _one),
    "laplace": lambda: dist.Laplace(_one, _one),
    "student_t": lambda: ours.StudentT(_one, _one, _one),
    "gaussian_mixture": lambda: _mixture(ours.Normal(_two, _one)),
    "exponential": lambda: dist.Exponential(_one),
    "gamma": lambda: ours.Gamma(_one, _one),
    "log_normal": lambda: ours.LogNormal(_one, _one),
    "weibull": lambda: ours.Weibull(_one, _one),
    "beta": lambda: ours.Beta(_one, _one),
    "beta_proportion": lambda: ours.BetaProportion(_one, _one),
    "multivariate_normal": lambda: ours.MultivariateNormal(_two, scale_tril=torch.eye(2)),
    "dirichlet": lambda: ours.Dirichlet(torch.ones(3)),
    "von_mises": lambda: ours.VonMisesVector(_two),
    "bernoulli": lambda: ours.Bernoulli(logits=_one),
    "categorical": lambda: ours.Categorical(logits=_two),
    "ordinal": lambda: ours.OrderedLogistic(_one, torch.tensor([-1.0, 1.0])),
    "poisson": lambda: ours.Poisson(_one),
    "negative_binomial": lambda: ours.NegativeBinomial(_one, _one),
    "zero_inflated_poisson": lambda: ours.ZeroInflatedPoisson(_one, gate_logits=_one),
    "plackett_luce": lambda: ours.PlackettLuce(_two),
    "mixture of counts": lambda: _mixture(dist.Poisson(torch.tensor([1.0, 9.0]))),
    "mixture of directions": lambda: _mixture(ours.VonMises(_two, _one)),
    "mixture of vectors": lambda: _mixture(dist.Normal(torch.zeros(2, 3), _one).to_event(1)),
    "independent outputs": lambda: ours.Normal(_two, _one).to_event(1),
    "any other with a cdf": lambda: dist.Gumbel(_one, _one),
    "any other that is enumerable": lambda: dist.Binomial(5, logits=_one),
    "any other": lambda: dist.AsymmetricLaplace(_one, _one, _one),
}


def table() -> dict[str, dict[str, Claim]]:
    """Family -> function -> claim."""
    return {name: law(example()).claims for name, example in EXAMPLES.items()}


def markdown() -> str:
    """The table in Markdown, notes below it.

    >>> "poisson" in markdown()
    True
    """
    notes: list[str] = []
    lines = [f"| family | {' | '.join(FUNCTIONS)} |", "|---" * (len(FUNCTIONS) + 1) + "|"]
    for name, claims in table().items():
        cells = [_cell(claims[function], notes) for function in FUNCTIONS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    explained = [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    meaning = (
        "exact: a formula or a special function. inverted: a numerical search to the last digits of float64. "
        "undefined: a LikelihoodError that gives the reason. `sample` is defined for all."
    )
    return "\n".join([*lines, "", meaning, "", *explained])


def _cell(claim: Claim, notes: list[str]) -> str:
    if not claim.note:
        return claim.how
    if claim.note not in notes:
        notes.append(claim.note)
    return f"{claim.how} [{notes.index(claim.note) + 1}]"
