"""Conformal calibration: coverage on models that are wrong, over all families, and what a checkpoint keeps of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, Case
from contract import build, restricted
from pyro.distributions import Normal
from scipy import stats
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, fit, inference, load
from likelihead.evaluation import Conformal, evaluate, predict, scores
from likelihead.laws.law import law
from likelihead.target_types.detect import class_of

N = 4000


def _has_quantiles(case: Case) -> bool:
    built = build(case)
    return law(built).claims["quantile"].how != "undefined" and class_of(built).name != "angle"


FAMILIES = {name: case for name, case in CASES.items() if _has_quantiles(case)}


def _wrong(case: Case, seed: int) -> tuple[object, Tensor]:
    """A distribution, and targets whose ranks under it follow a beta distribution instead of the uniform one."""
    rank = stats.beta.rvs(0.5, 0.8, size=N, random_state=seed).clip(1e-12, 1.0 - 1e-12)
    built = restricted(case, [2]).expand((N,))
    levels = torch.from_numpy(rank)
    its_law = law(built)
    each = levels.reshape(N, *[1] * (len(its_law.shape) - 1)).expand(its_law.shape)
    return built, torch.from_numpy(its_law.quantile(each.numpy()))


@pytest.mark.parametrize("case", FAMILIES.values(), ids=FAMILIES)
def test_intervals_of_a_wrong_model_hold_their_share_of_new_targets(case: Case) -> None:
    """Of one part calibrated on another: within four standard errors, for counts at least that."""
    built, seen = _wrong(case, seed=1)
    _, new = _wrong(case, seed=2)
    calibration = Conformal.fit(inference.pit(built, seen))
    is_tied = new.dim() == 1 and len(new.unique()) < 0.9 * N  # as counts are, and zeros before a hurdle
    for mass, (quantiles, is_right) in itertools.product((0.5, 0.9), ((calibration, True), (inference, False))):
        error = 4.0 * (2.0 * mass * (1.0 - mass) / N) ** 0.5  # of the share among new rows, and of the ranks themselves
        lower, upper = quantiles.interval(built, mass)
        held = ((new >= lower) & (new <= upper)).double().flatten(1 if new.dim() > 1 else 0).mean().item()
        if is_right:
            assert held > mass - error
            assert is_tied or built.support.is_discrete or held < mass + error
        elif not (is_tied or built.support.is_discrete):
            expected = np.diff(stats.beta.cdf([0.5 - mass / 2, 0.5 + mass / 2], 0.5, 0.8)).item()
            assert abs(held - expected) < error and held < mass - error


def test_the_ranks_of_a_calibrated_model_are_uniform() -> None:
    """Also for counts, whose pit is randomised: the level that g gives back to it."""
    for name in ("normal", "poisson", "negative_binomial"):
        built, seen = _wrong(CASES[name], seed=3)
        _, new = _wrong(CASES[name], seed=4)
        calibration = Conformal.fit(inference.pit(built, seen, seed=5))
        levels = np.interp(inference.pit(built, new, seed=6), calibration.ranks, calibration.levels)
        assert stats.kstest(levels, "uniform").pvalue > 1e-3
        assert stats.kstest(inference.pit(built, new, seed=6), "uniform").pvalue < 1e-9


def test_the_levels_are_those_of_order_statistics() -> None:
    pit = torch.tensor([0.9, 0.2, 0.4, 0.35])
    calibration = Conformal.fit(pit)
    np.testing.assert_allclose([calibration.rank(k / 5) for k in range(1, 5)], np.sort(pit.double().numpy()), atol=1e-7)
    np.testing.assert_allclose([calibration.rank(0.1), calibration.rank(0.9)], [0.1, 0.95], atol=1e-7)
    twice = Conformal.fit(torch.cat([pit, pit]))
    weighted = Conformal.fit(pit, torch.full((4,), 2.0))
    np.testing.assert_allclose(weighted.rank(0.4), calibration.rank(0.4))
    assert abs(float(twice.rank(0.4) - calibration.rank(0.4))) < 0.1
    many = Conformal.fit(torch.rand(50_000, generator=torch.Generator().manual_seed(0)) ** 2)
    assert len(many.levels) <= 1000
    np.testing.assert_allclose([many.rank(q) for q in (0.05, 0.5, 0.95)], np.square([0.05, 0.5, 0.95]), atol=5e-3)


def test_outputs_are_calibrated_one_by_one() -> None:
    pit = torch.rand(500, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.5])
    both = Conformal.fit(pit)
    dist = Normal(torch.zeros(3, 2), torch.ones(3, 2)).to_event(1)
    for k in range(2):
        alone = Conformal.fit(pit[:, k]).quantile(Normal(torch.zeros(3), torch.ones(3)), 0.9)
        torch.testing.assert_close(both.quantile(dist, 0.9)[:, k], alone, atol=1e-9, rtol=0)
    again = Conformal.from_state(json.loads(json.dumps(both.state())))
    np.testing.assert_array_equal(again.ranks, both.ranks)


@pytest.mark.parametrize("bad", [[], [0.5, float("nan")], [1.5]])
def test_ranks_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(LikelihoodError, match="numbers between 0 and 1"):
        Conformal.fit(torch.tensor(bad))


def _rows(seed: int, n: int = 2000) -> tuple[Tensor, Tensor]:
    """Counts with twice the spread of a Poisson distribution."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    y = rng.negative_binomial(2.0, 2.0 / (2.0 + np.exp(1.5 + x)))
    return torch.from_numpy(x).float()[:, None], torch.from_numpy(y).float()


def test_a_calibrated_module_keeps_its_parameters_and_its_calibration(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))
    outcome = fit(module, _rows(0), _rows(1), _rows(2), max_epochs=3, directory=tmp_path, calibrate="conformal")
    assert outcome is not None
    test = outcome.metrics["test"]
    assert test["uncalibrated"]["coverage_0.9"] < 0.8 < 0.88 < test["coverage_0.9"]
    assert test["interval_score_0.9"] < test["uncalibrated"]["interval_score_0.9"]
    assert outcome.metrics["validation"]["n"] == 1000
    assert json.loads((tmp_path / "metrics.json").read_text()) == outcome.metrics
    again = load(tmp_path, architecture=nn.Identity())
    x, y = _rows(2)
    dist = predict(again, x)
    assert again.calibration is not None and module.calibration is not None
    for q in (0.05, 0.5, 0.95):
        torch.testing.assert_close(again.calibration.quantile(dist, q), module.calibration.quantile(dist, q))
    plain = {name: values.mean().item() for name, values in scores(dist, y).items()}
    assert plain["nll"] == pytest.approx(test["nll"], rel=1e-9)
    assert plain["coverage_0.9"] == pytest.approx(test["uncalibrated"]["coverage_0.9"])
    assert evaluate(again, [(x, y)]).metrics == test


def test_an_ensemble_is_calibrated_on_its_out_of_fold_rows() -> None:
    from likelihead.training.ensemble import Ensemble

    def member() -> LikelihoodModule:
        return LikelihoodModule(nn.Identity(), DistributionHead("poisson", in_features=1))

    outcome = fit(Ensemble.of(member, members=2), _rows(0), None, _rows(2), max_epochs=2, calibrate="conformal")
    assert outcome is not None
    test = outcome.metrics["test"]
    assert test["uncalibrated"]["coverage_0.9"] < 0.8 < 0.88 < test["coverage_0.9"]


@pytest.mark.parametrize(
    ("name", "target", "options", "text"),
    [
        ("categorical", "label", {}, "corrects quantiles, and the targets of Categorical have none"),
        ("von_mises", "angle", {}, "corrects quantiles"),
        ("poisson", "n", {"validation_fraction": 0}, "data.validation_fraction"),
        ("weibull", "time", {"lower": "least"}, "needs targets that are observed"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(name: str, target: str, options: dict[str, object], text: str) -> None:
    from likelihead.data import split_table

    rng = np.random.default_rng(0)
    columns = {"label": rng.choice(["a", "b"], 60), "angle": rng.uniform(-3, 3, 60), "n": rng.poisson(3, 60)}
    time = rng.weibull(1.5, 60) + 0.1
    columns |= {"time": np.where(time < 1.5, time, np.nan), "least": np.where(time < 1.5, np.nan, 1.5)}
    frame = pd.DataFrame({"x": rng.normal(size=60), target: columns[target], "least": columns["least"]})
    data = split_table(frame, name, target, features="x", **options)
    with pytest.raises(LikelihoodError, match=text):
        fit(LikelihoodModule.for_data(data, name, "linear"), data, max_epochs=1, calibrate="conformal")


def test_the_commands_keep_calibration_rows_apart(in_folder: Path, command: Callable[..., None]) -> None:
    words = ["distribution=poisson", "data.rows=300", "architecture=linear", "trainer.max_epochs=1", "strategy=cpu"]
    command("train", *words, "calibrate=conformal", "hydra.run.dir=RUN")
    parts = {name: set(rows.tolist()) for name, rows in np.load("RUN/splits.npz").items()}
    assert len(parts["calibration"]) in (len(parts["validation"]), len(parts["validation"]) - 1)
    assert sum(map(len, parts.values())) == len(set().union(*parts.values())) == 300
    command("predict", "checkpoint=RUN", "output=calibrated.csv")
    calibrated = pd.read_csv("calibrated.csv")
    module = load("RUN")
    ranks = [module.calibration.rank(q) for q in (0.05, 0.95)]
    rate = calibrated["rate"].to_numpy()
    np.testing.assert_array_equal(calibrated[["q0.05", "q0.95"]].T, [stats.poisson.ppf(rank, rate) for rank in ranks])
