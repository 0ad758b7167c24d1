"""A simulator for any family: its parameters are smooth functions of x, mapped through the family's links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from likelihead.data.sources.synthetic.simulation import Simulation, tensor
from likelihead.errors import LikelihoodError
from likelihead.families.family import probe_family
from likelihead.target_types.detect import distribution_at, target_type_of

#: Raw outputs of locations and logits lie within ±RAW_RANGE, those of scales and rates within FACTOR_RANGE of
#: FACTOR_CENTRE.
RAW_RANGE, FACTOR_RANGE, FACTOR_CENTRE = 4.0, 1.0, 0.5
INPUTS = 3


def waves(rng: np.random.Generator, x: Tensor, size: int) -> Tensor:
    """Random smooth functions of x (n, p), sums of linear and sine terms: (n, size), within ±1 for x within ±2."""
    features = torch.cat([x / 2, torch.sin(1.5 * x)], dim=1)
    weights = tensor(rng.normal(size=(features.shape[1], size)))
    weights = weights / weights.abs().sum(dim=0)
    return features @ weights


def generic(family: str | Mapping[str, Any] | type, rng: np.random.Generator, rows: int) -> Simulation:
    """Three inputs; predicted parameters are smooth functions of them, learned parameters are constants."""
    resolved = probe_family(family)
    x = rng.uniform(-2, 2, (rows, INPUTS))
    raw: dict[str, Tensor] = {}
    for name, shape in resolved.parameter_shapes.items():
        if not isinstance(resolved.roles[name], str):
            continue
        inner = resolved.links[name].raw_shape(shape)
        is_factor = resolved.links[name].factors(inner).flatten()
        values = waves(rng, tensor(x), max(inner.numel(), 1))
        values = torch.where(is_factor, FACTOR_CENTRE + FACTOR_RANGE * values, RAW_RANGE * values)
        values = values if resolved.roles[name] == "predicted" else values[:1].expand(rows, -1)
        raw[name] = values.reshape(rows, *inner)
    truth = distribution_at(resolved, raw)
    if tuple(truth.batch_shape) != (rows,):
        raise LikelihoodError(f"{resolved.name} has no parameter that depends on x: name a data set, data.path=FILE")
    target_type = target_type_of(resolved)
    size = int(truth.event_shape.numel())
    target = [f"y{index}" for index in range(size)] if target_type.is_vector else ["y"]
    labels = [str(code) for code in range(size)] if target_type.has_items else None
    return Simulation({f"x{index}": x[:, index] for index in range(INPUTS)}, truth, target, labels)
