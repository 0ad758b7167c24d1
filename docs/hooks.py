"""Adds the pages of the families to the site while mkdocs builds it."""

from __future__ import annotations

import runpy
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = runpy.run_path(str(Path(__file__).with_name("family_pages.py")))
    for path, content in pages["files"]().items():
        files.append(File.generated(config, path, content=content))
    return files
