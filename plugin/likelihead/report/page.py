"""The page: sections put into the template, as one file that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from likelihead.report.headline import Fact
from likelihead.report.sections import Block
from likelihead.report.style import COLORS
from likelihead.report.svg import inline_svg

#: The colours of a dark page, by the roles of `COLORS`.
DARK = {
    "ink": "#e7eaee",
    "muted": "#9aa5b1",
    "grid": "#343c45",
    "paper": "#13171c",
    "predicted": "#5aa7e8",
    "observed": "#f08c5e",
    "reference": "#9ccc6a",
    "series-1": "#5aa7e9",
    "series-2": "#f08c5f",
    "series-3": "#9ccc6b",
    "series-4": "#c795dd",
    "series-5": "#e0b84a",
    "series-6": "#4fc3cb",
}


@dataclass
class Section:
    """A section of the page.

    Attributes:
        name, title: its anchor and its heading.
        blocks: its figures and tables.
        verdict: a sentence that stands out.
        facts: numbers that stand out.
        notes: sentences.
        texts: preformatted texts by heading.
    """

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    verdict: str = ""
    facts: list[Fact] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.blocks or self.verdict or self.facts or self.notes or self.texts)


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The HTML of a report."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = files("likelihead.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    shown = [_rendered(section) for section in sections if not section.is_empty]
    return environment.from_string(source).render(
        title=title, subtitle=subtitle, sections=shown, light=COLORS, dark=DARK
    )


def _rendered(section: Section) -> dict[str, object]:
    blocks = [
        {
            **vars(block),
            # The drawings are our own; texts in them were escaped when they were written.
            "svgs": [Markup(inline_svg(panel, f"{block.name}{k}")) for k, panel in enumerate(block.panels)],
        }
        for block in section.blocks
    ]
    return {**vars(section), "blocks": blocks}
