"""Ensembles: each member is the single run with its seed and rows, and the prediction is their exact mixture."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from cases import CASES, Case
from pytorch_lightning.callbacks import Callback, EarlyStopping
from torch import nn

from likelihead import DistributionHead, Ensemble, LikelihoodError, LikelihoodModule, fit, load
from likelihead.data import Batch, Examples, split_table
from likelihead.evaluation.evaluate import predict
from likelihead.training.callbacks.member_stopping import MemberStopping
from likelihead.training.data_module import as_data_module
from likelihead.training.ensemble_data import EnsembleData, member_seed, stacked_batch
from likelihead.training.trainer import default_trainer

ROWS, K = 90, 3


def _examples(rows: int = ROWS) -> Examples:
    torch.manual_seed(5)
    x = torch.rand(rows, 4)
    return Examples(x, torch.poisson((2 * x.sum(1)).exp() / 4))


def _maker(data: Examples, **options: Any) -> Any:
    chosen = {"width": 8, "bins": 4, **options}
    return lambda: LikelihoodModule.for_data((data.x, data.y), "poisson", **chosen)


def _in_turn(data: Examples, rows: EnsembleData, member: int, make: Any, **options: Any) -> Any:
    """The single run with the seed, the training rows and the validation rows of a member."""
    torch.manual_seed(member_seed(0, member))
    module = make()
    held_out = rows.held_out(member).rows
    trained = np.setdiff1d(np.arange(len(data)), held_out)
    seed = member_seed(0, member)
    return fit(module, data.take(trained), data.take(held_out), seed=seed, **options)


@pytest.mark.parametrize("rows", [ROWS, ROWS + 1, 95])
def test_each_member_is_the_single_run_with_its_seed_and_rows(rows: int) -> None:
    data = _examples(rows)
    # Without dropout, which the members draw together.
    make, options = _maker(data, dropout=0.0), {"max_epochs": 6, "precision": "64-true", "batch_size": 16}
    ensemble = Ensemble.of(make, K)
    assert fit(ensemble, data, **options) is not None
    dealt = ensemble.prepare_rows(as_data_module(data), seed=0)
    nlls = []
    for k in range(K):
        alone = _in_turn(data, dealt, k, make, **options)
        expected = predict(alone.module, data.x)
        torch.testing.assert_close(predict(ensemble.member(k), data.x).rate, expected.rate, rtol=1e-9, atol=0.0)
        nlls.append(alone.evaluations["validation"].nll)
    np.testing.assert_allclose(ensemble.best_nll.numpy(), nlls, rtol=1e-9)


def test_an_ensemble_of_one_is_the_single_run_with_dropout_too() -> None:
    data = _examples()
    train, validation = data.take(np.arange(70)), data.take(np.arange(70, ROWS))
    options = {"max_epochs": 5, "precision": "64-true"}
    torch.manual_seed(0)
    alone = fit(_maker(data)(), train, validation, **options)
    one = fit(Ensemble.of(_maker(data), 1), train, validation, **options)
    for part in ("train", "validation"):
        assert one.evaluations[part].nll == pytest.approx(alone.evaluations[part].nll, rel=1e-9)


def test_the_prediction_is_the_mean_of_the_members_probabilities() -> None:
    data = _examples()
    ensemble = fit(Ensemble.of(_maker(data), K), data, max_epochs=2).module
    each = np.stack([predict(ensemble.member(k), data.x).log_prob(data.y) for k in range(K)])
    expected = np.logaddexp.reduce(each, axis=0) - math.log(K)
    np.testing.assert_allclose(predict(ensemble, data.x).log_prob(data.y), expected, rtol=1e-12)


def test_every_row_is_predicted_by_the_member_that_has_not_seen_it(tmp_path: Path) -> None:
    data = _examples(97)
    outcome = fit(Ensemble.of(_maker(data), K), data, directory=tmp_path, max_epochs=2)
    kept = pd.read_csv(tmp_path / "out_of_fold.csv")
    assert kept["row"].tolist() == list(range(97))
    assert sorted(kept["member"].value_counts()) == [32, 32, 33]
    for k, rows in kept.groupby("member")["row"]:
        expected = predict(outcome.module.member(k), data.x[rows.tolist()]).log_prob(data.y[rows.tolist()])
        np.testing.assert_allclose(kept["log_prob"][rows], expected, rtol=1e-9)
    assert -kept["log_prob"].mean() == pytest.approx(outcome.metrics["validation"]["nll"], rel=1e-12)


def test_a_stored_ensemble_predicts_the_same(tmp_path: Path) -> None:
    data = _examples()
    outcome = fit(Ensemble.of(_maker(data), K), data, directory=tmp_path, max_epochs=3)
    for name in ("best.ckpt", "last.ckpt"):
        stored = load(tmp_path / "checkpoints" / name)
        torch.testing.assert_close(
            predict(stored, data.x).mean, predict(outcome.module, data.x).mean, rtol=0, atol=1e-6
        )


class Interrupt(Callback):
    """Stops training like a kill at the end of an epoch, after its checkpoint was written."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == self.epoch:
            raise LikelihoodError("interrupted")


def test_a_resumed_ensemble_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    data = _examples()
    whole = fit(Ensemble.of(_maker(data), K), data, directory=tmp_path / "whole", max_epochs=6)
    with pytest.raises(LikelihoodError, match="interrupted"):
        fit(Ensemble.of(_maker(data), K), data, directory=tmp_path / "cut", max_epochs=6, callbacks=[Interrupt(3)])
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    resumed = fit(Ensemble.of(_maker(data), K), data, directory=tmp_path / "cut", max_epochs=6, resume=last)
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(tensor, resumed.module.state_dict()[name]), name
    assert resumed.metrics == whole.metrics


def test_members_stop_as_lightning_stops_single_runs() -> None:
    rule = EarlyStopping("validation/nll", patience=3, min_delta=0.05)
    walks = np.random.default_rng(0).normal(-0.02, 0.06, (40, 5)).cumsum(0)
    singles = [EarlyStopping("validation/nll", patience=3, min_delta=0.05) for _ in range(5)]
    together, stopped = MemberStopping(rule, 5), np.zeros(5, dtype=bool)
    for nlls in walks:
        together._update(torch.from_numpy(nlls))
        stopped |= [
            single._evaluate_stopping_criteria(torch.tensor(nll))[0] for single, nll in zip(singles, nlls, strict=True)
        ]
        assert (together.waited >= 3).tolist() == stopped.tolist()
    assert stopped.any()


def test_a_member_that_stops_keeps_its_best_weights_while_the_others_are_trained_on(tmp_path: Path) -> None:
    data, active = _examples(), []

    class Watch(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            active.append(pl_module.active.tolist())

    make = _maker(data, dropout=0.0)
    ensemble = Ensemble.of(make, K)
    fit(ensemble, data, trainer=_impatient(tmp_path / "together", Watch()))
    dealt = ensemble.prepare_rows(as_data_module(data), seed=0)
    lengths = [sum(column) + 1 for column in zip(*active, strict=True)]
    assert len(set(lengths)) > 1
    for k in range(K):
        trainer = _impatient(tmp_path / str(k))
        alone = _in_turn(data, dealt, k, make, trainer=trainer)
        assert trainer.current_epoch == lengths[k]
        assert ensemble.best_nll[k].item() == pytest.approx(alone.evaluations["validation"].nll, rel=1e-9)


def _impatient(directory: Path, *callbacks: Callback) -> pl.Trainer:
    options = {"max_epochs": 80, "precision": "64-true", "callbacks": list(callbacks)}
    trainer = default_trainer(directory, "validation/nll", seed=0, logs=False, **options)
    for callback in trainer.callbacks:
        if isinstance(callback, EarlyStopping):
            callback.patience, callback.min_delta = 4, -0.02
    return trainer


def test_the_gradient_of_each_member_is_clipped_by_itself() -> None:
    data = _examples()
    ensemble = Ensemble.of(_maker(data, bins=0), K)
    batch = stacked_batch([Batch(data.x * (1 + 9 * k), data.y) for k in range(K)])
    (-ensemble.train().member_log_prob(batch).sum()).backward()
    parameters = [parameter for parameter in ensemble.parameters() if parameter.requires_grad]
    expected = []
    for k in range(K):
        alone = [nn.Parameter(parameter[k].detach().clone()) for parameter in parameters]
        for mine, parameter in zip(alone, parameters, strict=True):
            mine.grad = parameter.grad[k].clone()
        nn.utils.clip_grad_norm_(alone, 20.0)
        expected.append([mine.grad for mine in alone])
    ensemble.configure_gradient_clipping(torch.optim.Adam(parameters), 20.0, "norm")
    for index, parameter in enumerate(parameters):
        torch.testing.assert_close(parameter.grad, torch.stack([grads[index] for grads in expected]))


def test_weights_exposure_and_masks_belong_to_the_rows_of_each_member() -> None:
    data = _examples()
    weight = torch.rand(ROWS) + 0.5
    full = Examples(data.x, data.y, weight, 1 + weight, data.y < 50)
    make, options = _maker(data, dropout=0.0), {"max_epochs": 3, "precision": "64-true", "batch_size": 16}
    ensemble = Ensemble.of(make, K)
    fit(ensemble, full, **options)
    dealt = ensemble.prepare_rows(as_data_module(full), seed=0)
    alone = _in_turn(full, dealt, 1, make, **options)
    at = (full.x, full.exposure)
    torch.testing.assert_close(
        predict(ensemble.member(1), *at).rate, predict(alone.module, *at).rate, rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_family_trains_and_predicts_as_an_ensemble(case: Case, tmp_path: Path) -> None:
    torch.manual_seed(0)
    y = case.inside[torch.arange(40) % 4]
    y = y.float() if y.is_floating_point() else y
    x = torch.rand(40, 3)

    def make() -> LikelihoodModule:
        head = DistributionHead(case.spec, in_features=4, event_size=case.event_size)
        return LikelihoodModule(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), head)

    outcome = fit(Ensemble.of(make, 2), (x, y), directory=tmp_path, max_epochs=2)
    assert outcome.evaluations["train"].n == outcome.evaluations["validation"].n == 40
    assert outcome.evaluations["train"].nll < outcome.metrics["marginal"]["nll"] + 0.5
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    stored = load(tmp_path, architecture=network)
    assert torch.equal(predict(stored, x).log_prob(y.double() if y.is_floating_point() else y),
                       predict(outcome.module, x).log_prob(y.double() if y.is_floating_point() else y))  # fmt: skip


def _visits(rows: int = 60) -> pd.DataFrame:
    """One shop has half of the rows; each day has two."""
    shop = ["big"] * (rows // 2) + [f"shop {k % 9}" for k in range(rows - rows // 2)]
    rng = np.random.default_rng(0)
    counts = rng.poisson(3, rows)
    return pd.DataFrame({"size": rng.normal(size=rows), "shop": shop, "day": np.arange(rows) // 2, "n": counts})


def test_members_hold_out_whole_groups_of_different_sizes(tmp_path: Path) -> None:
    frame = _visits()
    data = split_table(frame, "poisson", "n", group="shop", test_fraction=0.2)
    ensemble = Ensemble.of(lambda: LikelihoodModule.for_data(data, "poisson", width=8, bins=4), K)
    outcome = fit(ensemble, data, directory=tmp_path, max_epochs=3, batch_size=8)
    kept = pd.read_csv(tmp_path / "out_of_fold.csv")
    assert sorted(kept["row"]) == sorted([*data.train.rows, *data.validation.rows])
    assert (kept.groupby(frame["shop"][kept["row"]].to_numpy())["member"].nunique() == 1).all()
    assert kept["member"].value_counts().max() > 1.9 * kept["member"].value_counts().min()
    assert -kept["log_prob"].mean() == pytest.approx(outcome.metrics["validation"]["nll"], rel=1e-12)
    # Every training row is seen once in an epoch, in as many steps by each member.
    rows = ensemble.prepare_rows(as_data_module(data), seed=0, batch_size=8)
    weights = sum(batch.weight.sum(1) for batch in rows.train_dataloader())
    assert weights.tolist() == [len(rows.training(k)) for k in range(K)]


def test_members_hold_out_stretches_of_time_one_after_another() -> None:
    frame = _visits().sample(frac=1.0, random_state=1, ignore_index=True)
    data = split_table(frame, "poisson", "n", time="day", test_fraction=0.2)
    rows = EnsembleData(as_data_module(data), K, seed=0)
    days = [frame["day"][rows.held_out(k).rows] for k in range(K)]
    assert [len(stretch) for stretch in days] == [16, 16, 16]
    assert all(first.max() < second.min() for first, second in pairwise(days))


def test_too_few_groups_for_the_members_are_told() -> None:
    data = split_table(_visits(), "poisson", "n", group="shop", test_fraction=0.5)
    with pytest.raises(LikelihoodError, match="groups are too few for an ensemble of 12 members"):
        EnsembleData(as_data_module(data), 12, seed=0)


def test_the_validation_nll_of_an_epoch_may_lie_above_the_best(tmp_path: Path) -> None:
    data = _examples()
    fit(Ensemble.of(_maker(data), K), data, directory=tmp_path, max_epochs=30, batch_size=16)
    kept = pd.read_csv(tmp_path / "metrics.csv")
    assert (kept["validation/nll"] >= kept["validation/best_nll"] - 1e-6).all()
    assert (kept["validation/nll"] > kept["validation/best_nll"] + 1e-3).any()
    assert kept["validation/best_nll"].is_monotonic_decreasing


def test_what_cannot_be_an_ensemble_is_refused_in_a_sentence() -> None:
    data = _examples()
    head = {"distribution": "poisson", "in_features": 4}
    with pytest.raises(LikelihoodError, match="needs members"):
        Ensemble([])
    with pytest.raises(LikelihoodError, match="same names and shapes"):
        Ensemble([_maker(data)(), _maker(data, width=9)()])
    with pytest.raises(LikelihoodError, match="cannot normalise over batches: choose"):
        Ensemble.of(_maker(data, normalization="batch"), K)
    with pytest.raises(LikelihoodError, match="each of which holds out its own: it needs 6"):
        fit(Ensemble.of(_maker(data), K), _examples(5), max_epochs=1)
    with pytest.raises(LikelihoodError, match="read rows by index"):
        fit(Ensemble.of(_maker(data), K), [(data.x, data.y)], max_epochs=1)

    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    branching = Ensemble.of(lambda: LikelihoodModule(Branching(), DistributionHead(**head)), 2)
    with pytest.raises(LikelihoodError, match="cannot be trained as an ensemble"):
        fit(branching, data, max_epochs=1)


def test_sites_and_tied_weights_train() -> None:
    torch.manual_seed(0)
    x = torch.randint(7, (30, 5))

    class Tied(nn.Module):
        out_features = 6

        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(7, 6)
            self.again = nn.Linear(6, 7, bias=False)
            self.again.weight = self.embedding.weight

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            embedded = self.embedding(tokens)
            return embedded + self.again(embedded) @ self.again.weight

    head = {"distribution": "categorical", "in_features": 6, "event_size": 7}
    ensemble = Ensemble.of(lambda: LikelihoodModule(Tied(), DistributionHead(**head)), 2)
    assert ensemble.architecture.again.weight is ensemble.architecture.embedding.weight
    outcome = fit(ensemble, (x, x), max_epochs=30)
    assert outcome.evaluations["validation"].scores["nll_per_site"] < math.log(7)
    assert ensemble(x).batch_shape == (30,)
