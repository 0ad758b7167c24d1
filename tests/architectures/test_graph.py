"""Graph networks: what they may not depend on, what they can tell apart, and the layers by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import torch
from torch import Tensor

from likelihead import LikelihoodError, LikelihoodModule, fit, load
from likelihead.architectures import build, build_for

N, A, F = 8, 6, 3
SIZES = [6, 5, 4, 3, 2, 6, 5, 1]
CASES: dict[str, dict[str, Any]] = {
    "gin": {},
    "gcn": {"layer": "gcn"},
    "mean": {"pool": "mean"},
    "gcn mean": {"layer": "gcn", "pool": "mean"},
}


def graphs(seed: int = 0, weighted: bool = False) -> Tensor:
    """Random graphs x (N, A, F + A) of several sizes, with bond orders if `weighted`."""
    generator = torch.Generator().manual_seed(seed)
    nodes = torch.randn(N, A, F, generator=generator, dtype=torch.float64)
    edges = torch.randint(0, 4 if weighted else 2, (N, A, A), generator=generator).triu(1).double()
    present = torch.arange(A) < torch.tensor(SIZES)[:, None]
    edges = (edges + edges.mT) * present[:, :, None] * present[:, None, :]
    return torch.cat([nodes, edges], -1).masked_fill(~present[..., None], torch.nan)


def network_of(x: Tensor, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return build_for("graph", x, **{"width": 16, **options}).double().eval()


def permuted(x: Tensor, order: Tensor) -> Tensor:
    """Graphs with their nodes in another order."""
    nodes = x[:, order]
    return torch.cat([nodes[..., :F], nodes[..., F:][..., order]], -1)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_permuted_nodes_are_the_same_graph(case: str, weighted: bool) -> None:
    x = graphs(weighted=weighted)
    network = network_of(x, **CASES[case])
    for seed in range(3):
        order = torch.randperm(A, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(network(permuted(x, order)), network(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layer", ["gin", "gcn"])
def test_features_of_nodes_are_permuted_with_them(layer: str) -> None:
    x = graphs()
    network = network_of(x, layer=layer, pool=None)
    order = torch.randperm(A, generator=torch.Generator().manual_seed(4))
    assert network(x).shape == (N, A, 48)
    torch.testing.assert_close(network(permuted(x, order)), network(x)[:, order], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_absent_nodes_change_nothing(case: str) -> None:
    """A graph of four nodes is the same alone, and where it is filled up; whatever the columns of absent nodes hold."""
    x = graphs()
    network = network_of(x, **CASES[case])
    alone = torch.cat([x[2:3, :4, :F], x[2:3, :4, F : F + 4]], -1)
    torch.testing.assert_close(network(alone), network(x[2:3]), rtol=1e-10, atol=1e-10)
    soiled = x.clone()
    soiled[2, :4, F + 4 :] = 7.0
    torch.testing.assert_close(network(soiled), network(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", [*CASES, "nodes"])
def test_shape_gradient_and_description(case: str) -> None:
    x = graphs()
    network = network_of(x, **CASES.get(case, {"pool": None}))
    features = network.train()(x)
    assert features.shape[-1] == network.out_features == 48 and features.isfinite().all()
    features.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())
    again = build(network.spec["name"], network.spec["in_features"], **network.spec["options"]).double()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(x), network.eval()(x))


@pytest.mark.parametrize("value", [1e-30, 1e8])
def test_extreme_inputs_have_finite_gradients(value: float) -> None:
    x = graphs().float()
    x[..., :F] *= value
    network = network_of(x).float().train()
    network(x).abs().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


def test_a_row_without_any_node_has_zeros() -> None:
    x = graphs()
    assert not network_of(x, pool="mean")(torch.full_like(x, torch.nan)).any()


def test_a_graph_convolution_by_hand() -> None:
    """The normalised adjacency by networkx: I minus the normalised Laplacian of the graph with loops."""
    x = graphs()[:1]
    network = network_of(x, layer="gcn", depth=2, pool="mean")
    graph = networkx.from_numpy_array(x[0, :, F:].numpy() + np.eye(A))
    degrees = np.array([sum(data["weight"] for data in graph[node].values()) for node in range(A)])
    mixing = torch.from_numpy(networkx.to_numpy_array(graph) / np.sqrt(np.outer(degrees, degrees)))
    h, means = x[0, :, :F], []
    for layer in network.layers:
        linear = layer.layers[0]
        h = torch.nn.functional.silu(mixing @ h @ linear.weight.T + linear.bias)
        means.append(h.mean(0))
    torch.testing.assert_close(network(x)[0], torch.cat(means))


def test_a_graph_isomorphism_layer_by_hand() -> None:
    x = graphs(weighted=True)[:1]
    network = network_of(x, depth=1)
    layer = network.layers[0]
    with torch.no_grad():
        layer.epsilon.fill_(0.3)
    total = torch.zeros(16, dtype=torch.float64)
    for node in range(A):
        seen = 1.3 * x[0, node, :F]
        for other in range(A):
            seen = seen + x[0, node, F + other] * x[0, other, :F]
        total = total + layer.layers(seen)
    torch.testing.assert_close(network(x)[0], total)


def test_it_tells_apart_what_sums_tell_apart() -> None:
    """A path and a star of equal nodes; two triangles and a hexagon look alike, as to the Weisfeiler-Lehman test."""

    def of(graph: networkx.Graph) -> Tensor:
        adjacency = torch.from_numpy(networkx.to_numpy_array(graph))
        return torch.cat([torch.ones(len(graph), 1).double(), adjacency], -1)[None]

    path, star = of(networkx.path_graph(4)), of(networkx.star_graph(3))
    network = network_of(path)
    assert (network(path) - network(star)).abs().max() > 1e-3
    triangles, hexagon = of(networkx.disjoint_union(*[networkx.cycle_graph(3)] * 2)), of(networkx.cycle_graph(6))
    network = network_of(hexagon)
    torch.testing.assert_close(network(triangles), network(hexagon))


def test_a_checkpoint_gives_back_the_predictions(tmp_path: Path) -> None:
    x = graphs().float().repeat(4, 1, 1)
    y = torch.randn(len(x), 2, generator=torch.Generator().manual_seed(0))
    module = LikelihoodModule.for_data((x, y), "multivariate_normal", "graph", width=8)
    fit(module, (x, y), directory=tmp_path, max_epochs=1)
    with torch.no_grad():
        assert torch.equal(load(tmp_path)(x).mean, module.eval()(x).mean)


REFUSALS: dict[str, tuple[Tensor, dict[str, Any], str]] = {
    "no graphs": (torch.zeros(5, 6, 6), {}, "save an array adjacency"),
    "a table": (torch.zeros(5, 6), {}, "save an array adjacency"),
    "layer": (graphs(), {"layer": "gat"}, "the choices are gcn, gin"),
    "pool": (graphs(), {"pool": "max"}, "the choices are sum, mean, null"),
    "depth": (graphs(), {"depth": 0}, "must be a whole number above 0"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_graph_network_refuses_what_it_cannot_take(case: str) -> None:
    x, options, message = REFUSALS[case]
    with pytest.raises(LikelihoodError, match=message):
        build_for("graph", x, **options)
