"""The joint head: targets of different families in one network, each as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from joint_targets import FAMILIES, SPEC, table
from scipy import stats
from torch import nn

import likelihead
from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, fit
from likelihead.data import split_table
from likelihead.distributions.joint import Joint
from likelihead.evaluation import evaluate, frame_of
from likelihead.heads.head import Head
from likelihead.heads.joint_head import JointHead


def targets(rows: int = 60) -> torch.Tensor:
    rng = np.random.default_rng(3)
    y = np.stack([rng.poisson(3.0, rows), rng.beta(2.0, 5.0, rows)], axis=1)
    return torch.from_numpy(y).float()


def test_it_is_a_head_whose_parts_are_those_of_the_families() -> None:
    torch.manual_seed(0)
    joint = JointHead(FAMILIES, in_features=2)
    assert isinstance(joint, Head)
    features, y = torch.randn(60, 2), targets()
    each = [head(features).log_prob(column) for head, column in zip(joint.heads, y.unbind(1), strict=True)]
    torch.testing.assert_close(joint(features).log_prob(y), each[0] + each[1])
    raw = torch.cat([head.linear(features) for head in joint.heads], -1)
    torch.testing.assert_close(joint.distribution(raw).log_prob(y), each[0] + each[1])


def test_a_missing_label_counts_nothing_and_gets_no_gradient() -> None:
    joint, y = JointHead(FAMILIES, in_features=2), targets(3)
    y[0, 0] = torch.nan
    y[1, 1] = torch.nan
    y[2] = torch.nan
    features = torch.randn(3, 2, requires_grad=True)
    log_prob = joint(features).log_prob(y)
    parts = joint(features).parts
    expected = torch.stack([parts["share"].log_prob(y[:, 1])[0], parts["visits"].log_prob(y[:, 0])[1], torch.zeros(())])
    torch.testing.assert_close(log_prob, expected)
    log_prob.sum().backward()
    assert features.grad is not None and bool(features.grad.isfinite().all())
    assert features.grad[2].eq(0.0).all() and features.grad[0].ne(0.0).any()


def test_each_marginal_fit_is_that_of_the_rows_where_the_target_is_known() -> None:
    y = targets()
    y[::3, 0] = torch.nan
    joint, alone = JointHead(FAMILIES, in_features=1), DistributionHead("poisson", in_features=1)
    result = joint.fit_marginal(y)
    alone.fit_marginal(y[~y[:, 0].isnan(), 0])
    assert joint.marginal().parts["visits"].mean.item() == pytest.approx(alone.marginal().mean.item(), rel=1e-6)
    shares = y[:, 1].double().numpy()
    a, b, _, _ = stats.beta.fit(shares, floc=0, fscale=1)
    counts = y[~y[:, 0].isnan(), 0].numpy()
    known = -stats.poisson(counts.mean()).logpmf(counts).sum() - stats.beta(a, b).logpdf(shares).sum()
    assert result.nll == pytest.approx(known / 60, rel=1e-5)


def test_training_stores_and_predicts_every_target(tmp_path: object) -> None:
    frame = table()
    data = split_table(frame, SPEC, list(SPEC["families"]))
    module = LikelihoodModule.for_data(data, SPEC, "linear")
    outcome = fit(module, data, max_epochs=15, directory=tmp_path)
    assert outcome is not None
    assert outcome.metrics["train"]["nll"] < outcome.metrics["marginal"]["nll"]
    again = likelihead.load(tmp_path)
    predicted = again.predict(frame)
    for column in ("visits.mean", "share.q0.95", "kind.probs.a", "direction.mode", "log_prob"):
        assert column in predicted, column
    parts = predicted[[f"{name}.log_prob" for name in SPEC["families"]]]
    assert (parts["visits.log_prob"].isna() == frame["visits"].isna()).all()
    np.testing.assert_allclose(parts.sum(axis=1), predicted["log_prob"], rtol=1e-9)


def test_every_score_is_that_of_the_rows_where_the_target_is_known() -> None:
    data = split_table(table(), SPEC, list(SPEC["families"]))
    module = LikelihoodModule.for_data(data, SPEC, "linear")
    found = evaluate(module, data.train)
    y = data.train.y
    assert y is not None
    visits = module(data.train.x).parts["visits"]
    known = ~y[:, 0].isnan()
    assert 0 < int(known.sum()) < len(y)
    nll = -stats.poisson(visits.rate.detach()[known].double()).logpmf(y[known, 0]).mean()
    assert found.scores["visits.nll"] == pytest.approx(nll, rel=1e-5)
    assert {"share.crps", "kind.accuracy", "direction.angular_error"} <= set(found.scores)
    assert found.scores["nll"] == pytest.approx(-module(data.train.x).log_prob(y).mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("spec", "columns", "sentence"),
    [
        ({"families": {"visits": "poisson"}}, ["visits", "share"], "name a family for each target column"),
        ({"families": {}}, ["visits"], "needs a family for each target column"),
        ({"families": {"visits": "poisson"}, "floors": {}}, ["visits"], "takes only families, not floors"),
        ({"families": {"visits": "dirichlet"}}, ["visits"], "has one column for each of its targets"),
        ({"families": {"share": "poisson"}}, ["share"], "'share': .* not a whole number"),
    ],
)
def test_mistakes_get_a_sentence(spec: dict[str, object], columns: list[str], sentence: str) -> None:
    with pytest.raises(LikelihoodError, match=sentence):
        split_table(table(), spec, columns)


def test_a_target_without_any_label_is_refused() -> None:
    frame = table().assign(visits=np.nan)
    with pytest.raises(LikelihoodError, match="'visits' is empty in every training row"):
        split_table(frame, SPEC, list(SPEC["families"]))
    y = targets()
    y[:, 0] = torch.nan
    with pytest.raises(LikelihoodError, match="'visits' is missing in every row"):
        JointHead(FAMILIES, in_features=1).fit_marginal(y)


def test_rows_without_any_label_are_missing() -> None:
    frame = table()
    frame.loc[7, list(SPEC["families"])] = None
    with pytest.raises(LikelihoodError, match="missing"):
        split_table(frame, SPEC, list(SPEC["families"]))
    data = split_table(frame, SPEC, list(SPEC["families"]), missing_target="drop")
    assert sum(map(len, data.parts.values())) == 199


def test_the_network_is_shared() -> None:
    network = nn.Linear(3, 2)
    module = LikelihoodModule(network, JointHead(FAMILIES, in_features=2))
    loss = module.training_step((torch.randn(60, 3), targets()), 0)
    loss.backward()
    assert network.weight.grad is not None and bool(network.weight.grad.ne(0).all())


def test_samples_of_independent_targets_are_independent() -> None:
    normal = torch.distributions.Normal(torch.zeros(2000, dtype=torch.float64), 1.0)
    frame = frame_of(Joint(["a", "b"], [normal, normal]), quantiles=[], point="mean", samples=1)
    assert abs(np.corrcoef(frame["a.sample1"], frame["b.sample1"])[0, 1]) < 0.1
