"""Build the notebooks: each text source in percent format beside this file becomes an executed .ipynb of the same name.

``python notebooks/build.py``            executes every notebook and writes it
``python notebooks/build.py 02 08``      only those whose names begin so
``python notebooks/build.py --check``    executes every notebook, writes nothing, and fails on an error or a stale pair
``python notebooks/build.py --jobs 1``   one at a time; two unless given

A build is a function of its source: cells are numbered, what depends on the machine or the hour is left out, and a cell that writes to
the error stream or prints a path or an address in memory fails like one that raises. The Python of the solutions, which stand folded in
Markdown, is run after all cells, so that it works as well, and is not kept.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat

HERE = Path(__file__).resolve().parent
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_LIMIT = 300  # seconds
SIZE_LIMIT = 400_000  # bytes of an executed notebook
OF_THIS_MACHINE = re.compile(r"\bat 0x[0-9a-f]{6,}|/(?:home|root|tmp|work|usr|opt)/|[A-Z]:\\\\Users")
SOLUTION = re.compile(r"<details>.*?</details>", re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


class NotebookError(Exception):
    """A notebook that fails, says something of the machine, or is stale."""


def sources() -> list[Path]:
    """The text sources, in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def read(source: Path) -> Any:
    """The notebook of a text source, not executed: cells numbered, metadata the same everywhere."""
    notebook = jupytext.read(source, fmt="py:percent")
    cells = [nbformat.NotebookNode(cell) for cell in notebook.cells]
    for number, cell in enumerate(cells, 1):
        cell.id, cell.metadata = f"cell-{number:02}", nbformat.NotebookNode()
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def solutions(notebook: Any) -> list[str]:
    """The Python inside the folded solutions, in order."""
    folded = [part for cell in notebook.cells if cell.cell_type == "markdown" for part in SOLUTION.findall(cell.source)]
    return [code for part in folded for code in PYTHON.findall(part)]


def executed(source: Path) -> Any:
    """The notebook of a text source with its outputs.

    Raises
    ------
    NotebookError
        If a cell or a solution raises, writes to the error stream, or prints what only holds here; or the notebook is too large.

    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = read(source)
    shown = len(notebook.cells)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in solutions(notebook)]
    with TemporaryDirectory() as folder:
        surroundings = {**os.environ, **ONE_THREAD, "IPYTHONDIR": folder, "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=CELL_LIMIT,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # of the kernel: that it talks over a local socket is no news
            resources={"metadata": {"path": str(HERE)}},
        )
        try:
            client.execute(env=surroundings)
        except CellExecutionError as error:
            raise NotebookError(f"{source.name}: {error}") from None
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            require_clean(source, cell, output)
            if picture := output.get("data", {}).get("image/png"):
                output.data["image/png"] = smaller(picture)
    notebook.cells = notebook.cells[:shown]
    notebook.metadata = read(source).metadata
    text = written(notebook)
    if len(text.encode()) > SIZE_LIMIT:
        raise NotebookError(f"{source.name}: {len(text.encode()):,} bytes executed; keep it under {SIZE_LIMIT:,}")
    return notebook


def require_clean(source: Path, cell: Any, output: Any) -> None:
    """Refuse warnings, and text that holds on this machine only."""
    if output.output_type == "stream" and output.name == "stderr":
        raise NotebookError(f"{source.name}: a cell writes to the error stream:\n{cell.source}\n{output.text}")
    texts = [output.get("text", "")] + [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
    for text in texts:
        if found := OF_THIS_MACHINE.search(text):
            raise NotebookError(f"{source.name}: a cell shows {found[0]!r}, which depends on the machine:\n{cell.source}")


def joined(outputs: list[Any]) -> list[Any]:
    """The outputs with neighbouring pieces of one stream in one: where a stream is cut depends on the hour."""
    kept: list[Any] = []
    for output in outputs:
        if kept and output.output_type == "stream" and kept[-1].output_type == "stream" and kept[-1].name == output.name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def smaller(picture: str) -> str:
    """A PNG in base 64, in 256 colours."""
    from PIL import Image

    found = BytesIO()
    Image.open(BytesIO(b64decode(picture))).convert("RGB").quantize(256).save(found, "PNG", optimize=True)
    return b64encode(found.getvalue()).decode()


def written(notebook: Any) -> str:
    """The notebook as the text of its file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def stale(source: Path) -> str | None:
    """Why the committed notebook is not the one of this source, or None if it is."""
    target = source.with_suffix(".ipynb")
    if not target.is_file():
        return f"{target.name} is missing"
    there, here = nbformat.read(target, as_version=4), read(source)
    if [(c.id, c.cell_type, c.source) for c in there.cells] != [(c.id, c.cell_type, c.source) for c in here.cells]:
        return f"{target.name} is not made from {source.name} as it is; run `make notebooks`"
    return None


def attempted(source: Path, check: bool) -> tuple[bool, str]:
    """Whether a notebook could be built, or checked, and a line about it."""
    begin = time.perf_counter()
    try:
        if check and (why := stale(source)):
            raise NotebookError(why)
        text = written(executed(source))
    except NotebookError as error:
        return False, str(error)
    if not check:
        source.with_suffix(".ipynb").write_text(text, encoding="utf-8")
    return True, f"{source.stem}: {time.perf_counter() - begin:.1f} s, {len(text.encode()) / 1000:.0f} kB"


def main(arguments: list[str]) -> int:
    """Build or check; the status is 0 if all is well."""
    parser = argparse.ArgumentParser(description="Execute the notebooks and write them.")
    parser.add_argument("names", nargs="*", help="beginnings of names; all unless given")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on an error or a stale pair")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks executed at the same time")
    asked = parser.parse_args(arguments)
    chosen = [s for s in sources() if not asked.names or s.name.startswith(tuple(asked.names))]
    if not chosen:
        parser.error(f"no notebook begins with {' or '.join(asked.names) or 'a number'}")
    well = True
    with ThreadPoolExecutor(asked.jobs) as pool:
        for good, line in pool.map(partial(attempted, check=asked.check), chosen):
            print(line, file=sys.stdout if good else sys.stderr, flush=True)
            well = well and good
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
