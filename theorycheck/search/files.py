"""Files that are complete at any moment: the text before, or the text after."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path | str, text: str) -> None:
    """Write a text in UTF-8, following links.

    Raises
    ------
    OSError
        If it cannot be written; the file is then as it was.

    """
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)
