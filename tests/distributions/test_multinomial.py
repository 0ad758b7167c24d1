"""The multinomial against scipy, enumeration and the binomial, and its number of trials from the table to the file."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from likelihead import DistributionHead, LikelihoodModule, TargetError, fit, inference
from likelihead.data import split_table
from likelihead.distributions import Binomial, MixtureSameFamily, Multinomial
from likelihead.laws.law import law


def compositions(total: int, classes: int) -> Tensor:
    """All counts of the classes that sum to the total, (n, classes)."""
    every = itertools.product(range(total + 1), repeat=classes)
    return torch.tensor([counts for counts in every if sum(counts) == total], dtype=torch.float64)


@pytest.mark.parametrize(("total", "classes"), [(0, 3), (1, 4), (6, 2), (7, 3), (9, 4), (5, 6)])
def test_the_mode_is_the_largest_mass_of_all(total: int, classes: int) -> None:
    torch.manual_seed(total)
    logits = 2.0 * torch.randn(40, classes, dtype=torch.float64)
    logits[0] = 0.0
    logits[1] = torch.log(torch.arange(1.0, classes + 1.0))
    built = Multinomial(torch.tensor(float(total)), logits)
    every = built.log_prob(compositions(total, classes)[:, None])
    assert every.exp().sum(0).tolist() == pytest.approx([1.0] * 40, rel=1e-12)
    found = inference.mode(built)
    assert torch.equal(found.sum(-1), torch.full((40,), float(total), dtype=torch.float64))
    np.testing.assert_allclose(built.log_prob(found), every.max(0).values, rtol=1e-12, atol=1e-12)


def test_two_classes_are_a_binomial() -> None:
    logits, total = torch.tensor([-3.0, 0.2, 5.0], dtype=torch.float64), torch.tensor([4.0, 9.0, 30.0])
    both = Multinomial(total, torch.stack([logits, torch.zeros(3).double()], -1))
    one = Binomial(total.double(), logits)
    y = torch.tensor([1.0, 5.0, 30.0], dtype=torch.float64)
    np.testing.assert_allclose(both.log_prob(torch.stack([y, total - y], -1)), one.log_prob(y), rtol=1e-12)
    for function in (inference.mode, inference.mean, inference.median):
        np.testing.assert_allclose(function(both)[:, 0], function(one), rtol=1e-12)


def test_each_count_alone_is_binomial() -> None:
    logits = torch.tensor([[0.3, -1.0, 40.0], [2.0, 0.0, -60.0]], dtype=torch.float64)
    built = Multinomial(torch.tensor([20.0, 7.0]), logits)
    shares, totals = special.softmax(logits.numpy(), -1), np.array([[20], [7]])
    y = torch.tensor([[0.0, 2.0, 19.0], [5.0, 2.0, 0.0]], dtype=torch.float64)
    np.testing.assert_allclose(inference.cdf(built, y), stats.binom.cdf(y, totals, shares), rtol=1e-10, atol=1e-15)
    for rank in (0.01, 0.5, 0.975):
        np.testing.assert_array_equal(inference.quantile(built, rank), stats.binom.ppf(rank, totals, shares))


def test_samples_have_the_mean_and_the_covariance_of_scipy() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([1.0, -0.5, 0.2, -8.0], dtype=torch.float64)
    drawn = Multinomial(torch.tensor(12.0), logits).sample((200_000,))
    assert bool((drawn.sum(-1) == 12.0).all()) and bool((drawn >= 0.0).all())
    truth = stats.multinomial(12, special.softmax(logits.numpy()))
    np.testing.assert_allclose(drawn.mean(0), truth.mean(), atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.numpy().T), truth.cov(), atol=0.05)


def test_counts_that_do_not_sum_to_the_trials_have_no_probability() -> None:
    built = Multinomial(torch.tensor(5.0), torch.zeros(3))
    assert built.log_prob(torch.tensor([[1.0, 1.0, 2.0], [2.0, 2.0, 2.0]])).tolist() == [-np.inf, -np.inf]


def test_a_mixture_of_multinomials_is_the_weighted_sum() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 2.0]], dtype=torch.float64)
    weights = torch.distributions.Categorical(torch.tensor([0.3, 0.7], dtype=torch.float64))
    mixture = MixtureSameFamily(weights, Multinomial(torch.tensor(4.0), logits))
    y = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    masses = [stats.multinomial.pmf(y.numpy(), 4, shares) for shares in special.softmax(logits.numpy(), -1)]
    assert mixture.log_prob(y).exp().item() == pytest.approx(0.3 * masses[0] + 0.7 * masses[1], rel=1e-12)
    assert law(mixture).mean() == pytest.approx(4.0 * np.array([0.3, 0.7]) @ special.softmax(logits.numpy(), -1))


def test_without_inputs_the_shares_are_those_of_all_trials() -> None:
    y, trials = torch.tensor([[1.0, 2.0, 1.0], [5.0, 0.0, 1.0], [0.0, 3.0, 7.0]]), torch.tensor([4.0, 6.0, 10.0])
    head = DistributionHead("multinomial", in_features=1, event_size=3)
    head.fit_marginal(y, exposure=trials)
    np.testing.assert_allclose(head.marginal(1).mean[0], y.sum(0) / 20.0, rtol=1e-5)
    np.testing.assert_allclose(head.marginal(3, trials).mean, trials[:, None] * y.sum(0) / 20.0, rtol=1e-5)
    with pytest.raises(TargetError, match=r"2 of 3 targets of Multinomial have counts that do not sum .* exposure="):
        head.fit_marginal(y, exposure=torch.full((3,), 6.0))
    with pytest.raises(TargetError, match="3 of 3 targets"):
        head.fit_marginal(y)


def test_logits_are_found_again() -> None:
    """By a linear model, from simulated trials."""
    torch.manual_seed(3)
    x, weight = torch.randn(4000, 2), torch.tensor([[1.0, -0.5], [0.0, 0.0], [-0.7, 0.4]])
    trials = torch.randint(1, 30, (4000,)).float()
    y = Multinomial(trials, x @ weight.T).sample()
    module = LikelihoodModule(
        torch.nn.Identity(), DistributionHead("multinomial", in_features=2, event_size=3),
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.05),
    )  # fmt: skip
    fit(module, (x, y, None, trials), max_epochs=30, batch_size=500)
    logits = module.head.values(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))["logits"].detach()
    found = (logits[1:] - logits[0]).T
    np.testing.assert_allclose(found - found[1], weight, atol=0.05)


@pytest.fixture
def counted() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.uniform(0.0, 1.0, 300)
    counts = np.stack([rng.multinomial(n, special.softmax([1.0, 2.0 * z, 0.0])) for n, z in zip(
        rng.integers(3, 20, 300), size, strict=True)])  # fmt: skip
    return pd.DataFrame({"size": size, "red": counts[:, 0], "green": counts[:, 1], "blue": counts[:, 2]})


def test_a_table_says_its_numbers_of_trials_by_its_targets(counted: pd.DataFrame) -> None:
    colours = ["red", "green", "blue"]
    data = split_table(counted, "multinomial", colours)
    assert data.train.exposure is not None and data.train.y is not None
    assert torch.equal(data.train.exposure, data.train.y.sum(-1))
    trials = counted[colours].sum(axis=1)
    with_column = split_table(counted.assign(trials=trials), "multinomial", colours, exposure="trials")
    assert torch.equal(with_column.train.exposure, data.train.exposure)  # type: ignore[arg-type]


def test_the_command_predicts_rows_with_and_without_counts(
    counted: pd.DataFrame, command: Callable[..., None], in_folder: Path
) -> None:
    counted.to_csv("known.csv", index=False)
    half = counted.astype(object)
    half.loc[half.index[100:], ["red", "green", "blue"]] = ""
    half.to_csv("half.csv", index=False)
    options = ["data=table", "data.path=known.csv", "data.target=[red,green,blue]", "trainer.max_epochs=2"]
    command("train", "distribution=multinomial", *options, "strategy=cpu", "report=false", "hydra.run.dir=run")
    command("predict", "checkpoint=run", "data.path=half.csv", "output=new.csv")
    frame = pd.read_csv("new.csv")
    means = frame[["red.mean", "green.mean", "blue.mean"]].sum(axis=1)
    np.testing.assert_allclose(means[:100], counted.iloc[:100, 1:].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(means[100:], 1.0, rtol=1e-5)  # of one trial: the shares
    assert frame.log_prob[:100].notna().all() and frame.log_prob[100:].isna().all()
