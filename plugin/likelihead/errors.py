"""What the user is told: one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations


class LikelihoodError(ValueError):
    """Any mistake that the user can mend. Commands print its sentence and exit with status 1, without a traceback."""


class TargetError(LikelihoodError):
    """Targets that the family cannot take: missing, outside the support, or of the wrong shape."""
