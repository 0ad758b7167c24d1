"""Training steps through torch.compile: network, head and log-probability as one graph."""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException
from torch._inductor.exc import InvalidCxxCompiler
from torch.utils._pytree import tree_leaves

from likelihead.data.batch import Batch
from likelihead.errors import LikelihoodError, one_line
from likelihead.heads.sites import aligned, site_weights

#: The modes of torch.compile; the first is that of compile=true.
MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
#: The backend of torch.compile.
BACKEND = "inductor"


def checked_mode(choice: bool | str | None) -> str | None:
    """The mode of torch.compile that a choice names; None for no compilation.

    Raises:
        LikelihoodError: an unknown mode.

    >>> checked_mode(True), checked_mode("reduce-overhead"), checked_mode(False)
    ('default', 'reduce-overhead', None)
    """
    if choice is None or isinstance(choice, bool):
        return MODES[0] if choice else None
    if choice not in MODES:
        raise LikelihoodError(f"compile is {choice!r}; it must be true, false or a mode: {', '.join(MODES)}")
    return choice


class CompiledTraining:
    """What makes a LightningModule with `log_prob` compile it for its training steps."""

    #: The mode of torch.compile; None for no compilation.
    compile_mode: str | None = None
    _compiled: CompiledLogProb | None = None

    def training_log_prob(self: Any, batch: Batch) -> Tensor:
        """The weighted log p(y | x) of each row of a training batch, (N,)."""
        if self.compile_mode is None:
            plain: Tensor = self.log_prob(batch)
            return plain
        if self._compiled is None:
            self._compiled = CompiledLogProb(self, self.compile_mode)
        each: Tensor = self._compiled(batch)
        return each

    def on_train_end(self) -> None:
        """Leave the module as it was."""
        if self._compiled is not None:
            self._compiled.end()
            self._compiled = None


class CompiledLogProb:
    """The log-probability of the rows of training batches, by one graph for batches of any number of rows.

    While it is in use, dropout layers read their rate from a tensor, so that another rate needs no other graph.

    Args:
        module: a `LikelihoodModule`.
        mode: of torch.compile.

    Raises:
        LikelihoodError: the family has limits or a spline.
    """

    def __init__(self, module: Any, mode: str) -> None:
        if _needs_tails(module):
            raise LikelihoodError("compile=true does not take families with limits or a spline: leave out compile")
        self.module, self._is_first = module, True
        self.rates = {layer: torch.tensor(layer.p, device=module.device) for layer in _dropout(module)}
        for layer, rate in self.rates.items():
            layer.forward = partial(_dropped, layer, layer.forward, rate)  # type: ignore[method-assign]
        options = {"mode": mode} if BACKEND == "inductor" else {}
        # The first call of torch.compile changes this default for the whole process.
        validates = torch.distributions.Distribution._validate_args
        try:
            self._compiled = torch.compile(_own_code(module), fullgraph=True, backend=BACKEND, **options)  # type: ignore[call-overload]
        finally:
            torch.distributions.Distribution.set_default_validate_args(validates)

    def __call__(self, batch: Batch) -> Tensor:
        """The weighted log p(y | x) of each row, (N,).

        Raises:
            LikelihoodError: there is no C++ compiler, the network cannot be compiled into one graph, or targets are
                censored or truncated.
        """
        if batch.bounds is not None or batch.truncation is not None:
            raise LikelihoodError("compile=true does not take censored or truncated targets: leave out compile")
        if batch.mask is not None:
            if not batch.mask.any():
                each: Tensor = self.module.log_prob(batch)
                return each
            batch = _without_mask(batch, 1 if self.module.head.target_type.is_vector else 0)
        for layer, rate in self.rates.items():
            rate.fill_(layer.p)
        if self._is_first:
            _let_rows_vary(batch)
        try:
            each = self._compiled(batch)
        except (TorchDynamoException, FailOnRecompileLimitHit) as error:
            self.module.log_prob(batch)  # An error of the batch itself says more.
            raise _refusal(error) from error
        self._is_first = False
        return each

    def end(self) -> None:
        """Leave the dropout layers as they were."""
        for layer in self.rates:
            del layer.forward


def _needs_tails(module: Any) -> bool:
    """Whether the log-probability needs tails, whose code depends on the values."""
    heads = [part for part in module.head.modules() if hasattr(part, "family")]
    return any(part.family.spec.get(key) for part in heads for key in ("limits", "spline"))


def _own_code(module: Any) -> Any:
    """`module.log_prob` by a code object of its own: torch keeps graphs with the code, and limits their number."""

    def log_prob(batch: Batch) -> Tensor:
        each: Tensor = module.log_prob(batch)
        return each

    return FunctionType(log_prob.__code__.replace(), log_prob.__globals__, closure=log_prob.__closure__)


def _let_rows_vary(batch: Batch) -> None:
    for values in tree_leaves(tuple(batch)):
        if isinstance(values, Tensor) and values.dim():
            torch._dynamo.maybe_mark_dynamic(values, 0)


def _without_mask(batch: Batch, event_dims: int) -> Batch:
    """The batch with weight 0 where it is masked, and there the target of another site."""
    y: Tensor = batch.y  # type: ignore[assignment]
    mask: Tensor = batch.mask  # type: ignore[assignment]
    sites, event = y.shape[: y.dim() - event_dims], y.shape[y.dim() - event_dims :]
    keep = aligned(mask.bool(), sites, "mask").expand(sites)
    filler = y.reshape(-1, *event)[keep.flatten().int().argmax()]
    weight = site_weights(batch.weight, mask, sites).expand(sites)
    dtype = y.dtype if y.is_floating_point() else torch.get_default_dtype()
    known = torch.where(keep.reshape(*sites, *[1] * event_dims), y, filler)
    return batch._replace(y=known, weight=weight.to(dtype), mask=None)


def _dropout(module: nn.Module) -> list[nn.Dropout]:
    return [layer for layer in module.modules() if type(layer) is nn.Dropout]


def _dropped(layer: nn.Dropout, forward: Any, rate: Tensor, x: Tensor) -> Tensor:
    """Dropout at a rate that is read from a tensor in a graph; elsewhere, what the layer does."""
    if not (layer.training and torch.compiler.is_compiling()):
        plain: Tensor = forward(x)
        return plain
    return torch.where(torch.rand_like(x) >= rate, x / (1.0 - rate), 0.0)


def _refusal(error: BaseException) -> LikelihoodError:
    causes: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in causes:
        causes.append(following)
        following = getattr(following, "inner_exception", None) or following.__cause__ or following.__context__
    if any(isinstance(cause, InvalidCxxCompiler) for cause in causes):
        return LikelihoodError(
            "compile=true needs a C++ compiler, and torch finds none: install g++, name one in the environment "
            "variable CXX, or leave out compile"
        )
    return LikelihoodError(
        "compile=true needs a network and a head that torch.compile turns into one graph, and these it cannot: "
        f"{one_line(error, 200)}; leave out compile"
    )
