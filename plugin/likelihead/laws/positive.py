"""Laws on the positive half-line."""

from __future__ import annotations

from likelihead.laws.law import Claim, Law, claims


class PositiveLaw(Law):
    """A law on (0, infinity)."""

    claims = claims(interval=Claim("exact", "the highest-density one is inverted"))
