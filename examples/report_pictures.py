"""Makes the pictures of a report that the README shows: python examples/report_pictures.py

It trains `likelihead train distribution=gamma data=diabetes` and takes pictures of the run's report.html in Chromium,
which must be installed: on a wide screen, and three times on a phone in the dark.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
PHONES = """<body style="margin: 0; background: #555; display: flex; gap: 20px">{frames}</body>"""
PHONE = '<iframe src="{page}#{section}" style="width: 390px; height: 1000px; border: 0"></iframe>'


def take(page: Path, picture: Path, size: tuple[int, int], scheme: int, profile: Path) -> None:
    """Take a picture of a page; Blink calls the dark colour scheme 0 and the light one 1."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
    flags += [f"--window-size={size[0]},{size[1]}", f"--blink-settings=preferredColorScheme={scheme}"]
    subprocess.run([BROWSER, *flags, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)
    # With few colours the file is a third of the size.
    Image.open(picture).convert("RGB").quantize(160).save(picture, optimize=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, str(ROOT / "train.py"), "distribution=gamma", "data=diabetes", "strategy=cpu"]
        subprocess.run([*command, f"hydra.run.dir={folder / 'run'}"], check=True, stdout=subprocess.DEVNULL)
        report, phones = folder / "run" / "report.html", folder / "phones.html"
        frames = [
            PHONE.format(page=report.as_uri(), section=section) for section in ("verdict", "calibration", "effects")
        ]
        phones.write_text(PHONES.format(frames="".join(frames)), encoding="utf-8")
        images = ROOT / "docs" / "images"
        images.mkdir(parents=True, exist_ok=True)
        take(report, images / "report.png", (1180, 1560), 1, folder / "light")
        take(phones, images / "report_on_a_phone.png", (1210, 1000), 0, folder / "dark")


if __name__ == "__main__":
    main()
