"""The marginal fit against closed forms and scipy, on any scale of y."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case
from scipy import stats
from sklearn.mixture import GaussianMixture
from torch import Tensor

from likelihead import DistributionHead
from likelihead.configs import read
from likelihead.errors import TargetError
from likelihead.families.family import Family
from likelihead.heads.exposure import expose
from likelihead.heads.marginal_fit import fit_marginal
from likelihead.target_types import check_targets


def draw(name: str) -> torch.Tensor:
    rng = np.random.default_rng(7)
    draws = {
        "normal": rng.normal(7.0, 3.0, 500),
        "student_t": 7.0 + 3.0 * rng.standard_t(3.0, 800),
        "gamma": rng.gamma(3.0, 2.0, 500),
        "weibull": 2.0 * rng.weibull(1.7, 500),
        "log_normal": rng.lognormal(1.0, 0.7, 500),
        "beta": rng.beta(2.0, 5.0, 500),
        "laplace": rng.laplace(1.0, 2.0, 501),
        "exponential": rng.exponential(4.0, 500),
    }
    return torch.from_numpy(draws[name]).float()


SCIPY = {
    "normal": (stats.norm, {}),
    "student_t": (stats.t, {}),
    "gamma": (stats.gamma, {"floc": 0}),
    "weibull": (stats.weibull_min, {"floc": 0}),
    "log_normal": (stats.lognorm, {"floc": 0}),
    "beta": (stats.beta, {"floc": 0, "fscale": 1}),
    "laplace": (stats.laplace, {}),
    "exponential": (stats.expon, {"floc": 0}),
}


@pytest.mark.parametrize("name", SCIPY)
def test_the_fit_is_no_worse_than_scipys(name: str) -> None:
    y = draw(name)
    family, options = SCIPY[name]
    theirs = -family.logpdf(y.double().numpy(), *family.fit(y.double().numpy(), **options)).mean()
    ours = fit_marginal(Family.of(name), y).nll
    assert ours <= theirs + 1e-6
    assert ours == pytest.approx(theirs, abs=1e-3)


TWO_NORMALS = {"family": "pyro.distributions.Normal", "components": 2, "floors": {"scale": 0.01}}
ROBUST = {"normal": "normal", "laplace": "laplace", "student_t": "student_t", "two normals": TWO_NORMALS}


@pytest.mark.parametrize("name", ROBUST)
def test_the_fit_follows_the_scale_of_y(name: str) -> None:
    y = torch.cat([draw("normal"), draw("normal") + 40.0]) if name == "two normals" else draw(name)
    family = Family.of(ROBUST[name])
    plain, scaled = fit_marginal(family, y), fit_marginal(family, 1000.0 * y.double() + 5.0)
    assert scaled.nll - plain.nll == pytest.approx(math.log(1000.0), abs=1e-6)
    for fitted, factor, shift in (("anchors", 1000.0, 5.0), ("units", 1000.0, 0.0)):
        ours, theirs = (getattr(fit, fitted)["loc"].reshape(-1).sort().values for fit in (plain, scaled))
        torch.testing.assert_close(theirs, factor * ours + shift, rtol=1e-3, atol=1e-3)


def test_a_mixtures_component_does_not_shrink_onto_repeated_values() -> None:
    y = torch.cat([draw("normal"), torch.full((30,), 6.25)])
    head = DistributionHead("gaussian_mixture", in_features=1)
    head.fit_marginal(y)
    scales = head.marginal().component_distribution.scale
    assert scales.min() >= 0.0099 * y.std()


def test_real_parameters_are_measured_in_their_standard_error() -> None:
    y = draw("normal")
    fit = fit_marginal(Family.of("normal"), y)
    assert fit.anchors["loc"].item() == pytest.approx(y.double().mean().item(), rel=1e-7)
    assert fit.units["loc"].item() == pytest.approx(y.double().std(correction=0).item(), rel=1e-5)
    assert fit.units["scale"].item() == 1.0
    logits = fit_marginal(Family.of("bernoulli"), (y > 10).float())
    p = (y > 10).double().mean().item()
    assert logits.anchors["logits"].item() == pytest.approx(math.log(p / (1 - p)), rel=1e-6)
    assert logits.units["logits"].item() == pytest.approx(1 / math.sqrt(p * (1 - p)), rel=1e-4)


def test_a_location_without_curvature_is_measured_by_its_scores() -> None:
    fit = fit_marginal(Family.of("laplace"), draw("laplace"))
    assert fit.units["loc"].item() == pytest.approx(math.exp(fit.anchors["scale"].item()), rel=1e-2)


def test_counts_classes_and_rankings_reach_their_closed_forms() -> None:
    rng = np.random.default_rng(3)
    counts = torch.from_numpy(rng.poisson(4.2, 700)).float()
    assert fit_marginal(Family.of("poisson"), counts).anchors["rate"].exp().item() == pytest.approx(
        counts.mean().item(), rel=1e-6
    )
    classes = torch.from_numpy(rng.choice(4, 900, p=[0.5, 0.3, 0.15, 0.05]))
    shares = torch.bincount(classes) / len(classes)
    fit = fit_marginal(Family.of("categorical", event_size=4), classes)
    assert fit.nll == pytest.approx(-(shares * shares.log()).sum().item(), rel=1e-6)


def test_vectors_reach_the_sample_covariance() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3)) * [1.0, 100.0, 1e4] + [0.0, 50.0, -1e5]
    fit = fit_marginal(Family.of("multivariate_normal", event_size=3), torch.from_numpy(y))
    best = -stats.multivariate_normal(y.mean(0), np.cov(y.T, bias=True)).logpdf(y).mean()
    assert fit.nll == pytest.approx(best, abs=1e-7)


def test_a_mixture_finds_separate_components() -> None:
    rng = np.random.default_rng(9)
    y = np.concatenate([rng.normal(-40, 1, 300), rng.normal(10, 5, 300), rng.normal(70, 2, 300)])
    spec = {"family": "pyro.distributions.Normal", "components": 3, "floors": {"scale": 0.01}}
    fit = fit_marginal(Family.of(spec), torch.from_numpy(y))
    theirs = -GaussianMixture(3, n_init=5, random_state=0, tol=1e-10, max_iter=2000).fit(y[:, None]).score(y[:, None])
    assert fit.nll <= theirs + 1e-5


def test_rows_are_counted_by_their_weight() -> None:
    y = torch.tensor([1.0, 2.0, 5.0, 7.0])
    weight = torch.tensor([3.0, 1.0, 2.0, 0.0])
    repeated = torch.tensor([1.0, 1.0, 1.0, 2.0, 5.0, 5.0])
    weighted, plain = fit_marginal(Family.of("gamma"), y, weight), fit_marginal(Family.of("gamma"), repeated)
    assert weighted.nll == pytest.approx(plain.nll, abs=1e-9)


def test_an_exposure_scales_the_expected_count() -> None:
    y, exposure = torch.tensor([2.0, 3.0, 10.0]), torch.tensor([1.0, 2.0, 7.0])
    fit = fit_marginal(Family.of("poisson"), y, exposure=exposure)
    assert fit.anchors["rate"].exp().item() == pytest.approx(1.5, rel=1e-6)
    with pytest.raises(TargetError, match="takes no exposure"):
        fit_marginal(Family.of("normal"), y, exposure=exposure)


#: Families whose exposure multiplies a mean, as opposed to a number of trials.
EXPOSED = [
    case
    for case in CASES.values()
    if getattr(Family.of(case.spec, case.event_size).cls, "exposure_parameter", "total_count") != "total_count"
]


@pytest.mark.parametrize("case", EXPOSED, ids=lambda case: case.name)
def test_an_exposure_multiplies_the_mean(case: Case) -> None:
    family, exposure = Family.of(case.spec), torch.tensor([1.0, 2.0, 7.0, 0.5])
    once = family.build(case.parameters).mean
    exposed = family.build(expose(family, case.parameters, exposure)).mean
    if family.zeros == "hurdle" and family.is_discrete:
        assert torch.equal(exposed > once, exposure > 1)  # of what is above 0, which is not proportional to it
    else:
        torch.testing.assert_close(exposed, once * exposure)


def _paired(case: Case) -> tuple[Family, dict[str, Tensor], list[dict[str, Tensor]]]:
    """A mixture of two of a family, its parameters (4, 2, …), and those of each component."""
    family = Family.of({**Family.of(case.spec).spec, "components": 2})
    parts = [case.parameters, {name: value.flip(0) for name, value in case.parameters.items()}]
    both = {name: torch.stack([part[name] for part in parts], 1) for name in case.parameters}
    logits = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.3, 0.3], [-1.0, 0.0]], dtype=torch.float64)
    return family, {"mixture_logits": logits, **both}, parts


TRIALS = [CASES["binomial"], CASES["beta_binomial"]]


@pytest.mark.parametrize("case", [*EXPOSED, *TRIALS], ids=lambda case: case.name)
def test_the_exposure_of_a_mixture_is_that_of_each_component(case: Case) -> None:
    family, values, parts = _paired(case)
    single, exposure = Family.of(case.spec), torch.tensor([1.0, 2.0, 7.0, 3.0])
    mixture = family.build(expose(family, values, exposure))
    each = [single.build(expose(single, part, exposure)) for part in parts]
    shares = torch.softmax(values["mixture_logits"], -1)
    log_prob = torch.stack([part.log_prob(case.inside) for part in each], -1)
    torch.testing.assert_close(mixture.log_prob(case.inside), torch.logsumexp(shares.log() + log_prob, -1))
    means = torch.stack([part.mean for part in each], -1)
    torch.testing.assert_close(mixture.mean, (shares * means).sum(-1))


def test_the_exposure_of_a_mixture_may_differ_between_sites() -> None:
    spec = {"family": "likelihead.distributions.Poisson", "components": 4}
    head, features = DistributionHead(spec, in_features=2), torch.ones(3, 5, 2)
    per_row, per_site = torch.tensor([1.0, 2.0, 5.0]), torch.arange(1.0, 16.0).reshape(3, 5)
    for exposure, factor in ((per_row, per_row[:, None]), (per_site, per_site)):
        exposed, once = head(features, exposure), head(features)
        assert exposed.component_distribution.rate.shape == (3, 5, 4)
        torch.testing.assert_close(exposed.mean, factor * once.mean)
    with pytest.raises(TargetError, match="exposure has shape"):
        head(features, torch.ones(4))


def test_a_mixture_with_exposure_is_fitted_to_rates() -> None:
    """Two sorts of places with 0.5 and 4 events an hour, watched for different times."""
    generator = torch.Generator().manual_seed(0)
    hours = torch.randint(1, 12, (3000,), generator=generator).double()
    rate = torch.where(torch.rand(3000, generator=generator) < 0.4, 0.5, 4.0)
    y = torch.poisson(rate * hours, generator=generator)
    head = DistributionHead({"family": "likelihead.distributions.Poisson", "components": 2}, in_features=1)
    head.fit_marginal(y, exposure=hours)
    fitted = head.marginal(1)
    rates, order = fitted.component_distribution.rate[0].sort()
    assert rates.tolist() == pytest.approx([0.5, 4.0], rel=0.05)
    assert fitted.mixture_distribution.probs[0][order].tolist() == pytest.approx([0.4, 0.6], abs=0.03)
    with pytest.raises(TargetError, match="count more successes than trials"):
        fit_marginal_of({**read("binomial"), "components": 2}, y + 100.0, hours)


def _is_alone(case: Case) -> bool:
    """Whether a mixture of the family has no other components than those, and the family no size of its own."""
    return case.event_size is None and Family.of(case.spec).components is None


@pytest.mark.parametrize("case", [case for case in CASES.values() if _is_alone(case)], ids=lambda case: case.name)
def test_a_mixture_of_two_is_as_likely_as_the_truth(case: Case) -> None:
    """Its components start apart: equal ones would stay equal, and the mixture be no better than one."""
    family = Family.of({**Family.of(case.spec).spec, "components": 2})
    # The last rows of these are proportions that float32 rounds to 1, and counts that are nearly all 0.
    pair = [0, 2] if case.name in ("beta_proportion", "binomial") else [0, 3]
    values = {name: value[None, pair] for name, value in case.parameters.items()}
    truth = family.build({**values, "mixture_logits": torch.tensor([[0.4, 0.0]], dtype=torch.float64)})
    torch.manual_seed(0)
    y = check_targets(truth.sample((800,))[:, 0], family)
    likely = -truth.log_prob(y[:, None].double()).mean().item()
    assert fit_marginal(family, y).nll < likely + (1e-2 if family.spec["spline"] else 2e-3)


def test_more_successes_than_trials_are_refused() -> None:
    y, trials = torch.tensor([2.0, 3.0, 10.0]), torch.tensor([4.0, 3.0, 7.0])
    with pytest.raises(TargetError, match=r"1 of 3 targets of Binomial count more successes than trials"):
        fit_marginal_of("binomial", y, trials)
    with pytest.raises(TargetError, match="no whole numbers"):
        fit_marginal_of("binomial", y, trials + 0.5)
    assert fit_marginal_of("binomial", y, 2.0 * trials).mean.tolist() == pytest.approx(
        [15 / 28 * 8, 15 / 28 * 6, 15 / 28 * 14], rel=1e-5
    )


def fit_marginal_of(name: Any, y: torch.Tensor, exposure: torch.Tensor) -> Any:
    head = DistributionHead(name, in_features=1)
    head.fit_marginal(y, exposure=exposure)
    return head.marginal(len(y), exposure)


def test_a_class_that_never_occurs_has_a_finite_fit() -> None:
    head = DistributionHead("categorical", in_features=2, event_size=3)
    fit = head.fit_marginal(torch.tensor([0, 1, 0, 1, 1]))
    assert fit.anchors["logits"].abs().max() < 100
    assert torch.isfinite(head(torch.randn(4, 2)).log_prob(torch.tensor([2, 2, 0, 1]))).all()


def test_equal_targets_are_refused() -> None:
    with pytest.raises(TargetError, match=r"every target is 3.0: Normal needs at least two different values"):
        fit_marginal(Family.of("normal"), torch.full((10,), 3.0))


def test_the_marginal_distribution_has_the_mean_of_the_targets() -> None:
    head, y = DistributionHead("gamma", in_features=1), draw("gamma")
    head.fit_marginal(y)
    fitted = head.marginal()
    assert (fitted.concentration / fitted.rate).item() == pytest.approx(y.mean().item(), rel=1e-5)
