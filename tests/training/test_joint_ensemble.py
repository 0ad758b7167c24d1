"""Ensembles of joint targets: the mixture is over whole rows, of the targets that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, Case
from joint_targets import SPEC, table
from scipy import stats
from scipy.special import logsumexp
from torch import nn

from likelihead import DistributionHead, Ensemble, LikelihoodModule, fit, load
from likelihead.data import Batch, Data, split_table
from likelihead.distributions.joint import Joint
from likelihead.evaluation import evaluate, frame_of
from likelihead.evaluation.evaluate import predict
from likelihead.heads.joint_head import JointHead
from likelihead.inference.mixtures import equal_mixture

K = 3
ONE_VALUE = {name: case for name, case in CASES.items() if case.inside.dim() == 1}


@pytest.fixture(scope="module")
def data() -> Data:
    return split_table(table(), SPEC, list(SPEC["families"]))


@pytest.fixture(scope="module")
def ensemble(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    made = Ensemble.of(lambda: LikelihoodModule.for_data(data, SPEC, "mlp", width=8), K)
    fit(made, data, max_epochs=4, directory=tmp_path_factory.mktemp("joint"))
    return made


def _log_prob_of_targets(module: LikelihoodModule, data: Data) -> np.ndarray:
    """log p of each target of the test rows, (n, targets), by scipy; 0 where it is missing."""
    parts = predict(module, data.test.x).parts
    visits, share, kind, direction = data.test.y.double().numpy().T
    share_alpha, share_beta = (getattr(parts["share"], f"concentration{k}").numpy() for k in (1, 0))
    classes = parts["kind"].logits.log_softmax(-1).numpy()
    each = [
        stats.poisson(parts["visits"].rate.numpy()).logpmf(visits),
        stats.beta(share_alpha, share_beta).logpdf(share),
        classes[np.arange(len(kind)), np.nan_to_num(kind).astype(int)],
        stats.vonmises(parts["direction"].concentration.numpy(), parts["direction"].loc.numpy()).logpdf(direction),
    ]
    return np.where(np.isnan(data.test.y.numpy()), 0.0, np.stack(each, 1))


def test_a_row_is_as_likely_as_the_mean_of_the_members_over_all_its_known_targets(
    ensemble: Ensemble, data: Data
) -> None:
    assert int(data.test.y.isnan().sum()) > 0
    each = np.stack([_log_prob_of_targets(ensemble.member(k), data) for k in range(K)])
    mixed = predict(ensemble, data.test.x)
    rows = logsumexp(each.sum(2), axis=0) - np.log(K)
    np.testing.assert_allclose(mixed.log_prob(data.test.y.double()), rows, rtol=1e-6)
    assert evaluate(ensemble, data.test).nll == pytest.approx(-rows.mean(), rel=1e-6)
    # Each target by itself is the mixture of its own distributions, which do not add up to that of the row.
    of_targets = logsumexp(each, axis=0) - np.log(K)
    frame = frame_of(mixed, data.test.y.double())
    names = [f"{name}.log_prob" for name in SPEC["families"]]
    np.testing.assert_allclose(frame[names].fillna(0.0), of_targets, rtol=1e-6, atol=1e-9)
    assert not np.allclose(of_targets.sum(1), rows)


def test_a_stored_ensemble_of_joint_targets_predicts_a_table(ensemble: Ensemble, data: Data, tmp_path: Path) -> None:
    again = fit(ensemble, data, max_epochs=1, directory=tmp_path)
    frame = table()
    predicted = load(tmp_path).predict(frame)
    assert (predicted["kind.log_prob"].isna() == frame["kind"].isna()).all()
    members = np.stack([again.module.member(k).predict(frame)["log_prob"] for k in range(K)])
    np.testing.assert_allclose(predicted["log_prob"], logsumexp(members, axis=0) - np.log(K), rtol=1e-9)
    kept = pd.read_csv(tmp_path / "out_of_fold.csv")
    assert -kept["log_prob"].mean() == pytest.approx(again.metrics["validation"]["nll"], rel=1e-12)


def test_an_ensemble_of_one_is_the_single_run(data: Data) -> None:
    def make() -> LikelihoodModule:
        torch.manual_seed(0)
        return LikelihoodModule.for_data(data, SPEC, "mlp", width=8, dropout=0.0)

    options = {"max_epochs": 3, "precision": "64-true"}
    alone = fit(make(), data, **options)
    one = fit(Ensemble.of(make, 1), data, **options)
    for part in ("train", "validation", "test"):
        assert one.evaluations[part].nll == pytest.approx(alone.evaluations[part].nll, rel=1e-9)
        assert one.evaluations[part].scores == pytest.approx(alone.evaluations[part].scores, rel=1e-6)


def test_a_mixture_of_rows_draws_all_targets_of_a_row_from_one_member() -> None:
    ends = [torch.distributions.Normal(torch.full((1000,), place, dtype=torch.float64), 0.1) for place in (-9.0, 9.0)]
    mixed = equal_mixture([Joint(["a", "b"], [end, end]) for end in ends])
    frame = frame_of(mixed, quantiles=[], point="mean", samples=1)
    assert (np.sign(frame["a.sample1"]) == np.sign(frame["b.sample1"])).all()
    assert 400 < (frame["a.sample1"] > 0).sum() < 600
    assert mixed.expand(torch.Size([2, 1000])).log_prob(torch.full((1000, 2), 9.0)).shape == (2, 1000)


@pytest.mark.parametrize("case", ONE_VALUE.values(), ids=ONE_VALUE.keys())
def test_a_target_without_a_label_in_the_batch_gets_no_gradient(case: Case) -> None:
    """The batch of each member is vectorised, and every family has a value that stands in for what is missing."""
    torch.manual_seed(0)

    def make() -> LikelihoodModule:
        unlabelled = DistributionHead(case.spec, in_features=3, event_size=case.event_size)
        return LikelihoodModule(nn.Identity(), JointHead({"other": unlabelled, "count": "poisson"}, in_features=3))

    made = Ensemble.of(make, 2)
    y = torch.stack([torch.full((2, 4), torch.nan), torch.ones(2, 4)], -1)
    each = made.member_log_prob(Batch(torch.randn(2, 4, 3), y, torch.ones(2, 4)))
    (-each.sum()).backward()
    gradients = {name: each.grad for name, each in made.member_head.named_parameters() if each.grad is not None}
    assert gradients
    for name, gradient in gradients.items():
        assert bool(gradient.isfinite().all()), name
        assert bool(gradient.ne(0.0).any()) == name.startswith("heads.1."), name
