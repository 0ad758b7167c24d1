"""A head's forward pass, log_prob, sum and backward pass, against a hand-written loss and against Pyro's own classes.

64 features to the parameters of one family, float32, validation off. `by hand` is the cheapest loss of torch operations
that is safe for ordinary inputs; `Pyro` is the same layer with `transform_to` links and the class of Pyro or torch.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn import functional

from likelihead import DistributionHead

from .timing import Row, seconds

FEATURES = 64
SIZES = {256: (1.3, 60, 30), 65_536: (1.1, 9, 1)}
LOG_2PI = math.log(2.0 * math.pi)
Loss = Callable[[Tensor, Tensor], Tensor]


def _normal(raw: Tensor, y: Tensor) -> Tensor:
    loc, log_scale = raw.unbind(-1)
    z = (y - loc) * (-log_scale).exp()
    return (0.5 * z * z + log_scale + 0.5 * LOG_2PI).sum()


def _laplace(raw: Tensor, y: Tensor) -> Tensor:
    loc, log_scale = raw.unbind(-1)
    return ((y - loc).abs() * (-log_scale).exp() + log_scale + math.log(2.0)).sum()


def _student_t(raw: Tensor, y: Tensor, log_df: Tensor) -> Tensor:
    loc, log_scale = raw.unbind(-1)
    df = log_df.exp()
    z = (y - loc) * (-log_scale).exp()
    peak = torch.lgamma(0.5 * (df + 1.0)) - torch.lgamma(0.5 * df) - 0.5 * (df * math.pi).log()
    return (0.5 * (df + 1.0) * torch.log1p(z * z / df) + log_scale - peak).sum()


def _log_normal(raw: Tensor, y: Tensor) -> Tensor:
    loc, log_scale = raw.unbind(-1)
    log_y = y.log()
    z = (log_y - loc) * (-log_scale).exp()
    return (0.5 * z * z + log_scale + log_y + 0.5 * LOG_2PI).sum()


def _mixture(raw: Tensor, y: Tensor) -> Tensor:
    logits, loc, log_scale = raw.split(5, -1)
    z = (y.unsqueeze(-1) - loc) * (-log_scale).exp()
    joint = logits - 0.5 * z * z - log_scale - 0.5 * LOG_2PI
    return (torch.logsumexp(logits, -1) - torch.logsumexp(joint, -1)).sum()


def _exponential(raw: Tensor, y: Tensor) -> Tensor:
    log_rate = raw.squeeze(-1)
    return (log_rate.exp() * y - log_rate).sum()


def _gamma(raw: Tensor, y: Tensor) -> Tensor:
    log_a, log_b = raw.unbind(-1)
    a = log_a.exp()
    return (torch.lgamma(a) - a * log_b - (a - 1.0) * y.log() + log_b.exp() * y).sum()


def _weibull(raw: Tensor, y: Tensor) -> Tensor:
    log_scale, log_k = raw.unbind(-1)
    k = log_k.exp()
    distance = y.log() - log_scale
    return ((k * distance).exp() - (k - 1.0) * distance - log_k + log_scale).sum()


def _beta(raw: Tensor, y: Tensor) -> Tensor:
    a, b = raw.exp().unbind(-1)
    norm = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
    return (norm - (a - 1.0) * y.log() - (b - 1.0) * (-y).log1p()).sum()


def _beta_proportion(raw: Tensor, y: Tensor) -> Tensor:
    logits, log_precision = raw.unbind(-1)
    n, mean = log_precision.exp(), torch.sigmoid(logits)
    a = mean * n
    b = n - a
    norm = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(n)
    return (norm - (a - 1.0) * y.log() - (b - 1.0) * (-y).log1p()).sum()


def _dirichlet(raw: Tensor, y: Tensor) -> Tensor:
    a = raw.exp()
    return (torch.lgamma(a).sum(-1) - torch.lgamma(a.sum(-1)) - ((a - 1.0) * y.log()).sum(-1)).sum()


def _multivariate_normal(raw: Tensor, y: Tensor) -> Tensor:
    loc, log_diagonal, below = raw.split([4, 4, 6], -1)
    rest, scale, entry = (y - loc).unbind(-1), (-log_diagonal).exp().unbind(-1), below.unbind(-1)
    z: list[Tensor] = []
    for row in range(4):
        value = rest[row]
        for column in range(row):
            value = value - entry[row * (row - 1) // 2 + column] * z[column]
        z.append(value * scale[row])
    square = z[0] * z[0] + z[1] * z[1] + z[2] * z[2] + z[3] * z[3]
    return (0.5 * square + log_diagonal.sum(-1) + 2.0 * LOG_2PI).sum()


def _von_mises(raw: Tensor, y: Tensor) -> Tensor:
    along, across = raw.unbind(-1)
    length = torch.sqrt(along * along + across * across + 1e-30)
    log_norm = torch.special.i0e(length).log() + LOG_2PI
    return (length - along * y.cos() - across * y.sin() + log_norm).sum()


def _bernoulli(raw: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(raw.squeeze(-1), y, reduction="sum")


def _categorical(raw: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(raw, y, reduction="sum")


def _ordinal(raw: Tensor, y: Tensor, cuts: Tensor) -> Tensor:
    ends = functional.pad(torch.cat([cuts[:1], cuts[:1] + cuts[1:].exp().cumsum(0)]), (1, 1))
    lower, upper = ends[y] - raw.squeeze(-1), ends[y + 1] - raw.squeeze(-1)
    first, last = y == 0, y == len(cuts)
    middle = functional.logsigmoid(upper) + functional.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))
    inner = torch.where(first, functional.logsigmoid(upper), functional.logsigmoid(-lower))
    return -torch.where(first | last, inner, middle).sum()


def _plackett_luce(raw: Tensor, y: Tensor) -> Tensor:
    scores = raw.gather(-1, y)
    return (torch.logcumsumexp(scores.flip(-1), -1).flip(-1) - scores).sum()


def _poisson(raw: Tensor, y: Tensor) -> Tensor:
    log_rate = raw.squeeze(-1)
    return (log_rate.exp() - y * log_rate + torch.lgamma(y + 1.0)).sum()


def _negative_binomial(raw: Tensor, y: Tensor, log_dispersion: Tensor) -> Tensor:
    log_mean, r = raw.squeeze(-1), (-log_dispersion).exp()
    odds = log_mean + log_dispersion
    norm = torch.lgamma(r) + torch.lgamma(y + 1.0) - torch.lgamma(y + r)
    return (norm - y * odds + (y + r) * functional.softplus(odds)).sum()


def _zero_inflated_poisson(raw: Tensor, y: Tensor) -> Tensor:
    log_rate, gate = raw.unbind(-1)
    rate = log_rate.exp()
    is_zero = (y == 0).to(y.dtype)
    counted = y * log_rate - rate - torch.lgamma(y + 1.0) + is_zero * functional.softplus(gate + rate)
    return (functional.softplus(gate) - counted).sum()


def _shares(count: int) -> Tensor:
    return torch.rand(count).clamp(0.01, 0.99)


def _positive(count: int) -> Tensor:
    return (0.5 * torch.randn(count)).exp()


def _counts(count: int) -> Tensor:
    return torch.poisson(3.0 * _positive(count))


class Family:
    """A hand-written loss, the class of Pyro with its predicted raw outputs, and targets.

    Args:
        hand: the loss of raw outputs and targets, and of the learned constants where there are any.
        pyros: the distribution of Pyro from raw outputs, and learned constants.
        targets: of a number of rows.
        size: the event size; None where the family has none.
        outputs: the number of raw outputs.
        learned: the number of learned constants.
    """

    def __init__(
        self,
        hand: Callable[..., Tensor],
        pyros: Callable[..., dist.Distribution],
        targets: Callable[[int], Tensor],
        outputs: int,
        size: int | None = None,
        learned: int = 0,
    ) -> None:
        self.hand, self.pyros, self.targets = hand, pyros, targets
        self.outputs, self.size, self.learned = outputs, size, learned


def _pyros_tril(raw: Tensor) -> dist.Distribution:
    transform = torch.distributions.transform_to(torch.distributions.constraints.lower_cholesky)
    factor = transform(raw[:, 4:].reshape(-1, 4, 4))
    return dist.MultivariateNormal(raw[:, :4], scale_tril=factor, validate_args=False)


def _pyros_mixture(raw: Tensor) -> dist.Distribution:
    logits, loc, log_scale = raw.split(5, -1)
    weights = dist.Categorical(logits=logits, validate_args=False)
    return dist.MixtureSameFamily(weights, dist.Normal(loc, log_scale.exp(), validate_args=False), validate_args=False)


def _pyros_direction(raw: Tensor) -> dist.Distribution:
    along, across = raw.unbind(-1)
    return dist.VonMises(torch.atan2(across, along), torch.hypot(along, across), validate_args=False)


def _pyros_proportion(raw: Tensor) -> dist.Distribution:
    mean, precision = torch.sigmoid(raw[:, 0]), raw[:, 1].exp()
    return dist.Beta(mean * precision, (1.0 - mean) * precision, validate_args=False)


def _pyros_levels(raw: Tensor, cuts: Tensor) -> dist.Distribution:
    ordered = torch.cat([cuts[:1], cuts[:1] + cuts[1:].exp().cumsum(0)])
    return dist.OrderedLogistic(raw.squeeze(-1), ordered, validate_args=False)


def _pyros_negative_binomial(raw: Tensor, log_dispersion: Tensor) -> dist.Distribution:
    logits = raw.squeeze(-1) + log_dispersion
    return dist.NegativeBinomial((-log_dispersion).exp(), logits=logits, validate_args=False)


def _two(cls: type, second: Callable[[Tensor], Tensor] = torch.exp, first: Callable[[Tensor], Tensor] = lambda x: x):
    return lambda raw: cls(first(raw[:, 0]), second(raw[:, 1]), validate_args=False)


FAMILIES = {
    "normal": Family(_normal, _two(dist.Normal), torch.randn, 2),
    "laplace": Family(_laplace, _two(dist.Laplace), torch.randn, 2),
    "student_t": Family(
        _student_t, lambda raw, df: dist.StudentT(df.exp(), raw[:, 0], raw[:, 1].exp(), validate_args=False),
        torch.randn, 2, learned=1,
    ),
    "gaussian_mixture": Family(_mixture, _pyros_mixture, torch.randn, 15),
    "log_normal": Family(_log_normal, _two(dist.LogNormal), _positive, 2),
    "exponential": Family(
        _exponential, lambda raw: dist.Exponential(raw.squeeze(-1).exp(), validate_args=False), _positive, 1
    ),
    "gamma": Family(_gamma, _two(dist.Gamma, torch.exp, torch.exp), _positive, 2),
    "weibull": Family(_weibull, _two(dist.Weibull, torch.exp, torch.exp), _positive, 2),
    "beta": Family(_beta, _two(dist.Beta, torch.exp, torch.exp), _shares, 2),
    "beta_proportion": Family(_beta_proportion, _pyros_proportion, _shares, 2),
    "dirichlet": Family(
        _dirichlet, lambda raw: dist.Dirichlet(raw.exp(), validate_args=False),
        lambda count: torch.softmax(torch.randn(count, 5), -1), 5, size=5,
    ),
    "multivariate_normal": Family(
        _multivariate_normal, _pyros_tril, lambda count: torch.randn(count, 4), 14, size=4
    ),
    "von_mises": Family(_von_mises, _pyros_direction, torch.randn, 2),
    "bernoulli": Family(
        _bernoulli, lambda raw: dist.Bernoulli(logits=raw.squeeze(-1), validate_args=False),
        lambda count: torch.randint(2, (count,)).float(), 1,
    ),
    "categorical": Family(
        _categorical, lambda raw: dist.Categorical(logits=raw, validate_args=False),
        lambda count: torch.randint(10, (count,)), 10, size=10,
    ),
    "ordinal": Family(
        _ordinal, _pyros_levels, lambda count: torch.randint(5, (count,)), 1, size=5, learned=4
    ),
    "plackett_luce": Family(
        _plackett_luce, None, lambda count: torch.rand(count, 10).argsort(-1), 10, size=10
    ),
    "poisson": Family(
        _poisson, lambda raw: dist.Poisson(raw.squeeze(-1).exp(), validate_args=False), _counts, 1
    ),
    "negative_binomial": Family(
        _negative_binomial, _pyros_negative_binomial, _counts, 1, learned=1
    ),
    "zero_inflated_poisson": Family(
        _zero_inflated_poisson,
        lambda raw: dist.ZeroInflatedPoisson(raw[:, 0].exp(), gate_logits=raw[:, 1], validate_args=False), _counts, 2,
    ),
}  # fmt: skip


def _variants(name: str, family: Family, count: int) -> dict[str, Callable[[], object]]:
    """What is timed: the three ways from features to gradients."""
    features, y = torch.randn(count, FEATURES), family.targets(count)
    head = DistributionHead(name, FEATURES, event_size=family.size)
    # Pyro's factor takes a full matrix.
    wide = nn.Linear(FEATURES, 20 if name == "multivariate_normal" else family.outputs)
    layer = nn.Linear(FEATURES, family.outputs)
    constants = [nn.Parameter(torch.zeros(family.learned).squeeze(-1))] if family.learned else []

    def ours() -> None:
        forget(head)
        (-head(features).log_prob(y).sum()).backward()

    def by_hand() -> None:
        forget(layer)
        family.hand(layer(features), y, *constants).backward()

    def pyros() -> None:
        forget(wide)
        (-family.pyros(wide(features), *constants).log_prob(y).sum()).backward()

    def forget(module: nn.Module) -> None:
        for parameter in parameters[module]:
            parameter.grad = None

    parameters = {module: [*module.parameters(), *constants] for module in (head, layer, wide)}
    found: dict[str, Callable[[], object]] = {"ours": ours, "by hand": by_hand}
    return found if family.pyros is None else {**found, "Pyro": pyros}


def measure(name: str, count: int, repeats: int, calls: int) -> dict[str, float]:
    """Our time over that of each other way: the median over repeats of the ratio of two neighbouring measurements."""
    functions = _variants(name, FAMILIES[name], count)
    for function in functions.values():
        seconds(function, 3)
    times = [{way: seconds(function, calls) for way, function in functions.items()} for _ in range(repeats)]
    others = [way for way in functions if way != "ours"]
    return {way: statistics.median(each["ours"] / each[way] for each in times) for way in others}


def run(quick: bool = False, names: tuple[str, ...] = tuple(FAMILIES)) -> list[Row]:
    """The ratios of every family at both sizes."""
    torch.manual_seed(0)
    found = []
    for count, (goal, repeats, calls) in SIZES.items():
        for name in names:
            ratios = measure(name, 64 if quick else count, 2 if quick else repeats, 1 if quick else calls)
            for way, ratio in ratios.items():
                found.append(Row("heads", f"{name}, {count:,} rows", way, ratio, 1.0 if way == "Pyro" else goal))
    return found


if __name__ == "__main__":
    import sys

    torch.set_num_threads(1)
    for row in run(names=tuple(sys.argv[1:]) or tuple(FAMILIES)):
        print(f"{row.case:36} {row.against:8} {row.value:6.2f} {'' if row.value <= row.goal else 'above'}", flush=True)
