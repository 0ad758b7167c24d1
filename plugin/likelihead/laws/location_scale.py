"""Symmetric laws on the whole line."""

from __future__ import annotations

from likelihead.laws.law import Array, Law


class LocationScaleLaw(Law):
    """A symmetric law with one peak: loc + scale z. Both kinds of interval are the central one."""

    loc: Array
    scale: Array

    def standardised(self, y: Array) -> Array:
        return (y - self.loc) / self.scale

    def mode(self) -> Array:
        return self.loc

    def mean(self) -> Array:
        return self.loc

    def median(self) -> Array:
        return self.loc

    def highest_interval(self, mass: float) -> tuple[Array, Array]:
        return self.central_interval(mass)
