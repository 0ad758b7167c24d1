"""The distribution of raw outputs that is built when it is asked for more than log_prob."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from likelihead.heads.fast.plan import Plan

#: The attributes that do not build the distribution.
_KEPT = frozenset({"log_prob", "batch_shape", "event_shape", "_batch_shape", "_event_shape", "_state"})


def is_plain() -> bool:
    """Whether nothing but the reverse mode of autograd follows what is computed now."""
    return not (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch.jit.is_tracing()  # type: ignore[attr-defined]
    )


class Deferred:
    """A distribution of batch_shape (N,) whose parameters are computed at the first use of one of them.

    Until then it only holds raw outputs, from which `log_prob` takes the fast way. From then on it is an ordinary
    instance of its class.
    """

    _state: tuple[Any, ...]
    _batch_shape: torch.Size
    _event_shape: torch.Size

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        """Of the type of an instance, as of its class, others are ordinary instances."""
        return cls.__mro__[2](*arguments, **options)

    def __getattribute__(self, name: str) -> Any:
        if name in _KEPT:
            return object.__getattribute__(self, name)
        if name == "__class__":
            return type(self).__mro__[2]
        return getattr(_built(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_built(self), name, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _built(self).__reduce_ex__(protocol)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) for value of shape batch_shape + event_shape; other shapes are left to the distribution."""
        if not issubclass(type(self), Deferred):  # An argument of this call has built the distribution meanwhile.
            return self.log_prob(value)
        head, plan, raw, learned, _ = self._state
        shape = self._batch_shape + self._event_shape
        is_usual = value.shape == shape and not value.requires_grad and is_plain()
        if is_usual and (value.dtype == raw.dtype or not value.dtype.is_floating_point):
            found = fast_log_prob(head, plan, value, raw, learned)
            if found is not None:
                return found
        return _built(self).log_prob(value)


def deferred(head: Any, plan: Plan, raw: Tensor, learned: list[Tensor], event_shape: torch.Size, cls: type) -> Any:
    """The distribution of a head's raw outputs (N, total)."""
    made: Any = object.__new__(_deferring(cls))
    own = object.__getattribute__(made, "__dict__")
    has_graph = torch.is_grad_enabled()
    own["_state"] = (head, plan, raw, learned if has_graph else [each.detach() for each in learned], has_graph)
    own["_batch_shape"], own["_event_shape"] = raw.shape[:-1], event_shape
    return made


@cache
def _deferring(cls: type) -> type:
    return type(cls.__name__, (Deferred, cls), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def _built(made: Any) -> Any:
    """The same object as an ordinary instance of its class."""
    kind = type(made)
    if issubclass(kind, Deferred):
        head, plan, raw, learned, has_graph = made._state
        with torch.set_grad_enabled(has_graph):
            built = head.family.build(plan.values(raw, learned))
        object.__setattr__(made, "__class__", kind.__mro__[2])
        made.__dict__.clear()
        made.__dict__.update(built.__dict__)
    return made


def fast_log_prob(head: Any, plan: Plan, y: Tensor, raw: Tensor, learned: list[Tensor]) -> Tensor | None:
    """log p(y), (N,), by the plan; None where it has to be taken from the distribution."""
    if not (plan.takes_labels or y.is_floating_point()):
        y = y.to(raw.dtype)
    if plan.is_differentiated:
        differentiated: Tensor | None = plan.found(y, raw, learned)
        return differentiated
    if torch.is_grad_enabled() and (raw.requires_grad or any(constant.requires_grad for constant in learned)):
        value: Tensor | None = _LogProb.apply(head, plan, y, raw, *learned)
        return value
    with torch.no_grad():
        found = plan(y, raw, learned)
    return None if found is None else found[0]


class _LogProb(torch.autograd.Function):
    """A value whose derivatives are computed with it; None where the plan declines.

    Second derivatives go through the distribution.
    """

    @staticmethod
    def forward(ctx: Any, head: Any, plan: Plan, y: Tensor, raw: Tensor, *learned: Tensor) -> Tensor | None:
        found = plan(y, raw, list(learned))
        if found is None:
            return None
        ctx.head, ctx.plan, ctx.y, ctx.slopes = head, plan, y, found[1]
        ctx.save_for_backward(raw, *learned)
        return found[0]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raw, *learned = ctx.saved_tensors
            value = ctx.head.family.build(ctx.plan.values(raw, learned)).log_prob(ctx.y)
            wanted = [tensor for tensor in (raw, *learned) if tensor.requires_grad]
            found = iter(torch.autograd.grad(value, wanted, gradient, create_graph=True))
            return None, None, None, *(next(found) if each.requires_grad else None for each in (raw, *learned))
        by_raw, *by_learned = ctx.slopes
        constants = [torch.dot(gradient.contiguous(), slope) for slope in by_learned]
        return None, None, None, gradient.unsqueeze(-1) * by_raw, *constants
