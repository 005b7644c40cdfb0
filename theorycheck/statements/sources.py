"""Where a statement comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A paper and the item in it.

    Parameters
    ----------
    authors : str
        As cited, "Marion & Chizat".
    year : int
    arxiv : str or None
        Identifier such as "2405.13456".
    item : str or None
        The theorem's name or number in the paper.

    """

    authors: str
    year: int | None = None
    arxiv: str | None = None
    item: str | None = None

    def __str__(self) -> str:
        year = f" {self.year}" if self.year else ""
        arxiv = f", arXiv:{self.arxiv}" if self.arxiv else ""
        item = f", {self.item}" if self.item else ""
        return f"{self.authors}{year}{arxiv}{item}"


CONJECTURE = Source("conjecture")
