"""Certificates: refuted falsehoods about exact numbers have one, true statements never, and what cannot have one says why."""

import json
import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.dynamics.certificates import Ball
from theorycheck.library import papers
from theorycheck.search.certification import Certificate, NotCertified, certified_share, certify
from theorycheck.search.lifting import Lift
from theorycheck.search.tallies import judged
from theorycheck.search.verdicts import Counterexample

LIBRARY = {f"{p.name}/{t.name}": t for p in papers() for t in (*p.theorems, *p.false)}


def found(theorem: tc.Theorem, tries: int = 400) -> Counterexample:
    """The first violation of seed 1 among tiny draws, without contraction."""
    for index in range(3, 4 * tries, 4):
        draw = theorem.ambient.sample(1, index)
        seen = judged(theorem, draw)
        if seen.violates:
            return Counterexample(theorem, draw.choices, seen.instance, seen.entry, 1, index, draw.choices)
    raise AssertionError(f"no violation of {theorem.name}")


CERTIFIABLE = [
    "marion_chizat_2024/sharpness_ge_of_minimiser:without_at_minimiser",
    "marion_chizat_2024/sharpness_ge_of_minimiser:factor_2_02",
    "marion_chizat_2024/sharpness_ge_of_minimiser:factor_2_0002",
    "marion_chizat_2024/sharpness_ge_of_minimiser:half_loss",
    "marion_chizat_2024/sharpness_ge_of_minimiser:last_layer_frozen",
    "marion_chizat_2024/sharpness_ge_energy_of_minimiser:factor_1_01",
    "marion_chizat_2024/sharpness_ge_least_of_minimiser:factor_1_01",
    "marion_chizat_2024/sharpness_eq_least_of_flattest:factor_1_0002",
    "marion_chizat_2024/sharpness_eq_least_of_flattest:balanced_is_flattest",
    "marion_chizat_2024_balanced/least_sharpness_le:at_least_top_curvature",
    "marion_chizat_2024_balanced/least_sharpness_le:at_most_lower_bound",
    "marion_chizat_2024_balanced/least_sharpness_le:factor_0_98",
    "marion_chizat_2024_balanced/sharpness_eq_balanced_of_balanced:without_balanced",
    "marion_chizat_2024_balanced/balanced_gap_closes:factor_0_98",
    "marion_chizat_2024_balanced/least_sharpness_eq_of_top_target:without_top_target",
    "marion_chizat_2024_sharp/sharpness_unbounded_of_minimiser:without_deep",
    "marion_chizat_2024_sharp/sharpness_unbounded_of_minimiser:factor_1_0002",
    "arora_2018/layer_gradients_agree:transposed",
    "arora_2018/imbalance_changes_by_of_one_step:factor_1_0002",
    "arora_2018_velocity/velocity_of_balanced:without_balanced",
    "arora_2018_velocity/velocity_of_balanced:exponent_0_01_more",
    "arora_2018_velocity/singular_velocity_of_balanced:factor_1_0002",
    "saxe_2014/unbalanced_mode_speed:without_imbalance",
    "arora_2018/imbalance_conserved_by_flow:wrong_transposes",
    "saxe_2014/modes_are_logistic_of_two_layers:rate_2_0002",
    "saxe_2014/modes_are_logistic_of_two_layers:without_whitened",
    "saxe_2014/learning_time_of_two_layers:rate_2_02",
    "saxe_2014/deep_mode_obeys_its_integral:same_for_three_layers",
]


@pytest.mark.parametrize("name", CERTIFIABLE)
def test_a_falsehood_has_a_certificate(name):
    certificate = certify(found(LIBRARY[name]))
    assert isinstance(certificate, Certificate), str(certificate)
    assert certificate.left < certificate.right or certificate.left > certificate.right
    assert set(certificate.premises) == {p.name for p in LIBRARY[name].premises}


@pytest.mark.parametrize(
    ("name", "widths", "numbers"),
    [
        ("marion_chizat_2024/sharpness_ge_of_minimiser:factor_2_02", (1, 1, 1), {-1.0, 0.0, 1.0}),
        ("marion_chizat_2024/sharpness_eq_least_of_flattest:balanced_is_flattest", (2, 1, 1), {-1.0, 0.0, 1.0}),
        ("marion_chizat_2024_balanced/least_sharpness_le:at_least_top_curvature", (2, 1, 1), {-1.0, 0.0, 1.0}),
    ],
)
def test_contracted_counterexamples_are_certified(name, widths, numbers):
    fit = (verdict := tc.check(LIBRARY[name], instances=200, seed=1)).counterexample.instance
    assert fit.widths == widths
    assert set(np.concatenate([fit.X.ravel(), fit.y, fit.theta]).tolist()) <= numbers
    certificate = certify(verdict.counterexample)
    assert isinstance(certificate, Certificate)
    assert certificate.bits == 128


def test_a_certificate_says_what_fails_and_is_plain_data():
    certificate = certify(found(LIBRARY["marion_chizat_2024/sharpness_ge_of_minimiser:half_loss"]))
    plain = json.loads(json.dumps(certificate.as_json()))
    assert (plain["theorem"], plain["statement"]) == ("sharpness_ge_of_minimiser:half_loss", "S_(1/2n) ≥ 2 L |w*|^(2-2/L) a")
    assert plain["premises"] == {"target_nonzero": "certainly", "at_minimiser": "exactly"}
    assert plain["choices"] == list(certificate.counterexample.choices)
    assert str(certificate).startswith(f"certified in 128 bits: {plain['statement']} fails; left {plain['left']}, right {plain['right']}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("arora_2018/imbalance_drift_is_first_order:second_order", r"at most 64 steps .*`drift` in arora_2018.py, line \d+, calling `follow`"),
        (
            "marion_chizat_2024_sharp/sharpness_unbounded_of_minimiser:settled_at_most_inverse_step",
            r"at most 64 steps .*`settled_at_most_inverse_step`",
        ),
    ],
)
def test_a_claim_about_long_runs_says_why_it_has_none(name, reason):
    given = certify(found(LIBRARY[name]))
    assert isinstance(given, NotCertified)
    assert re.search(reason, given.reason), given.reason


# -- statements of our own --


@dataclass(frozen=True)
class Pair:
    x: float
    y: float


@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))


def statement(claim, premises=(), ambient=pairs):
    return tc.Theorem("statement", tc.CONJECTURE, ambient, premises, lambda p, _: claim(p))


def answer(theorem, choices=(1, 3)):
    """The certificate of x = 1, y = 2 as a counterexample, or why there is none."""
    return certify(Counterexample(theorem, choices, None, None, 0, 0, choices))


def on_unit_circle(p):
    size = np.hypot(p.x, p.y) if isinstance(p.x, float) else np.sqrt(p.x**2 + p.y**2)
    return Pair(p.x / size, p.y / size)


circle = tc.Premise("circle", "x² + y² = 1", lambda p: tc.equal("x² + y² = 1", p.x**2 + p.y**2, 1.0), enforce=on_unit_circle)
ordered = tc.Premise("ordered", "x < y", lambda p: tc.at_most("x < y", p.x, p.y))
reversed_ = tc.Premise("reversed", "x > y", lambda p: p.x > p.y)


@pytest.mark.parametrize(
    ("theorem", "reason"),
    [
        (statement(lambda p: tc.at_most("x ≤ y", p.x, p.y)), "holds of this instance for certain"),
        (statement(lambda p: tc.at_least("x ≥ y", p.x, p.y), (reversed_,)), "premise `reversed` .* fails for certain"),
        (statement(lambda p: tc.at_least("x ≥ y", p.x, p.y), (circle,)), "premise `circle` .* holds only to a ball"),
        (statement(lambda p: tc.at_least("√y² ≥ y", (p.y / 2) ** 0.5 * (p.y / 2) ** 0.5, np.sqrt(p.y) ** 2 / 2)), "is not decided in 1024 bits"),
        (statement(lambda p: tc.at_least("sides", math.sqrt(p.x), p.y)), r"float\(\) takes .*`<lambda>` in test_certification.py"),
        (statement(lambda p: tc.at_least("sides", tc.Measured(1.0, 0.1), p.y)), "error bar that is no enclosure"),
        (statement(lambda p: tc.at_least("sides", np.linalg.svd(np.outer([p.x, p.y], [p.x, p.y]))[1], p.y)), "np.linalg has no enclosure|svd has no"),
        (statement(lambda p: 1 / 0), "ZeroDivisionError"),
        (statement(lambda p: tc.at_least("x ≥ y", p.x / (p.x - 1), p.y)), "division by zero"),
    ],
    ids=["holds", "premise", "equality premise", "tie", "float", "bar", "svd", "raises", "pole"],
)
def test_no_certificate_and_why(theorem, reason):
    given = answer(theorem)
    assert isinstance(given, NotCertified)
    assert re.search(reason, given.reason), given.reason


def test_a_difference_below_every_float_is_certified_with_more_bits():
    def claim(p):
        tiny = p.x / 2**300
        return tc.at_least("√2 ≥ √2 + 2⁻³⁰⁰", np.sqrt(p.y), np.sqrt(p.y) + tiny)

    certificate = answer(statement(claim))
    assert isinstance(certificate, Certificate)
    assert certificate.bits == 512


def least_side(p, sides=(1.0, 0.5)):
    def scaled(factor):
        return factor * min(float(p.x), float(p.y), *sides)

    return scaled(2.0)


def factorial(n, x):
    return float(x) * n * factorial(n - 1, x) if n else 1.0


def test_float_min_and_max_of_a_theorem_file_take_balls():
    lift = Lift()
    p = Pair(Ball(Fraction(1, 3)), Ball(2).sqrt())
    assert lift(least_side)(p) == Fraction(2, 3)
    assert lift(partial(least_side, sides=(Ball(Fraction(1, 7)),)))(p) == Fraction(2, 7)
    assert lift(factorial)(4, Ball(Fraction(1, 2))) == Fraction(24, 16)
    assert lift(lambda x: max([x, 1.0], key=lambda y: -y))(2.0) == 1.0
    assert isinstance(lift(lambda x: float(x))("2.5"), float)
    assert lift(np.linalg.norm) is np.linalg.norm


TRUE = [
    ("marion_chizat_2024/sharpness_ge_of_minimiser", 12),
    ("marion_chizat_2024/sharpness_ge_energy_of_minimiser", 12),
    ("marion_chizat_2024/sharpness_ge_least_of_minimiser", 8),
    ("marion_chizat_2024_balanced/least_sharpness_le", 12),
    ("marion_chizat_2024_balanced/balanced_gap_closes", 12),
    ("arora_2018/layer_gradients_agree", 12),
    ("arora_2018/imbalance_changes_by_of_one_step", 8),
]


@pytest.mark.parametrize(("name", "instances"), TRUE)
def test_what_holds_of_a_true_theorem_is_certified(name, instances):
    share = certified_share(LIBRARY[name], instances)
    assert share.violated == ()
    assert share.held >= instances // 4
    assert share.certified == share.held, str(share)


def test_the_share_says_what_is_not_certified():
    share = certified_share(LIBRARY["marion_chizat_2024_balanced/sharpness_eq_balanced_of_balanced"], 8)
    assert share.certified == 0
    assert "premise `at_minimiser` (X w(θ) = X w*) holds only to a ball" in str(share)


def cancelled(p):
    return (1 + p.x / 1000) - 1, p.x / 1000


def solved(p):
    A = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-7]])
    v = np.array([p.x, p.y])
    return np.linalg.solve(A, A @ v), v


def squared_root(p):
    return np.sqrt(np.abs(p.x) + 1) ** 2, np.abs(p.x) + 1


@pytest.mark.parametrize("relation", [tc.at_most, tc.at_least, tc.equal])
@pytest.mark.parametrize("sides", [cancelled, solved, squared_root])
def test_ties_are_never_certified_as_violations(sides, relation):
    theorem = statement(lambda p: relation("equal over the reals", *sides(p)))
    for index in range(20):
        given = answer(theorem, pairs.sample(0, index).choices)
        assert isinstance(given, NotCertified), str(given)


def test_sharper_bits_only_ever_narrow_an_enclosure():
    counterexample = found(LIBRARY["marion_chizat_2024_balanced/least_sharpness_le:at_least_top_curvature"])
    low, high = certify(counterexample, (128,)), certify(counterexample, (256,))
    assert low.left.lower <= high.left.lower <= high.left.upper <= low.left.upper
    assert replace(low, bits=256, seconds=0.0).statement == high.statement
