"""likelihead doctor: what is installed, which devices there are, and whether a small model trains on them."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version

from likelihead.errors import LikelihoodError

REQUIRED = ("torch", "pytorch-lightning", "pyro-ppl", "hydra-core", "numpy", "scipy", "pandas", "scikit-learn")
#: What each optional package is needed for.
OPTIONAL = {
    "tensorboard": "logger=tensorboard",
    "mlflow": "logger=mlflow",
    "wandb": "logger=wandb",
    "onnxscript": "likelihead export, output=model.onnx",
    "onnxruntime": "scoring an exported model without torch",
    "safetensors": "likelihead export, output=model.safetensors",
    "skpro": "likelihead.skpro",
    "polars": "polars frames in likelihead.sklearn",
}


def main() -> None:
    """`likelihead doctor`."""
    from likelihead.commands.user_errors import fail, reports_errors

    words = [word for word in sys.argv[1:] if word != "doctor"]
    if set(words) & {"--help", "-h"}:
        print(
            "Says what is installed and which devices there are, and trains a small model on each.\nlikelihead doctor"
        )
        return
    if words:
        fail(f"likelihead doctor takes no options: leave out {' '.join(words)}")
    with reports_errors():
        doctor()


def doctor() -> None:
    """Print the packages and devices, and the result of a test on each device.

    Raises:
        LikelihoodError: a test failed.
    """
    from rich.console import Console

    from likelihead.commands.summary import table

    console = Console(highlight=False)
    console.print(f"likelihead {installed('likelihead')}, Python {platform.python_version()}, {platform.platform()}")
    console.print()
    console.print(table(["package", "version"], [[name, installed(name)] for name in REQUIRED]))
    console.print()
    optional = table(["optional", "version", "for"], [[name, installed(name), use] for name, use in OPTIONAL.items()])
    optional.columns[-1].justify = "left"
    console.print(optional)
    console.print()
    for accelerator, description in devices().items():
        console.print(f"{description}: ", end="")
        console.print(self_test(accelerator))


def installed(package: str) -> str:
    """The version of a package, or a dash.

    >>> installed("no-such-package")
    '–'
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"


def devices() -> dict[str, str]:
    """Lightning's accelerators that are here, each with a description."""
    import torch

    found = {"cpu": f"CPU, {os.cpu_count()} cores"}
    if torch.cuda.is_available():
        found["cuda"] = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    return found


def self_test(accelerator: str) -> str:
    """Train a small model, load it again and compare its predictions; one sentence about it.

    Raises:
        LikelihoodError: the model is no better than the marginal fit, or its checkpoint predicts something else.
    """
    import torch

    from likelihead.data import load_data
    from likelihead.inference import mean
    from likelihead.training.checkpoint import load
    from likelihead.training.fit import fit
    from likelihead.training.module import LikelihoodModule

    start = time.perf_counter()
    data = load_data("poisson", {"kind": "synthetic", "rows": 400}, seed=0)
    module = LikelihoodModule.for_data(data, "poisson", width=32)
    with tempfile.TemporaryDirectory() as folder:
        outcome = fit(module, data, directory=folder, max_epochs=15, accelerator=accelerator, devices=1)
        assert outcome is not None
        again = load(folder)
    trained, marginal = outcome.metrics["test"]["nll"], outcome.metrics["marginal"]["nll"]
    if not trained < marginal:
        raise LikelihoodError(
            f"training on {accelerator} failed: the NLL is {trained:.3f}, the marginal's {marginal:.3f}"
        )
    x = data.test.x
    if not torch.allclose(mean(again(x)), mean(outcome.module.cpu()(x)), rtol=1e-4):
        raise LikelihoodError(f"on {accelerator} a stored model does not predict what the trained one does")
    return f"a model trains in {time.perf_counter() - start:.1f} s (NLL {trained:.3f}, marginal {marginal:.3f})"
