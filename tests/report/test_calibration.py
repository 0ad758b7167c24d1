"""The numbers behind the figures of calibration, against scipy and simulated models that are right or wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pyro.distributions import Bernoulli, Categorical, Exponential, Normal, Poisson, VonMises
from scipy import stats

from likelihead import inference
from likelihead.report.answers import Answer
from likelihead.report.calibration import (
    coverage,
    pit_histogram,
    pit_of,
    quantile_residuals,
    reliability,
    worm,
)
from likelihead.report.figures.classes import confusion_counts
from likelihead.report.figures.rankings import rank_probabilities, rank_shares
from likelihead.target_types import TargetColumns

ROWS = 4000
RNG = np.random.default_rng(0)


def answer(dist: object, y: np.ndarray) -> Answer:
    return Answer(TargetColumns(["y"]), dist, dist, torch.from_numpy(np.asarray(y)))


def normals(scale: float = 1.0) -> Answer:
    loc = RNG.normal(size=ROWS)
    return answer(Normal(torch.from_numpy(loc), torch.full((ROWS,), scale).double()), RNG.normal(loc, 1.0))


def test_coverage_of_a_normal_is_that_of_its_intervals() -> None:
    found = normals(scale=0.5)
    z = np.abs(found.y.numpy() - found.predicted.loc.numpy()) / 0.5
    result = coverage(found)
    expected = [(z <= stats.norm.ppf(0.5 + mass / 2)).mean() for mass in result.masses]
    np.testing.assert_allclose(result.observed, expected)
    np.testing.assert_allclose(result.expected, result.masses, atol=1e-12)
    np.testing.assert_allclose(result.error, np.sqrt(result.masses * (1 - result.masses) / ROWS), rtol=1e-9)
    assert not result.within()[4:].any()


def test_a_right_model_stays_in_its_bands() -> None:
    found = normals()
    pit = pit_of(found)
    assert coverage(found).within().mean() > 0.8
    histogram = pit_histogram(pit)
    assert ((histogram.counts >= histogram.lower) & (histogram.counts <= histogram.upper)).mean() > 0.8
    worms = worm(pit)
    assert (np.abs(worms.deviation) <= worms.band).mean() > 0.8


def test_a_wrong_model_leaves_them() -> None:
    pit = pit_of(normals(scale=0.6))
    histogram = pit_histogram(pit)
    assert histogram.counts[0] > histogram.upper and histogram.counts[-1] > histogram.upper
    worms = worm(pit)
    assert (np.abs(worms.deviation) <= worms.band).mean() < 0.3
    # residuals of a normal whose scale is 0.6 times too small have standard deviation 1 / 0.6
    assert np.std(quantile_residuals(pit)) == pytest.approx(1 / 0.6, rel=0.03)


def test_the_bands_hold_what_they_say() -> None:
    """Over many samples of a right model, a bar is in its band 95 times of 100, and a point of the worm too."""
    samples = [np.random.default_rng(seed).random(500) for seed in range(300)]
    histograms = [pit_histogram(sample) for sample in samples]
    inside = np.mean([(h.counts >= h.lower) & (h.counts <= h.upper) for h in histograms])
    assert inside == pytest.approx(0.96, abs=0.015)  # counts are whole, so the band holds a little more
    worms = [worm(sample) for sample in samples]
    within = np.mean([np.abs(w.deviation) <= w.band for w in worms], axis=0)
    np.testing.assert_allclose(within[50:-50], 0.95, atol=0.05)


def test_counts_promise_more_than_the_mass() -> None:
    rate = RNG.uniform(0.5, 4.0, ROWS)
    result = coverage(answer(Poisson(torch.from_numpy(rate)), RNG.poisson(rate).astype(float)), (0.5, 0.9))
    for mass, expected in zip((0.5, 0.9), result.expected, strict=True):
        lower, upper = stats.poisson.interval(mass, rate)
        inside = stats.poisson.cdf(upper, rate) - stats.poisson.cdf(lower - 1, rate)
        assert expected == pytest.approx(inside.mean(), rel=1e-9)
        assert expected > mass + 0.02
    assert result.within().all()


def test_directions_are_covered_across_the_cut() -> None:
    y = stats.vonmises.rvs(4.0, loc=np.pi, size=ROWS, random_state=1)
    dist = VonMises(torch.full((ROWS,), np.pi), torch.full((ROWS,), 4.0).double())
    result = coverage(answer(dist, y), (0.5, 0.9))
    np.testing.assert_allclose(result.expected, [0.5, 0.9], atol=1e-9)
    assert result.within().all()


@pytest.mark.parametrize("truncated", [False, True])
def test_a_right_model_of_censored_and_truncated_answers_stays_calibrated(truncated: bool) -> None:
    """Judged by observed answers alone, which are the small ones, it would not."""
    rate, rng = RNG.uniform(0.5, 2.0, ROWS), np.random.default_rng(1)
    start = rng.exponential(0.5, ROWS) if truncated else np.zeros(ROWS)
    y, limit = start + rng.exponential(1.0 / rate), start + rng.exponential(1.0, ROWS)
    seen = y <= limit
    ends = torch.from_numpy(np.stack([np.minimum(y, limit), np.where(seen, y, np.inf)], -1))
    entered = torch.from_numpy(np.stack([start, np.full(ROWS, np.inf)], -1)) if truncated else None
    dist = Exponential(torch.from_numpy(rate))
    found = Answer(TargetColumns(["y"]), dist, dist, ends[:, 0], bounds=ends, truncation=entered)
    assert 0.2 < 1.0 - seen.mean() < 0.7
    assert stats.kstest(pit_of(found), "uniform").pvalue > 0.01
    assert coverage(found).within().mean() > 0.8
    assert len(found.observed().y) == seen.sum()
    assert stats.kstest(pit_of(found.observed()), "uniform").pvalue < 1e-6


def test_reliability_by_hand() -> None:
    probability = np.repeat([0.1, 0.6], 50)
    happened = np.concatenate([np.arange(50) < 5, np.arange(50) < 20])
    found = reliability(probability, happened)
    np.testing.assert_allclose(found.forecast, [0.1, 0.6])
    np.testing.assert_allclose(found.observed, [0.1, 0.4])
    # statistical tables: 95% of a binomial of 50 at 0.1 lie from 1 to 9, at 0.6 from 23 to 37
    np.testing.assert_allclose([found.lower, found.upper], [[1 / 50, 23 / 50], [9 / 50, 37 / 50]])
    assert found.within().tolist() == [True, False]
    assert found.counts.tolist() == [50, 50]


def test_confusion_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import confusion_matrix

    logits, codes = RNG.normal(size=(200, 4)), RNG.integers(4, size=200)
    names, counts = confusion_counts(answer(Categorical(logits=torch.from_numpy(logits)), codes))
    assert names == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(counts, confusion_matrix(codes, logits.argmax(1)))


def test_the_randomised_pit_of_a_binary_answer_is_uniform() -> None:
    chance = RNG.uniform(size=ROWS)
    pit = pit_of(answer(Bernoulli(torch.from_numpy(chance)), (RNG.uniform(size=ROWS) < chance).astype(float)))
    assert stats.kstest(pit, "uniform").pvalue > 0.01


def test_rank_probabilities_of_two_items() -> None:
    """Of two items, the first comes first with the softmax of the logits."""
    from likelihead.distributions import PlackettLuce

    dist = PlackettLuce(torch.tensor([[0.0, 1.0]], dtype=torch.float64))
    first = 1.0 / (1.0 + np.e)
    found = rank_probabilities(dist, 20_000)
    np.testing.assert_allclose(found, [[first, 1 - first], [1 - first, first]], atol=0.01)
    assert float(inference.expected_ranks(dist)[0, 0]) == pytest.approx(found[0] @ [1, 2], abs=0.01)


@pytest.mark.parametrize("family", ["PartialPlackettLuce", "TopPlackettLuce"])
def test_rank_probabilities_of_listed_items_are_those_observed(family: str) -> None:
    """In data drawn from the model, of which each row lists some items, predicted and observed shares agree."""
    from likelihead import distributions

    dist = getattr(distributions, family)(torch.from_numpy(RNG.normal(size=(ROWS, 5))))
    y = dist.sample()
    if family == "PartialPlackettLuce":
        present = torch.from_numpy(RNG.permuted(np.tile([True, True, True, False, False], (ROWS, 1)), axis=1))
        kept = present.gather(-1, y)
        y = torch.stack([torch.cat([row[keep], row.new_full((2,), -1)]) for row, keep in zip(y, kept, strict=True)])
    else:
        y[:, 2:] = -1
    observed = rank_shares(y.numpy())
    np.testing.assert_allclose(rank_probabilities(dist, 50, y), observed, atol=4.0 / ROWS**0.5)
