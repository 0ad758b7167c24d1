"""A family that Pyro has is one YAML file, and one that it lacks a Python file and a YAML: both keep the contract."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cases import LOC, NOT_POSITIVE, POSITIVE, REAL, SCALE, Case, spoiled
from contract import CHECKS, Check, the_command_trains_it_from_its_yaml
from scipy import stats

from likelihead import DistributionHead, LikelihoodError
from likelihead.laws.law import law

ADDED = {
    "gumbel": "# Extreme values.\nfamily: pyro.distributions.Gumbel\nparameters: {loc: predicted, scale: predicted}\n",
    "rayleigh": "# Lengths of random vectors.\nfamily: rayleigh.Rayleigh\nparameters: {scale: predicted}\n",
}
#: The whole of a family that Pyro lacks: its class, and beside it its law.
RAYLEIGH = '''
"""The Rayleigh distribution: the length of a vector of two independent normal coordinates."""

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from torch.distributions import constraints

from likelihead.laws.law import Law, law_of


class Rayleigh(TorchDistribution):
    """Rayleigh(scale): log p(y) = log y - 2 log scale - y^2 / (2 scale^2), y > 0."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.positive

    def __init__(self, scale, validate_args=None):
        self.scale = scale
        super().__init__(scale.shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return type(self)(self.scale.expand(batch_shape), validate_args=self._validate_args)

    @property
    def mean(self):
        return self.scale * (torch.pi / 2) ** 0.5

    def sample(self, sample_shape=torch.Size()):
        shape = self._extended_shape(sample_shape)
        return self.scale * (2 * torch.empty(shape, dtype=self.scale.dtype).exponential_()).sqrt()

    def log_prob(self, value):
        return value.log() - 2 * self.scale.log() - 0.5 * (value / self.scale) ** 2


class RayleighLaw(Law):
    def bounds(self):
        return np.zeros(self.shape), np.full(self.shape, np.inf)

    def mode(self):
        return self.scale

    def mean(self):
        return self.scale * np.sqrt(np.pi / 2)

    def cdf(self, y):
        return -np.expm1(-0.5 * (np.maximum(y, 0.0) / self.scale) ** 2)

    def quantile(self, q):
        return self.scale * np.sqrt(-2.0 * np.log1p(-q))


@law_of.register(Rayleigh)
def _rayleigh(of):
    return RayleighLaw(of, scale=of.scale)
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Case]]:
    """The two files in a temporary folder, and the row of the table for each family."""
    (tmp_path / "rayleigh.py").write_text(RAYLEIGH)
    monkeypatch.syspath_prepend(str(tmp_path))
    mappings = {name: yaml.safe_load(text) for name, text in ADDED.items()}
    yield {
        "gumbel": Case(
            "gumbel", None, {"loc": LOC, "scale": SCALE},
            lambda y, loc, scale: stats.gumbel_r.logpdf(y, loc, scale), REAL, spoiled(REAL), mappings["gumbel"],
        ),
        "rayleigh": Case(
            "rayleigh", None, {"scale": SCALE},
            lambda y, scale: stats.rayleigh.logpdf(y, scale=scale), POSITIVE, NOT_POSITIVE, mappings["rayleigh"],
        ),
    }  # fmt: skip
    sys.modules.pop("rayleigh", None)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ADDED)
def test_an_added_family_keeps_the_contract(name: str, check: Check, added: dict[str, Case], tmp_path: Path) -> None:
    check(added[name], tmp_path)


@pytest.mark.parametrize("name", ADDED)
def test_the_command_takes_an_added_family(name: str, added: dict[str, Case], tmp_path: Path) -> None:
    the_command_trains_it_from_its_yaml(added[name], tmp_path)


def test_the_quantiles_of_an_added_law_are_scipys(added: dict[str, Case]) -> None:
    head = DistributionHead(added["rayleigh"].spec, in_features=1)
    built = head.family.build(added["rayleigh"].parameters)
    ranks = 0.5 + 0.4 * SCALE.numpy() / 10
    assert law(built).quantile(ranks) == pytest.approx(stats.rayleigh(scale=SCALE.numpy()).ppf(ranks), rel=1e-12)
    assert law(built).crps(REAL.numpy() + 2.0) == pytest.approx(
        [_crps(stats.rayleigh(scale=scale), y) for scale, y in zip(SCALE.tolist(), (REAL + 2.0).tolist(), strict=True)],
        rel=1e-6,
    )


def _crps(twin: stats.rv_continuous, y: float) -> float:
    from scipy.integrate import quad

    end = max(y, twin.ppf(1 - 1e-14))
    return quad(lambda x: twin.cdf(x) ** 2, 0, y)[0] + quad(lambda x: twin.sf(x) ** 2, y, end, limit=200)[0]


def test_a_family_that_is_nowhere_gets_a_sentence() -> None:
    with pytest.raises(LikelihoodError, match=r"there is no distribution 'rayleigh\.Rayleigh'"):
        DistributionHead(yaml.safe_load(ADDED["rayleigh"]), in_features=1)
