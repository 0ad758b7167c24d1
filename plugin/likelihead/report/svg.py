"""Figures as SVG inside a page: readable text, the page's own colours, and no name that occurs twice."""

from __future__ import annotations

import re
import warnings
from html import escape
from io import StringIO

from likelihead.report.style import COLORS, Panel

_ELEMENT = re.compile(r"<svg\b.*</svg>", re.DOTALL)
_DROPPED = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL)
_SIZE = re.compile(r'<svg\b[^>]*?viewBox="([^"]*)"[^>]*>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_DECIMALS = re.compile(r"(\d+\.\d\d)\d+")


def inline_svg(panel: Panel, name: str) -> str:
    """The panel as an SVG element for a page that defines the CSS variables `--ink`, `--predicted`, ….

    Args:
        panel: the drawing.
        name: a name that no other panel of the page has.
    """
    buffer = StringIO()
    with warnings.catch_warnings():
        # The page shows the text in fonts of the reader's, which may have what matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        panel.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None})
    drawn = _ELEMENT.search(buffer.getvalue())
    assert drawn is not None
    svg = _TAG.sub(lambda tag: _DECIMALS.sub(r"\1", tag.group()), _DROPPED.sub("", drawn.group()))
    svg = _in_page_colors(_with_own_ids(svg, name))
    return _SIZE.sub(lambda size: _opening(size.group(1), panel.alt), svg, count=1)


def _opening(view_box: str, alt: str) -> str:
    return f'<svg role="img" aria-label="{escape(alt)}" viewBox="{view_box}">'


def _with_own_ids(svg: str, name: str) -> str:
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    return re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', svg)


def _in_page_colors(svg: str) -> str:
    for role, color in COLORS.items():
        svg = svg.replace(color, f"var(--{role})")
    return svg
