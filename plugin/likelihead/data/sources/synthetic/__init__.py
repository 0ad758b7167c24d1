"""Tables with a known truth, one of its own kind for each family, and one for any family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.configs import defaults
from likelihead.data.dataset import Data
from likelihead.data.sources.synthetic import classes, counts, positives, reals
from likelihead.data.sources.synthetic.generic import generic
from likelihead.data.sources.synthetic.story import Story, Synthetic, Teller
from likelihead.data.tables.split_table import Table, split
from likelihead.errors import LikelihoodError
from likelihead.target_types.cells import as_list
from likelihead.target_types.detect import probe_family

#: The options of this kind of data, with their defaults: those of conf/data/synthetic.yaml.
OPTIONS: dict[str, Any] = {key: value for key, value in defaults("data/synthetic").items() if key != "kind"}

__all__ = ["OPTIONS", "STORIES", "Synthetic", "default_name", "load", "make", "names"]

#: The set of each class of distributions; a subclass with the same parameters takes its parent's.
STORIES: dict[str, Teller] = {
    "Normal": reals.house_prices,
    "Laplace": reals.taxi_rides,
    "StudentT": reals.thermometers,
    "mixture": reals.robot_arm,
    "Exponential": positives.waiting_times,
    "Gamma": positives.claim_sizes,
    "Beta": positives.germination,
    "BetaProportion": positives.germination,
    "MultivariateNormal": reals.bodies,
    "VonMises": reals.wind,
    "VonMisesVector": reals.wind,
    "Bernoulli": classes.repayments,
    "Categorical": classes.habitats,
    "Poisson": counts.pedestrians,
    "PlackettLuce": classes.sushi,
    "LogNormal": positives.incomes,
    "Weibull": positives.lifetimes,
    "NegativeBinomial": counts.hospital_visits,
    "ZeroInflatedPoisson": counts.fishing,
    "OrderedLogistic": counts.ratings,
    "Dirichlet": positives.budgets,
}
GENERIC = "generic"


def names() -> list[str]:
    """The names that `data.name` takes.

    >>> "pedestrians" in names()
    True
    """
    return [*sorted({teller.__name__ for teller in STORIES.values()}), GENERIC]


def default_name(family: str | Mapping[str, Any] | type) -> str:
    """The set of the family's own kind.

    >>> default_name("poisson")
    'pedestrians'
    """
    resolved = probe_family(family)
    if resolved.components:
        return STORIES["mixture"].__name__ if resolved.cls.__name__ == "Normal" else GENERIC
    wanted = set(_constraints(resolved.cls))
    for cls in resolved.cls.__mro__:
        if cls.__name__ in STORIES and (cls is resolved.cls or set(_constraints(cls)) == wanted):
            return STORIES[cls.__name__].__name__
    return GENERIC


def _constraints(cls: type) -> Mapping[str, Any]:
    declared: Mapping[str, Any] = getattr(cls, "arg_constraints", {})
    return declared


def make(name: str | None, family: str | Mapping[str, Any] | type, rows: int, seed: int) -> Synthetic:
    """A table of `rows` rows, as a function of the arguments alone.

    Args:
        name: one of `names()`; the set of the family's own kind where None.
        family: a shipped name, mapping or class; only the generic set and the choice of a set depend on it.

    Raises:
        LikelihoodError: an unknown name, or too few rows.

    >>> make("pedestrians", "poisson", rows=2, seed=0).target
    ['pedestrians']
    """
    if rows < 2:
        raise LikelihoodError(f"data.rows is {rows}; a synthetic set needs at least 2")
    chosen = default_name(family) if name is None else name
    tellers = {teller.__name__: teller for teller in STORIES.values()}
    if chosen not in names():
        raise LikelihoodError(f"there is no synthetic set {chosen!r}; the sets are {', '.join(names())}")
    rng = np.random.default_rng(seed)
    story = tellers[chosen](rng, rows) if chosen in tellers else generic(family, rng, rows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        y = story.truth.sample()
    frame = pd.DataFrame({**story.inputs, **_cells(story, y)})
    return Synthetic(frame, story.target, story.truth, y, chosen)


def _cells(story: Story, y: Tensor) -> dict[str, Any]:
    """The target columns as a table holds them: numbers, or labels as text."""
    columns = (y.flatten(1) if y.dim() > 1 else y[:, None]).numpy()
    if story.labels is not None:
        columns = np.asarray(story.labels)[columns.astype(np.int64)]
        if all(label.isdigit() for label in story.labels):
            columns = columns.astype(np.int64)
    elif not story.truth.support.is_discrete:
        columns = columns.astype(np.float64)
    else:
        columns = columns.astype(np.int64)
    return dict(zip(story.target, columns.T, strict=True))


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The set that `name` names, or that of the family's own target type, split for the family."""
    made = make(options["name"], family, int(options["rows"]), int(options["data_seed"]))
    target = as_list(options["target"]) or made.target
    oracle = made.log_prob if target == made.target else None
    return split(Table(made.frame, target, made.name, oracle), family, options, seed)
