"""Piecewise-linear embeddings: the published formula, their edges, and the network that carries them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.architectures import MLP, PiecewiseLinear, build, build_for
from likelihead.architectures.piecewise_linear import UNREACHED


def inputs(count: int = 400) -> Tensor:
    """A continuous column, one of two values, a constant one, and one of few whole numbers."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 4, generator=generator)
    x[:, 1] = (x[:, 1] > 0).float()
    x[:, 2] = 3.0
    x[:, 3] = x[:, 3].round()
    return x


def dense(embedding: PiecewiseLinear, x: Tensor) -> Tensor:
    """Gorishniy, Rubachev & Babenko (2022): u_b = (x − e_b) / (e_{b+1} − e_b), cut to [0, 1] in inner bins."""
    columns = []
    for column in range(x.shape[1]):
        edges = embedding.edges[column][embedding.edges[column] < UNREACHED]
        bins = len(edges) - 1
        u = (x[:, [column]] - edges[:-1]) / (edges[1:] - edges[:-1])
        low, high = torch.zeros(bins), torch.ones(bins)
        low[0], high[-1] = -torch.inf, torch.inf
        u = torch.minimum(torch.maximum(u, low), high)
        lines = (x[:, [column]] * embedding.weight[column] + embedding.bias[column]).relu()
        columns.append(lines + u @ embedding.slopes[column, :bins])
    return torch.cat(columns, 1)


@pytest.mark.parametrize("bins", [1, 4, 32])
def test_the_features_are_those_of_the_formula(bins: int) -> None:
    embedding = PiecewiseLinear(4, bins, 8)
    embedding.fit(inputs())
    with torch.no_grad():
        embedding.slopes.normal_(generator=torch.Generator().manual_seed(1))
    for x in (inputs(), 5.0 * inputs(50) + 1.0):
        torch.testing.assert_close(embedding(x), dense(embedding, x), rtol=1e-4, atol=1e-4)


def test_the_features_and_their_slopes_are_those_of_the_formula_in_the_gradient_too() -> None:
    embedding, x = PiecewiseLinear(4, 8, 3), inputs(60)
    embedding.fit(x)
    weight = torch.randn(60, 12, generator=torch.Generator().manual_seed(2))
    ours = torch.autograd.grad((weight * embedding(x)).sum(), list(embedding.parameters()))
    theirs = torch.autograd.grad((weight * dense(embedding, x)).sum(), list(embedding.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_the_edges_are_quantiles_without_repetition() -> None:
    embedding, x = PiecewiseLinear(4, 4, 2), inputs()
    embedding.fit(x)
    np.testing.assert_allclose(embedding.edges[0], np.quantile(x[:, 0], [0, 0.25, 0.5, 0.75, 1]), rtol=1e-5)
    distinct = [len(np.unique(np.quantile(column, [0, 0.25, 0.5, 0.75, 1]))) for column in x.T]
    assert [int((edges < UNREACHED).sum()) for edges in embedding.edges] == [5, 2, 2, distinct[3]]
    assert embedding.edges[1, :2].tolist() == [0.0, 1.0]


def test_few_rows_make_few_pieces() -> None:
    embedding = PiecewiseLinear(4, 32, 2)
    embedding.fit(inputs(30))
    assert int((embedding.edges[0] < UNREACHED).sum()) == 30 // 8 + 1


def test_an_untrained_embedding_is_a_relu() -> None:
    embedding, x = PiecewiseLinear(4, 32, 5), inputs()
    embedding.fit(x)
    expected = (x[..., None] * embedding.weight + embedding.bias).relu().flatten(1)
    torch.testing.assert_close(embedding(x), expected)


def test_columns_of_two_values_are_not_embedded() -> None:
    network = build_for("mlp", inputs(), width=16)
    assert isinstance(network, MLP) and network.embedded == [0, 3] and network.plain == [1, 2]
    assert network(inputs()).shape == (400, 16)
    assert build("mlp", 4, width=16).embedded == []
    assert build_for("mlp", inputs(), bins=0).embedding is None


def test_a_checkpoint_keeps_the_edges(tmp_path: Path) -> None:
    x = inputs()
    y = torch.poisson((0.5 * x[:, 0]).exp())
    module = LikelihoodModule.for_data((x, y), "poisson", width=16)
    outcome = fit(module, (x, y), max_epochs=2, directory=tmp_path)
    assert outcome is not None
    again = load(tmp_path / "checkpoints" / "best.ckpt")
    assert again.architecture.embedded == [0, 3]
    assert torch.equal(again.architecture.embedding.edges, module.architecture.embedding.edges)
    assert torch.equal(again(x).rate, outcome.module(x).rate)


def test_a_step_is_learned_that_lines_cannot_draw() -> None:
    """What embeddings are for: y jumps at a threshold of x, which a short run of a plain network rounds off."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(600, 2, generator=generator)
    y = (x[:, 0] * 8).floor() % 2 + 0.1 * torch.randn(600, generator=generator)
    nll = []
    for bins in (32, 0):
        torch.manual_seed(0)
        module = LikelihoodModule.for_data((x, y), "normal", width=32, dropout=0.0, bins=bins)
        outcome = fit(module, (x, y), max_epochs=30)
        assert outcome is not None
        nll.append(outcome.metrics["train"]["nll"])
    assert nll[0] < nll[1] - 0.3


@pytest.mark.parametrize("options", [{"width": 0}, {"width": 2.5}, {"embedding_size": 0}])
def test_numbers_that_are_too_small_get_a_sentence(options: dict[str, int]) -> None:
    with pytest.raises(LikelihoodError, match="must be a whole number above 0"):
        build("mlp", 3, **options)
    with pytest.raises(LikelihoodError, match=r"architecture\.in_features is 0"):
        build("mlp", 0)


def test_it_is_a_plain_module() -> None:
    network = nn.Sequential(PiecewiseLinear(4, 8, 2), nn.Linear(8, 1))
    network(inputs()).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
