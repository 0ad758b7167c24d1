"""The log-likelihoods and gradients of several networks at once, whose tensors have a first dimension for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from likelihead.data.batch import Batch
from likelihead.errors import LikelihoodError, one_line
from likelihead.heads.sites import log_prob, predicted

#: What torch says of operations that cannot be vectorised.
NOT_VECTORISED = ("vmap", "batching rule", "functorch")


class Member(nn.Module):
    """One member as a function of its weights: from x to its distribution, with sites as batch dimensions."""

    def __init__(self, architecture: nn.Module, member_head: nn.Module) -> None:
        super().__init__()
        self.architecture, self.member_head = architecture, member_head

    def forward(self, x: Any, exposure: Tensor | None = None) -> Any:
        return predicted(self.member_head, self.architecture(x), exposure)


def member_log_prob(member: Member, tensors: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """The weighted log p(y | x) of the rows of each of K members, (K, rows).

    Args:
        member: the structure of all members.
        tensors: their parameters and buffers by name, each (K, …).
        batch: the rows of each member, (K, rows, …), without a mask.

    Raises:
        LikelihoodError: the network has operations that torch.func cannot vectorise.
    """
    columns = (batch.x, batch.y, batch.weight, batch.exposure, batch.bounds, batch.truncation)
    axes = tuple(None if column is None else 0 for column in columns)

    def of_member(weights: dict[str, Tensor], *columns: Any) -> Tensor:
        x, y, weight, exposure, bounds, truncation = columns
        dist = functional_call(member, weights, (x, exposure))
        return log_prob(dist, y, weight, bounds=bounds, truncation=truncation)

    vectorised = vmap(of_member, in_dims=(0, *axes), randomness="different")
    try:
        # The other kernels of attention have no rule for vmap: members would be computed one by one, with a warning.
        with sdpa_kernel(SDPBackend.MATH):
            each: Tensor = vectorised(dict(tensors), *columns)
    except RuntimeError as error:
        raise _refusal(error) or error from error
    return each


def _refusal(error: RuntimeError) -> LikelihoodError | None:
    """What to say of a network that cannot be vectorised; None for other errors."""
    if not any(word in str(error) for word in NOT_VECTORISED):
        return None
    return LikelihoodError(
        "this network cannot be trained as an ensemble, because torch.func cannot vectorise it: "
        f"{one_line(error, 200)}; leave out ensemble, and train it with several seeds instead"
    )


def without_mask(batch: Batch, event_dims: int) -> Batch:
    """The batch with weight 0 instead of a mask, and a target of another site wherever one is masked."""
    if batch.mask is None:
        return batch
    y: Tensor = batch.y  # type: ignore[assignment]
    weight: Tensor = batch.weight  # type: ignore[assignment]
    mask = batch.mask.bool()
    sites = y.shape[: y.dim() - event_dims]
    keep = mask.reshape(*mask.shape, *[1] * (len(sites) - mask.dim())).expand(sites)
    filler = y.reshape(-1, *y.shape[len(sites) :])[keep.flatten().int().argmax()]
    weight = weight.reshape(*weight.shape, *[1] * (mask.dim() - weight.dim())) * mask
    return batch._replace(y=torch.where(keep.reshape(*sites, *[1] * event_dims), y, filler), weight=weight, mask=None)


@torch.no_grad()
def clip_by_member(gradients: Sequence[Tensor], limit: float) -> None:
    """Scale the gradient of each of K members to a norm of `limit` at most, in place; each tensor is (K, …)."""
    squares = torch.stack([gradient.reshape(len(gradient), -1).square().sum(1) for gradient in gradients])
    norm = squares.sum(0).sqrt() + 1e-6
    # A GPU is not waited for.
    if norm.is_cpu and norm.max().item() <= limit:
        return
    factor = (limit / norm).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.dim() - 1)))
