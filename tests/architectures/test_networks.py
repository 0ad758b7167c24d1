"""Networks of images and sequences: shapes, gradients, and what each may and may not depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import Tensor, nn

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.architectures import build, build_for

IMAGES = torch.randn(6, 2, 10, 7, generator=torch.Generator().manual_seed(0))
TOKENS = torch.tensor([[2, 5, 3, 7, 0, 0], [4, 2, 6, 0, 0, 0], [3, 3, 3, 3, 3, 8], [9, 0, 0, 0, 0, 0]])
VECTORS = torch.randn(5, 6, 3, generator=torch.Generator().manual_seed(1))

#: A network, the inputs it takes, its options, and the shape of its features.
CASES: dict[str, tuple[str, Tensor, dict[str, Any], tuple[int, ...]]] = {
    "convolution": ("convolution", IMAGES, {}, (6, 64)),
    "flat pixels": ("convolution", torch.randn(4, 36), {"shape": [1, 6, 6]}, (4, 64)),
    "unet": ("unet", IMAGES, {}, (6, 10, 7, 16)),
    "transformer": ("transformer", TOKENS, {}, (4, 6, 64)),
    "pooled": ("transformer", TOKENS, {"pool": "mean", "causal": False}, (4, 64)),
    "vectors": ("transformer", VECTORS, {}, (5, 6, 64)),
    "gru": ("recurrent", TOKENS, {}, (4, 64)),
    "lstm": ("recurrent", TOKENS, {"cell": "lstm", "depth": 2}, (4, 64)),
    "every position": ("recurrent", VECTORS, {"every_position": True}, (5, 6, 64)),
    "set": ("set", VECTORS, {}, (5, 6, 64)),
    "plain set": ("set", VECTORS, {"depth": 0, "attention": 0}, (5, 6, 3)),
    "set without layers": ("set", VECTORS, {"depth": 0, "attention": 2}, (5, 6, 64)),
}


def network_of(case: str, **more: Any) -> tuple[nn.Module, Tensor]:
    name, x, options, _ = CASES[case]
    torch.manual_seed(0)
    return build_for(name, x, **{**options, **more}), x


@pytest.mark.parametrize("case", CASES)
def test_features_have_the_shape_that_the_head_is_told(case: str) -> None:
    network, x = network_of(case)
    features = network(x)
    assert features.shape == CASES[case][3]
    assert features.shape[-1] == network.out_features
    assert features.isfinite().all()


@pytest.mark.parametrize("case", CASES)
def test_every_weight_gets_a_gradient(case: str) -> None:
    network, x = network_of(case)
    if not list(network.parameters()):
        return
    network.train()(x).square().sum().backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not without


@pytest.mark.parametrize("case", CASES)
def test_a_row_does_not_depend_on_the_others(case: str) -> None:
    network, x = network_of(case)
    network.eval()
    torch.testing.assert_close(network(x[1:2])[0], network(x)[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_a_network_is_rebuilt_from_its_description(case: str) -> None:
    network, x = network_of(case)
    spec: Any = network.spec
    again = build(spec["name"], spec["in_features"], **spec["options"])
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(x), network.eval()(x))


@pytest.mark.parametrize("case", ["convolution", "unet", "transformer", "gru"])
def test_a_checkpoint_gives_back_the_predictions(case: str, tmp_path: Any) -> None:
    name, x, options, shape = CASES[case]
    x, y = x.repeat(5, *[1] * (x.dim() - 1)), torch.poisson(torch.ones(5 * len(x), *shape[1:-1]))
    torch.manual_seed(0)
    module = LikelihoodModule.for_data((x, y), "poisson", name, **options)
    fit(module, (x, y), directory=tmp_path, max_epochs=1)
    expected = by_rate(module.eval(), x)
    assert torch.equal(by_rate(load(tmp_path), x), expected)
    assert expected.shape == y.shape


@torch.no_grad()
def by_rate(module: LikelihoodModule, x: Tensor) -> Tensor:
    rate: Tensor = module(x).mean
    return rate


def test_a_convolution_by_scipy() -> None:
    x = torch.randn(2, 1, 6, 4, generator=torch.Generator().manual_seed(2))
    network = build_for("convolution", x, channels=[3], width=5, activation="ReLU").eval()
    convolution, layer = network.layers[0], network.layers[5]  # type: ignore[index]
    expected = np.empty((2, 3, 3, 2))
    for row, channel in np.ndindex(2, 3):
        kernel = convolution.weight[channel, 0].detach().numpy()
        image = correlate2d(x[row, 0].numpy(), kernel, mode="same") + convolution.bias[channel].item()
        expected[row, channel] = np.maximum(image, 0).reshape(3, 2, 2, 2).max((1, 3))
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    features = np.maximum(expected.reshape(2, -1) @ weight.T + bias, 0)
    np.testing.assert_allclose(network(x).detach().numpy(), features, atol=1e-5)


def test_a_unet_moves_with_the_image() -> None:
    """A shift by the size of the coarsest pixel shifts the features, away from the border."""
    image = torch.zeros(1, 1, 72, 72)
    image[..., 30:42, 31:43] = torch.randn(12, 12, generator=torch.Generator().manual_seed(3))
    network = build_for("unet", image, channels=[4, 6, 8])
    moved = image.roll((4, 4), dims=(2, 3))
    inner = slice(32, 40)
    first, second = network(image)[:, inner, inner], network(moved).roll((-4, -4), dims=(1, 2))[:, inner, inner]
    torch.testing.assert_close(first, second, atol=1e-6, rtol=1e-5)
    assert first.std() > 0.01


def test_a_unet_sees_far_but_not_everything() -> None:
    image = torch.zeros(1, 1, 32, 32, requires_grad=True)
    network = build_for("unet", image, channels=[4, 8])
    network(image)[0, 16, 16].sum().backward()
    assert image.grad is not None
    rows = image.grad[0, 0].abs().sum(1)
    assert rows[16] > 0 and rows[10:23].gt(0).sum() > 5 and not rows[:4].any() and not rows[29:].any()


@pytest.mark.parametrize("case", ["transformer", "vectors", "every position"])
def test_a_position_does_not_see_later_ones(case: str) -> None:
    network, x = network_of(case)
    network.eval()
    before = network(x)
    for place in range(1, x.shape[1]):
        changed = x.clone()
        changed[:, place:] = changed[:, place:].flip(0) + (1 if case != "transformer" else 0)
        after = network(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(after[:, -1], before[:, -1])


def test_without_causality_a_position_sees_later_ones() -> None:
    network, x = network_of("transformer", causal=False)
    changed = x.clone()
    changed[2, -1] = 4
    assert not torch.allclose(network.eval()(changed)[2, 0], network(x)[2, 0], atol=1e-4)


@pytest.mark.parametrize("case", ["pooled", "gru", "lstm"])
def test_what_fills_up_a_sequence_does_not_count(case: str) -> None:
    network, x = network_of(case)
    network.eval()
    torch.testing.assert_close(network(x[:2, :4]), network(x[:2]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("name", "options"), [("transformer", {"pool": "mean", "causal": False}), ("recurrent", {})])
def test_vectors_of_nan_do_not_count(name: str, options: dict[str, Any]) -> None:
    network = build_for(name, VECTORS, **options).eval()
    filled = VECTORS.clone()
    filled[:, 4:] = torch.nan
    torch.testing.assert_close(network(filled), network(VECTORS[:, :4]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("case", ["pooled", "gru"])
def test_unknown_codes_are_one_token(case: str) -> None:
    network, x = network_of(case)
    network.eval()
    rows = torch.tensor([[2, 1, 3, 0, 0, 0], [2, 999, 3, 0, 0, 0]])
    features = network(rows)
    assert torch.equal(features[0], features[1]) and not torch.allclose(features[0], network(x[:1])[0])


def test_a_transformer_by_hand() -> None:
    """Attention with the softmax of scaled products, pre-norm residuals, as in Xiong et al. (2020)."""
    network, x = network_of("transformer", width=8, heads=2, depth=1)
    layer = network.double().eval().layers.layers[0]  # type: ignore[union-attr, index]
    h = network.embedding.layer(x) + network.position  # type: ignore[operator, union-attr]
    z = layer.norm1(h)
    q, k, v = (z @ layer.self_attn.in_proj_weight.T + layer.self_attn.in_proj_bias).chunk(3, dim=-1)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        scores = q[..., part] @ k[..., part].transpose(1, 2) / 2.0
        hidden = torch.triu(torch.full((6, 6), -torch.inf, dtype=torch.float64), diagonal=1)
        heads.append(torch.softmax(scores + hidden, -1) @ v[..., part])
    h = h + layer.self_attn.out_proj(torch.cat(heads, -1))
    h = h + layer.linear2(nn.functional.gelu(layer.linear1(layer.norm2(h))))
    torch.testing.assert_close(network(x), network.layers.norm(h))  # type: ignore[union-attr]


def test_a_gru_by_hand() -> None:
    """The equations of Cho et al. (2014), as torch documents them."""
    network, x = network_of("gru", width=4)
    network.double().eval()
    layer: Any = network.layers
    states = torch.zeros(len(x), 4, dtype=torch.float64)
    for place in range(x.shape[1]):
        inputs = network.embedding.layer(x[:, place])  # type: ignore[union-attr, operator]
        r_in, z_in, n_in = (inputs @ layer.weight_ih_l0.T + layer.bias_ih_l0).chunk(3, 1)
        r_state, z_state, n_state = (states @ layer.weight_hh_l0.T + layer.bias_hh_l0).chunk(3, 1)
        reset, update = torch.sigmoid(r_in + r_state), torch.sigmoid(z_in + z_state)
        new = (1 - update) * torch.tanh(n_in + reset * n_state) + update * states
        states = torch.where((x[:, place] != 0)[:, None], new, states)
    torch.testing.assert_close(network(x), states)


REFUSALS: dict[str, tuple[str, Tensor, dict[str, Any], str]] = {
    "table": ("convolution", torch.zeros(5, 64), {}, "give architecture.shape="),
    "pixels": ("unet", torch.zeros(5, 64), {"shape": [1, 8, 9]}, "which makes 72 numbers, but a row of x holds 64"),
    "two sides": ("unet", torch.zeros(5, 64), {"shape": [8, 8]}, r"must be \[channels,height,width\]"),
    "channels": ("convolution", IMAGES, {"channels": []}, "must be a list such as"),
    "no channel": ("convolution", IMAGES, {"channels": [0]}, "must be a whole number above 0"),
    "activation": ("unet", IMAGES, {"activation": "Linus"}, "torch.nn has no activation"),
    "heads": ("transformer", TOKENS, {"heads": 5}, "must be a multiple of architecture.heads=5"),
    "pool": ("transformer", TOKENS, {"pool": "max"}, "the choices are null, mean"),
    "cell": ("recurrent", TOKENS, {"cell": "elman"}, "the choices are gru, lstm"),
    "numbers": ("recurrent", torch.zeros(5, 3), {}, "takes tokens or vectors"),
    "both": ("recurrent", VECTORS, {"vocabulary": 9}, "give architecture.vocabulary"),
    "images": ("mlp", IMAGES, {}, "take architecture=convolution or unet"),
    "no set": ("set", torch.zeros(5, 3), {}, "data.items="),
    "heads of a set": ("set", VECTORS, {"heads": 5}, "must be a multiple of architecture.heads=5"),
    "attention": ("set", VECTORS, {"attention": -1}, "attention is -1"),
    "tokens": ("linear", TOKENS, {}, "x holds tokens"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_network_refuses_what_it_cannot_take(case: str) -> None:
    name, x, options, message = REFUSALS[case]
    with pytest.raises(LikelihoodError, match=message):
        build_for(name, x, **options)


def test_a_sequence_longer_than_those_of_training_is_refused() -> None:
    network, _ = network_of("transformer")
    with pytest.raises(LikelihoodError, match="7 positions is longer than the 6"):
        network(torch.ones(1, 7))


def test_images_of_another_size_are_refused() -> None:
    network, _ = network_of("convolution")
    with pytest.raises(LikelihoodError, match="but the network was made for images"):
        network(torch.zeros(1, 2, 9, 7))


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_residual_layers_add_to_their_input(normalization: str | None) -> None:
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(4))
    options: dict[str, Any] = {"width": 5, "depth": 2, "bins": 0, "dropout": 0.0, "activation": "Tanh"}
    network = build_for("mlp", x, residual=True, normalization=normalization, **options)
    weights = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]

    def normalised(z: Tensor) -> Tensor:
        if normalization is None:
            return z
        axis = 0 if normalization == "batch" else 1
        return (z - z.mean(axis, keepdim=True)) / (z.var(axis, correction=0, keepdim=True) + 1e-5).sqrt()

    first = torch.tanh(normalised(weights[0](x)))
    torch.testing.assert_close(network.train()(x), first + torch.tanh(normalised(weights[1](first))))


def test_without_options_the_weights_keep_their_names() -> None:
    """Checkpoints of earlier versions have them."""
    network = build("mlp", 3, bins=0)
    assert set(network.state_dict()) == {"layers.0.weight", "layers.0.bias", "layers.3.weight", "layers.3.bias"}


def test_an_unknown_normalization_is_refused() -> None:
    with pytest.raises(LikelihoodError, match="the choices are null, batch, layer"):
        build("mlp", 3, normalization="group")


def test_batch_normalisation_takes_a_single_row() -> None:
    network = build("mlp", 3, bins=0, normalization="batch", dropout=0.0).train()
    row = torch.randn(1, 3, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(network(row), network.eval()(row))
