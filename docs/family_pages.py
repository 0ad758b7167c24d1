"""The pages of the families: each from its YAML, the docstring of its class, its data set and a picture of it."""

from __future__ import annotations

import inspect
import io
from itertools import takewhile
from typing import Any

import matplotlib
import torch
from matplotlib.figure import Figure

from likelihead import inference
from likelihead.configs import conf_directory, shipped
from likelihead.data.sources.synthetic import SIMULATORS, Synthetic, make
from likelihead.errors import LikelihoodError
from likelihead.export.card import parameters_of
from likelihead.families.family import Family, probe_family
from likelihead.laws.circular import CircularLaw
from likelihead.laws.law import law
from likelihead.target_types import TARGET_TYPES, target_type_of
from likelihead.target_types.detect import class_of

ROWS = 600
COLOURS = ["#1f6f8b", "#d1495b", "#edae49", "#66a182", "#8d6a9f"]


def source(name: str) -> str:
    """The YAML of a family, as it is shipped."""
    return (conf_directory() / "distribution" / f"{name}.yaml").read_text(encoding="utf-8")


def use(name: str) -> str:
    """What the comment at the top of the YAML says about the family."""
    comment = takewhile(lambda line: line.startswith("#"), source(name).splitlines())
    return " ".join(line.removeprefix("#").strip() for line in comment)


def overview() -> str:
    """The page with a table of the families for each type of target."""
    kinds: dict[str, list[str]] = {name: [] for name in TARGET_TYPES}
    for name in shipped():
        target_type = target_type_of(probe_family(name))
        sentence = use(name).split(". ")[0].removesuffix(".")
        kinds[target_type.name].append(f"| [`{name}`]({name}.md) | {sentence}. | {target_type.support_text} |")
    lines = ["# Families", "", "One word chooses the family, and the choice depends on what the answers are.", ""]
    for kind, rows in kinds.items():
        if rows:
            title = kind.replace("_", " ").capitalize()
            lines += [
                f"## {title} targets",
                "",
                "| `distribution=` | use | what y may be |",
                "|---|---|---|",
                *rows,
                "",
            ]
    further = "Any other Pyro distribution is chosen by its class: see [Your distribution](../distribution.md)."
    return "\n".join([*lines, further, ""])


def page(name: str, caption: str) -> str:
    """The page of a family; the caption is that of its picture."""
    family = probe_family(name)
    example, data = law(family.example()), make(None, name, ROWS, seed=0)
    title = name.replace("_", " ").capitalize()
    return "\n".join(
        [
            f"# {title}",
            "",
            use(name),
            "",
            f"```\npython train.py distribution={name}\n```",
            "",
            f"![Targets of the data set {data.name}]({name}.svg)",
            "",
            f"*{caption}*",
            "",
            *_data_set(data),
            "",
            "## Parameters",
            "",
            "| parameter | role | may be |",
            "|---|---|---|",
            *_parameters(family),
            "",
            f"## conf/distribution/{name}.yaml",
            "",
            f"```yaml\n{source(name)}```",
            "",
            "## Definition",
            "",
            f"```text\n{_definition(family)}\n```",
            "",
            "## After training",
            "",
            "| function | how |",
            "|---|---|",
            *(f"| `{function}` | {claim.how}{_note(claim)} |" for function, claim in example.claims.items()),
            "",
        ]
    )


def _definition(family: Family) -> str:
    """The docstrings of what the family builds, such as a mixture, and of the class in its YAML."""
    example = family.example()
    built = type(getattr(example, "base_dist", example))
    classes = [cls for cls in dict.fromkeys([built, family.cls]) if cls.__module__.startswith("likelihead")]
    return "\n\n".join(inspect.getdoc(cls) or cls.__name__ for cls in classes or [family.cls])


def _note(claim: Any) -> str:
    return f": {claim.note}" if getattr(claim, "note", "") else ""


def _data_set(data: Synthetic) -> list[str]:
    simulators = {simulator.__name__: simulator for simulator in SIMULATORS.values()}
    simulator = simulators.get(data.name)
    about = (inspect.getdoc(simulator) or "").split("\n\n")[0].replace("\n", " ") if simulator else ""
    inputs = ", ".join(f"`{column}`" for column in data.frame.columns if column not in data.target)
    target = ", ".join(f"`{column}`" for column in data.target)
    return [
        f"Without a `data` choice it trains on the synthetic set `{data.name}`. {about}",
        "",
        f"Inputs: {inputs}. Target: {target}.",
    ]


def _parameters(family: Family) -> list[str]:
    rows = ((entry["name"], entry["role"], entry["constraint"].replace("_", " ")) for entry in parameters_of(family))
    return [f"| `{name}` | {role} | {constraint} |" for name, role, constraint in rows]


def picture(name: str) -> tuple[str, str]:
    """The targets of the family's data set as SVG, and the caption.

    Where the truth has quantiles, rows are in the order of their true median; otherwise targets are drawn against an
    input, or against each other.
    """
    matplotlib.rcParams["svg.hashsalt"] = "likelihead"
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    caption = _draw(axes, make(None, name, ROWS, seed=0))
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue(), caption


def _draw(axes: Any, data: Synthetic) -> str:
    """Draw the data, and return the caption."""
    numeric = [column for column in data.frame.select_dtypes("number") if column not in data.target]
    if data.truth.event_shape:
        return _draw_vectors(axes, data)
    if isinstance(law(data.truth), CircularLaw):
        axes.scatter(data.frame[numeric[0]], data.y, s=8, color=COLOURS[0], alpha=0.6, linewidths=0)
        axes.set(xlabel=numeric[0], ylabel=f"{data.target[0]} (radians)")
        return f"Each point is a row: its angle, and its input {numeric[0]}."
    band = None if class_of(data.truth).has_labels else _band(data)
    if band is None:
        return _draw_labels(axes, data, numeric)
    order = band[1].argsort()
    place = torch.arange(len(order))
    axes.fill_between(place, band[0][order], band[2][order], color=COLOURS[0], alpha=0.2, linewidth=0, step="mid")
    axes.scatter(place, data.y[order], s=7, color=COLOURS[0], linewidths=0)
    axes.set(xlabel="rows, by their true median", ylabel=data.target[0])
    if band[0].min() > 0.0 and band[2].max() > 300.0 * band[0].min():
        axes.set_yscale("log")
    return "Each point is a row; the band holds 90 % of its true distribution."


def _band(data: Synthetic) -> torch.Tensor | None:
    """The quantiles (3, n) that hold 90 % of each row, and the median between them; None where there are none."""
    try:
        return inference.quantile(data.truth, torch.tensor([0.05, 0.5, 0.95]))
    except LikelihoodError:
        return None


def _draw_vectors(axes: Any, data: Synthetic) -> str:
    if data.y.is_floating_point():
        axes.scatter(data.y[:, 0], data.y[:, 1], s=8, color=COLOURS[0], alpha=0.6, linewidths=0)
        axes.set(xlabel=data.target[0], ylabel=data.target[1])
        return f"Each point is a row: the components {data.target[0]} and {data.target[1]} of its vector."
    items = int(data.y.max()) + 1
    bottom = torch.zeros(items, dtype=torch.float64)
    for place, column in enumerate(data.y.T):
        share = torch.stack([(column == item).double().mean() for item in range(items)])
        axes.bar(range(items), share, bottom=bottom, color=COLOURS[place % 5], label=f"rank {place + 1}")
        bottom = bottom + share
    axes.set(xlabel="item", ylabel="share of rows")
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return "In which share of the rows each item has each rank."


def _draw_labels(axes: Any, data: Synthetic, numeric: list[str]) -> str:
    codes = data.frame[data.target[0]].astype("category").cat.codes
    numeric = sorted(numeric, key=lambda column: -abs(data.frame[column].corr(codes)))
    across = numeric[1] if len(numeric) > 1 else numeric[0]
    for code, label in enumerate(sorted(data.frame[data.target[0]].unique())):
        rows = data.frame[data.frame[data.target[0]] == label]
        axes.scatter(rows[numeric[0]], rows[across], s=9, color=COLOURS[code % 5], label=str(label), linewidths=0)
    axes.set(xlabel=numeric[0], ylabel=across)
    axes.legend(frameon=False, title=data.target[0], loc="center left", bbox_to_anchor=(1.0, 0.5))
    return f"Each point is a row: two of its inputs, coloured by {data.target[0]}."


def files() -> dict[str, str]:
    """All generated files by their path in the site: the overview, and a page and a picture for each family."""
    made = {"families/index.md": overview()}
    for name in shipped():
        drawn, caption = picture(name)
        made |= {f"families/{name}.md": page(name, caption), f"families/{name}.svg": drawn}
    return made
