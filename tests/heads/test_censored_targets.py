"""Censored and truncated targets against scipy's CensoredData, closed forms and the likelihood itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case
from contract import build, exact, family, head_of, restricted, single
from scipy import optimize, stats
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule, TargetError, fit, inference
from likelihead.data import Batch, Examples, censored
from likelihead.distributions.tails import has_log_tails
from likelihead.evaluation import evaluate
from likelihead.heads.sites import log_prob

CENSORABLE = {name: case for name, case in CASES.items() if has_log_tails(build(case))}
every_family = pytest.mark.parametrize("case", CENSORABLE.values(), ids=CENSORABLE)
#: Shipped families with scipy's name, what is held at 0 in its fit, and a sample.
TWINS = {
    "exponential": (stats.expon, {"floc": 0}),
    "weibull": (stats.weibull_min, {"floc": 0}),
    "normal": (stats.norm, {}),
    "log_normal": (stats.lognorm, {"floc": 0}),
    "gamma": (stats.gamma, {"floc": 0}),
}


def sample(name: str, n: int = 300) -> np.ndarray:
    """Times with a coefficient of variation near 1/2, as float32 holds them."""
    return stats.weibull_min.rvs(1.9, scale=3.0, size=n, random_state=len(name)).astype(np.float32).astype(float)


def scipy_loglik(twin: Any, data: stats.CensoredData, fixed: dict[str, float]) -> float:
    """The largest log-likelihood that scipy finds: that of its fit, improved by a simplex search."""
    start = np.asarray(twin.fit(data, **fixed))
    free = [index for index in range(len(start)) if not (fixed and index == len(start) - 2)]

    def nll(values: np.ndarray) -> float:
        parameters = start.copy()
        parameters[free] = values
        if parameters[-1] <= 0 or (len(parameters) > 2 and parameters[0] <= 0):
            return np.inf
        loglik = twin.logpdf(data._uncensored, *parameters).sum() + twin.logsf(data._right, *parameters).sum()
        loglik += twin.logcdf(data._left, *parameters).sum()
        if len(data._interval):
            lower, upper = data._interval.T
            loglik += np.log(twin.cdf(upper, *parameters) - twin.cdf(lower, *parameters)).sum()
        return -loglik

    options = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 5000, "maxfev": 5000}
    return -optimize.minimize(nll, start[free], method="Nelder-Mead", options=options).fun


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("sort", ["right", "left", "interval", "all"])
def test_the_marginal_fit_reaches_the_likelihood_of_scipy(name: str, sort: str) -> None:
    twin, fixed = TWINS[name]
    y = sample(name)
    part = np.arange(len(y)) % 4
    lower, upper = y.copy(), y.copy()
    low, middle, high = np.float32(1.5), np.float32(2.5), np.float32(4.0)
    if sort in ("right", "all"):
        lower, upper = np.where((y > high) & (part > 0), high, lower), np.where((y > high) & (part > 0), np.inf, upper)
    if sort in ("left", "all"):
        lower, upper = np.where((y < low) & (part > 0), -np.inf, lower), np.where((y < low) & (part > 0), low, upper)
    if sort in ("interval", "all"):
        between = (y > low) & (y < middle) & (part > 1)
        lower, upper = np.where(between, low, lower), np.where(between, middle, upper)
    known, right, left = lower == upper, np.isinf(upper), np.isinf(lower)
    rest = ~(known | right | left)
    data = stats.CensoredData(y[known], left=upper[left], right=lower[right], interval=np.c_[lower, upper][rest])
    values, bounds = censored(torch.from_numpy(lower), torch.from_numpy(upper), name)
    ours = DistributionHead(name, in_features=1).fit_marginal(values, bounds=bounds).nll
    np.testing.assert_allclose(-ours * len(y), scipy_loglik(twin, data, fixed), rtol=1e-8)


def test_the_rate_of_an_exponential_is_events_over_time() -> None:
    y = torch.from_numpy(sample("exponential")).float()
    lower, upper = y.clamp(max=3.0), torch.where(y > 3.0, torch.inf, y)
    values, bounds = censored(lower, upper, "exponential")
    head = DistributionHead("exponential", in_features=1)
    head.fit_marginal(values, bounds=bounds)
    torch.testing.assert_close(head.marginal().rate.item(), ((y <= 3.0).sum() / lower.sum()).item(), rtol=1e-5, atol=0)
    truncation = torch.tensor([1.0, torch.inf]).expand(int((y > 1.0).sum()), 2)
    head.fit_marginal(y[y > 1.0], truncation=truncation)
    torch.testing.assert_close(head.marginal().rate.item(), (1.0 / (y[y > 1.0] - 1.0).mean()).item(), rtol=1e-5, atol=0)


def test_a_regression_with_censored_rows_is_that_of_a_likelihood_written_by_hand() -> None:
    """A Weibull regression: log-linear in the scale, one shape."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=200)
    y = (3.0 * np.exp(0.6 * x) * rng.weibull(1.5, 200)).astype(np.float32).astype(float)
    is_event = y < 4.0
    time = np.minimum(y, 4.0)

    def nll(values: np.ndarray) -> float:
        scale, shape = np.exp(values[0] + values[1] * x), np.exp(values[2])
        each = np.where(
            is_event, *(f(time, shape, scale=scale) for f in (stats.weibull_min.logpdf, stats.weibull_min.logsf))
        )
        return float(-each.mean())

    best = optimize.minimize(nll, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).fun
    bounds_of = (torch.from_numpy(end).float() for end in (time, np.where(is_event, time, np.inf)))
    values, bounds = censored(*bounds_of, "weibull")
    mapping = {
        "family": "likelihead.distributions.Weibull",
        "parameters": {"scale": "predicted", "concentration": "learned"},
    }
    head = DistributionHead(mapping, in_features=1)
    module = LikelihoodModule(
        nn.Identity(), head, optimizer=lambda p: torch.optim.LBFGS(p, max_iter=500, line_search_fn="strong_wolfe")
    )
    examples = Examples(torch.from_numpy(x).float()[:, None], values, bounds=bounds)
    outcome = fit(module, examples, max_epochs=1, batch_size=None, precision="64-true", gradient_clip_val=None)
    assert outcome is not None
    np.testing.assert_allclose(outcome.metrics["train"]["nll"], best, atol=1e-5)


def _all_sorts(case: Case, n: int) -> tuple[Tensor, Tensor]:
    """Targets of the third row of a case: observed, right-, left- and interval-censored by turns."""
    built = restricted(case, [2])
    torch.manual_seed(3)
    y = built.sample((n,))[:, 0].double()
    low, middle, high = (inference.quantile(built, rank).double().item() for rank in (0.3, 0.6, 0.85))
    turn = torch.arange(n) % 4
    lower, upper = y.clone(), y.clone()
    lower[(turn == 1) & (y >= high)], upper[(turn == 1) & (y >= high)] = high, torch.inf
    upper[(turn == 2) & (y <= low)], lower[(turn == 2) & (y <= low)] = low, -torch.inf
    between = (turn == 3) & (y >= low) & (y <= middle)
    lower[between], upper[between] = low, middle
    return censored(lower, upper, case.spec)


@every_family
def test_every_family_is_fitted_to_censored_targets_and_scored_where_they_are_observed(case: Case) -> None:
    y, bounds = _all_sorts(case, 200)
    head = head_of(case)
    marginal = head.fit_marginal(y, bounds=bounds).nll
    truth = family(case).build(
        {name: value[2:3].expand(200, *value.shape[1:]) for name, value in case.parameters.items()}
    )
    assert marginal <= -log_prob(truth, exact(y), bounds=bounds.double()).mean().item() + 1e-3
    module = LikelihoodModule(nn.Identity(), head)
    first = module.training_step(Batch(torch.randn(200, 3), y, bounds=bounds), 0)
    assert abs(first.item() / 200 - marginal) < 1e-4 * max(1.0, abs(marginal))
    first.backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in head.parameters())
    observed = bounds[:, 0] == bounds[:, 1]
    scored = evaluate(module, Examples(torch.zeros(200, 3), y, bounds=bounds))
    alone = evaluate(module, Examples(torch.zeros(200, 3)[observed], y[observed]))
    assert scored.n == 200 and abs(scored.nll - marginal) < 1e-5 * max(1.0, abs(marginal))
    for name in set(alone.scores) - {"nll"}:
        np.testing.assert_allclose(scored.scores[name], alone.scores[name], rtol=1e-10)


@every_family
def test_losses_and_gradients_are_finite_at_extreme_raw_outputs(case: Case) -> None:
    y, bounds = _all_sorts(case, 40)
    head = head_of(case)
    head.fit_marginal(y, bounds=bounds)
    generator = torch.Generator().manual_seed(1)
    spread = torch.tensor([-30.0, -8.0, 0.5, 8.0, 30.0]).repeat_interleave(8)[:, None]
    outputs = (spread * torch.rand(40, sum(head.sizes), generator=generator).sub(0.2)).requires_grad_()
    losses = log_prob(head.distribution(outputs), single(y), bounds=bounds)
    assert bool(losses.isfinite().all())
    assert bool(torch.autograd.grad(losses.sum(), outputs)[0].isfinite().all())


@pytest.mark.parametrize("name", ["exponential", "normal", "poisson"])
def test_weights_masks_and_repeated_rows_agree(name: str) -> None:
    case = CASES[name]
    y, bounds = _all_sorts(case, 60)
    twice = torch.arange(60) % 3 == 0
    weight = torch.where(twice, 2.0, 1.0)
    weighted = head_of(case).fit_marginal(y, weight=weight, bounds=bounds).nll
    repeated = head_of(case).fit_marginal(torch.cat([y, y[twice]]), bounds=torch.cat([bounds, bounds[twice]])).nll
    np.testing.assert_allclose(weighted, repeated, rtol=1e-7)
    masked = head_of(case).fit_marginal(y, mask=~twice, bounds=bounds).nll
    left_out = head_of(case).fit_marginal(y[~twice], bounds=bounds[~twice]).nll
    np.testing.assert_allclose(masked, left_out, rtol=1e-6)


def test_several_outputs_are_censored_one_by_one() -> None:
    y = torch.from_numpy(np.stack([sample("a"), 2.0 * sample("bb")], 1)).float()
    bounds = torch.stack([y.clamp(max=4.0), torch.where(y > 4.0, torch.inf, y)], -1)
    both = DistributionHead("weibull", in_features=1, output_shape=(2,)).fit_marginal(y.clamp(max=4.0), bounds=bounds)
    each = [
        DistributionHead("weibull", in_features=1).fit_marginal(y[:, k].clamp(max=4.0), bounds=bounds[:, k]).nll
        for k in range(2)
    ]
    np.testing.assert_allclose(both.nll, sum(each), rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "lower", "upper", "text"),
    [
        ("weibull", [1.0, 2.0], [np.inf, np.inf], "observed or has an upper bound"),
        ("normal", [-np.inf, -np.inf], [1.0, 2.0], "observed or has a lower bound"),
        ("gamma", [1.0, -3.0], [1.0, -2.0], "below 0"),
        ("poisson", [1.0, 2.2], [1.0, 2.8], "not a whole number"),
        ("normal", [1.0, 3.0], [1.0, 2.0], "above the upper"),
        ("normal", [1.0, np.nan], [1.0, 2.0], "NaN"),
        ("von_mises", [1.0, 0.0], [1.0, 2.0], "families whose targets can: .*weibull"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(name: str, lower: list[float], upper: list[float], text: str) -> None:
    with pytest.raises(TargetError, match=text):
        y, bounds = censored(torch.tensor(lower), torch.tensor(upper), name)
        DistributionHead(name, in_features=1).fit_marginal(y, bounds=bounds)


def test_bounds_of_another_shape_are_refused() -> None:
    module = LikelihoodModule(nn.Identity(), DistributionHead("normal", in_features=1))
    with pytest.raises(TargetError, match=r"bounds has shape \(3,\); it must be \(3, 2\)"):
        module.training_step(Batch(torch.zeros(3, 1), torch.zeros(3), bounds=torch.zeros(3)), 0)
