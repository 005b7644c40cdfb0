"""What the house promises: documented public names, pins that cover the tools, data as described."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import theorycheck as tc

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = (ROOT / "requirements.txt").read_text().splitlines()
METHODS = (FunctionType, property, cached_property, classmethod, staticmethod)
PUBLIC = sorted(name for name, value in vars(tc).items() if not name.startswith("_") and not inspect.ismodule(value))


def undocumented(name: str, value: object) -> Iterator[str]:
    """The name itself, and the public methods of a class that neither have nor inherit a docstring."""
    if not inspect.getdoc(value):
        yield name
    if inspect.isclass(value) and value.__module__.startswith("theorycheck"):
        methods = (key for key, member in vars(value).items() if not key.startswith("_") and isinstance(member, METHODS))
        yield from (f"{name}.{key}" for key in methods if not any(getattr(vars(base).get(key), "__doc__", None) for base in value.__mro__))


def required(requirements: list[str], seen: set[str]) -> set[str]:
    """Names of all distributions that the requirements pull in here, those of their own requirements included."""
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            deeper = [Requirement(text) for text in distribution(name).requires or ()]
        except PackageNotFoundError:
            continue
        applying = [r for r in deeper if not r.marker or any(r.marker.evaluate({"extra": extra}) for extra in extras)]
        required([f"{r.name}{r.specifier}" for r in applying], seen)
    return seen


def test_public_names_are_documented() -> None:
    assert PUBLIC
    assert [missing for name in PUBLIC for missing in undocumented(name, getattr(tc, name))] == []


def test_an_undocumented_method_is_seen() -> None:
    class Base:
        """Documented."""

        def inherited(self) -> None:
            """Documented."""

    class Planted(Base):
        """Documented."""

        def inherited(self) -> None:
            pass

        def bare(self) -> None:
            pass

    Planted.__module__ = "theorycheck.planted"
    assert list(undocumented("Planted", Planted)) == ["Planted.bare"]


def test_pins_are_plain() -> None:
    assert [line for line in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_pins_cover_everything_that_make_installs() -> None:
    project = PYPROJECT["project"]
    direct = [*PYPROJECT["build-system"]["requires"], *project["dependencies"], *project["optional-dependencies"]["test"]]
    pinned = {canonicalize_name(line.split("==")[0]) for line in PINS}
    assert required(direct, set()) - pinned == set()


@pytest.mark.parametrize("requirement", [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["test"]])
def test_pins_satisfy_the_declared_ranges(requirement: str) -> None:
    declared = Requirement(requirement)
    (version,) = [line.split("==")[1] for line in PINS if canonicalize_name(line.split("==")[0]) == canonicalize_name(declared.name)]
    assert declared.specifier.contains(version)


def test_data_is_what_its_page_says() -> None:
    path = ROOT / "data" / "diabetes.csv"
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    X, standardised = table[:, :-1], ((table - table.mean(axis=0)) / table.std(axis=0))[:, :-1]
    assert path.read_text().splitlines()[0] == "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,target"
    assert table.shape == (442, 11)
    assert np.linalg.cond(X.T @ X) == pytest.approx(1.0e6, rel=0.05)
    assert np.linalg.cond(standardised.T @ standardised) == pytest.approx(470, rel=0.005)
