"""The notebooks as committed: made from their text sources, executed to the end without error, in order, with public names only."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

import theorycheck as tc

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9][0-9]_*.py"))
PUBLIC = {"theorycheck", "theorycheck.instances", "theorycheck.library", "theorycheck.testing"}


def builder():
    """`notebooks/build.py`, which needs jupytext and nbformat."""
    pytest.importorskip("jupytext", reason="the notebooks' extra is not installed")
    spec = importlib.util.spec_from_file_location("build_notebooks", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def executed(name):
    """The cells of the executed notebook."""
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def test_there_are_notebooks():
    assert NAMES
    assert len({name[:2] for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_is_made_from_its_source(name):
    assert builder().stale(FOLDER / f"{name}.py") is None


@pytest.mark.parametrize("name", NAMES)
def test_every_code_cell_was_executed_in_order_without_error(name):
    code = [cell for cell in executed(name) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert not any(output.get("name") == "stderr" for cell in code for output in cell["outputs"])


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_has_what_a_walkthrough_has(name):
    cells = executed(name)
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert prose.startswith("# ")
    assert "$$" in prose
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert any("text/latex" in output.get("data", {}) for output in outputs)
    assert any("assert " in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert 2 <= prose.count("<details>") == prose.count("</details>") <= 4
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 400_000


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_uses_public_names_only(name):
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    imported = re.findall(r"^(?:# )?\s*(?:from|import) (theorycheck[\w.]*)", source, re.MULTILINE)
    assert "theorycheck" in imported
    assert set(imported) <= PUBLIC
    assert not [used for used in re.findall(r"\btc\.([A-Za-z]\w*)", source) if not hasattr(tc, used)]


def test_a_notebook_whose_source_has_changed_is_stale(tmp_path, monkeypatch):
    build = builder()
    for ending in (".py", ".ipynb"):
        (tmp_path / f"{NAMES[0]}{ending}").write_bytes((FOLDER / f"{NAMES[0]}{ending}").read_bytes())
    source = tmp_path / f"{NAMES[0]}.py"
    assert build.stale(source) is None
    source.write_text(source.read_text(encoding="utf-8") + "\n# %%\n1 + 1\n", encoding="utf-8")
    assert "make notebooks" in build.stale(source)
    source.with_suffix(".ipynb").unlink()
    assert "missing" in build.stale(source)


def test_what_a_cell_shows_must_hold_on_any_machine():
    build = builder()
    cell, source = {"source": "x"}, FOLDER / "00_example.py"
    output = type("Output", (dict,), {"__getattr__": dict.__getitem__})
    for text in ("<object at 0x7f21abc0d0>", "/home/someone/file.py", "/tmp/x"):
        with pytest.raises(build.NotebookError, match="machine"):
            build.require_clean(source, _cell(cell), output(output_type="stream", name="stdout", text=text))
    with pytest.raises(build.NotebookError, match="error stream"):
        build.require_clean(source, _cell(cell), output(output_type="stream", name="stderr", text="UserWarning"))
    build.require_clean(source, _cell(cell), output(output_type="stream", name="stdout", text="S = 2.0, left/right"))


def _cell(fields):
    return type("Cell", (), fields)()


def test_python_in_solutions_is_found():
    text = "<details>\n\n```python\na = 1\n```\n\n```text\nb\n```\n</details>\n\n```python\nc\n```"
    cell = type("Cell", (), {"cell_type": "markdown", "source": text})
    assert builder().solutions(type("Notebook", (), {"cells": [cell]})) == ["a = 1\n"]


def test_pieces_of_one_stream_are_joined():
    pieces = [{"output_type": "stream", "name": "stdout", "text": text} for text in ("a\n", "b\n")]
    picture = {"output_type": "display_data", "data": {}}
    make = type("Output", (dict,), {"__getattr__": dict.__getitem__, "__setattr__": dict.__setitem__})
    kept = builder().joined([make(o) for o in (*pieces, picture, pieces[0])])
    assert [o.get("text") for o in kept] == ["a\nb\n", None, "a\n"]
