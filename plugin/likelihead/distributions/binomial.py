"""The binomial and the beta-binomial distribution by log-odds, with a number of trials in each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyro.distributions import TorchDistribution
from scipy import special
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.nn import functional
from torch.types import _size

from likelihead.distributions.stirling import log_rising, wide
from likelihead.distributions.tail_integral import log_beta_tail
from likelihead.distributions.tails import LogTails, from_tail, log_tails
from likelihead.laws.counts import CountLaw
from likelihead.laws.finite import FiniteLaw
from likelihead.laws.law import Array, Law, law_of, numbers


class Binomial(TorchDistribution):
    """Binomial(total_count, logits), both (...): y successes of n = total_count trials.

    log p(y) = y log s(l) + (n - y) log s(-l) + log C(n, y), s the logistic sigmoid and l the logits; -inf for y > n.
    An exposure multiplies the number of trials, so that with total_count 1 it is that of each row.

    >>> Binomial(torch.tensor(4.0), torch.tensor(0.0)).log_prob(torch.tensor(2.0)).exp()
    tensor(0.3750)
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, "logits": constraints.real}  # noqa: RUF012
    support = constraints.nonnegative_integer
    #: What an exposure multiplies.
    exposure_parameter = "total_count"

    def __init__(self, total_count: Tensor | float, logits: Tensor | float, validate_args: bool | None = None) -> None:
        self.total_count, self.logits = broadcast_all(total_count, logits)
        super().__init__(self.logits.shape, validate_args=validate_args)

    def expand(self, batch_shape: _size, _instance: Any = None) -> Any:
        """The same distribution for a larger batch_shape."""
        shape = torch.Size(batch_shape)
        values = {name: getattr(self, name).expand(shape) for name in self.arg_constraints}
        return type(self)(**values, validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """total_count sigmoid(logits)."""
        return self.total_count * torch.sigmoid(self.logits)

    def _share(self, sample_shape: _size) -> Tensor:
        """The probability of a success in each sample."""
        return torch.sigmoid(wide(self.logits)).expand(self._extended_shape(torch.Size(sample_shape)))

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008
        """Counts of shape sample_shape + batch_shape."""
        share = self._share(sample_shape)
        return torch.binomial(wide(self.total_count).expand(share.shape).contiguous(), share).to(self.logits.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y, n, logits = wide(value), wide(self.total_count), wide(self.logits)
        log_odds = y * functional.logsigmoid(logits) + (n - y) * functional.logsigmoid(-logits)
        return _limited(log_odds + _log_choose(n, y), y > n).to(self.logits.dtype)


class BetaBinomial(Binomial):
    """BetaBinomial(total_count, logits, precision), all (...): y successes whose probability varies from row to row.

    The probability of a success follows a beta distribution with mean m = sigmoid(logits) and the given precision p:
    log p(y) = log B(y + m p, n - y + (1 - m) p) - log B(m p, (1 - m) p) + log C(n, y), B the beta function, whose terms
    are brought together as in `log_rising`. For large precisions it is the binomial distribution; the variance is
    n m (1 - m) (1 + (n - 1) / (p + 1)).

    >>> BetaBinomial(torch.tensor(4.0), torch.tensor(0.0), torch.tensor(2.0)).log_prob(torch.tensor(1.0)).exp()
    tensor(0.2000)
    """

    arg_constraints = {**Binomial.arg_constraints, "precision": constraints.positive}  # noqa: RUF012

    def __init__(
        self,
        total_count: Tensor | float,
        logits: Tensor | float,
        precision: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        total_count, logits, self.precision = broadcast_all(total_count, logits, precision)
        super().__init__(total_count, logits, validate_args=validate_args)

    def concentrations(self) -> tuple[Tensor, Tensor]:
        """Those of the beta distribution, in float64."""
        logits, precision = wide(self.logits), wide(self.precision)
        pair = torch.sigmoid(torch.stack([logits, -logits])) * precision
        a, b = pair.clamp(min=torch.finfo(pair.dtype).tiny).unbind(0)
        return a, b

    def _share(self, sample_shape: _size) -> Tensor:
        drawn: Tensor = torch.distributions.Beta(*self.concentrations(), validate_args=False).sample(sample_shape)
        return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for whole numbers of shape sample_shape + batch_shape."""
        if self._validate_args:
            self._validate_sample(value)
        y, n = wide(value), wide(self.total_count)
        a, b = self.concentrations()
        failures = (n - y).clamp(min=0.0)
        ratio = _log_rise(a, y) + _log_rise(b, failures) - _log_rise(a + b, n)
        return _limited(ratio + _log_choose(n, y), y > n).to(self.logits.dtype)


def _limited(log_prob: Tensor, beyond: Tensor) -> Tensor:
    return log_prob.masked_fill(beyond, -torch.inf)


def _log_choose(n: Tensor, y: Tensor) -> Tensor:
    """log C(n, y); where y > n that of n = y."""
    return torch.lgamma(n + 1.0) - torch.lgamma(y + 1.0) - torch.lgamma((n - y).clamp(min=0.0) + 1.0)


def _log_rise(x: Tensor, steps: Tensor) -> Tensor:
    """lgamma(x + steps) - lgamma(x); of equal arguments the slopes are equal too, and cancel."""
    return torch.xlogy(steps, x + steps) + log_rising(x, steps)


class BinomialLaw(CountLaw):
    total: Array
    logits: Array

    def bounds(self) -> tuple[Array, Array]:
        return np.zeros(self.shape), self.total

    def mode(self) -> Array:
        return np.minimum(np.floor((self.total + 1.0) * special.expit(self.logits)), self.total)

    def mean(self) -> Array:
        return self.total * special.expit(self.logits)

    def deviation(self) -> Array:
        return np.sqrt(self.mean() * special.expit(-self.logits))

    def cdf_at_count(self, count: Array) -> Array:
        left = np.maximum(self.total - count, 0.0)
        inside = special.betainc(np.where(left > 0.0, left, 1.0), count + 1.0, special.expit(-self.logits))
        return np.where(left > 0.0, inside, 1.0)

    def quantile(self, q: Array) -> Array:
        return np.minimum(super().quantile(q), self.total)


@law_of.register
def _binomial(binomial: Binomial) -> Law:
    return BinomialLaw(binomial, total=binomial.total_count, logits=binomial.logits)


@law_of.register
def _beta_binomial(binomial: BetaBinomial) -> Law:
    """All masses up to the largest number of trials."""
    total = numbers(binomial.total_count)[..., None]
    values = np.arange(int(total.max(initial=0.0)) + 1.0)
    counts = torch.from_numpy(values).reshape(-1, *(1,) * len(binomial.batch_shape)).expand(-1, *binomial.batch_shape)
    masses = np.exp(np.moveaxis(numbers(binomial.log_prob(counts)), 0, -1))
    cumulative = np.where(values >= total, 1.0, np.minimum(np.cumsum(masses, -1), 1.0))
    return FiniteLaw(binomial, masses, cumulative)


@log_tails.register
def _log_tails(binomial: Binomial, y: Tensor) -> LogTails:
    """P(Y <= y) = P(Z <= 1 - p), Z ~ Beta(n - y, y + 1) and p the probability of a success, for y < n."""
    y, n, logits = torch.broadcast_tensors(wide(y), wide(binomial.total_count).clamp(min=1.0), wide(binomial.logits))
    count = torch.minimum(y, n - 1.0)
    success, failure, left = torch.sigmoid(logits), torch.sigmoid(-logits), n - count
    is_upper = failure * (n + 1.0) > left
    pairs = ((count + 1.0, left), (left, count + 1.0), (success, failure), (failure, success))
    beyond = log_beta_tail(*(torch.where(is_upper, above, below) for above, below in pairs))
    start = count * functional.logsigmoid(logits) + left * functional.logsigmoid(-logits) + _log_choose(n, count)
    return _at_most(from_tail(start + left.log() + functional.logsigmoid(logits) + beyond, is_upper), y >= n)


@log_tails.register
def _log_tails_of_sums(binomial: BetaBinomial, y: Tensor) -> LogTails:
    """By the sum of all masses, as the law of the family."""
    n = binomial.total_count.clamp(min=1.0)
    count = torch.minimum(wide(y), wide(n) - 1.0)
    values = torch.arange(int(n.max()) + 1.0, dtype=count.dtype, device=count.device)
    values = values.reshape(-1, *(1,) * count.dim()).expand(-1, *count.shape)
    masses = wide(binomial.log_prob(values))
    below, above = (torch.where(part, masses, -torch.inf).logsumexp(0) for part in (values <= count, values > count))
    return _at_most(LogTails(below, above), wide(y) >= wide(n))


def _at_most(tails: LogTails, is_certain: Tensor) -> LogTails:
    """The tails, but where Y is certainly not above."""
    return LogTails(tails.log_cdf.masked_fill(is_certain, 0.0), tails.log_survival.masked_fill(is_certain, -torch.inf))
