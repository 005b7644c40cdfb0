"""Finding theorem files: the shelf that comes with the package, and the reader's own.

A theorem file exports ``THEOREMS`` (and ``FALSE``, the falsehoods it plants, ``CANDIDATES``, other bounds to be ranked, and ``FINDINGS``).
Nothing registers itself: files are found by looking, and a theorem's address is its file and its name.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from theorycheck.errors import InvalidArgument, TheorycheckError, UnknownTheorem
from theorycheck.statements.findings import Finding
from theorycheck.statements.theorems import Theorem


class CannotLoad(TheorycheckError):
    """A theorem file raises when it is read."""


@dataclass(frozen=True)
class Paper:
    """One theorem file."""

    name: str
    path: Path
    theorems: tuple[Theorem, ...]
    false: tuple[Theorem, ...] = ()
    candidates: tuple[Theorem, ...] = ()
    findings: tuple[Finding, ...] = ()

    def candidates_for(self, theorem: Theorem) -> tuple[Theorem, ...]:
        """The other bounds named for `theorem`."""
        return tuple(c for c in self.candidates if origin(c).name == theorem.name)

    def planted_on(self, theorem: Theorem) -> tuple[Theorem, ...]:
        """The falsehoods that distort `theorem`."""
        return tuple(f for f in self.false if origin(f).name == theorem.name)


@dataclass(frozen=True)
class Address:
    """Where a theorem is found again: what travels to a worker instead of the claim itself."""

    path: str
    theorem: str
    data: tuple[np.ndarray, np.ndarray] | None = None

    def load(self) -> Theorem:
        """The theorem at this address, bound to the data if any."""
        paper = _cached_paper(self.path)
        for theorem in (*paper.theorems, *paper.false, *paper.candidates):
            if theorem.name == self.theorem:
                return theorem if self.data is None else theorem.on(*self.data)
        raise UnknownTheorem("theorem", self.theorem, f"is not in {paper.path.name}", "list it in THEOREMS or FALSE")


def origin(theorem: Theorem) -> Theorem:
    """The theorem a falsehood distorts, through any number of distortions."""
    while theorem.of is not None:
        theorem = theorem.of
    return theorem


def shelf() -> Path:
    """The folder of theorem files: ``proofs/`` beside the package in a checkout, inside the package when installed."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "proofs"
    return checkout if checkout.is_dir() and (package.parent / "pyproject.toml").is_file() else package / "_proofs"


def papers() -> tuple[Paper, ...]:
    """Every paper of the shelf, by name."""
    return tuple(load(path) for path in sorted(shelf().glob("[a-z]*.py")))


def load(path: Path | str) -> Paper:
    """Read a theorem file.

    Raises
    ------
    CannotLoad
        If the file does not exist, raises when run, or exports no THEOREMS.

    """
    path = Path(path)
    if not path.is_file():
        raise InvalidArgument("file", str(path), "does not exist", "pass the path of a Python file that exports THEOREMS")
    module = _module(path)
    theorems: Any = getattr(module, "THEOREMS", None)
    false, candidates = getattr(module, "FALSE", ()), getattr(module, "CANDIDATES", ())
    if theorems is None or (isinstance(theorems, (tuple, list)) and not theorems):
        raise CannotLoad(f"{path.name} exports no THEOREMS, or none in it; end it with `THEOREMS = (my_theorem,)`")
    for name, values in (("THEOREMS", theorems), ("FALSE", false), ("CANDIDATES", candidates)):
        wrong = [v for v in values if not isinstance(v, Theorem)] if isinstance(values, (tuple, list)) else [values]
        if wrong:
            raise CannotLoad(f"{name} of {path.name} must be a tuple of tc.Theorem; found {wrong[0]!r}")
    names = [t.name for t in (*theorems, *false, *candidates)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise CannotLoad(f"{path.name} has two theorems named {twice[0]}; rename one")
    findings = getattr(module, "FINDINGS", ())
    if not isinstance(findings, (tuple, list)) or not all(isinstance(f, Finding) for f in findings):
        raise CannotLoad(f"FINDINGS of {path.name} must be a tuple of tc.Finding; found {findings!r}")
    return Paper(path.stem, path.resolve(), tuple(theorems), tuple(false), tuple(candidates), tuple(findings))


def _module(path: Path) -> ModuleType:
    """The module of a file, under a name of its own; read again only if the file has changed."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = f"theorycheck_file_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotLoad(f"{path.name} is not a Python file; pass a file ending in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a file that calls exit() must not end the command as if all were well
        del sys.modules[name]
        raise CannotLoad(f"{path.name} cannot be read{_line_of(error, path)}: {type(error).__name__}: {error}") from error
    return module


def _line_of(error: BaseException, path: Path) -> str:
    """Last line of the file itself on the way to the error; a syntax error names its own."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" (line {lines[-1]})" if lines and not isinstance(error, SyntaxError) else ""


@lru_cache(maxsize=64)
def _cached_paper(path: str) -> Paper:
    return load(path)


def address_of(theorem: Theorem, data: tuple[np.ndarray, np.ndarray] | None = None) -> Address | None:
    """Where `theorem` is found again, or None if it lives in no file (a notebook, a shell)."""
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and getattr(module, "__file__", None) and any(t is theorem for t in _listed(module)):
            return Address(str(Path(str(module.__file__)).resolve()), theorem.name, data)
    return None


def _listed(module: ModuleType) -> list[Any]:
    """What a module exports under the three names, where these are lists at all."""
    exported = (getattr(module, name, ()) for name in ("THEOREMS", "FALSE", "CANDIDATES"))
    return [item for values in exported if isinstance(values, (tuple, list)) for item in values]


@dataclass(frozen=True)
class Selection:
    """The theorems a selector means, with the falsehoods planted on them, paper by paper."""

    papers: tuple[Paper, ...]

    def __len__(self) -> int:
        return sum(len(p.theorems) for p in self.papers)


def select(selectors: Sequence[str]) -> Selection:
    """The papers and theorems of the given selectors: ``paper``, ``paper/theorem`` with ``*``, or a file's path.

    Falsehoods come with the theorem they distort, or are named themselves.

    Raises
    ------
    UnknownTheorem
        If a selector matches nothing; the message lists the nearest names.

    """
    if not selectors:
        return Selection(papers())
    found: dict[Path, dict[str, None]] = {}
    known: dict[Path, Paper] = {}
    for selector in selectors:
        candidates = (load(selector),) if selector.endswith(".py") else papers()
        pattern = "*" if selector.endswith(".py") else selector
        paper_pattern, _, theorem_pattern = pattern.partition("/")
        matched = False
        for paper in candidates:
            if not fnmatchcase(paper.name, paper_pattern):
                continue
            for theorem in (*paper.theorems, *paper.false):
                if fnmatchcase(theorem.name, theorem_pattern or "*"):
                    known[paper.path] = paper
                    found.setdefault(paper.path, {})[theorem.name] = None
                    matched = True
        if not matched:
            names = [f"{p.name}/{t.name}" for p in candidates for t in p.theorems]
            raise UnknownTheorem(
                "selector", selector, "matches no theorem", "known are " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            )
    return Selection(tuple(_part(known[path], set(names)) for path, names in found.items()))


def theorem(address: str) -> Theorem:
    """The theorem, falsehood or candidate at ``paper/name``, or at ``path/of/my_file.py/name``.

    Raises
    ------
    UnknownTheorem
        If there is none; the message names the nearest addresses.

    Examples
    --------
    >>> print(theorem("arora_2018/imbalance_conserved_by_flow"))
    imbalance_conserved_by_flow

    """
    own = ".py/" in address
    stem, _, name = address.partition(".py/" if own else "/")
    path = Path(f"{stem}.py") if own else shelf() / f"{stem}.py"
    places = (load(path),) if own or path.is_file() else papers()
    known = {f"{path if own else p.name}/{t.name}": t for p in places for t in (*p.theorems, *p.false, *p.candidates)}
    if f"{path if own else stem}/{name}" in known:
        return known[f"{path if own else stem}/{name}"]
    same_name = [a for a in known if a.endswith(f"/{name or address}")]
    near = same_name or get_close_matches(address, known, n=6) or (list(known) if len(places) == 1 else [])
    remedy = f"near it are {', '.join(near[:6])}" if near else "`theorycheck list` shows the library"
    raise UnknownTheorem("address", address, "is not paper/theorem of the library or of a file", remedy)


def _part(paper: Paper, names: set[str]) -> Paper:
    theorems = tuple(t for t in paper.theorems if t.name in names)
    kept = {t.name for t in theorems}
    false = tuple(f for f in paper.false if f.name in names or origin(f).name in kept)
    return Paper(paper.name, paper.path, theorems, false, tuple(c for c in paper.candidates if origin(c).name in kept))
