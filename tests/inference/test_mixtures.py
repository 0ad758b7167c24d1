"""Mixtures: the global mode against dense grids, quantiles that invert the cdf, intervals, circles."""

from __future__ import annotations

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from inference.references import mixture
from scipy import integrate, special, stats

from likelihead import LikelihoodError
from likelihead import distributions as ours
from likelihead.inference import cdf, interval, mean, median, mode, pit, quantile, sample


def _random(seed: int, rows: int = 60, components: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(rows, components, generator=generator, dtype=torch.float64) for _ in range(3))  # type: ignore[return-value]


def _grid_mode(mixed: dist.MixtureSameFamily, grid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    density = mixed.log_prob(grid)
    best = density.max(0)
    return grid.gather(0, best.indices[None])[0], best.values


@pytest.mark.parametrize("spread", [0.3, 1.0, 4.0])
def test_the_mode_of_normals_is_the_global_maximum(spread: float) -> None:
    logits, loc, scale = _random(1)
    mixed = mixture(logits, ours.Normal(spread * loc, (0.7 * scale).exp()))
    found = mode(mixed)
    grid = torch.linspace(-4.0 * spread, 4.0 * spread, 40001, dtype=torch.float64)[:, None].expand(-1, 60)
    place, height = _grid_mode(mixed, grid)
    assert (mixed.log_prob(found) >= height - 1e-12).all()
    close = (found - place).abs() < 1e-5 + 8.0 * spread / 40000
    # Elsewhere two peaks are equally high to the resolution of the grid.
    assert (close | (mixed.log_prob(found) - height < 1e-6)).all()
    assert close.double().mean() > 0.95


@pytest.mark.parametrize("family", ["student_t", "laplace", "gamma", "log_normal"])
def test_the_mode_of_other_mixtures_beats_a_grid(family: str) -> None:
    logits, first, second = _random(2, rows=12)
    made = {
        "student_t": lambda: ours.StudentT(second.exp(), 3 * first, (0.5 * second).exp()),
        "laplace": lambda: dist.Laplace(3 * first, second.exp()),
        "gamma": lambda: ours.Gamma(first.exp() + 0.2, second.exp()),
        "log_normal": lambda: ours.LogNormal(first, (0.5 * second).exp()),
    }[family]()
    mixed = mixture(logits, made)
    grid = quantile(mixed, torch.linspace(1e-3, 1 - 1e-3, 501, dtype=torch.float64))
    found = mode(mixed)
    best = mixed.log_prob(grid).max(0).values
    # Of gammas with a concentration below 1 the mode is 0, where log_prob is infinite.
    assert ((mixed.log_prob(torch.where(found == 0.0, grid[0], found)) >= best - 1e-9) | (found == 0.0)).all()


def test_a_narrow_component_is_not_overlooked() -> None:
    mixed = mixture(torch.tensor([9.0, 0.0]), ours.Normal(torch.tensor([0.0, 37.123456789]), torch.tensor([1.0, 1e-6])))
    assert mode(mixed).item() == pytest.approx(37.123456789, abs=1e-5)


def test_two_normals_merge_into_one_mode_between() -> None:
    mixed = mixture(torch.zeros(2, dtype=torch.float64), ours.Normal(torch.tensor([-0.9, 0.9]).double(), torch.ones(2)))
    assert mode(mixed).item() == pytest.approx(0.0, abs=1e-5)


def test_quantiles_invert_the_cdf_and_samples_are_uniform() -> None:
    logits, loc, scale = _random(3)
    mixed = mixture(logits, ours.Normal(5 * loc, scale.exp()))
    q = torch.tensor([1e-12, 1e-3, 0.5, 0.9, 1 - 1e-9], dtype=torch.float64)
    torch.testing.assert_close(cdf(mixed, quantile(mixed, q)), q[:, None].expand(-1, 60), rtol=1e-9, atol=1e-14)
    weights = torch.softmax(logits, -1).numpy()
    expected = (weights * stats.norm(5 * loc, scale.exp()).cdf(0.5)).sum(-1)
    np.testing.assert_allclose(cdf(mixed, 0.5), expected, rtol=1e-12)
    assert stats.kstest(pit(mixed, sample(mixed, 50)).flatten().numpy(), "uniform").pvalue > 1e-3


def test_highest_density_interval_is_the_shortest_of_many() -> None:
    logits, loc, scale = _random(4)
    mixed = mixture(logits, ours.Normal(3 * loc, scale.exp()))
    lower, upper = interval(mixed, 0.6, kind="highest")
    np.testing.assert_allclose(cdf(mixed, upper) - cdf(mixed, lower), 0.6, atol=1e-9)
    ranks = torch.linspace(0.0, 0.4, 400, dtype=torch.float64)[1:-1]
    shortest = (quantile(mixed, ranks + 0.6) - quantile(mixed, ranks)).min(0).values
    assert (upper - lower <= shortest * (1 + 2e-3)).all()


def test_no_interval_of_a_dense_scan_is_shorter_by_a_thousandth() -> None:
    logits, loc, scale = _random(6, rows=200)
    mixed = mixture(logits, ours.Normal(3 * loc, scale.exp()))
    lower, upper = interval(mixed, 0.9, kind="highest")
    np.testing.assert_allclose(cdf(mixed, upper) - cdf(mixed, lower), 0.9, rtol=1e-12)
    ranks = torch.linspace(0.0, 0.1, 402, dtype=torch.float64)[1:-1]
    shortest = (quantile(mixed, ranks + 0.9) - quantile(mixed, ranks)).min(0).values
    assert (upper - lower <= shortest * (1 + 1e-3)).all()
    # Most are exact: both ends have the same density.
    gap = (mixed.log_prob(lower) - mixed.log_prob(upper)).abs()
    assert (gap < 1e-4).double().mean() > 0.9


def test_counts_are_mixed_by_summation() -> None:
    mixed = mixture(torch.tensor([0.0, -1.0]).double(), ours.Poisson(torch.tensor([2.0, 40.0]).double()))
    weights = np.exp([0.0, -1.0]) / np.exp([0.0, -1.0]).sum()
    mass = (weights * stats.poisson([2.0, 40.0]).pmf(np.arange(100)[:, None])).sum(-1)
    assert mode(mixed).item() == mass.argmax()
    for q in (0.01, 0.5, 0.7, 0.75, 0.99):
        assert quantile(mixed, q).item() == (mass.cumsum() < q).sum()
    assert mean(mixed).item() == pytest.approx(mass @ np.arange(100), rel=1e-9)


def test_bernoullis_mix_to_one() -> None:
    mixed = mixture(torch.zeros(2), dist.Bernoulli(logits=torch.tensor([-1.0, 2.0])))
    assert mean(mixed).item() == pytest.approx(1 / (1 + np.e) / 2 + 1 / (1 + np.exp(-2)) / 2, rel=1e-6)


def test_vectors_have_marginals_but_no_known_mode() -> None:
    mixed = mixture(torch.zeros(4, 2), ours.Normal(torch.zeros(4, 2, 3), torch.tensor([1.0, 2.0])[:, None]).to_event(1))
    assert median(mixed).shape == mean(mixed).shape == (4, 3)
    with pytest.raises(LikelihoodError, match=r"sample\(dist, n\)"):
        mode(mixed)


def test_directions_follow_the_von_mises_of_scipy() -> None:
    concentration = torch.tensor([1e-12, 0.1, 2.0, 60.0, 1e5], dtype=torch.float64)
    direction = ours.VonMises(torch.zeros(5, dtype=torch.float64), concentration)
    assert median(direction).eq(0.0).all()
    q = torch.tensor([0.01, 0.3, 0.8], dtype=torch.float64)
    found = quantile(direction, q)
    torch.testing.assert_close(cdf(direction, found), q[:, None].expand(-1, 5), rtol=1e-9, atol=1e-9)
    for kappa, end in zip(concentration.tolist(), found[0].tolist(), strict=True):
        nodes = np.linspace(max(-np.pi, -20 / np.sqrt(kappa)), end, 400001)
        density = np.exp(-2 * kappa * np.sin(nodes / 2) ** 2) / (2 * np.pi * special.i0e(kappa))
        assert integrate.trapezoid(density, nodes) == pytest.approx(0.01, rel=1e-8)


def test_directions_turn_with_their_mean() -> None:
    shift = torch.tensor([0.0, 1.0, 3.0, -3.1, 100.0], dtype=torch.float64)
    direction = ours.VonMises(shift, torch.full((5,), 3.0).double())
    turned = (quantile(direction, 0.9) - shift - quantile(direction, 0.9)[0]).numpy()
    np.testing.assert_allclose(np.exp(1j * turned), 1.0, atol=1e-9)
    for kind in ("central", "highest"):
        lower, upper = interval(direction, 0.9, kind)
        assert (lower > upper).tolist() == [False, False, True, True, False]
        assert ((-np.pi < lower) & (upper <= np.pi)).all()
    np.testing.assert_allclose(np.exp(1j * mean(direction).numpy()), np.exp(1j * shift.numpy()), atol=1e-12)


def test_a_direction_given_as_a_vector_is_the_same_law() -> None:
    vector = torch.tensor([[0.3, -2.0], [-1.0, 1e-3]], dtype=torch.float64)
    plain = ours.VonMises(torch.atan2(vector[:, 1], vector[:, 0]), vector.norm(dim=-1))
    torch.testing.assert_close(quantile(ours.VonMisesVector(vector), 0.2), quantile(plain, 0.2))


def test_mixtures_of_directions() -> None:
    logits, loc, concentration = _random(5, rows=6, components=2)
    mixed = mixture(logits, ours.VonMises(2 * loc, (2 * concentration).exp()))
    grid = torch.linspace(-np.pi, np.pi, 20001, dtype=torch.float64)[:, None].expand(-1, 6)
    assert (mixed.log_prob(mode(mixed)) >= mixed.log_prob(grid).max(0).values - 1e-12).all()
    density = mixed.log_prob(grid[1:]).exp()
    expected = torch.atan2((density * grid[1:].sin()).sum(0), (density * grid[1:].cos()).sum(0))
    np.testing.assert_allclose(mean(mixed), expected, atol=1e-6)
    torch.testing.assert_close(cdf(mixed, grid[-1]), torch.ones(6).double())
    lower, upper = interval(mixed, 0.7, kind="highest")
    inside = torch.where(lower <= upper, (grid > lower) & (grid <= upper), (grid > lower) | (grid <= upper))
    np.testing.assert_allclose((density * inside[1:]).sum(0) * 2 * np.pi / 20000, 0.7, atol=5e-3)
    central = interval(mixed, 0.7)
    widths = [torch.remainder(end - start, 2 * np.pi) for start, end in ((lower, upper), central)]
    assert (widths[0] <= widths[1] + 1e-9).all()
