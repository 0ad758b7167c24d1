"""The effects of an additive model: what each input adds to each parameter of the distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from likelihead.architectures.additive import Additive
from likelihead.errors import LikelihoodError
from likelihead.evaluation.coefficients import link_name
from likelihead.evaluation.evaluate import in_float64
from likelihead.heads.distribution_head import DistributionHead
from likelihead.heads.joint_head import JointHead
from likelihead.heads.parameters import Predicted


@dataclass(frozen=True)
class Output:
    """A predicted parameter, whose raw outputs are some of those of the head.

    Attributes:
        name: the parameter, with the target's name in front where there are several.
        link: the link of each raw output: identity, log, softplus or logistic.
        shape: the shape of its raw outputs; () for a number.
        anchor, unit: of each raw output, (size,).
        weight, bias: of the linear layer, (size, features) and (size,).
    """

    name: str
    link: list[str]
    shape: torch.Size
    anchor: Tensor
    unit: Tensor
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class AdditiveEffects:
    """The effects of an additive model: on the scale of the link, a parameter is a constant plus one effect per input.

    Attributes:
        network: one small network for each input, in float64.
        outputs: the predicted parameters.
    """

    network: Additive
    outputs: list[Output]

    @classmethod
    def of(cls, model: Any) -> AdditiveEffects:
        """The effects of a module.

        Raises:
            LikelihoodError: its architecture is not `additive`.

        >>> from likelihead import LikelihoodModule
        >>> data = (torch.rand(60, 2), torch.rand(60))
        >>> effects = AdditiveEffects.of(LikelihoodModule.for_data(data, "normal", "additive"))
        >>> [output.name for output in effects.outputs]
        ['loc', 'scale']
        >>> effects.of_input(0, data[0][:, :1])["loc"].shape
        torch.Size([60, 1])
        """
        if not is_additive(model):
            raise LikelihoodError("only a model with architecture=additive is a sum of effects of its inputs")
        head: Any = in_float64(model.head)
        heads = head.parts if isinstance(head, JointHead) else {"": head}
        outputs = [output for name, part in heads.items() for output in _outputs(part, name)]
        return cls(in_float64(model.architecture), outputs)

    @torch.no_grad()
    def of_input(self, place: int, columns: Tensor) -> dict[str, Tensor]:
        """What an input adds to each parameter on the scale of its link, before centring.

        Args:
            place: the number of the input.
            columns: its columns of x, (m, k).

        Returns:
            By parameter, (m, size): one column for each raw output.
        """
        features = self.network.networks[place](columns.double())
        start = sum(self.network.sizes[:place])
        own = slice(start, start + self.network.sizes[place])
        return {output.name: features @ output.weight[:, own].T * output.unit for output in self.outputs}

    def centred(self, place: int, columns: Tensor, rows: Tensor) -> dict[str, Tensor]:
        """As `of_input`, less the mean over the input's columns (n, k) of some rows."""
        effects, means = self.of_input(place, columns), self.of_input(place, rows)
        return {name: effect - means[name].mean(0) for name, effect in effects.items()}

    @property
    def constants(self) -> dict[str, Tensor]:
        """The constant of each parameter on the scale of its link, (size,): its value where all effects are 0."""
        return {output.name: output.anchor + output.unit * output.bias for output in self.outputs}


def is_additive(model: Any) -> bool:
    """Whether each parameter that a model predicts is a sum of effects of its inputs."""
    network, head = getattr(model, "architecture", None), getattr(model, "head", None)
    return isinstance(network, Additive) and isinstance(head, DistributionHead | JointHead)


def _outputs(head: DistributionHead, target: str) -> list[Output]:
    linear, found, start = head.linear, [], 0
    for name, parameter in head.parameter.items():
        if linear is None or not isinstance(parameter, Predicted):
            continue
        rows = slice(start, start + parameter.size)
        start += parameter.size
        shape = parameter.raw_shape
        found.append(
            Output(
                f"{target}.{name}" if target else name,
                [link_name(parameter.link, place, shape) for place in range(parameter.size)],
                shape,
                parameter.anchor.reshape(-1),
                parameter.unit.reshape(-1),
                linear.weight.detach()[rows],
                linear.bias.detach()[rows],
            )
        )
    return found
