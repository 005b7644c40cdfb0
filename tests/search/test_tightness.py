"""How much of a bound is used: extremal instances, equality, breakdown by feature, fitted powers, ranked candidates."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.errors import InvalidArgument
from theorycheck.library import Address, load, shelf
from theorycheck.report.tightnesses import tightness_record, tightnesses_status
from theorycheck.search.breakdown import Row, fitted
from theorycheck.search.features import features_of
from theorycheck.search.pressing import Sight
from theorycheck.search.tightness import tighten
from theorycheck.search.workers import Workers


@dataclass(frozen=True)
class Power:
    depth: int
    x: float


@dataclass(frozen=True)
class Pair:
    x: float
    y: float


@tc.recipe
def powers(draw):
    return Power(draw(tc.integers(1, 6)), draw(tc.reals(1, 2)))


@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(0.5, 3)), draw(tc.reals(0.5, 3)))


def theorem(claim, ambient=powers, *premises, name="t"):
    return tc.Theorem(name, tc.CONJECTURE, ambient, premises, claim)


def bernoulli(p, precision):
    return tc.at_least("(1 + x)^L ≥ 1 + Lx", (1 + p.x) ** p.depth, 1 + p.depth * p.x)


def exact_power(p, precision):
    return tc.at_most("x ≤ 2 L^(3/2)", p.x, 2 * p.depth**1.5)


def interior(p, precision):
    """x(2 - x) y(3 - y) is at most 9/4, at (1, 3/2): on the grid."""
    return tc.at_most("x(2-x) y(3-y) ≤ 9/4", p.x * (2 - p.x) * p.y * (3 - p.y), 2.25)


def off_grid(p, precision):
    """The largest value, 1 at x = 1/3 + 1/2, is not attained on dyadic numbers."""
    return tc.at_most("1 - (x - 5/6)² ≤ 1", 1 - (p.x - 5 / 6) ** 2 - (p.y - 1.7) ** 2, 1.0)


def means(p, precision, factor=1.0):
    return tc.at_most("2√(xy) ≤ x + y", factor * 2 * np.sqrt(p.x * p.y), p.x + p.y)


def twice(p, precision):
    return tc.all_of(tc.equal("x = x", p.x, p.x), tc.at_most("x ≤ 4", p.x, 4.0), tc.at_least("y + 1 ≥ 1.5", p.y + 1, 1.5))


# -- the extremal instance --


def test_the_search_finds_what_sampling_does_not() -> None:
    sampled, pressed = (tighten(theorem(interior, pairs), instances=60, budget=budget).bounds[0] for budget in (0, 300))
    assert sampled.ratio < 1
    assert (pressed.ratio, pressed.attained, pressed.instance) == (1.0, True, Pair(1.0, 1.5))


def test_what_is_approached_is_not_called_attained() -> None:
    (bound,) = tighten(theorem(off_grid, pairs), instances=60).bounds
    assert not bound.attained
    assert 0 < 1 - bound.ratio < 1e-10
    assert abs(bound.instance.x - 5 / 6) < 1e-5


def test_every_inequality_of_a_claim_has_its_own_bound() -> None:
    first, second = tighten(theorem(twice, pairs), instances=100).bounds
    assert (first.label, first.attained, first.ratio) == ("x ≤ 4", False, 0.75)
    assert (second.label, second.attained, second.instance.y) == ("y + 1 ≥ 1.5", True, 0.5)


def test_equality_is_shown_by_its_simplest_instance() -> None:
    (bound,) = tighten(theorem(means, pairs), instances=100).bounds
    assert (bound.instance, bound.attained, bound.exhausted) == (Pair(1.0, 1.0), True, True)
    assert (bound.extreme.left, bound.extreme.right) == (2.0, 2.0)


def test_zero_against_zero_is_no_equality() -> None:
    zero = theorem(lambda p, precision: tc.at_most("0 ≤ 0", 0.0 * p.x, 0.0))
    found = tighten(zero, instances=40)
    assert found.bounds == ()
    assert found.problems == ("t: nothing to tighten: the claim has no inequality with sides that differ from 0",)


def test_a_theorem_that_falls_on_the_way_is_refuted() -> None:
    wrong = theorem(lambda p, precision: tc.at_most("x(2-x) ≤ 1 - 1e-4", p.x * (2 - p.x) * p.y * (3 - p.y), 2.25 - 1e-4), pairs)
    assert tighten(wrong, instances=40, budget=0).counterexample is None
    found = tighten(wrong, instances=40)
    assert found.counterexample.instance == Pair(1.0, 1.5)
    assert int(tightnesses_status([found])) == 1


# -- by feature --


def test_the_largest_ratio_by_depth_is_exact() -> None:
    """At x = 1 the ratio is (1 + L)/2^L, which is the largest of each depth."""
    (bound,) = tighten(theorem(bernoulli), instances=200).bounds
    rows = bound.rows["depth"]
    assert [(r.name, r.ratio) for r in rows] == [(str(depth), pytest.approx((1 + depth) / 2**depth, rel=1e-12)) for depth in range(1, 7)]
    assert sum(r.count for r in rows) >= 200


def test_the_fitted_power_has_its_interval() -> None:
    (bound,) = tighten(theorem(exact_power), instances=200).bounds
    (fit,) = (e for e in bound.exponents if e.feature == "depth")
    assert fit.value == pytest.approx(-1.5, rel=1e-12)
    assert fit.high - fit.low < 1e-6
    assert fit.points == 6


@pytest.mark.parametrize(
    ("noise", "count", "points", "exact"), [(0.0, 20, 6, True), (0.1, 20, 6, False), (0.0, 7, None, False), (0.0, 20, None, False)]
)
def test_a_power_is_fitted_to_enough_rows(noise: float, count: int, points: int | None, exact: bool) -> None:
    values = range(1, 7) if points is not None or count < 8 else range(1, 4)
    draws = np.random.default_rng(3).normal(size=7)
    fit = fitted("L", [Row(v, v, count, float(v**2.0 * np.exp(noise * draws[v])), v) for v in values])
    if points is None:
        assert fit is None
        return
    assert fit.points == points
    assert fit.low <= 2.0 <= fit.high
    assert (fit.high - fit.low < 1e-6) is exact


def test_features_of_a_deep_linear_fit() -> None:
    fit = load(shelf() / "marion_chizat_2024.py").theorems[0].ambient.sample(0, 1).value
    found = features_of(fit)
    assert (found["depth"], found["dimension"], found["width"]) == (fit.depth, fit.widths[0], max(fit.widths[1:-1]))
    values = np.linalg.eigvalsh(fit.covariance)
    assert found["condition_number"] == pytest.approx(values[-1] / min(v for v in values if v > 1e-12 * values[-1]))


@dataclass(frozen=True)
class Offering:
    x: float

    @property
    def features(self) -> dict[str, float]:
        return {"twice": 2 * self.x, "broken": float("nan")}


@dataclass(frozen=True)
class Nested:
    pair: Pair
    flag: bool
    name: str

    @property
    def depth(self) -> int:
        raise ValueError("none")


@pytest.mark.parametrize(
    ("instance", "given", "expected"),
    [
        (Pair(1.0, 2.0), None, {"x": 1.0, "y": 2.0}),
        (Pair(1.0, 2.0), {"sum": lambda p: p.x + p.y, "no": lambda p: p.z}, {"sum": 3.0}),
        (Offering(2.0), None, {"twice": 4.0}),
        (Nested(Pair(1.0, 2.0), True, "a"), None, {"x": 1.0, "y": 2.0}),
        (3.0, None, {}),
    ],
)
def test_features_are_what_an_instance_offers(instance, given, expected) -> None:
    assert features_of(instance, given) == expected


@pytest.mark.parametrize(
    ("left", "right", "slack", "bar", "ratio"),
    [
        (2.0, 2.0, 0.0, 0.0, 1.0),
        (2.0, 2.0000000000000004, 1e-16, 1e-15, 1.0),
        (1.0, 2.0, 1 / 3, 0.0, 0.5),
        (-2.0, -1.0, 1 / 3, 0.0, 0.5),
        (-1.0, 2.0, 1.0, 0.0, 0.0),
        (0.0, 2.0, 1.0, 0.0, 0.0),
        (2.0, 1.0, -1 / 3, 0.0, 2.0),
        (2.0, -1.0, -1.0, 0.0, float("inf")),
    ],
)
def test_the_ratio_is_that_of_the_sides(left: float, right: float, slack: float, bar: float, ratio: float) -> None:
    assert Sight("", slack, bar, left, right, ()).ratio == ratio


# -- candidates --


def test_candidates_are_ranked_the_sharpest_that_holds_first() -> None:
    asked = theorem(means, pairs)
    candidates = [asked.claiming(f"factor_{f}", partial(means, factor=f)) for f in (0.5, 1.01, 0.9)]
    found = tighten(asked, candidates, instances=60)
    assert [(c.theorem.name, c.holds) for c in found.candidates] == [
        ("t", True),
        ("t:factor_0.9", True),
        ("t:factor_0.5", True),
        ("t:factor_1.01", False),
    ]
    assert found.candidates[-1].counterexample.instance == Pair(1.0, 1.0)
    assert found.candidates[1].slack == pytest.approx(0.1 / 1.9, rel=1e-9)


# -- any number of jobs, and what is wrong --

FILE = """
import theorycheck as tc

@tc.recipe
def pairs(draw):
    return (draw(tc.integers(1, 3)), draw(tc.reals(0.5, 3)), draw(tc.reals(0.5, 3)))

def means(p, precision):
    return tc.at_most("2xy ≤ x² + y²", 2 * p[1] * p[2], p[1]**2 + p[2]**2)

THEOREMS = (tc.Theorem("means", tc.CONJECTURE, pairs, (), means),)
CANDIDATES = (THEOREMS[0].claiming("sum", lambda p, precision: tc.at_most("xy ≤ x² + y²", p[1] * p[2], p[1]**2 + p[2]**2)),)
"""


def test_tightness_does_not_depend_on_jobs(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(FILE)
    paper = load(tmp_path / "file.py")
    asked = paper.theorems[0]
    alone = tighten(asked, paper.candidates, instances=130, budget=60)
    with Workers(2) as workers:
        together = tighten(asked, paper.candidates_for(asked), instances=130, budget=60, workers=workers, address=Address(str(paper.path), "means"))
    assert alone.bounds[0] == together.bounds[0]
    assert [(c.theorem.name, c.slack, c.typical) for c in alone.candidates] == [(c.theorem.name, c.slack, c.typical) for c in together.candidates]
    assert [c.theorem.name for c in alone.candidates] == ["means", "means:sum"]


@pytest.mark.parametrize("wrong", [{"instances": 0}, {"jobs": 0}, {"budget": -1}])
def test_counts_are_in_range(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="must be a whole number from"):
        tighten(theorem(bernoulli), **wrong)


def test_records_hold_what_was_found() -> None:
    found = tighten(theorem(bernoulli), instances=60, budget=50)
    record = tightness_record("paper", found)
    (bound,) = record["bounds"]
    assert (record["theorem"], record["counterexample"], bound["ratio"], bound["attained"]) == ("t", None, 1.0, True)
    assert [row["low"] for row in bound["by"]["depth"]] == [1, 2, 3, 4, 5, 6]
    assert int(tightnesses_status([found])) == 0
