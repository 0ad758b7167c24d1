"""The check of the sizes of a network."""

from __future__ import annotations

from likelihead.errors import LikelihoodError


def require_positive(**numbers: int) -> None:
    """Raise a LikelihoodError that names the first argument that is not a whole number above 0."""
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise LikelihoodError(f"architecture.{name} is {number!r}; it must be a whole number above 0")
