"""What a distribution class says of itself: which parameters it takes, their constraints, their sizes.

Pyro's class is the description; nothing is described a second time here.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pyro.distributions.torch_distribution import TorchDistributionMixin
from torch.distributions.constraints import Constraint

from likelihead.errors import LikelihoodError
from likelihead.families.links import is_discrete

#: Where a class that a file names may come from. A loaded file is data: nothing else is imported for it.
ROOMS = ("likelihead.distributions", "pyro.distributions")
#: Of two parametrisations the one whose name ends so is taken, unless the mapping names the other.
PREFERRED = ("logits", "scale_tril")


def path_of(cls: type) -> str:
    """The dotted name under which `resolve` finds `cls` again."""
    for room in ROOMS:
        if getattr(importlib.import_module(room), cls.__name__, None) is cls:
            return f"{room}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def resolve(path: str, own: Iterable[type] = (), trusted: bool = True) -> type:
    """The distribution class at a dotted path, such as `pyro.distributions.Gumbel`.

    With `trusted=False` (the path came with a file) only `likelihead.distributions`, `pyro.distributions` and the
    classes in `own` are open.

    Raises:
        LikelihoodError: there is no such class, it is no Pyro distribution, or it is not open.

    >>> resolve("pyro.distributions.Gumbel").__name__
    'Gumbel'
    """
    for cls in own:
        if path_of(cls) == path:
            return cls
    module, _, name = path.rpartition(".")
    if not trusted and module not in ROOMS:
        raise LikelihoodError(
            f"the family {path!r} comes with the file and is not part of Pyro or likelihead; "
            f"pass its class where you load the file: load(path, families=[{name}])"
        )
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LikelihoodError(
            f"there is no distribution {path!r}; name one with its module, such as pyro.distributions.Gumbel"
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, TorchDistributionMixin)):
        raise LikelihoodError(f"{path!r} is no Pyro distribution class; name one such as pyro.distributions.Gumbel")
    return cls


def _is_static(constraint: Constraint) -> bool:
    try:
        return constraint.event_dim >= 0
    except NotImplementedError:
        return False


@dataclass(frozen=True)
class Signature:
    """The parameters that a distribution class takes, in the order of its constructor."""

    cls: type
    constraints: dict[str, Constraint]
    optional: frozenset[str]
    takes_validation: bool

    @classmethod
    def of(cls, family: type) -> Signature:
        """Read the signature of a distribution class.

        Raises:
            LikelihoodError: the class computes its constraints for each instance, as wrappers do.
        """
        declared = inspect.getattr_static(family, "arg_constraints", None)
        declared = declared if isinstance(declared, Mapping) else None
        arguments = inspect.signature(family.__init__).parameters  # type: ignore[misc]
        names = [name for name in arguments if declared is not None and name in declared]
        if declared is None or not names or not all(_is_static(declared[name]) for name in names):
            raise LikelihoodError(
                f"{family.__name__} does not say which parameters it takes (it wraps others, or decides for "
                "each instance); name the family that it wraps"
            )
        optional = frozenset(name for name in names if arguments[name].default is None)
        return cls(family, {name: declared[name] for name in names}, optional, "validate_args" in arguments)

    def is_trainable(self, name: str) -> bool:
        """Whether a gradient can reach the parameter: counts and flags must be given as numbers."""
        return not is_discrete(self.constraints[name])

    def default_parameters(self, mentioned: Iterable[str]) -> list[str]:
        """The parameters that are predicted where the mapping does not mention them.

        Those without a default of None; of alternatives (`probs` or `logits`) the preferred one.
        """
        mentioned = set(mentioned)
        arguments = inspect.signature(self.cls.__init__).parameters  # type: ignore[misc]
        needed = [name for name in self.constraints if name not in self.optional and name not in mentioned]
        wanted = [
            name for name in needed if self.is_trainable(name) or arguments[name].default is inspect.Parameter.empty
        ]
        alternatives = [name for name in self.constraints if name in self.optional]
        required_alone = any(name not in self.optional for name in self.constraints)
        if alternatives and not mentioned & set(alternatives):
            preferred = [name for name in alternatives if name.endswith(PREFERRED)]
            wanted += preferred or ([] if required_alone else alternatives[:1])
        return wanted

    def event_shapes(self, event_size: int | None) -> dict[str, torch.Size]:
        """The shape of one value of each parameter, for vectors (or K classes) of `event_size`.

        Raises:
            LikelihoodError: the family has a dimension of its own and `event_size` is missing.
        """
        own = self._own_shapes(event_size)
        shapes: dict[str, torch.Size] = {}
        for name, constraint in self.constraints.items():
            if name in own:
                shapes[name] = torch.Size(own[name])
                continue
            if constraint.event_dim and event_size is None:
                raise LikelihoodError(
                    f"{self.cls.__name__} has a dimension of its own (classes, items or components of a vector); "
                    "give its size: event_size=K"
                )
            shapes[name] = torch.Size((event_size,) * constraint.event_dim)  # type: ignore[arg-type]
        return shapes

    def _own_shapes(self, event_size: int | None) -> dict[str, Any]:
        hook = getattr(self.cls, "parameter_shapes", None)
        if hook is None:
            return {}
        if event_size is None and hook(3) != hook(4):
            raise LikelihoodError(
                f"{self.cls.__name__} has a dimension of its own (levels or classes); give its size: event_size=K"
            )
        shapes: dict[str, Any] = hook(event_size)
        return shapes

    @property
    def is_sized(self) -> bool:
        """Whether the family has a dimension of its own, so that an `event_size` must be given."""
        try:
            self.event_shapes(None)
        except LikelihoodError:
            return True
        return False
