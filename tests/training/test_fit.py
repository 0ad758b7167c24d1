"""fit: one call for tensors, data sets, loaders, Lightning's data modules and tables, and for the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from scipy import stats
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, TargetError, fit, load
from likelihead.data import Batch, Data, Dataset, Examples, split_table
from likelihead.evaluation.predictions import predict_frame
from likelihead.inference import quantile
from likelihead.target_types import TargetColumns
from likelihead.training import data_module
from likelihead.training.lightning_warnings import without_hints

COUNT = 240


def counts(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(COUNT, 2, generator=generator)
    return x, torch.poisson((2.0 * x[:, 0]).exp(), generator=generator)


def module(distribution: str = "poisson") -> LikelihoodModule:
    torch.manual_seed(0)
    return LikelihoodModule(nn.Sequential(nn.Linear(2, 8), nn.Tanh()), DistributionHead(distribution, in_features=8))


class OnDemand:
    """A data set that makes its rows when they are asked for: not a tensor anywhere."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        return Batch(self.x[rows] * 1.0, self.y[rows])


class Rows(pl.LightningDataModule):
    """A data module as Lightning users write it; its batches are mappings."""

    def setup(self, stage: str) -> None:
        self.rows = [{"x": x, "y": y} for x, y in zip(*counts(), strict=True)]

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        return DataLoader(self.rows[40:], batch_size=50)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        return DataLoader(self.rows[:40], batch_size=50)  # type: ignore[arg-type]


def sources() -> dict[str, Callable[[], tuple[object, ...]]]:
    x, y = counts()
    return {
        "tensors": lambda: ((x[40:], y[40:]), (x[:40], y[:40])),
        "examples": lambda: (Examples(x[40:], y[40:]), Examples(x[:40], y[:40])),
        "data": lambda: (Data(Examples(x[40:], y[40:]), Examples(x[:40], y[:40]), Examples(x[:0], y[:0])),),
        "a data set of one's own": lambda: (OnDemand(x[40:], y[40:]), OnDemand(x[:40], y[:40])),
        "torch's data set": lambda: (TensorDataset(x[40:], y[40:]), TensorDataset(x[:40], y[:40])),
        "loaders": lambda: (
            DataLoader(TensorDataset(x[40:], y[40:]), batch_size=50),
            DataLoader(TensorDataset(x[:40], y[:40]), batch_size=50),
        ),
        "a data module": lambda: (Rows(),),
    }


@pytest.mark.parametrize("name", sources())
def test_any_source_of_rows_is_taken_as_it_is(name: str) -> None:
    outcome = fit(module(), *sources()[name](), max_epochs=3, batch_size=50)
    assert outcome is not None
    x, y = counts()
    assert (outcome.metrics["train"]["n"], outcome.metrics["validation"]["n"]) == (200, 40)
    assert outcome.metrics["test"] == {"n": 0, "nll": None}
    rate = outcome.module.double()(x[:40].double()).rate.detach().numpy()
    assert outcome.metrics["validation"]["nll"] == pytest.approx(-stats.poisson(rate).logpmf(y[:40]).mean(), rel=1e-9)
    marginal = -stats.poisson(y[40:].mean()).logpmf(y[40:]).mean()
    assert outcome.metrics["marginal"]["nll"] == pytest.approx(marginal, rel=1e-5)
    assert outcome.metrics["train"]["nll"] < marginal
    assert outcome.directory is None


def test_data_sets_of_ones_own_follow_the_protocol() -> None:
    assert isinstance(OnDemand(*counts()), Dataset)
    assert isinstance(Examples(*counts()), Dataset)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (fit(module(), counts(), max_epochs=3, seed=3) for _ in range(2))
    third = fit(module(), counts(), max_epochs=3, seed=4)
    assert first is not None and second is not None and third is not None
    assert first.metrics == second.metrics != third.metrics


def test_a_frame_in_ten_lines(tmp_path: Path) -> None:
    x, y = counts()
    frame = pd.DataFrame({"size": x[:, 0], "other": x[:, 1], "visits": y.int(), "town": ["a", "b"] * (COUNT // 2)})
    data = split_table(frame, "poisson", "visits", seed=1)
    built = LikelihoodModule.for_data(data, "poisson", width=16)
    outcome = fit(built, data, directory=tmp_path, max_epochs=4)
    assert outcome is not None and outcome.directory == tmp_path
    assert json.loads((tmp_path / "metrics.json").read_text()) == outcome.metrics
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 1 + 4
    again = load(tmp_path / "checkpoints" / "best.ckpt")
    assert torch.equal(again(data.test.x).rate, outcome.module(data.test.x).rate)
    assert quantile(outcome.module(data.test.x), 0.9).shape == (len(data.test),)


def test_the_command_and_fit_give_the_same_numbers(tmp_path: Path, command: Callable[..., None]) -> None:
    x, y = counts()
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    words = ["data=table", f"data.path={tmp_path}/rows.csv", "data.target=y", f"hydra.run.dir={tmp_path}/run"]
    command("train", "distribution=poisson", *words, "trainer.max_epochs=3", "strategy=cpu", "optimizer.scheduler=null")
    told = json.loads((tmp_path / "run" / "metrics.json").read_text())
    data = split_table(pd.read_csv(tmp_path / "rows.csv"), "poisson", "y")
    pl.seed_everything(0, verbose=False)
    outcome = fit(LikelihoodModule.for_data(data, "poisson"), data, max_epochs=3, accelerator="cpu")
    assert outcome is not None
    for part in ("train", "validation", "test", "marginal"):
        assert outcome.metrics[part]["nll"] == pytest.approx(told[part]["nll"], rel=1e-4)


def test_token_ids_are_trained_and_scored_as_whole_numbers() -> None:
    class Tokens(nn.Module):
        out_features = 8

        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(5, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.embedding(x)

    generator = torch.Generator().manual_seed(1)
    x = torch.randint(0, 5, (120, 7), generator=generator)
    y = (x + torch.randint(0, 2, x.shape, generator=generator)) % 3
    mask = torch.rand(x.shape, generator=generator) > 0.2
    built = LikelihoodModule.for_data((x, y), "categorical", Tokens())
    assert (built.head.family.event_size, built.head.family.output_shape) == (3, ())
    outcome = fit(built, Batch(x, y, mask=mask), max_epochs=30)
    assert outcome is not None
    exact = outcome.module.double()
    logits = exact.head(exact.architecture(x)).logits.detach()
    each = nn.functional.cross_entropy(logits.movedim(-1, 1), y, reduction="none")
    assert outcome.metrics["train"]["nll"] == pytest.approx(((each * mask).sum() / 120).item(), rel=1e-9)
    assert outcome.metrics["train"]["nll_per_site"] == pytest.approx(
        ((each * mask).sum() / mask.sum()).item(), rel=1e-9
    )
    assert outcome.metrics["train"]["accuracy"] > 0.45
    assert outcome.metrics["train"]["nll_per_site"] < np.log(3)


def test_training_starts_from_given_weights_and_resumes(tmp_path: Path) -> None:
    whole = fit(module(), counts(), directory=tmp_path / "whole", max_epochs=4)
    fit(module(), counts(), directory=tmp_path / "half", max_epochs=2)
    resumed = fit(
        module(), counts(), directory=tmp_path / "half", resume=tmp_path / "half/checkpoints/last.ckpt", max_epochs=4
    )
    assert whole is not None and resumed is not None
    assert resumed.metrics == whole.metrics
    warm = fit(module(), counts(), weights=tmp_path / "whole/checkpoints/best.ckpt", max_epochs=1)
    assert warm is not None
    assert warm.metrics["train"]["nll"] == pytest.approx(whole.metrics["train"]["nll"], abs=0.05)


WRONG = {
    "support": (
        lambda: fit(module(), (torch.zeros(3, 2), torch.tensor([0.5, 1.0, -2.0]))),
        "cannot be targets of Poisson",
    ),
    "list": (lambda: fit(module(), 7), "cannot read rows from int"),
    "no target": (lambda: fit(module(), (torch.zeros(3, 2),)), "no target"),
    "rows": (lambda: fit(module(), (torch.zeros(3, 2), torch.ones(4))), "x has 3 rows and y has 4"),
    "twice": (lambda: fit(module(), Rows(), counts()), "holds validation and test rows itself"),
    "batch size": (lambda: fit(module(), counts(), batch_size=0), "data.batch_size is 0"),
    "trainer": (
        lambda: fit(module(), counts(), trainer=pl.Trainer(logger=False), max_epochs=3),
        "already has its options: leave out max_epochs",
    ),
    "keys": (lambda: Batch.of({"inputs": torch.zeros(2)}), "it must have x"),
    "entries": (lambda: Batch.of((1, 2, 3, 4, 5, 6)), "a batch has 6 entries"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_get_a_sentence(name: str) -> None:
    mistake, sentence = WRONG[name]
    with pytest.raises(LikelihoodError, match=sentence):
        mistake()


def test_fit_marginal_checks_what_the_command_line_checks() -> None:
    head = DistributionHead("poisson", in_features=2)
    with pytest.raises(TargetError, match=r"2 of 3 rows cannot be targets of Poisson \(1 below 0, 1 not a whole"):
        head.fit_marginal([0.5, 2, -0.3])  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="exactly 0"):
        DistributionHead("beta", in_features=2).fit_marginal(torch.tensor([0.0, 0.5, 0.7]))
    with pytest.raises(TargetError, match="above 2"):
        DistributionHead("categorical", in_features=2, event_size=3).fit_marginal(torch.tensor([0, 7, 1]))
    with pytest.raises(TargetError, match="make the head for these targets"):
        DistributionHead("normal", in_features=2, output_shape=(2,)).fit_marginal(torch.ones(5))


def test_a_column_of_targets_is_fitted_as_a_row_of_them() -> None:
    y = torch.arange(6.0)
    for targets in (y, y[:, None]):
        head = DistributionHead("normal", in_features=2)
        assert head.fit_marginal(targets).nll == pytest.approx(-stats.norm(2.5, y.std(unbiased=False)).logpdf(y).mean())
        assert head.marginal().loc.item() == 2.5


def test_the_marginal_stays_the_marginal_after_training() -> None:
    learned = {"family": "pyro.distributions.Normal", "parameters": {"loc": "predicted", "scale": "learned"}}
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(200, 2, generator=generator)
    y = 3.0 * x[:, 0] + 0.1 * torch.randn(200, generator=generator)
    head = DistributionHead(learned, in_features=2)
    outcome = fit(LikelihoodModule(nn.Identity(), head), (x, y), max_epochs=40)
    assert outcome is not None
    assert head(x).scale[0] < 0.8 * y.std()
    torch.testing.assert_close(head.marginal(1).scale.item(), y.std(unbiased=False).item(), rtol=1e-4, atol=0.0)


def _as_tuple(rows: list[tuple[Tensor]]) -> tuple[Tensor]:
    return (torch.stack([row for (row,) in rows]),)


LOADERS: dict[str, Callable[[Tensor], object]] = {
    "lists": lambda x: DataLoader(TensorDataset(x), batch_size=10),
    "tuples": lambda x: DataLoader(TensorDataset(x), batch_size=10, collate_fn=_as_tuple),
    "mappings": lambda x: DataLoader([{"x": row} for row in x], batch_size=10),  # type: ignore[arg-type]
    "bare inputs": lambda x: DataLoader(x, batch_size=10),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", LOADERS)
def test_prediction_takes_every_form_of_batch(name: str) -> None:
    x = counts()[0][:10]
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    with without_hints():
        predicted = trainer.predict(module(), LOADERS[name](x))
    assert predicted is not None
    torch.testing.assert_close(predicted[0].rate, module().eval()(x).rate)


def test_an_empty_validation_set_is_as_none() -> None:
    x, y = counts()
    outcome = fit(module(), (x, y), (x[:0], y[:0]), max_epochs=1)
    assert outcome is not None
    assert outcome.metrics["validation"] == {"n": 0, "nll": None}


def test_a_head_knows_that_it_is_fitted_even_at_anchor_0(tmp_path: Path) -> None:
    x, _ = counts()
    head = DistributionHead("poisson", in_features=8)
    assert not head.is_fitted
    head.fit_marginal(torch.ones(10))
    assert head.parameter["rate"].anchor.abs() < 1e-6 and head.is_fitted
    fit(module(), (x, torch.ones(len(x))), max_epochs=1, directory=tmp_path)
    again = load(tmp_path / "checkpoints" / "best.ckpt", architecture=module().architecture)
    assert again.head.is_fitted


def test_a_frame_may_be_named_by_anything() -> None:
    x, y = counts()
    frame = pd.DataFrame({"a": x[:, 0], "y": y}, index=[f"row {number}" for number in range(COUNT)])
    data = split_table(frame, "poisson", "y")
    assert sorted(row for part in data.parts.values() for row in part.rows) == list(range(COUNT))


def test_masked_targets_have_no_pit_and_add_nothing_to_log_prob() -> None:
    x, _ = counts()
    head = DistributionHead("normal", in_features=2, output_shape=(2,))
    y = torch.randn(COUNT, 2, generator=torch.Generator().manual_seed(3))
    mask = torch.rand(COUNT, 2, generator=torch.Generator().manual_seed(4)) > 0.3
    built = LikelihoodModule(nn.Identity(), head)
    head.fit_marginal(y)
    frame = predict_frame(built, Examples(x, torch.where(mask, y, torch.nan), mask=mask), TargetColumns(["a", "b"]))
    each = stats.norm(frame[["a.loc", "b.loc"]], frame[["a.scale", "b.scale"]])
    log_prob = np.where(mask.any(1), np.where(mask, each.logpdf(y), 0.0).sum(1), np.nan)  # no target, no log_prob
    np.testing.assert_allclose(frame["log_prob"], log_prob, rtol=1e-6)
    np.testing.assert_allclose(frame[["a.pit", "b.pit"]], np.where(mask, each.cdf(y), np.nan), atol=1e-6)


def test_the_marginal_fit_sees_evenly_spaced_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_module, "MAX_TARGETS", 100)
    y, *_ = data_module.targets(Examples(torch.zeros(1000, 1), torch.arange(1000.0)))
    assert y.tolist() == list(range(0, 1000, 10))
    y, *_ = data_module.targets(Examples(torch.zeros(90, 1), torch.arange(90.0)))
    assert y.tolist() == list(range(90))
