"""Files in a folder for each class: the usual layout of images and texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from likelihead.errors import LikelihoodError
from likelihead.files import refuse_url


def existing(path: str | Path, what: str) -> Path:
    """A path that exists.

    Args:
        path: a file or folder.
        what: what it should be, for messages.

    Raises:
        LikelihoodError: there is none, or it is an address.
    """
    refuse_url(path, "data.path")
    path = Path(path)
    if not path.exists():
        raise LikelihoodError(f"there is no file or folder {str(path)!r}: give data.path={what}")
    return path


def files_by_class(folder: Path, endings: Sequence[str]) -> pd.DataFrame:
    """The files below a folder: the column `file`, and `class`, the subfolder that each lies in, where there are some.

    Files and folders whose names start with a dot do not count.

    Args:
        folder: holds a subfolder for each class, or the files themselves.
        endings: how the names of the files end, in lower case.

    Raises:
        LikelihoodError: there are no such files, or some lie in subfolders and some do not.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("cats", "dogs"):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "1.txt").write_text(name)
    >>> files_by_class(folder, [".txt"])["class"].tolist()
    ['cats', 'dogs']
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(tuple(endings)))
    places = [path.relative_to(folder) for path in found]
    shown = [place for place in places if not any(part.startswith(".") for part in place.parts)]
    if not shown:
        raise LikelihoodError(f"the folder {str(folder)!r} holds no files that end in {', '.join(endings)}")
    frame = pd.DataFrame({"file": [str(folder / place) for place in shown]})
    classes = [place.parts[0] for place in shown if len(place.parts) > 1]
    if classes and len(classes) < len(shown):
        loose = next(place for place in shown if len(place.parts) == 1)
        raise LikelihoodError(
            f"the folder {str(folder)!r} holds subfolders, one for each class, and {loose.name!r} beside them: move it "
            "into one of them"
        )
    return frame.assign(**{"class": classes}) if classes else frame
