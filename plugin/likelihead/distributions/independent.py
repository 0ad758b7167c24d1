"""The law of Pyro's Independent, whose class is used unchanged: that of its base, coordinate by coordinate."""

from __future__ import annotations

import pyro.distributions as dist

from likelihead.laws.law import Law, law, law_of


@law_of.register
def _law(independent: dist.Independent) -> Law:
    base = law(independent.base_dist)
    base.name = f"independent {type(independent.base_dist).__name__}"
    return base
