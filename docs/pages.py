"""Writes the generated pages beside this file: ``make pages``.

findings.md is what checking found; library.md is every item of every paper with its theorems, premises, falsehoods and identities.
"""

from collections.abc import Iterator
from pathlib import Path

from theorycheck.library import Paper, papers
from theorycheck.report.findings import findings_page, source_of

HERE = Path(__file__).parent
LIBRARY = """# The library

Every paper, item by item: the theorems that state it, the premises that can be dropped (`theorycheck ablate`), the falsehoods planted against
it, and the identities and chains that algebra settles. This page is made by `make pages`.
"""


def library_page(shelf: tuple[Paper, ...]) -> str:
    """One table a paper, one row a theorem, under its item."""
    return "\n".join(_lines(shelf)) + "\n"


def _lines(shelf: tuple[Paper, ...]) -> Iterator[str]:
    yield LIBRARY
    for paper in shelf:
        yield f"## {source_of(paper)} (`{paper.name}`)\n"
        yield "| item | theorem | premises | falsehoods | identities |\n|---|---|---|---:|---:|"
        before = None
        for theorem in paper.theorems:
            item = theorem.source.item or ""
            premises = ", ".join(p.name for p in theorem.premises)
            counts = f"{len(paper.planted_on(theorem))} | {len(theorem.identities)}"
            yield f"| {item if item != before else ''} | `{theorem.name}` | {premises} | {counts} |"
            before = item
        yield ""
    count = f"{sum(len(p.theorems) for p in shelf)} theorems, {sum(len(p.false) for p in shelf)} planted falsehoods"
    yield f"{count} and {sum(len(p.findings) for p in shelf)} findings in {len(shelf)} files."


def pages() -> dict[Path, str]:
    """Every generated page."""
    shelf = papers()
    return {HERE / "findings.md": findings_page(shelf), HERE / "library.md": library_page(shelf)}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
