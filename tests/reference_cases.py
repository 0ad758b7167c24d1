"""Recipes of trusted fits turned into linear problems: which head, which x, which y."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
#: For each family of the references: the shipped distribution, and its parameters in the order of the recipe's terms.
FAMILIES = {
    "normal": ("normal", ["loc", "scale"]),
    "normal_softplus": ("normal", ["loc", "scale"]),
    "laplace": ("laplace", ["loc", "scale"]),
    "studentt": ("student_t", ["loc", "scale", "df"]),
    "gamma": ("gamma", ["rate", "concentration"]),
    "exponential": ("exponential", ["rate"]),
    "poisson": ("poisson", ["rate"]),
    "negbin2": ("negative_binomial", ["mean", "dispersion"]),
    "beta": ("beta_proportion", ["logits", "precision"]),
    "bernoulli": ("bernoulli", ["logits"]),
    "categorical": ("categorical", ["logits"]),
    "multivariate_normal": ("multivariate_normal", ["loc", "scale_tril"]),
}


@dataclass
class Problem:
    """A linear maximum-likelihood problem: the head's roles and sizes, and the rows."""

    name: str
    roles: dict[str, str]
    x: Tensor
    y: Tensor
    loglik: float
    weight: Tensor | None = None
    exposure: Tensor | None = None
    event_size: int | None = None
    #: For a parameter that reads only some columns: which ones.
    columns: dict[str, list[bool]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def references() -> list[dict[str, Any]]:
    path = SHARED / "references.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return cases


@cache
def design() -> ModuleType:
    """The module beside the data that turns terms into columns."""
    spec = importlib.util.spec_from_file_location("reference_design", SHARED / "design.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def standardised(x: np.ndarray) -> Tensor:
    scale = x.std(0)
    return torch.from_numpy((x - x.mean(0)) / np.where(scale > 0, scale, 1.0))


def columns_of(frame: pd.DataFrame, terms: list[str]) -> tuple[np.ndarray, list[str]]:
    if not terms:
        return np.zeros((len(frame), 0)), []
    matrix, names = design().design(frame, terms, intercept=False)
    return matrix, names


def target_of(case: dict[str, Any], frame: pd.DataFrame) -> tuple[pd.DataFrame, Tensor]:
    recipe = case["recipe"]
    if recipe.get("rows") == "complete in the used columns":
        used = [column for terms in recipe["terms"].values() for column in terms]
        frame = frame.dropna(subset=[*used, recipe["y"]])
    if recipe.get("rows") == "target in {1,2}":
        frame = frame[frame["target"].isin([1, 2])]
    if isinstance(recipe["y"], list):
        return frame, torch.from_numpy(frame[recipe["y"]].to_numpy(float))
    # A derived target is written as an expression of columns: "food / income", "satellites > 0".
    y = frame.eval(recipe["y"]) if recipe["y"] not in frame else frame[recipe["y"]]
    return frame, torch.from_numpy(y.to_numpy(float))


def regression(case: dict[str, Any]) -> Problem:
    """Cases whose recipe lists the terms of each parameter."""
    frame, y = target_of(case, design().load(case["data"].rsplit("/", 1)[0]))
    name, parameters = FAMILIES[case["family"]]
    terms = list(case["recipe"]["terms"].values())
    if case["family"] == "multivariate_normal":
        terms = [terms[0], []]
    union = [*dict.fromkeys(term for listed in terms for term in listed)]
    x, names = columns_of(frame, union)
    roles, masks = {}, {}
    for parameter, listed in zip(parameters, terms, strict=True):
        roles[parameter] = "predicted" if listed else "learned"
        own = columns_of(frame, listed)[1]
        if listed and own != names:
            masks[parameter] = [column in own for column in names]
    size = None
    if case["family"] == "categorical":
        size, y = case["recipe"]["classes"], y.long()
    if case["family"] == "multivariate_normal":
        size = y.shape[1]
    extra = {"links": {"scale": "softplus"}} if case["family"] == "normal_softplus" else {}
    return Problem(name, roles, standardised(x), y, case["loglik"], event_size=size, columns=masks, extra=extra)


def circular(case: dict[str, Any]) -> Problem:
    frame = pd.read_csv(SHARED / case["data"])
    y = torch.from_numpy(np.angle(np.exp(1j * frame["theta"].to_numpy(float))))
    kind = case["id"].rsplit("vonmises_")[1]
    roles = {
        "const": {"vector": "learned"},
        "vector": {"vector": "predicted"},
        "atan2": {"vector": "predicted", "concentration": "learned"},
        "atan2_kappa": {"vector": "predicted", "concentration": "predicted"},
    }[kind]
    x = frame[["distance"]].to_numpy(float) if "distance" in frame else np.zeros((len(frame), 0))
    return Problem("von_mises", roles, standardised(x), y, case["loglik"])


def mixture(case: dict[str, Any]) -> Problem:
    y = torch.from_numpy(pd.read_csv(SHARED / case["data"])[case["recipe"]["y"]].to_numpy(float))
    roles = dict.fromkeys(["mixture_logits", "loc", "scale"], "learned")
    return Problem("gaussian_mixture", roles, torch.zeros(len(y), 0), y, case["loglik"], extra={"components": 2})


def ranking(case: dict[str, Any]) -> Problem:
    frame, kind = pd.read_csv(SHARED / case["data"]), case["id"].split(":")[0]
    weight, x, roles = None, torch.zeros(len(frame), 0), {"logits": "learned"}
    if kind == "netflix":
        order = frame[[f"rank{place}" for place in range(1, 5)]].to_numpy() - 1
        weight = torch.from_numpy(frame["count"].to_numpy(float))
    elif kind == "salad":
        order = frame[list("ABCD")].to_numpy().argsort(1)
    elif kind == "nascar":
        # Driver by number at each rank; drivers who never raced have no logit.
        numbers = np.unique(frame.stack())
        codes = np.searchsorted(numbers, frame.fillna(numbers[0]).to_numpy())
        order = np.full((len(frame), len(numbers)), -1)
        order[:, : frame.shape[1]] = np.where(frame.isna(), -1, codes)
    else:
        order = np.array([["abcdef".index(item) for item in row.split(">")] for row in frame["ranking"]])
        x = standardised(frame.drop(columns="ranking").to_numpy(float))
        roles = {"logits": "predicted"}
    y = torch.from_numpy(np.ascontiguousarray(order))
    name = "plackett_luce_partial" if kind == "nascar" else "plackett_luce"
    return Problem(name, roles, x, y, case["loglik"], weight=weight, event_size=y.shape[1])


def exposed(case: dict[str, Any]) -> Problem:
    frame = pd.read_csv(SHARED / case["data"])
    x, _ = columns_of(frame, ["C(District)", "C(Group)", "C(Age)"])
    exposure = torch.from_numpy(frame["Holders"].to_numpy(float))
    y = torch.from_numpy(frame["Claims"].to_numpy(float))
    return Problem("poisson", {"rate": "predicted"}, standardised(x), y, case["loglik"], exposure=exposure)


def problem(case: dict[str, Any]) -> Problem:
    if case["family"] == "vonmises":
        return circular(case)
    if case["family"] == "mixture_of_normals":
        return mixture(case)
    if case["family"] == "plackett_luce":
        return ranking(case)
    return exposed(case) if case["id"].startswith("insurance") else regression(case)
