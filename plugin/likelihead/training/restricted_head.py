"""Which features a parameter may look at, where its family names some of the inputs only."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch import nn

from likelihead.architectures.features import features_by_input
from likelihead.errors import LikelihoodError
from likelihead.heads.distribution_head import DistributionHead
from likelihead.heads.joint_head import JointHead
from likelihead.training.data_module import input_columns, sample_inputs


def restrict_head(head: DistributionHead | JointHead, network: nn.Module, rows: pl.LightningDataModule) -> None:
    """Let each parameter given as `{features: [a, b]}` look at the features of these inputs only.

    The inputs of a table have the names of its columns; the columns of a tensor are called x1, x2, ….

    Raises:
        LikelihoodError: there is no such input, or the network mixes its inputs.
    """
    parts = head.parts.values() if isinstance(head, JointHead) else [head]
    named = [name for part in parts for name in part.family.features]
    if not named:
        return
    features = features_by_input(network, *_inputs(rows))
    if not features:
        raise LikelihoodError(
            f"parameters.{named[0]} looks at some of the inputs only, but this network mixes all of them: choose "
            "architecture=linear or additive, or make the parameter predicted"
        )
    head.restrict(features)


def _inputs(rows: pl.LightningDataModule) -> tuple[list[str], list[int]]:
    """The names of the inputs, and how many columns of x each has."""
    encoder: Any = getattr(getattr(rows, "data", None), "encoder", None)
    if encoder is not None:
        return encoder.inputs or encoder.names, input_columns(rows) or []
    columns = sample_inputs(rows).shape[-1]
    return [f"x{k + 1}" for k in range(columns)], [1] * columns
