"""Which families can be fitted to censored and truncated targets: those whose cdf can be differentiated."""

from __future__ import annotations

from functools import cache

from likelihead.configs import shipped
from likelihead.distributions.tails import has_log_tails
from likelihead.errors import TargetError
from likelihead.families.family import Family, probe_family


def check_censorable(family: Family) -> None:
    """Raise a TargetError, which names the families that can, if targets of the family cannot be censored.

    >>> check_censorable(Family.of("weibull"))
    """
    if not has_log_tails(family.example()):
        raise TargetError(
            f"the targets of {family.name} cannot be censored or truncated, because its cdf cannot be differentiated; "
            f"families whose targets can: {', '.join(_censorable())}"
        )


@cache
def _censorable() -> tuple[str, ...]:
    return tuple(name for name in shipped() if has_log_tails(probe_family(name).example()))
