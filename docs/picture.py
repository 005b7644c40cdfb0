"""Draws the output of a check as docs/check.svg: ``.venv/bin/python docs/picture.py``."""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 132
FALSEHOODS = 22  # lines of the second table that are shown
FONT = 'font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'


def main() -> None:
    """Run the check and write the picture beside this file."""
    command = [sys.executable, "-m", "theorycheck", "check", "marion_chizat_2024", "--no-witnesses"]
    environment = os.environ | {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    output = subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout
    lines = output.splitlines()
    table = next(i for i, line in enumerate(lines) if "outcome" in line and "admitted" in line)
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - the process ends here
    planted = next(i for i, line in enumerate(lines) if "planted falsehood" in line and i > table)
    shown = ["$ theorycheck check marion_chizat_2024", "", *lines[table : planted + FALSEHOODS], "...", "", lines[-1]]
    console.print(Text.from_ansi("\n".join(shown)))
    picture = console.export_svg(title="theorycheck")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)  # no font from the network
    picture = re.sub(r"font-family: (Fira Code|arial)[^;]*", FONT, picture)
    Path(__file__).with_name("check.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
