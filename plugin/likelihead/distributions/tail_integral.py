"""Incomplete gamma and beta functions in logarithms, differentiable in every argument, by quadrature of their tail.

Seen along log y, log(y / (1 - y)) or asinh z, the densities of the gamma, the beta and Student's t distribution are
log-concave: away from the mode they fall ever faster. So the mass beyond a point on the far side of the mode is the
density there times the integral of exp(g(s)) over s > 0, with g(0) = 0 and g concave and falling. No digits are lost
however far out the point lies, and the derivatives by all parameters, which have no closed form, come with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

#: The intervals of integration end where g has fallen so far (exp(-36) is beyond the last digit of float64), and at
#: distances in which exp(-s), of which g is made, settles.
_FALLS, _DISTANCES = (0.5, 4.0, 13.0, 36.0), (1.0, 5.0, 18.0)
_NODES, _WEIGHTS = (torch.from_numpy(values) for values in np.polynomial.legendre.leggauss(12))
#: Steps of the bisection for these ends, from the logarithms of the shortest and the longest distance.
_STEPS, _SHORTEST, _LONGEST = 15, -85.0, 85.0
#: From here on exp(s) is so large that what is small beside it no longer matters, and so small that it is finite.
_FAR = 30.0


def log_integral(g: Callable[[Tensor], Tensor], shape: torch.Size, like: Tensor) -> Tensor:
    """The logarithm of the integral of exp(g(s)) over s > 0, of the given shape, to a relative error of 1e-11.

    Args:
        g: concave and falling from g(0) = 0; takes and returns (..., *shape). Gradients reach what it is made of.
        shape: that of the parameters of g.
        like: a tensor of the dtype and on the device of the result.

    >>> one = torch.tensor(1.0, dtype=torch.float64)
    >>> log_integral(lambda s: -s, torch.Size([]), one).abs() < 1e-10
    tensor(True)
    """
    with torch.no_grad():
        ends = _ends(g, shape, like)
        half = 0.5 * (ends[1:] - ends[:-1]).unsqueeze(1)
        column = (1, -1, *[1] * len(shape))
        places = ends[:-1].unsqueeze(1) + half * (1.0 + _NODES.to(like).reshape(column))
        log_weights = (half * _WEIGHTS.to(like).reshape(column)).log()
    return torch.logsumexp((g(places) + log_weights).flatten(0, 1), dim=0)


def _ends(g: Callable[[Tensor], Tensor], shape: torch.Size, like: Tensor) -> Tensor:
    """0, `_DISTANCES`, and the distances at which g has fallen by each of `_FALLS`, in order, (8, *shape)."""
    falls = torch.tensor(_FALLS, dtype=like.dtype, device=like.device).reshape(-1, *[1] * len(shape))
    low = torch.full((len(_FALLS), *shape), _SHORTEST, dtype=like.dtype, device=like.device)
    high = torch.full_like(low, _LONGEST)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        is_near = g(middle.exp()) >= -falls
        low, high = torch.where(is_near, middle, low), torch.where(is_near, high, middle)
    ends = (0.5 * (low + high)).exp()
    fixed = torch.tensor((0.0, *_DISTANCES), dtype=like.dtype, device=like.device).reshape(-1, *[1] * len(shape))
    return torch.cat([torch.minimum(fixed, ends[-1:]), ends]).sort(dim=0).values


def log_gamma_tail(concentration: Tensor, x: Tensor, is_upper: Tensor) -> Tensor:
    """The integral for a gamma density along log y, from x = rate y up where `is_upper`, else down.

    Args:
        concentration, x: (...) float64; x >= concentration where `is_upper`, else x <= concentration.
        is_upper: (...) booleans.
    """
    sign = torch.where(is_upper, 1.0, -1.0).to(x)

    def g(s: Tensor) -> Tensor:
        return sign * concentration * s - x * torch.expm1(sign * s)

    return log_integral(g, x.shape, x)


def log_beta_tail(a: Tensor, b: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """The integral for a Beta(a, b) density along log(y / (1 - y)), from y = p down to 0.

    Args:
        a, b: the concentrations, (...) float64.
        p, q: p and 1 - p, (...) float64, both positive; p is at most a / (a + b).
    """

    def g(s: Tensor) -> Tensor:
        # (a + b) log(q + p exp(-s)) is taken by its difference from what it nearly is on either side.
        near = b * s - (a + b) * torch.log1p(q * torch.expm1(s.clamp(max=_FAR)))
        far = -a * s - (a + b) * torch.log(q + p * torch.exp(-s))
        small = -a * s - (a + b) * torch.log1p(p * torch.expm1(-s))
        return torch.where(p < 0.5, small, torch.where(s < _FAR, near, far))

    return log_integral(g, p.shape, p)
