"""The table of families and functions: exact, inverted numerically, or undefined and why, as the laws declare it."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch

from likelihead.configs import shipped
from likelihead.distributions.mixture import MixtureSameFamily
from likelihead.distributions.normal import Normal
from likelihead.distributions.von_mises import VonMises
from likelihead.families.family import probe_family
from likelihead.laws.law import FUNCTIONS, Claim, law

#: The event size of families that need one.
_SIZE = 3
#: The raw output at which a family is shown: at 0 the mean of some is infinite.
_RAW = 0.5


def examples() -> dict[str, Any]:
    """One distribution for each row of the table: every shipped family, then other kinds of distributions.

    >>> examples()["poisson"].batch_shape
    torch.Size([1])
    """
    return {name: probe_family(name, _SIZE).example(_RAW) for name in shipped()} | _not_shipped()


def _not_shipped() -> dict[str, Any]:
    one, two = torch.tensor(1.0), torch.tensor([0.5, -0.5])
    weights = dist.Categorical(logits=two)
    vectors = dist.Normal(torch.zeros(2, _SIZE), one).to_event(1)
    return {
        "mixture of counts": MixtureSameFamily(weights, dist.Poisson(torch.tensor([1.0, 9.0]))),
        "mixture of directions": MixtureSameFamily(weights, VonMises(two, one)),
        "mixture of vectors": MixtureSameFamily(weights, vectors),
        "independent outputs": Normal(two, one).to_event(1),
        "cauchy": dist.Cauchy(one, one),
        "any other with a cdf": dist.Gumbel(one, one),
        "any other that is enumerable": dist.Binomial(5, logits=one),
        "any other": dist.AsymmetricLaplace(one, one, one),
    }


def table() -> dict[str, dict[str, Claim]]:
    """The claim of each function, by family and function."""
    return {name: law(example).claims for name, example in examples().items()}


def markdown() -> str:
    """The table in Markdown, followed by its notes.

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
