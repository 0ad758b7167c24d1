"""Simulated tables whose true distribution is known: one for each shipped family, and a generic one for any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from likelihead.configs import defaults
from likelihead.data.dataset import Data
from likelihead.data.sources.synthetic import (
    classes,
    counts,
    extremes,
    graphs,
    images,
    items,
    positives,
    reals,
    texts,
    vectors,
    zeros,
)
from likelihead.data.sources.synthetic.generic import generic
from likelihead.data.sources.synthetic.simulation import Simulation, Simulator, Synthetic
from likelihead.data.tables.array_column import cells_of
from likelihead.data.tables.split_table import Table, split
from likelihead.distributions.joint import Joint
from likelihead.errors import LikelihoodError
from likelihead.families.family import probe_family
from likelihead.families.joint import joint_families
from likelihead.families.signature import path_of
from likelihead.target_types.cells import as_list

#: The options of this source, with their defaults: those of conf/data/synthetic.yaml.
OPTIONS: dict[str, Any] = {key: value for key, value in defaults("data/synthetic").items() if key != "kind"}

__all__ = ["OPTIONS", "SIMULATORS", "Synthetic", "default_name", "load", "make", "names"]

#: The simulator for each distribution class, with extra zeros by the name of the family; a subclass with the same
#: parameters uses that of its parent.
SIMULATORS: dict[str, Simulator] = {
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
    "Binomial": counts.seeds,
    "BetaBinomial": counts.trays,
    "likelihead.distributions.Multinomial": counts.commutes,
    "PartialPlackettLuce": classes.races,
    "TopPlackettLuce": classes.votes,
    "GammaMean": positives.claim_sizes,
    "likelihead.distributions.Gumbel": extremes.floods,
    "Logistic": extremes.wages,
    "LogLogistic": extremes.remissions,
    "likelihead.distributions.HalfNormal": extremes.misses,
    "GeneralizedPareto": extremes.storms,
    "AsymmetricLaplace": extremes.delays,
    "SkewNormal": extremes.rents,
    "SkewT": extremes.returns,
    "zero-inflated NegativeBinomial": zeros.doctor_visits,
    "hurdle Poisson": zeros.papers,
    "hurdle NegativeBinomial": zeros.citations,
    "hurdle GammaMean": zeros.rainfall,
    "hurdle BetaProportion with ones": zeros.attendance,
    "Tweedie": zeros.claims,
    "truncated Normal": positives.harvests,
    "spline Normal": reals.eruptions,
    "MultivariateStudentT": vectors.weather_stations,
    "DiagonalNormal": vectors.instruments,
    "LowRankNormal": vectors.pollution,
    "ProjectedNormal": vectors.migration,
}
GENERIC = "generic"
#: Further sets, which no family has as its own.
NAMED: list[Simulator] = [
    reals.molecules,
    graphs.molecule_graphs,
    images.shapes,
    images.tumours,
    items.horse_races,
    texts.reviews,
    texts.sentences,
]


def names() -> list[str]:
    """The names that `data.name` takes.

    >>> "pedestrians" in names()
    True
    """
    return [*sorted(_simulators()), GENERIC]


def _simulators() -> dict[str, Simulator]:
    return {simulator.__name__: simulator for simulator in (*SIMULATORS.values(), *NAMED)}


def default_name(family: str | Mapping[str, Any] | type) -> str:
    """The name of the data set that suits a family.

    >>> default_name("poisson")
    'pedestrians'
    """
    resolved = probe_family(family)
    if resolved.components:
        return SIMULATORS["mixture"].__name__ if resolved.cls.__name__ == "Normal" else GENERIC
    if resolved.wrappings:
        return SIMULATORS[resolved.name].__name__ if resolved.name in SIMULATORS else GENERIC
    if path_of(resolved.cls) in SIMULATORS:
        return SIMULATORS[path_of(resolved.cls)].__name__
    wanted = set(_constraints(resolved.cls))
    for cls in resolved.cls.__mro__:
        if cls.__name__ in SIMULATORS and (cls is resolved.cls or set(_constraints(cls)) == wanted):
            return SIMULATORS[cls.__name__].__name__
    return GENERIC


def _constraints(cls: type) -> Mapping[str, Any]:
    declared: Mapping[str, Any] = getattr(cls, "arg_constraints", {})
    return declared


def make(name: str | None, family: str | Mapping[str, Any] | type, rows: int, seed: int) -> Synthetic:
    """Simulate a table of `rows` rows; it depends on the arguments alone.

    Args:
        name: one of `names()`; None for the one that suits the family.
        family: a shipped name, a mapping or a class; it matters for the generic set or if `name` is None.
        rows: the number of rows, at least 2.
        seed: determines the sample.

    Raises:
        LikelihoodError: an unknown name, or too few rows.

    >>> make("pedestrians", "poisson", rows=2, seed=0).target
    ['pedestrians']
    """
    if rows < 2:
        raise LikelihoodError(f"data.rows is {rows}; a synthetic set needs at least 2")
    families = joint_families(family)
    if families is not None and name is None:
        return joint(families, rows, seed)
    chosen = default_name(family) if name is None else name
    simulators = _simulators()
    if chosen not in names():
        raise LikelihoodError(f"there is no synthetic set {chosen!r}; the sets are {', '.join(names())}")
    rng = np.random.default_rng(seed)
    simulation = simulators[chosen](rng, rows) if chosen in simulators else generic(family, rng, rows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        y = simulation.observed(simulation.truth.sample())
    frame = pd.DataFrame({**simulation.inputs, **_cells(simulation, y)})
    further = (simulation.exposure, simulation.text, simulation.items, simulation.graph)
    return Synthetic(frame, simulation.target, simulation.truth, y, chosen, *further)


def joint(families: Mapping[str, Any], rows: int, seed: int) -> Synthetic:
    """Simulate the data set that suits the family of each target, side by side: inputs `target_input`, and the targets.

    >>> joint({"visits": "poisson", "share": "beta"}, rows=2, seed=0).target
    ['visits', 'share']
    """
    frames, truths, targets = [], [], []
    for number, (name, family) in enumerate(families.items()):
        one = make(None, family, rows, seed + number)
        if len(one.target) > 1 or one.exposure:
            raise LikelihoodError(f"target {name!r}: no joint set is simulated of {one.name}; give data=table")
        frames.append(one.frame.rename(columns=lambda column, one=one, name=name: _joint_name(column, one, name)))
        truths.append(one.truth)
        targets.append(one.y)
    truth = Joint(list(families), truths, [not y.is_floating_point() for y in targets], validate_args=False)
    y = torch.stack([y.double() for y in targets], -1)
    return Synthetic(pd.concat(frames, axis=1), list(families), truth, y, "joint")


def _joint_name(column: str, one: Synthetic, target: str) -> str:
    return target if column == one.target[0] else f"{target}_{column}"


def _cells(simulation: Simulation, y: Tensor) -> dict[str, Any]:
    """The target columns of the table: numbers, or labels as text, in arrays where a row has many sites."""
    if simulation.text in simulation.target:
        return {}
    if simulation.items:
        return dict(zip(simulation.target, items.ranks_of(y).numpy().T, strict=True))
    if len(simulation.target) == 1 and y.dim() > 1:
        values = y.numpy() if simulation.labels is None else np.array(simulation.labels, dtype=object)[y.numpy()]
        return {simulation.target[0]: cells_of(values)}
    columns = (y.flatten(1) if y.dim() > 1 else y[:, None]).numpy()
    if simulation.labels is not None:
        codes = columns.astype(np.int64)
        columns = np.asarray(simulation.labels)[codes]
        if (codes < 0).any():
            columns = np.where(codes < 0, np.array(None, dtype=object), columns)
        if all(label.isdigit() for label in simulation.labels):
            columns = columns.astype(np.int64)
    elif not simulation.truth.support.is_discrete:
        columns = columns.astype(np.float64)
    else:
        columns = columns.astype(np.int64)
    return dict(zip(simulation.target, columns.T[: len(simulation.target)], strict=True))


def load(family: str | Mapping[str, Any] | type, options: Mapping[str, Any], seed: int) -> Data:
    """The data set `options["name"]`, or the one that suits the family, split and encoded for the family."""
    synthetic = make(options["name"], family, int(options["rows"]), int(options["data_seed"]))
    target = as_list(options["target"]) or synthetic.target
    oracle = synthetic.log_prob if target == synthetic.target else None
    for key, column in (("exposure", synthetic.exposure), ("text", synthetic.text), ("items", synthetic.items)):
        options = {**options, key: options[key] or column or None}
    if synthetic.items:
        options = {**options, "ranking": "ranks"}
    options = {**options, "graph": synthetic.graph}
    return split(Table(synthetic.frame, target, synthetic.name, oracle), family, options, seed)
