"""Functions of tensors whose derivatives are written out, for reverse and forward mode, vmap and torch.compile."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

#: A partial derivative for each input; None where it was not asked for or does not exist.
Derivatives = tuple[Tensor | None, ...]


class Formula(torch.autograd.Function):
    """A function of tensors with its partial derivatives in closed form. A subclass gives two static methods:

    `forward(*inputs)`: the value, of shape (...). The inputs have this shape, followed by further dimensions if they
    are vectors or matrices. Its operations are never differentiated, so they may work in place.

    `derivatives(needed, value, *inputs)`: for each input the partial derivative of the value, of the input's shape.
    `needed` says for which inputs it is used; `inputs` are those that are tensors. It is made of differentiable
    operations, so that derivatives of any order follow from it.

    Only the value and the inputs are kept for the backward pass: what a chain of forty small operations would keep in
    float64 costs more time than the arithmetic.

    >>> class Square(Formula):
    ...     @staticmethod
    ...     def forward(x):
    ...         return x * x
    ...
    ...     @staticmethod
    ...     def derivatives(needed, value, x):
    ...         return (2.0 * x,)
    >>> slope = torch.func.grad(Square.of)
    >>> slope(torch.tensor(3.0)), torch.func.grad(slope)(torch.tensor(3.0))
    (tensor(6.), tensor(2.))
    """

    generate_vmap_rule = True
    derivatives: Callable[..., Derivatives]
    _with_jvp: type[Formula]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "derivatives" not in vars(cls):
            return
        # torch inspects the signature in every call, which takes longer than a small formula unless it is stored.
        cls.forward.__signature__ = inspect.signature(cls.forward)  # type: ignore[attr-defined]
        cls.backward = staticmethod(_backward_of(cls))  # type: ignore[method-assign]
        members = {"jvp": staticmethod(_jvp_of(cls)), "setup_context": staticmethod(_setup_with_jvp)}
        cls._with_jvp = type(cls.__name__, (cls,), members)

    @classmethod
    def of(cls, *inputs: Any) -> Tensor:
        """The value at the inputs, differentiable."""
        # torch.compile refuses a class that has a jvp.
        chosen = cls if torch.compiler.is_compiling() else cls._with_jvp
        value: Tensor = chosen.apply(*inputs)
        return value

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*_kept(inputs, output))


def _kept(inputs: tuple[Any, ...], output: Tensor) -> list[Tensor]:
    """What `derivatives` takes: the value, then those inputs that are tensors."""
    return [output, *(part for part in inputs if isinstance(part, Tensor))]


def _setup_with_jvp(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    Formula.setup_context(ctx, inputs, output)
    ctx.save_for_forward(*_kept(inputs, output))
    # The tangent of an input that does not vary is None instead of zeros.
    ctx.set_materialize_grads(False)


def _backward_of(cls: type[Formula]) -> Any:
    def backward(ctx: Any, gradient: Tensor | None) -> Derivatives:
        if gradient is None:
            return (None,) * len(ctx.needs_input_grad)
        partials = cls.derivatives(ctx.needs_input_grad, *ctx.saved_tensors)
        return tuple(None if partial is None else _expanded(gradient, partial) * partial for partial in partials)

    return backward


def _expanded(gradient: Tensor, partial: Tensor) -> Tensor:
    """The gradient (...) with as many dimensions as a partial derivative (..., *)."""
    for _ in range(partial.dim() - gradient.dim()):
        gradient = gradient.unsqueeze(-1)
    return gradient


def _jvp_of(cls: type[Formula]) -> Any:
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor | None:
        needed = [tangent is not None for tangent in tangents]
        # torch calls jvp with forward mode disabled, for enclosing transforms too: jacfwd of jacfwd would be 0. So
        # it is enabled again, on inputs without the tangents of this transform.
        with forward_ad._set_fwd_grad_enabled(True):
            kept = [forward_ad.unpack_dual(tensor, level=0).primal for tensor in ctx.saved_tensors]
            partials = cls.derivatives(needed, *kept)
            pairs = zip(partials, tangents, strict=True)
            terms = [_product(partial, tangent, kept[0]) for partial, tangent in pairs]
            present = [term for term in terms if term is not None]
            return sum(present[1:], present[0]) if present else None

    return jvp


def _product(partial: Tensor | None, tangent: Tensor | None, value: Tensor) -> Tensor | None:
    """What one input adds to the tangent of the value: their product, summed over the input's own dimensions."""
    if partial is None or tangent is None:
        return None
    product = (partial * tangent).to(value.dtype)
    return product.flatten(value.dim()).sum(-1) if product.dim() > value.dim() else product


def bounded(x: Tensor) -> Tensor:
    """x, or the nearest number whose double is finite where x itself is not: for densities that fall doubly
    exponentially, so that training can recover.

    >>> bounded(torch.tensor(torch.inf)) < torch.inf
    tensor(True)
    """
    largest = torch.finfo(x.dtype).max / 8.0
    return x.clamp(-largest, largest)
