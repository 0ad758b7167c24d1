"""Differences of log-gamma functions that do not cancel at large arguments, and the logarithm of a ratio near one.

A log-density is a small difference of large terms: lgamma(1e8) is 1.7e9, of which float32 keeps no digit after the
point. Taken apart by Stirling's formula the large terms meet before they are rounded. Families widen their inputs to
float64 with `wide`, subtract there, and round once at the end, so that a gradient is also rounded only once.

Slopes and `log_ratio` are differentiable to any order. The values serve inside the forward pass of a `Formula`, where
operations may work in place. All work under torch.compile and torch.func.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from likelihead.distributions.formula import Derivatives, Formula

#: log(2 pi) / 2, the constant of Stirling's formula.
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)

#: B(2k) / (2k (2k - 1)): the coefficients of x^-(2k - 1) in Stirling's series.
_COEFFICIENTS = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
#: How far an argument is moved up before the series is used, and how many of its terms are: errors 3e-7 and 1e-16.
_STEPS_AND_TERMS = {torch.float32: (3, 3), torch.float64: (8, 8)}
#: The same for lgamma(x + 1/2) - lgamma(x) - log(x) / 2: its coefficients, and the errors 5e-7 and 1e-16.
_HALF_COEFFICIENTS = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224, -5461 / 425984)
_HALF_STEPS_AND_TERMS = {torch.float32: (3, 3), torch.float64: (10, 7)}


def wide(x: Tensor) -> Tensor:
    """x in float64, or unchanged on a device without float64 (Apple's MPS).

    >>> wide(torch.ones(2)).dtype
    torch.float64
    """
    return x if x.device.type == "mps" else x.double()


def _series(inverse: Tensor, coefficients: Sequence[float]) -> Tensor:
    """The sum of coefficients[k] inverse^(2k + 1) by Horner's rule."""
    square = inverse * inverse
    total = (square * coefficients[-1]).add_(coefficients[-2])
    for coefficient in reversed(coefficients[:-2]):
        total = total.mul_(square).add_(coefficient)
    return total.mul_(inverse)


def _steps_and_terms(precision: torch.dtype) -> tuple[int, int]:
    return _STEPS_AND_TERMS.get(precision, _STEPS_AND_TERMS[torch.float32])


def remainder_value(x: Tensor, precision: torch.dtype) -> Tensor:
    """What Stirling's formula leaves: mu(x) = lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2, inside a `Formula`.

    mu(x) is near 1 / (12 x) for large x and -log(x) / 2 for small x; it falls from infinity to 0. The recurrence
    mu(x) = mu(x + 1) + (x + 1/2) log(1 + 1/x) - 1 moves x up to where the series (Binet, 1839) is short.

    Args:
        x: (...), positive. Computed in its dtype: in float32 the error is 4e-7, and that of x mu'(x) 3e-7.
        precision: the dtype that the caller's result has; float32 takes half the operations, to an error of 3e-7.

    >>> remainder_value(torch.tensor([1.0, 1e3], dtype=torch.float64), torch.float64)
    tensor([8.1061e-02, 8.3333e-05], dtype=torch.float64)
    """
    steps, terms = _steps_and_terms(precision)
    top = x + steps
    ratios = top / (x + 1.0)
    for step in range(2, steps):
        ratios = ratios.mul_(top / (x + step))
    total = (x + 0.5).mul_((steps / x).log1p_()).add_(ratios.log_()).sub_(steps)
    return total.add_(_series(top.reciprocal_(), _COEFFICIENTS[:terms]))


def remainder_slope(x: Tensor, precision: torch.dtype) -> Tensor:
    """The derivative of `remainder_value`: mu'(x) = digamma(x) - log x + 1 / (2x).

    >>> remainder_slope(torch.tensor(1.0), torch.float32)  # 1/2 minus Euler's constant
    tensor(-0.0772)
    """
    steps, terms = _steps_and_terms(precision)
    inverse = (x + steps).reciprocal()
    poles = (x.reciprocal() + inverse).mul_(0.5)
    for step in range(1, steps):
        poles = poles.add_((x + step).reciprocal())
    slopes = [-(2 * k + 1) * coefficient for k, coefficient in enumerate(_COEFFICIENTS[:terms])]
    return (steps / x).log1p().sub_(poles).add_(_series(inverse, slopes).mul_(inverse))


class _Remainder(Formula):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return remainder_value(x, x.dtype)

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, x: Tensor) -> Derivatives:
        return (remainder_slope(x, x.dtype),)


def remainder(x: Tensor) -> Tensor:
    """`remainder_value`, differentiable.

    >>> remainder(torch.tensor(1e3, dtype=torch.float64))
    tensor(8.3333e-05, dtype=torch.float64)
    """
    return _Remainder.of(x)


def log_rising(x: Tensor, steps: Tensor) -> Tensor:
    """lgamma(x + steps) - lgamma(x) - steps log(x + steps), differentiable, without cancellation at large x.

    By Stirling's formula it is (x - 1/2) log(1 + steps / x) - steps + mu(x + steps) - mu(x).

    Args:
        x: (...), positive, float64.
        steps: (...), not negative.

    >>> log_rising(torch.tensor([0.5, 1e8], dtype=torch.float64), torch.tensor([1.0, 2.0], dtype=torch.float64))
    tensor([-1.0986e+00, -3.0000e-08], dtype=torch.float64)
    """
    small, large = x.clamp(max=1.0), x.clamp(min=1.0)
    near = torch.lgamma(small + steps) - torch.lgamma(small) - torch.xlogy(steps, small + steps)
    remainders = remainder(large + steps) - remainder(large)
    far = (large - 0.5) * torch.log1p(steps / large) - steps + remainders
    return torch.where(x < 1.0, near, far)


def digamma_remainder(x: Tensor, precision: torch.dtype) -> Tensor:
    """digamma(x) - log(x), without cancellation at large x.

    >>> digamma_remainder(torch.tensor(1e8), torch.float32)
    tensor(-5.0000e-09)
    """
    return remainder_slope(x, precision) - 0.5 / x


def over_factorial(y: Tensor, rate: Tensor) -> Tensor:
    """log(rate^y exp(-rate) / y!) for use inside a `Formula`: y >= 0 and rate (...), of the dtype of the result.

    log(y!) is Stirling's formula at t = y + 1 + k less the logarithms of y + 1, ..., y + k; y log(rate / t) - rate + t
    is taken in float64, and what is left is small.

    >>> over_factorial(torch.tensor([0.0, 1e7]), torch.tensor([2.0, 1e7]))
    tensor([-2.0000, -8.9780])
    """
    # One step fewer than elsewhere, since t starts at 3: the error is still 3e-7.
    steps, terms = _steps_and_terms(y.dtype) if y.dtype == torch.float64 else (2, 3)
    t = y + (steps + 1.0)
    top = wide(t)
    # The logarithm is finite at rate 0 too, so that 0 times it is 0.
    near = (wide(rate) / top).add_(torch.finfo(top.dtype).tiny).log_()
    total = near.mul_(wide(y)).add_(top).sub_(wide(rate)).to(y.dtype)
    inverse = t.reciprocal_()
    ratios, each = inverse.sqrt(), 1.0 - inverse
    for _ in range(steps):
        ratios = ratios.mul_(each)
        each = each.sub_(inverse)
    return total.add_(ratios.log_()).sub_(_series(inverse, _COEFFICIENTS[:terms])).sub_(HALF_LOG_2PI)


def half_step_value(x: Tensor, precision: torch.dtype) -> Tensor:
    """h(x) = lgamma(x + 1/2) - lgamma(x) - log(x) / 2, from about log(pi x) / 2 at small x to -1 / (8x) at large x.

    h(x) = h(x + 1) - log(1 + 1 / (4 x (x + 1))) / 2 moves x up to where h has a short series (Tricomi & Erdelyi, 1951).

    >>> half_step_value(torch.tensor(1e8), torch.float32)
    tensor(-1.2500e-09)
    """
    steps, terms = _HALF_STEPS_AND_TERMS.get(precision, _HALF_STEPS_AND_TERMS[torch.float32])
    product = (x + 1.0).mul_(x)
    excess = 0.25 / product
    for step in range(1, steps):
        product = product.add_(x, alpha=2.0).add_(2.0 * step)
        each = 0.25 / product
        excess = each.add_(each * excess).add_(excess)
    series = _series((x + steps).reciprocal_(), _HALF_COEFFICIENTS[:terms])
    return series.sub_(excess.log1p_(), alpha=0.5)


def half_step_slope(x: Tensor, precision: torch.dtype) -> Tensor:
    """The derivative of `half_step_value`: a sum of positive terms, so right in the dtype of x.

    >>> half_step_slope(torch.tensor(1e4), torch.float32)
    tensor(1.2500e-09)
    """
    steps, terms = _HALF_STEPS_AND_TERMS.get(precision, _HALF_STEPS_AND_TERMS[torch.float32])
    inverse = (x + steps).reciprocal()
    slopes = [-(2 * k + 1) * coefficient for k, coefficient in enumerate(_HALF_COEFFICIENTS[:terms])]
    total = _series(inverse, slopes).mul_(inverse)
    product = x * (x + 1.0)
    for step in range(steps):
        product = product if step == 0 else product + (2.0 * x + 2.0 * step)
        total = total.add_((x + (step + 0.5)) / (4.0 * product * product + product))
    return total


def log_ratio_value(x: Tensor, y: Tensor, difference: Tensor) -> Tensor:
    """`log_ratio` for use inside a `Formula`: log1p of a positive number whichever of the two is the larger."""
    size = difference.abs().div_(torch.minimum(x, y)).log1p_()
    return size.clamp(max=torch.finfo(size.dtype).max).copysign_(difference)


class _LogRatio(Formula):
    @staticmethod
    def forward(x: Tensor, y: Tensor, difference: Tensor) -> Tensor:
        return log_ratio_value(x, y, difference)

    @staticmethod
    def derivatives(needed: Sequence[bool], value: Tensor, x: Tensor, y: Tensor, difference: Tensor) -> Derivatives:
        return x.reciprocal() if needed[0] else None, -y.reciprocal() if needed[1] else None, None


def log_ratio(x: Tensor, y: Tensor, difference: Tensor | None = None) -> Tensor:
    """log(x / y) with full relative accuracy near x = y, where log(x) - log(y) and log(x / y) have none.

    Where one of the two is 0 the result is the largest finite number (or minus it) in place of infinity, so that 0
    times it is 0, as in `torch.xlogy`.

    Args:
        x, y: (...), not negative, of one shape.
        difference: (...), x - y, where the caller knows it better than a subtraction does. The gradient is that with
            respect to x and y alone.

    >>> log_ratio(torch.tensor([1.0 + 1e-12, 0.25], dtype=torch.float64), torch.ones(2, dtype=torch.float64))
    tensor([ 1.0001e-12, -1.3863e+00], dtype=torch.float64)
    """
    return _LogRatio.of(x, y, (x - y if difference is None else difference).detach())
