"""Sites between row and event: weights, masks, sums and counts, for tokens (N, T), pixels (N, H, W) and outputs."""

from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodModule, TargetError
from likelihead.data import Batch
from likelihead.heads.sites import by_row, counts, log_prob, row_weights

DOUBLE = torch.float64
#: Shapes of a batch: rows, then sites. In some there are as many sites as rows.
SHAPES = [(5,), (5, 3), (4, 4), (3, 2, 4), (3, 3, 3)]


def normal(shape: tuple[int, ...]) -> tuple[dist.Normal, Tensor, Tensor]:
    """A distribution, targets, and the log-density of each by scipy."""
    generator = torch.Generator().manual_seed(0)
    loc, y = (torch.randn(shape, dtype=DOUBLE, generator=generator) for _ in range(2))
    each = torch.from_numpy(stats.norm(loc.numpy(), 0.7).logpdf(y.numpy()))
    return dist.Normal(loc, torch.full(shape, 0.7, dtype=DOUBLE)), y, each


def weights(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(1)) + 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_sites_are_summed_and_a_row_weight_belongs_to_its_row(shape: tuple[int, ...]) -> None:
    predicted, y, each = normal(shape)
    rows = each.reshape(shape[0], -1)
    torch.testing.assert_close(log_prob(predicted, y), rows.sum(1))
    torch.testing.assert_close(log_prob(by_row(predicted), y), rows.sum(1))
    by_row_weight = weights(shape[:1])
    torch.testing.assert_close(log_prob(predicted, y, by_row_weight), by_row_weight * rows.sum(1))
    by_site_weight = weights(shape)
    expected = (by_site_weight * each).reshape(shape[0], -1).sum(1)
    torch.testing.assert_close(log_prob(by_row(predicted), y, by_site_weight), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_masked_sites_count_nothing_and_may_hold_anything(shape: tuple[int, ...]) -> None:
    predicted, y, each = normal(shape)
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(2)) > 0.4
    spoiled = torch.where(mask, y, torch.nan)
    expected = torch.where(mask, each, 0.0).reshape(shape[0], -1).sum(1)
    torch.testing.assert_close(log_prob(predicted, spoiled, mask=mask), expected)
    weight = weights(shape[:1])
    torch.testing.assert_close(log_prob(by_row(predicted), spoiled, weight, mask), weight * expected)
    rows, sites = counts(torch.Size(shape), None, mask)
    assert sites == mask.sum()
    assert rows == mask.reshape(shape[0], -1).any(1).sum()


@pytest.mark.parametrize("shape", SHAPES)
def test_where_all_is_masked_nothing_counts(shape: tuple[int, ...]) -> None:
    predicted, y, _ = normal(shape)
    none = torch.zeros(shape, dtype=torch.bool)
    assert log_prob(predicted, y * torch.nan, mask=none).tolist() == [0.0] * shape[0]
    assert [float(number) for number in counts(torch.Size(shape), weights(shape), none)] == [0.0, 0.0]


def test_a_row_counts_with_the_mean_weight_of_its_sites() -> None:
    weight = torch.tensor([[1.0, 3.0], [2.0, 8.0], [5.0, 5.0]])
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    assert row_weights(torch.Size([3, 2]), weight, None).tolist() == [2.0, 5.0, 5.0]
    assert row_weights(torch.Size([3, 2]), weight, mask).tolist() == [2.0, 2.0, 0.0]
    assert row_weights(torch.Size([3, 2]), torch.tensor([1.0, 2.0, 4.0]), mask).tolist() == [1.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("what", "arguments"),
    [
        ("weight", {"weight": torch.ones(3)}),
        ("weight", {"weight": torch.ones(4, 1)}),
        ("mask", {"mask": torch.ones(3, 4, dtype=torch.bool)}),
        ("y", {"y": torch.ones(4, 1, dtype=DOUBLE)}),
    ],
)
def test_nothing_is_broadcast(what: str, arguments: dict[str, Tensor]) -> None:
    predicted, y, _ = normal((4, 3))
    with pytest.raises(TargetError, match=rf"^{what} has shape"):
        log_prob(predicted, arguments.pop("y", y), **arguments)


def test_vectors_are_one_site_each() -> None:
    predicted = dist.MultivariateNormal(torch.zeros(4, 3, 2, dtype=DOUBLE), torch.eye(2, dtype=DOUBLE))
    y = torch.randn(4, 3, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(3))
    mask = torch.tensor([[True, False, True]] * 4)
    each = torch.from_numpy(stats.multivariate_normal([0.0, 0.0]).logpdf(y.numpy()))
    spoiled = torch.where(mask[..., None], y, torch.nan)
    torch.testing.assert_close(log_prob(by_row(predicted), spoiled, mask=mask), (each * mask).sum(1))


class Tokens(nn.Module):
    """Token ids (N, T) to features (N, T, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.out_features = 8

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x)


def tokens(count: int, length: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randint(0, 11, (count, length), generator=generator)
    return x, torch.randint(0, 4, (count, length), generator=generator)


@pytest.mark.parametrize(("count", "length"), [(6, 5), (5, 5)])
def test_the_loss_of_tokens_is_the_sum_over_those_that_are_shown(count: int, length: int) -> None:
    x, y = tokens(count, length)
    torch.manual_seed(0)
    module = LikelihoodModule(Tokens(), DistributionHead("categorical", in_features=8, event_size=4))
    assert module(x).batch_shape == (count,)
    assert module(x).event_shape == (length,)
    logits = module.head.linear(module.architecture(x))
    each = -nn.functional.cross_entropy(logits.movedim(-1, 1), y, reduction="none")
    torch.testing.assert_close(module.training_step((x, y), 0), -each.sum())
    weight, mask = torch.rand(count), torch.rand(count, length) > 0.5
    loss = module.training_step(Batch(x, y, weight, None, mask), 0)
    torch.testing.assert_close(loss, -(weight[:, None] * mask * each).sum())


def test_a_batch_that_is_masked_throughout_gives_zero_gradients() -> None:
    x, y = tokens(3, 4)
    module = LikelihoodModule(Tokens(), DistributionHead("categorical", in_features=8, event_size=4))
    loss = module.training_step(Batch(x, y, mask=torch.zeros(3, 4, dtype=torch.bool)), 0)
    loss.backward()
    assert loss.item() == 0.0
    for parameter in module.parameters():
        assert parameter.grad is not None and not parameter.grad.any()


@pytest.mark.parametrize("shape", [(6, 5), (5, 5), (4, 3, 2)])
def test_a_head_that_predicts_nothing_keeps_the_sites(shape: tuple[int, ...]) -> None:
    learned = {"family": "pyro.distributions.Normal", "parameters": {"loc": "learned", "scale": "learned"}}
    head = DistributionHead(learned, in_features=2)
    assert head(torch.zeros(*shape, 2)).batch_shape == shape
    module = LikelihoodModule(nn.Identity(), head)
    y = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    fit = head.fit_marginal(y)
    loss = module.training_step((torch.zeros(*shape, 2), y), 0)
    assert loss.item() / y.numel() == pytest.approx(fit.nll, rel=1e-5)
    assert fit.nll == pytest.approx(-stats.norm(y.mean(), y.std(unbiased=False)).logpdf(y).mean(), rel=1e-5)


@pytest.mark.parametrize("name", ["normal", "categorical"])
def test_the_marginal_fit_pools_the_sites_of_pixels(name: str) -> None:
    size = 3 if name == "categorical" else None
    generator = torch.Generator().manual_seed(6)
    y = torch.randint(0, 3, (10, 4, 5), generator=generator)
    pixels = y if size else y + torch.randn(y.shape, generator=generator)
    one, many = (DistributionHead(name, in_features=2, event_size=size) for _ in range(2))
    pooled, flat = one.fit_marginal(pixels), many.fit_marginal(pixels.flatten())
    assert pooled.nll == pytest.approx(flat.nll, rel=1e-12)
    mask = torch.rand(y.shape, generator=generator) > 0.3
    shown, picked = one.fit_marginal(pixels, mask=mask), many.fit_marginal(pixels[mask])
    assert shown.nll == pytest.approx(picked.nll, rel=1e-9)


def test_outputs_with_missing_labels_are_fitted_each_to_its_own() -> None:
    generator = torch.Generator().manual_seed(7)
    y = torch.randn(300, 3, generator=generator) * torch.tensor([1.0, 5.0, 0.2]) + torch.tensor([0.0, 10.0, -3.0])
    mask = torch.rand(300, 3, generator=generator) > torch.tensor([0.0, 0.3, 0.8])
    head = DistributionHead("normal", in_features=2, output_shape=(3,))
    head.fit_marginal(torch.where(mask, y, torch.nan), mask=mask)
    for output in range(3):
        shown = y[mask[:, output], output]
        assert head.marginal().base_dist.loc[0, output].item() == pytest.approx(shown.mean().item(), rel=1e-4)
        assert head.marginal().base_dist.scale[0, output].item() == pytest.approx(
            shown.std(unbiased=False).item(), rel=1e-4
        )


def test_the_exposure_of_a_row_reaches_all_its_sites() -> None:
    head = DistributionHead("poisson", in_features=2)
    exposure = torch.tensor([1.0, 2.0, 5.0])
    features = torch.randn(3, 3, 2, generator=torch.Generator().manual_seed(8))
    torch.testing.assert_close(head(features, exposure).rate, exposure[:, None] * head(features).rate)
