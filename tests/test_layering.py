"""Imports go one way: the table of the design, read from the source of every file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "theorycheck"

BASE = ("errors", "measured")
EXACT = ("symbolic", *BASE)
NUMERIC = ("dynamics", *EXACT)
STATEMENTS = ("statements", "symbolic.identities", *BASE)
QUESTIONS = ("search", "library", "instances", *STATEMENTS, *NUMERIC)
REPORT = ("report", *QUESTIONS)
# Part of the package -> what it may import of ours; a name covers what lies below it. The longest matching part rules.
LAYERS: dict[str, tuple[str, ...]] = {
    "errors": ("errors",),
    "measured": BASE,
    "symbolic": EXACT,
    "dynamics": NUMERIC,
    "instances": ("instances", *NUMERIC),
    "statements": STATEMENTS,
    "library": ("library", "instances", *STATEMENTS, *NUMERIC),
    "search": QUESTIONS,
    "report": REPORT,
    "testing": QUESTIONS,
    "data_files": ("data_files", "errors"),
    "cli": ("cli", "data_files", *REPORT),
    "__init__": ("report.figures", *QUESTIONS),
    "__main__": ("cli",),
}
PROOFS_MAY_IMPORT = ("instances",)

GLOBAL_RANDOMNESS = {"seed", "rand", "randn", "randint", "random", "random_sample", "normal", "uniform", "choice", "shuffle", "permutation"}


def covers(allowed: tuple[str, ...], name: str) -> bool:
    return any(name == a or name.startswith(a + ".") for a in allowed)


def part_of(path: Path) -> str:
    """Dotted name of a module below the package: ``symbolic.kernels.entrywise``; of a package, its own name."""
    parts = list(path.relative_to(ROOT / PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def is_part(dotted: str) -> bool:
    """Whether ``a.b`` below the package is a module or a folder, and not a name inside one."""
    place = ROOT.joinpath(PACKAGE, *dotted.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def imported(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Every import, also inside functions: line, module, name ("" for a plain ``import module``)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, "." * node.level + (node.module or ""), alias.name) for alias in node.names)


def ours(module: str, name: str) -> str | None:
    """What an import takes from the package: a dotted part, "" for its public names, None for what is not ours."""
    if module != PACKAGE and not module.startswith(PACKAGE + "."):
        return None
    inside = module[len(PACKAGE) + 1 :]
    longer = f"{inside}.{name}".strip(".")
    return longer if name and is_part(longer) else inside


def rule_of(part: str) -> tuple[str, ...]:
    return LAYERS[max((layer for layer in LAYERS if covers((layer,), part)), key=len)]


def complaints(source: str, part: str) -> list[str]:
    """What a file of the package at `part` imports against the table."""
    found = [(line, ours(module, name)) for line, module, name in imported(ast.parse(source))]
    allowed = rule_of(part)
    return [f"line {line}: {part} imports {taken or 'the public names'}" for line, taken in found if taken is not None and not covers(allowed, taken)]


def complaints_of_proofs(source: str, neighbours: frozenset[str]) -> list[str]:
    """What a theorem file imports beyond the public names and the ready-made recipes."""
    found = []
    for line, module, name in imported(ast.parse(source)):
        taken = ours(module, name)
        beyond = taken not in (None, "") and not covers(PROOFS_MAY_IMPORT, str(taken))
        if beyond or module.startswith(".") or {"proofs", *neighbours} & {module.split(".")[0]}:
            found.append(f"line {line}: imports {module} {name}".rstrip())
    return found


def habits_broken(source: str) -> list[str]:
    """Star and relative imports, global random state, and anything printed while a module is imported."""
    tree = ast.parse(source)
    found = [f"line {line}: star import" for line, _, name in imported(tree) if name == "*"]
    found += [f"line {line}: relative import" for line, module, _ in imported(tree) if module.startswith(".")]
    found += [f"line {line}: module random" for line, module, name in imported(tree) if module == "random" and name != "Random"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in GLOBAL_RANDOMNESS and ast.unparse(node.value) in ("np.random", "numpy.random"):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    statements = (s for s in tree.body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call))
    return found + [f"line {s.lineno}: print on import" for s in statements if ast.unparse(s.value).startswith("print(")]


MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))
PROOFS = sorted((ROOT / "proofs").glob("*.py"))
NEIGHBOURS = frozenset(path.stem for path in PROOFS)


def test_every_import_follows_the_table() -> None:
    found = {str(path.relative_to(ROOT)): complaints(path.read_text(), part_of(path)) for path in MODULES}
    assert MODULES
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_theorem_files_use_the_public_names_and_the_recipes_only() -> None:
    found = {path.name: complaints_of_proofs(path.read_text(), NEIGHBOURS) for path in PROOFS}
    assert PROOFS
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_no_file_breaks_a_habit() -> None:
    found = {str(path.relative_to(ROOT)): habits_broken(path.read_text()) for path in (*MODULES, *PROOFS)}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("part", "source", "caught"),
    [
        ("errors", "from theorycheck.measured import Measured", True),
        ("measured", "from theorycheck.errors import InvalidArgument", False),
        ("symbolic.losses", "import theorycheck.dynamics.flows", True),
        ("symbolic.losses", "from theorycheck import dynamics", True),
        ("symbolic.losses", "def late():\n    from theorycheck.statements import Theorem", True),
        ("symbolic.kernels.entrywise", "from theorycheck.symbolic.parametrizations import DeepLinear", False),
        ("dynamics.flows", "from theorycheck.symbolic.losses import SquaredLoss", False),
        ("dynamics.flows", "from theorycheck import instances", True),
        ("dynamics.flows", "import theorycheck as tc", True),
        ("instances", "from theorycheck.dynamics.objectives import Objective", False),
        ("statements.theorems", "from theorycheck.symbolic.identities import Identity", False),
        ("statements.theorems", "from theorycheck.symbolic.losses import SquaredLoss", True),
        ("statements.theorems", "from theorycheck.instances import recipe", True),
        ("search.check", "from theorycheck.report.terminal import table", True),
        ("search.check", "from theorycheck.library import find", False),
        ("report.terminal", "from theorycheck.search.verdicts import Verdict", False),
        ("report.terminal", "from theorycheck.cli import main", True),
        ("library", "from theorycheck.search import check", True),
        ("cli", "from theorycheck.report import terminal", False),
        ("cli", "from theorycheck.data_files import read_data", False),
        ("data_files", "from theorycheck.search.session import run", True),
        ("cli", "import numpy as np", False),
    ],
)
def test_the_table_catches_a_planted_import(part: str, source: str, caught: bool) -> None:
    assert bool(complaints(source, part)) == caught


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("import theorycheck as tc", False),
        ("from theorycheck import Theorem", False),
        ("from theorycheck.instances import deep_linear_fits", False),
        ("from theorycheck.instances.diagonal import diagonal_fits", False),
        ("from functools import partial", False),
        ("from theorycheck import search", True),
        ("import theorycheck.report", True),
        ("from theorycheck.dynamics import follow", True),
        ("from proofs.marion_chizat_2024 import THEOREMS", True),
        ("import marion_chizat_2024", True),
        ("from .marion_chizat_2024 import THEOREMS", True),
    ],
)
def test_the_rule_for_theorem_files_catches_a_planted_import(source: str, caught: bool) -> None:
    assert bool(complaints_of_proofs(source, frozenset({"marion_chizat_2024"}))) == caught


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("from math import *", True),
        ("from . import errors", True),
        ("import random", True),
        ("from random import shuffle", True),
        ("from random import Random", False),  # a generator of one's own
        ("def draw():\n    return np.random.rand(3)", True),
        ("np.random.seed(0)", True),
        ("generator = np.random.default_rng(3)", False),
        ("print('imported')", True),
        ("def show():\n    print('asked for')", False),
    ],
)
def test_a_broken_habit_is_caught(source: str, caught: bool) -> None:
    assert bool(habits_broken(source)) == caught
