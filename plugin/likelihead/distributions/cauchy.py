"""The law of Pyro's Cauchy distribution, whose class is used unchanged: Student's t of one degree of freedom."""

from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor

from likelihead.distributions.stirling import wide
from likelihead.distributions.student_t import StudentTLaw
from likelihead.distributions.tails import LogTails, log_tails
from likelihead.laws.law import Array, Claim, Law, claims, law_of


class CauchyLaw(StudentTLaw):
    claims = claims(mean=Claim("undefined", "its integral does not converge: use median(dist)"))

    def mean(self) -> Array:
        raise self.refusal("mean")


@law_of.register
def _law(cauchy: dist.Cauchy) -> Law:
    return CauchyLaw(cauchy, df=1.0, loc=cauchy.loc, scale=cauchy.scale)


@log_tails.register
def _log_tails(cauchy: dist.Cauchy, y: Tensor) -> LogTails:
    z = (wide(y) - wide(cauchy.loc)) / wide(cauchy.scale)
    one = torch.ones_like(z)
    return LogTails((torch.atan2(one, -z) / math.pi).log(), (torch.atan2(one, z) / math.pi).log())
