"""likelihead: networks whose output is a probability distribution, trained by maximum likelihood.

>>> from likelihead import DistributionHead
>>> DistributionHead("poisson", in_features=64).name
'Poisson'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from likelihead.errors import LikelihoodError as LikelihoodError
    from likelihead.errors import TargetError as TargetError
    from likelihead.families.family import Family as Family
    from likelihead.heads.distribution_head import DistributionHead as DistributionHead
    from likelihead.pyro_models import to_pyro as to_pyro
    from likelihead.training.checkpoint import load as load
    from likelihead.training.ensemble import Ensemble as Ensemble
    from likelihead.training.fit import Outcome as Outcome
    from likelihead.training.fit import fit as fit
    from likelihead.training.module import LikelihoodModule as LikelihoodModule

# Imported on first use, so that code which only reads configs does not have to import torch.
_MODULES = {
    "DistributionHead": "heads.distribution_head",
    "Ensemble": "training.ensemble",
    "Family": "families.family",
    "LikelihoodError": "errors",
    "LikelihoodModule": "training.module",
    "Outcome": "training.fit",
    "TargetError": "errors",
    "fit": "training.fit",
    "load": "training.checkpoint",
    "to_pyro": "pyro_models",
}
__all__ = [
    "DistributionHead",
    "Ensemble",
    "Family",
    "LikelihoodError",
    "LikelihoodModule",
    "Outcome",
    "TargetError",
    "fit",
    "load",
    "to_pyro",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'likelihead' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"likelihead.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
