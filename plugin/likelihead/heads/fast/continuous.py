"""Fast log-densities of real, positive and circular targets."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from likelihead.heads.fast.formulas import HALF_LOG_2PI, LARGE, Parameters, Result, formula, log_of


@formula("likelihead.distributions.Normal", "loc", "scale")
def normal(y: Tensor, parameters: Parameters) -> Result:
    return _normal(y, parameters)


def _normal(y: Tensor, parameters: Parameters) -> Result:
    loc, log_scale = parameters
    precision = torch.exp(-log_scale)
    z = (y - loc) * precision
    square = z * z
    value = torch.add(log_scale, square, alpha=0.5).neg_().sub_(HALF_LOG_2PI)
    return value, [z.mul_(precision), square.sub_(1.0)]


@formula("likelihead.distributions.LogNormal", "loc", "scale")
def log_normal(y: Tensor, parameters: Parameters) -> Result | None:
    # At a small scale the logarithm of y is needed to more digits.
    if parameters.lowest(1) < -5.0 and y.dtype == torch.float32:
        return None
    log_y = log_of(y)
    value, slopes = _normal(log_y, parameters)
    return value.sub_(log_y), slopes


@formula("pyro.distributions.Laplace", "loc", "scale")
def laplace(y: Tensor, parameters: Parameters) -> Result:
    loc, log_scale = parameters
    precision = torch.exp(-log_scale)
    distance = y - loc
    size = distance.abs() * precision
    value = (size + log_scale).neg_().sub_(math.log(2.0))
    return value, [distance.sign_().mul_(precision), size.sub_(1.0)]


@formula("likelihead.distributions.StudentT", "df", "loc", "scale")
def student_t(y: Tensor, parameters: Parameters) -> Result | None:
    if parameters.highest(0) > LARGE:
        return None
    log_df, loc, log_scale = parameters
    half = 0.5 * log_df.double().exp()
    df, over = (2.0 * half).to(y.dtype), half + 0.5
    peak = (torch.lgamma(over) - torch.lgamma(half) - 0.5 * (2.0 * math.pi * half).log()).to(y.dtype)
    slope = (2.0 * half * (torch.digamma(over) - torch.digamma(half)) - 1.0).to(y.dtype)
    precision = torch.exp(-log_scale)
    z = (y - loc) * precision
    square = z * z
    growth = (square / df).log1p_()
    weight = (df + 1.0) / (square + df)
    weighted = weight * square
    value = peak - log_scale - growth * (0.5 * (df + 1.0))
    by_df = (weighted - growth * df).add_(slope).mul_(0.5)
    return value, [by_df, weight.mul_(z).mul_(precision), weighted.sub_(1.0)]


@formula("likelihead.distributions.Normal", "mixture_logits", "loc", "scale")
def gaussian_mixture(y: Tensor, parameters: Parameters) -> Result:
    logits, loc, log_scale = parameters
    precision = torch.exp(-log_scale)
    z = (y.unsqueeze(-1) - loc) * precision
    square = z * z
    joint = (logits - log_scale).sub_(square, alpha=0.5)
    top = joint.amax(-1, keepdim=True)
    each, weights = joint.sub_(top).exp_(), logits.exp()
    total, whole = each.sum(-1, keepdim=True), weights.sum(-1, keepdim=True)
    value = top.add_((total / whole).log_()).squeeze(-1).sub_(HALF_LOG_2PI)
    shares = each.div_(total)
    by_loc, by_scale = z.mul_(precision).mul_(shares), square.sub_(1.0).mul_(shares)
    return value, [shares.sub_(weights.div_(whole)), by_loc, by_scale]


@formula("likelihead.distributions.MultivariateNormal", "loc", "scale_tril")
def multivariate_normal(y: Tensor, parameters: Parameters) -> Result | None:
    """The factor comes packed: the logarithms of its diagonal, then the entries below it, row by row."""
    loc, packed = parameters
    size = loc.shape[-1]
    # Entries far larger than the diagonal lose the digits of z in float32.
    largest = max(abs(parameters.lowest(1)), parameters.highest(1))
    if size > 8 or (size > 1 and largest * math.exp(-parameters.lowest(1)) > 300.0):
        return None
    columns = packed.T.contiguous().unbind(0)
    log_diagonal, below = columns[:size], columns[size:]
    precision = torch.exp(-torch.stack(log_diagonal)).unbind(0)
    rest = (y - loc).T.contiguous().unbind(0)
    z: list[Tensor] = []
    for row in range(size):
        value = rest[row]
        for column in range(row):
            value = torch.addcmul(value, _entry(below, row, column), z[column], value=-1.0)
        z.append(value * precision[row])
    w: list[Tensor] = [z[0]] * size
    for row in reversed(range(size)):
        value = z[row]
        for lower in range(row + 1, size):
            value = torch.addcmul(value, _entry(below, lower, row), w[lower], value=-1.0)
        w[row] = value * precision[row]
    rows, solved = torch.stack(z), torch.stack(w)
    total = (rows * rows).sum(0).mul_(-0.5).sub_(packed[:, :size].sum(-1)).sub_(size * HALF_LOG_2PI)
    by_diagonal = (solved * rows / torch.stack(precision)).sub_(1.0)
    by_below = [w[row] * z[column] for row in range(size) for column in range(row)]
    return total, [solved.T, torch.cat([by_diagonal, torch.stack(by_below)] if by_below else [by_diagonal]).T]


def _entry(below: tuple[Tensor, ...], row: int, column: int) -> Tensor:
    return below[row * (row - 1) // 2 + column]


@formula("likelihead.distributions.Exponential", "rate", by_autograd=True)
def exponential(y: Tensor, parameters: Parameters) -> Tensor:
    (log_rate,) = parameters
    return log_rate - log_rate.exp() * y


@formula("likelihead.distributions.Gamma", "concentration", "rate")
def gamma(y: Tensor, parameters: Parameters) -> Result | None:
    if parameters.highest(0) > LARGE:
        return None
    log_a, log_b = parameters
    a, scaled, log_y = log_a.exp(), log_b.exp() * y, log_of(y)
    ratio = log_b + log_y
    value = (a * ratio).sub_(log_y).sub_(scaled).sub_(torch.lgamma(a))
    return value, [ratio.sub_(torch.digamma(a)).mul_(a), a - scaled]


@formula("likelihead.distributions.Weibull", "scale", "concentration")
def weibull(y: Tensor, parameters: Parameters) -> Result | None:
    log_scale, log_k = parameters
    k, log_y = log_k.exp(), log_of(y)
    power = (log_y - log_scale).mul_(k)
    # Beyond this the density itself leaves the range of float32.
    if parameters.highest(1) > LARGE or not float(power.amax()) < 80.0:
        return None
    hazard = torch.expm1(power)
    value = (power - hazard).add_(log_k).sub_(log_y).sub_(1.0)
    return value, [hazard * k, 1.0 - power.mul_(hazard)]


def _dirichlet(log_shares: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """The log-density (N,) of log y (N, K), and its derivative by the concentrations a (N, K)."""
    total = a.sum(-1, keepdim=True)
    value = ((a - 1.0) * log_shares).sub_(torch.lgamma(a)).sum(-1) + torch.lgamma(total).squeeze(-1)
    return value, (log_shares - torch.digamma(a)).add_(torch.digamma(total))


@formula("likelihead.distributions.Dirichlet", "concentration")
def dirichlet(y: Tensor, parameters: Parameters) -> Result | None:
    (log_a,) = parameters
    if parameters.highest(0) > LARGE:
        return None
    a = log_a.exp()
    value, slope = _dirichlet(log_of(y), a)
    return value, [slope.mul_(a)]


@formula("likelihead.distributions.Beta", "concentration1", "concentration0")
def beta(y: Tensor, parameters: Parameters) -> Result | None:
    if max(parameters.highest(0), parameters.highest(1)) > LARGE:
        return None
    a = torch.stack(torch.broadcast_tensors(*parameters), -1).exp_()
    value, slope = _dirichlet(torch.stack([log_of(y), torch.log1p(-y)], -1), a)
    return value, list(slope.mul_(a).unbind(-1))


@formula("likelihead.distributions.BetaProportion", "logits", "precision")
def beta_proportion(y: Tensor, parameters: Parameters) -> Result | None:
    logits, log_precision = torch.broadcast_tensors(*parameters)
    if parameters.highest(1) > LARGE:
        return None
    n = log_precision.exp()
    a = torch.sigmoid(torch.stack([logits, -logits], -1)).mul_(n.unsqueeze(-1))
    value, slope = _dirichlet(torch.stack([log_of(y), torch.log1p(-y)], -1), a)
    first, second = slope.unbind(-1)
    a1, a0 = a.unbind(-1)
    return value, [(first - second).mul_(a1).mul_(a0).div_(n), (first * a1).addcmul_(second, a0)]


@formula("likelihead.distributions.VonMisesVector", "vector")
def von_mises_vector(y: Tensor, parameters: Parameters) -> Result | None:
    (vector,) = parameters
    if max(parameters.highest(0), -parameters.lowest(0)) > 50.0:
        return None
    length = vector.square().sum(-1).add_(1e-30).sqrt_()
    direction = torch.stack([y.cos(), y.sin()], -1)
    bessel = torch.special.i0e(length)
    value = (vector * direction).sum(-1).sub_(length).sub_(bessel.log()).sub_(2.0 * HALF_LOG_2PI)
    ratio = torch.special.i1e(length).div_(bessel).div_(length)
    return value, [direction.sub_(vector * ratio.unsqueeze(-1))]
