"""What the repaired families cost: forward and backward pass of the NLL, as a ratio to Pyro's own.

    PYTHONPATH=plugin OMP_NUM_THREADS=1 python tests/benchmarks/bench_distributions.py [name ...]

Both run alternately in one process at 65,536 rows in float32; the ratio is that of the medians of processor time, with
that of the lower quartiles beside it. The target is at most 1.2. A family is added by a row of PAIRS.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import pyro.distributions as dist
import torch
from torch import Tensor

import likelihead.distributions as own

ROWS = 65_536
LIMIT = 1.2


class Pair(NamedTuple):
    """Our family and Pyro's, both built from `parameters` (name -> tensor, (ROWS, ...)), and targets (ROWS, ...)."""

    ours: Callable[..., dist.Distribution]
    pyros: Callable[..., dist.Distribution]
    parameters: dict[str, Tensor]
    y: Tensor


def real(*shape: int) -> Tensor:
    return torch.randn(ROWS, *shape)


def positive(*shape: int) -> Tensor:
    return (0.5 * torch.randn(ROWS, *shape)).exp()


def unit(*shape: int) -> Tensor:
    return torch.rand(ROWS, *shape).clamp(0.01, 0.99)


def cholesky(size: int) -> Tensor:
    return real(size, size).tril(-1) + torch.diag_embed(positive(size))


def _pyros_proportion(logits: Tensor, precision: Tensor, validate_args: bool) -> dist.Distribution:
    mean = torch.sigmoid(logits)
    return dist.Beta(mean * precision, (1.0 - mean) * precision, validate_args=validate_args)


def _pyros_direction(vector: Tensor, validate_args: bool) -> dist.Distribution:
    along, across = vector.unbind(-1)
    return dist.VonMises(torch.atan2(across, along), torch.hypot(along, across), validate_args=validate_args)


def _mixture(cls: type, components: type) -> Callable[..., dist.Distribution]:
    def build(logits: Tensor, loc: Tensor, scale: Tensor, validate_args: bool) -> dist.Distribution:
        weights = dist.Categorical(logits=logits, validate_args=validate_args)
        return cls(weights, components(loc, scale, validate_args=validate_args), validate_args=validate_args)

    return build


def _pyros_counts(mean: Tensor, dispersion: Tensor, validate_args: bool) -> dist.Distribution:
    return dist.NegativeBinomial(1.0 / dispersion, logits=(dispersion * mean).log(), validate_args=validate_args)


def _logits_of(cls: type) -> Callable[..., dist.Distribution]:
    return lambda logits, validate_args: cls(logits=logits, validate_args=validate_args)


def counts() -> Tensor:
    return torch.poisson(5.0 * positive())


PAIRS: dict[str, Callable[[], Pair]] = {
    "normal": lambda: Pair(own.Normal, dist.Normal, {"loc": real(), "scale": positive()}, real()),
    "log_normal": lambda: Pair(own.LogNormal, dist.LogNormal, {"loc": real(), "scale": positive()}, positive()),
    "student_t": lambda: Pair(
        own.StudentT, dist.StudentT, {"df": 5 * positive(), "loc": real(), "scale": positive()}, real()
    ),
    "gamma": lambda: Pair(own.Gamma, dist.Gamma, {"concentration": positive(), "rate": positive()}, positive()),
    "beta": lambda: Pair(own.Beta, dist.Beta, {"concentration1": positive(), "concentration0": positive()}, unit()),
    "beta_proportion": lambda: Pair(
        own.BetaProportion, _pyros_proportion, {"logits": real(), "precision": 5 * positive()}, unit()
    ),
    "weibull": lambda: Pair(own.Weibull, dist.Weibull, {"scale": positive(), "concentration": positive()}, positive()),
    "von_mises": lambda: Pair(own.VonMises, dist.VonMises, {"loc": real(), "concentration": positive()}, real()),
    "von_mises_vector": lambda: Pair(own.VonMisesVector, _pyros_direction, {"vector": real(2)}, real()),
    "dirichlet": lambda: Pair(
        own.Dirichlet, dist.Dirichlet, {"concentration": positive(5)}, torch.softmax(real(5), -1)
    ),
    "multivariate_normal_4": lambda: Pair(
        own.MultivariateNormal, dist.MultivariateNormal, {"loc": real(4), "scale_tril": cholesky(4)}, real(4)
    ),
    "multivariate_normal_8": lambda: Pair(
        own.MultivariateNormal, dist.MultivariateNormal, {"loc": real(8), "scale_tril": cholesky(8)}, real(8)
    ),
    "gaussian_mixture": lambda: Pair(
        _mixture(own.MixtureSameFamily, own.Normal),
        _mixture(dist.MixtureSameFamily, dist.Normal),
        {"logits": real(5), "loc": real(5), "scale": positive(5)},
        real(),
    ),
    "bernoulli": lambda: Pair(
        own.Bernoulli, _logits_of(dist.Bernoulli), {"logits": real()}, torch.randint(2, (ROWS,)).float()
    ),
    "categorical_10": lambda: Pair(
        own.Categorical, _logits_of(dist.Categorical), {"logits": real(10)}, torch.randint(10, (ROWS,))
    ),
    "poisson": lambda: Pair(own.Poisson, dist.Poisson, {"rate": 5 * positive()}, counts()),
    "negative_binomial": lambda: Pair(
        own.NegativeBinomial, _pyros_counts, {"mean": 5 * positive(), "dispersion": positive()}, counts()
    ),
    "zero_inflated_poisson": lambda: Pair(
        own.ZeroInflatedPoisson, dist.ZeroInflatedPoisson, {"rate": 5 * positive(), "gate_logits": real()}, counts()
    ),
    "ordered_logistic_5": lambda: Pair(
        own.OrderedLogistic,
        dist.OrderedLogistic,
        {"predictor": real(), "cutpoints": positive(4).cumsum(-1) - 2.0},
        torch.randint(5, (ROWS,)),
    ),
}


def seconds(family: Callable[..., dist.Distribution], parameters: dict[str, Tensor], y: Tensor) -> float:
    """Processor time of one forward and backward pass of the summed NLL."""
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    start = time.process_time()
    (-family(**leaves, validate_args=False).log_prob(y).sum()).backward()
    return time.process_time() - start


def ratios(pair: Pair, repeats: int) -> tuple[float, float]:
    """(ratio of medians, ratio of lower quartiles) of our time to Pyro's, the two taking turns."""
    times: list[list[float]] = [[], []]
    for repeat in range(repeats + 3):
        for series, family in zip(times, (pair.ours, pair.pyros), strict=True):
            spent = seconds(family, pair.parameters, pair.y)
            if repeat >= 3:
                series.append(spent)
    low = [statistics.quantiles(series)[0] for series in times]
    return statistics.median(times[0]) / statistics.median(times[1]), low[0] / low[1]


def main() -> None:
    """Print one line a family: its ratio, and whether it is within the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"families to measure (all): {', '.join(PAIRS)}")
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    for name in arguments.names or PAIRS:
        median, low = ratios(PAIRS[name](), arguments.repeats)
        print(f"{name:24s} {median:6.2f} {low:6.2f}  {'' if median <= LIMIT else 'ABOVE THE LIMIT'}", flush=True)


if __name__ == "__main__":
    main()
