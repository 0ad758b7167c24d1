"""The law of Pyro's Cauchy distribution, whose class is used unchanged: Student's t of one degree of freedom."""

from __future__ import annotations

import pyro.distributions as dist

from likelihead.distributions.student_t import StudentTLaw
from likelihead.laws.law import Array, Claim, Law, claims, law_of


class CauchyLaw(StudentTLaw):
    claims = claims(mean=Claim("undefined", "its integral does not converge: use median(dist)"))

    def mean(self) -> Array:
        raise self.refusal("mean")


@law_of.register
def _law(cauchy: dist.Cauchy) -> Law:
    return CauchyLaw(cauchy, df=1.0, loc=cauchy.loc, scale=cauchy.scale)
