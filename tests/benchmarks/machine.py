"""The machine that was measured: processor, cores, versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch", "pytorch-lightning", "pyro-ppl", "scikit-learn", "statsmodels", "ngboost", "catboost", "xgboostlss",
    "torch-uncertainty", "gluonts",
)  # fmt: skip


def processor() -> str:
    """The processor's name, as Linux gives it."""
    place = Path("/proc/cpuinfo")
    lines = place.read_text().splitlines() if place.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def installed(package: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """Processor, cores and versions, and the same as one line of text."""
    cores = os.cpu_count()
    versions = {name: installed(name) for name in PACKAGES}
    present = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    text = f"{processor()}, {cores} cores; Python {platform.python_version()}, {present}"
    return {"processor": processor(), "cores": cores, "versions": versions, "text": text}
