"""Export: a trained module as an ONNX file, a torch.export program or a file of weights, with a card that explains it.

>>> import tempfile
>>> from likelihead import DistributionHead, LikelihoodModule
>>> from likelihead.architectures import build
>>> module = LikelihoodModule(build("linear", 2), DistributionHead("poisson", in_features=2))
>>> export(module, tempfile.mkdtemp() + "/model.pt2")["parameters"]
[{'name': 'rate', 'shape': [], 'constraint': 'nonnegative', 'role': 'predicted'}]
"""

from __future__ import annotations

from likelihead.export.export import ENDINGS, export
from likelihead.export.preprocessing import Preprocessing

__all__ = ["ENDINGS", "Preprocessing", "export"]
