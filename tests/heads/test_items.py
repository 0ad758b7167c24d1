"""Rankings of and choices among items with features: by brute force, by statsmodels, and by the symmetry they have."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from statsmodels.discrete.conditional_models import ConditionalLogit
from torch import Tensor, nn

from likelihead import DistributionHead, LikelihoodError, LikelihoodModule, fit, load
from likelihead.distributions import PartialPlackettLuce
from likelihead.distributions.mixture import MixtureSameFamily
from likelihead.errors import TargetError
from likelihead.inference import expected_ranks, first_probability, mode
from likelihead.training.ensemble import Ensemble

N, K, F = 40, 5, 3
FAMILIES = ["plackett_luce", "plackett_luce_partial", "plackett_luce_top", "categorical"]
LINEAR: dict[str, Any] = {"depth": 0, "attention": 0}
SIZES: dict[str, dict[str, Any]] = {
    "linear": LINEAR,
    "attention": {"width": 16, "attention": 2},
    "mlp": {"attention": 0},
}


def items(seed: int = 0, absent: bool = False) -> Tensor:
    """Items x (N, K, F); with `absent` up to two of each row are missing."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(N, K, F, generator=generator, dtype=torch.float64)
    if absent:
        gone = torch.rand(N, K, generator=generator).argsort(1) < torch.randint(0, 3, (N, 1), generator=generator)
        x[gone] = torch.nan
    return x


def orders(x: Tensor, family: str, weights: Tensor | None = None, seed: int = 0) -> Tensor:
    """Targets of a family: the present items in the order of noisy scores."""
    generator = torch.Generator().manual_seed(seed)
    noise = -torch.empty(x.shape[:2], dtype=torch.float64).exponential_(generator=generator).log()
    scores = (x.nan_to_num() @ (torch.ones(F).double() if weights is None else weights) + noise).masked_fill(
        x.isnan().all(-1), -torch.inf
    )
    order = scores.argsort(1, descending=True)
    listed = torch.arange(x.shape[1]) < (~x.isnan().all(-1)).sum(1, keepdim=True)
    if family == "plackett_luce_top":
        listed = listed & (torch.arange(x.shape[1]) < 2)
    return order[:, 0] if family == "categorical" else order.masked_fill(~listed, -1)


def module_of(family: str, x: Tensor, y: Tensor, size: str = "attention") -> LikelihoodModule:
    torch.manual_seed(0)
    module = LikelihoodModule.for_data((x, y), family, "set", **SIZES[size]).double().eval()
    with torch.no_grad():
        module.head.linear.weight.normal_()
    return module


def by_hand(logits: np.ndarray, present: np.ndarray, y: np.ndarray, family: str) -> float:
    """log p(y) as a product of choices, one after another, among the items that are left."""
    chosen = [int(y)] if family == "categorical" else [int(item) for item in y if item >= 0]
    left = [k for k in range(len(logits)) if present[k]]
    if family == "plackett_luce_partial":
        left = [k for k in left if k in chosen]
    total = 0.0
    for item in chosen:
        total += logits[item] - math.log(sum(math.exp(logits[k]) for k in left))
        left.remove(item)
    return total


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_likelihood_is_a_product_of_choices(family: str, size: str) -> None:
    x = items(absent=family != "plackett_luce")
    y = orders(x, family)
    dist = module_of(family, x, y, size)(x)
    logits, present = dist.logits.detach().numpy(), (~x.isnan().all(-1)).numpy()
    expected = [by_hand(*row, family) for row in zip(logits, present, y.numpy(), strict=True)]
    np.testing.assert_allclose(dist.log_prob(y).detach().numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_permuted_items_have_permuted_logits(family: str, size: str, scale: float) -> None:
    x = scale * items(absent=family != "plackett_luce")
    y = orders(x, family)
    module = module_of(family, x, y, size)
    before = module(x)
    for seed in range(3):
        order = torch.randperm(K, generator=torch.Generator().manual_seed(seed))
        place = torch.argsort(order)
        renamed = torch.where(y < 0, y, place[y.clamp(min=0)])
        after = module(x[:, order])
        torch.testing.assert_close(after.logits, before.logits[:, order], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(after.log_prob(renamed), before.log_prob(y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_training_starts_where_all_items_are_alike(family: str) -> None:
    x = items(absent=family != "plackett_luce")
    y = orders(x, family)
    module = LikelihoodModule.for_data((x.float(), y), family, "set")
    made = module.head.fit_marginal(y)
    places = {"categorical": [1] * N, "plackett_luce_top": [2] * N}.get(family, (y >= 0).reshape(N, -1).sum(1).tolist())
    of_all = family in ("categorical", "plackett_luce_top")
    chances = [math.lgamma(K + 1) - math.lgamma(K - n + 1) if of_all else math.lgamma(n + 1) for n in places]
    assert made.nll == pytest.approx(np.mean(chances), rel=1e-9)
    chance, present = module.eval()(x.float()).logits.softmax(-1), ~x.isnan().all(-1)
    torch.testing.assert_close(chance, present / present.sum(1, keepdim=True).float())


def test_a_choice_is_a_conditional_logit_by_statsmodels() -> None:
    generator = torch.Generator().manual_seed(3)
    x, weights = torch.randn(600, K, F, generator=generator), torch.tensor([1.0, -2.0, 0.5])
    noise = -torch.empty(600, K).exponential_(generator=generator).log()
    y = (x @ weights + noise).argmax(1)
    module = LikelihoodModule.for_data((x, y), "categorical", "set", optimizer=torch.optim.LBFGS, **LINEAR)
    fit(module, (x, y), batch_size=None, max_epochs=40)
    is_chosen = torch.nn.functional.one_hot(y, K).numpy().ravel()
    reference = ConditionalLogit(is_chosen, x.flatten(0, 1).numpy(), groups=np.repeat(np.arange(600), K)).fit(disp=0)
    found = module.head.linear.weight.detach().numpy()[0]
    np.testing.assert_allclose(found, reference.params, atol=2e-3)
    assert -module(x).log_prob(y).sum().item() == pytest.approx(-reference.llf, rel=1e-5)


def test_the_weights_of_items_are_recovered() -> None:
    """Within four standard errors, those of the observed information, where up to two items are absent."""
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(1500, K, F, generator=generator).double()
    x[torch.rand(1500, K, generator=generator).argsort(1) < torch.randint(0, 3, (1500, 1), generator=generator)] = (
        torch.nan
    )
    weights = torch.tensor([0.8, -1.2, 0.3]).double()
    y = orders(x, "plackett_luce_partial", weights)
    single = x.float()
    module = LikelihoodModule.for_data((single, y), "plackett_luce_partial", "set", torch.optim.LBFGS, **LINEAR)
    fit(module, (single, y), batch_size=None, max_epochs=40)

    def nll(vector: Tensor) -> Tensor:
        return -type(module(single))(x.nan_to_num() @ vector).log_prob(y).sum()

    information = torch.autograd.functional.hessian(nll, weights)
    errors = information.inverse().diagonal().sqrt()
    assert ((module.head.linear.weight[0].double() - weights).abs() < 4.0 * errors).all()


@pytest.mark.parametrize("size", ["attention", "mlp"])
def test_an_absent_item_changes_nothing_for_the_others(size: str) -> None:
    x = items()
    y = orders(x, "plackett_luce_partial")
    module = module_of("plackett_luce_partial", x, y, size)
    gone = x.clone()
    gone[:, 3] = torch.nan
    rest = [0, 1, 2, 4]
    with torch.no_grad():
        alone = module.architecture(x[:, rest])
        torch.testing.assert_close(module.architecture(gone)[:, rest], alone, rtol=1e-9, atol=1e-9)
        predicted = module(gone)
    assert not first_probability(predicted)[:, 3].any()
    assert (mode(predicted)[:, -1] == -1).all() and (mode(predicted) != 3).all()
    torch.testing.assert_close(expected_ranks(predicted)[:, 3], torch.full((N,), 5.0).double())


@pytest.mark.parametrize("items_in_all", [5, 7])
def test_the_mode_of_a_mixture_leaves_out_absent_items(items_in_all: int) -> None:
    logits = torch.randn(6, 3, items_in_all, generator=torch.Generator().manual_seed(7)).double()
    logits[..., 1] = -1e4
    weights = dist.Categorical(logits=torch.zeros(6, 3).double())
    mixture = MixtureSameFamily(weights, PartialPlackettLuce(logits))
    found = mode(mixture)
    assert (found[:, -1] == -1).all() and (found[:, :-1] >= 0).all() and (found != 1).all()
    present = [k for k in range(items_in_all) if k != 1]
    every = torch.tensor([[*order, -1] for order in itertools.permutations(present)])
    best = mixture.log_prob(every[:, None, :].expand(-1, 6, -1)).max(0).values
    torch.testing.assert_close(mixture.log_prob(found), best)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("value", [1e-30, 1e6, 1e15])
def test_extreme_items_have_finite_losses_and_gradients(size: str, value: float) -> None:
    x = value * items(absent=True).float()
    y = orders(x.double(), "plackett_luce_partial")
    module = module_of("plackett_luce_partial", x, y, size).float().train()
    loss = -module(x).log_prob(y).sum()
    loss.backward()
    assert loss.isfinite()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in module.parameters())


def test_a_row_without_any_item_has_finite_logits() -> None:
    x = items()
    module = module_of("plackett_luce", x, orders(x, "plackett_luce"))
    assert module(torch.full((2, K, F), torch.nan).double()).logits.isfinite().all()


def test_nan_in_a_present_item_is_no_absence() -> None:
    x = items().float()
    y = orders(x.double(), "plackett_luce")
    x[7, 2, 1] = torch.nan
    with pytest.raises(LikelihoodError, match="loss is not finite"):
        fit(LikelihoodModule.for_data((x, y), "plackett_luce", "set"), (x, y), max_epochs=1)


@pytest.mark.parametrize("members", [1, 3])
def test_a_checkpoint_gives_back_the_predictions(members: int, tmp_path: Any) -> None:
    x = items(absent=True).float()
    y = orders(x.double(), "plackett_luce_partial")

    def member() -> LikelihoodModule:
        return LikelihoodModule.for_data((x, y), "plackett_luce_partial", "set", width=8)

    module = member() if members == 1 else Ensemble.of(member, members, seed=0)
    fit(module, (x, y), directory=tmp_path, max_epochs=2)
    with torch.no_grad():
        torch.testing.assert_close(load(tmp_path)(x).log_prob(y), module.eval()(x).log_prob(y))


class OwnNetwork(nn.Linear):
    """A network of a user's, which says that it has features by item."""

    by_item = True


def test_a_network_of_ones_own_says_that_it_is_by_item() -> None:
    x = items().float()
    y = orders(x.double(), "plackett_luce")
    module = LikelihoodModule.for_data((x, y), "plackett_luce", OwnNetwork(F, 4))
    assert module.head.by_item and module(x).logits.shape == (N, K)


@pytest.mark.parametrize("family", ["normal", "multivariate_normal", "dirichlet", "bernoulli", "ordinal"])
def test_families_of_anything_but_items_are_refused(family: str) -> None:
    sized = {"event_size": K} if family not in ("normal", "bernoulli") else {}
    with pytest.raises(LikelihoodError, match="features for each item of a row"):
        DistributionHead(family, in_features=4, by_item=True, **sized)  # type: ignore[arg-type]


def test_another_number_of_items_than_targets_is_refused() -> None:
    x = items().float()
    with pytest.raises(LikelihoodError, match=r"features of shape \(N, 5, 64\), but the targets are about 3 items"):
        LikelihoodModule.for_data((x, torch.arange(N) % 3), "categorical", "set")(x)
    with pytest.raises(TargetError):
        DistributionHead("plackett_luce", 4, event_size=K, by_item=True).fit_marginal(torch.zeros(N, 3))


def test_all_orders_of_a_row_have_probabilities_that_add_up_to_one() -> None:
    x = items(absent=True)
    module = module_of("plackett_luce_partial", x, orders(x, "plackett_luce_partial"))
    row = next(row for row in x if row.isnan().any())
    present = [k for k in range(K) if not row[k].isnan().any()]
    gone = [-1] * (K - len(present))
    every = torch.tensor([[*order, *gone] for order in itertools.permutations(present)])
    total = module(row.expand(len(every), K, F)).log_prob(every).exp().sum()
    assert total.item() == pytest.approx(1.0, abs=1e-12)
