"""A counterexample on the page: its numbers, Python that makes it again, and the line that replays it."""

from __future__ import annotations

import re
from base64 import b64encode
from shlex import quote

from theorycheck.report.html.elements import Markup, tag
from theorycheck.report.html.results_file import Record

_PYTHON = """\
import theorycheck as tc
{imports}
from theorycheck.search.evaluation import admission

theorem = Address({place}).load()
choices = {choices}
instance = admission(theorem, theorem.ambient.replay(choices).value).instance
print(tc.examine(theorem, instance))
"""


def counterexample_block(found: Record, result: Record) -> Markup:
    """The instance, both sides, its story, its certificate; then how to have it again."""
    return tag(
        "div",
        tag("pre", found["instance"]),
        tag("p", found["sides"]),
        tag("p", found["story"], class_="muted small"),
        tag("p", found["certificate"], class_="small") if found["certificate"] else None,
        tag("p", "In Python:", class_="small muted"),
        tag("pre", tag("code", python_of(found, result))),
        _replayed(found, result) if result["details"]["data"] is None else None,
        class_="counterexample",
    )


def _replayed(found: Record, result: Record) -> list[Markup]:
    """The witness file, as a link that holds it, and the command; a theorem bound to data has neither."""
    name = witness_name(found["theorem"])
    data = b64encode(found["witness"].encode()).decode()
    link = tag("a", name, href=f"data:application/json;base64,{data}", download=name)
    told = tag("p", "On the command line, with ", link, " saved beside you:", class_="small muted")
    return [told, tag("pre", tag("code", replay_line(found, result)))]


def python_of(found: Record, result: Record) -> str:
    """A few lines to paste: the instance from its choices, and every premise and both sides of the claim on it."""
    library, data, file = result["details"]["library"], result["details"]["data"], f"{result['paper']}.py"
    place = [f"str(shelf() / {file!r})" if library else repr(file), repr(found["theorem"])]
    imports = ["from theorycheck.library import Address" + (", shelf" if library else "")]
    if data is not None:
        place.append(f"read_data({data[0]!r}, {data[1]!r})")
        imports.insert(0, "from theorycheck.data_files import read_data")
    return _PYTHON.format(place=", ".join(place), imports="\n".join(imports), choices=tuple(found["choices"]))


def replay_line(found: Record, result: Record) -> str:
    """The command that evaluates the witness file again."""
    line = f"theorycheck replay {witness_name(found['theorem'])}"
    return line if result["details"]["library"] else f"{line} --from {quote(result['paper'] + '.py')}"


def witness_name(theorem: str) -> str:
    """The name of a witness file that any system and shell takes.

    >>> witness_name("sharpness:factor_2_02")
    'sharpness-factor_2_02.json'

    """
    return re.sub(r"[^A-Za-z0-9_.]+", "-", theorem).strip("-.")[:120] + ".json"
