"""A report in a real browser: it asks for nothing, complains about nothing, and fits a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report.pages import module_for, page_of, run_of

from likelihead.data import split_table

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
#: The page in a frame as wide as a phone, since a window may not be that narrow, and what is read off it.
FRAME = """<!doctype html><html><head>
<style>iframe {{ width: {width}px; height: 900px; border: 0 }}</style></head><body>
<iframe id="f"></iframe><pre id="found"></pre><script>
const frame = document.getElementById("f"), errors = [];
frame.onload = () => {{
  const view = frame.contentWindow, page = view.document, root = page.documentElement;
  const inside = node => node.closest(".scroll, pre, svg");
  const wide = [...page.body.querySelectorAll("*")].filter(
    node => !inside(node) && node.getBoundingClientRect().right > root.clientWidth + 0.5);
  const style = view.getComputedStyle(page.body);
  document.getElementById("found").textContent = JSON.stringify({{
    width: root.clientWidth, scroll: root.scrollWidth, wide: wide.map(node => node.outerHTML.slice(0, 80)),
    requests: view.performance.getEntriesByType("resource").map(entry => entry.name),
    ink: style.color, paper: style.backgroundColor,
    text: view.getComputedStyle(page.querySelector("svg text")).fill,
    drawings: page.querySelectorAll("svg").length,
    flat: [...page.querySelectorAll("svg")].filter(svg => svg.getBoundingClientRect().height < 60).length,
    smallest: Math.min(...[...page.querySelectorAll("svg text")].map(node => node.getBoundingClientRect().height)),
  }});
}};
frame.srcdoc = {page};
</script></body></html>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a table with long names, many levels and dates."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a_rather_long_name_of_a_column_that_does_not_fit_a_phone_at_all": rng.normal(size=200)})
    frame["town"] = rng.choice([f"a town with a long name, number {k}" for k in range(12)], 200)
    frame["day"] = pd.date_range("2024-01-01", periods=200).astype(str)
    frame["visits"] = rng.poisson(np.exp(0.5 * frame.iloc[:, 0]))
    data = split_table(frame, "negative_binomial", "visits")
    return page_of(run_of(module_for(data, "negative_binomial"), data), tmp_path_factory.mktemp("page"))


def visited(page: str, folder: Path, width: int, scheme: str) -> tuple[dict[str, Any], str]:
    """What the browser finds in the page, and what it writes to its console."""
    text = json.dumps(page).replace("</", "<\\/")
    (folder / "frame.html").write_text(FRAME.format(width=width, page=text), encoding="utf-8")
    # Blink numbers its colour schemes: 0 is dark, 1 is light.
    flags = [f"--blink-settings=preferredColorScheme={('dark', 'light').index(scheme)}", "--enable-logging=stderr"]
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
    command = [BROWSER, *quiet, *flags, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000"]
    command += ["--virtual-time-budget=20000", "--dump-dom", (folder / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert found and found.group(1), done.stderr[-2000:]
    return json.loads(unescape(found.group(1))), done.stderr


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium")
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "light")])
def test_the_page_in_a_browser(page: str, tmp_path: Path, width: int, scheme: str) -> None:
    found, log = visited(page, tmp_path, width, scheme)
    assert "CONSOLE" not in log
    assert found["requests"] == []
    assert found["width"] == found["scroll"] == width
    assert found["wide"] == []
    assert found["drawings"] >= 15 and found["flat"] == 0
    assert found["smallest"] >= 9.0
    ink, paper, text = (brightness(found[name]) for name in ("ink", "paper", "text"))
    assert text == ink
    assert (ink > 200 and paper < 60) if scheme == "dark" else (ink < 60 and paper > 200)


def brightness(color: str) -> float:
    return float(np.mean([float(part) for part in re.findall(r"[\d.]+", color)[:3]]))


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium")
def test_the_test_sees_a_bad_page(tmp_path: Path) -> None:
    """A page that is too wide, asks for a picture and fails is found out."""
    bad = "<!doctype html><body><p style='width:600px'>wide</p><svg><text>a</text></svg>"
    bad += "<img src='http://127.0.0.1:9/x.png'><script>undefined.x</script>"
    found, log = visited(bad, tmp_path, 390, "light")
    assert found["scroll"] > 390 and len(found["wide"]) == 1
    assert "CONSOLE" in log
