"""Legendre potentials in symbols: every row of the table proved, exact at rational points, and the same as its numeric form."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.scalar_maps import SCALARS, Scalar
from theorycheck.symbolic.identities import Proof
from theorycheck.symbolic.parametrizations import Hadamard
from theorycheck.symbolic.potentials import ExactForm, legendre_potential
from theorycheck.symbolic.potentials.exact import affine_form, difference_form, forms_form, power_form, product_form

Number = sp.Rational
FORMS: dict[str, ExactForm] = {
    "x": affine_form((sp.S.One,), sp.S.Zero),
    "2x - y/3 + 5": affine_form((Number(2), Number(-1, 3)), Number(5)),
    "u²": power_form(Number(1), 2),
    "x²/4": power_form(Number(1, 4), 2),
    "-3u²": power_form(Number(-3), 2),
    "u³": power_form(Number(1), 3),
    "-u⁵/2": power_form(Number(-1, 2), 5),
    "u² - v²": difference_form(Number(1), 2),
    "u² - v², v = 0": difference_form(Number(2), 2, frozen=1),
    "u² - v², u = 0": difference_form(Number(2), 2, frozen=-1),
    "u³ - v³": difference_form(Number(1), 3),
    "(u⁴ - v⁴)/3": difference_form(Number(1, 3), 4),
    "u⁷ - v⁷": difference_form(Number(1), 7),
    "u v": product_form(Number(1)),
    "-3uv/2": product_form(Number(-3, 2)),
    "u v, u = v": product_form(Number(1), frozen=1),
    "-2uv, u = -v": product_form(Number(-2), frozen=-1),
    "two forms in three modes": forms_form(2, 3),
}
ELEMENTARY = [name for name, form in FORMS.items() if form.value is not None]


@pytest.mark.parametrize("name", FORMS)
def test_the_four_identities_are_proved(name: str) -> None:
    proofs = [identity.prove() for identity in FORMS[name].identities]
    assert [type(proof) for proof in proofs] == [Proof] * 4, list(map(str, proofs))


@pytest.mark.parametrize("name", FORMS)
def test_a_wrong_constant_is_not_proved(name: str) -> None:
    form = FORMS[name]
    wrong = ExactForm(form.parameters, form.outputs, form.duals, form.primals, form.flow, 2 * form.conjugate)
    assert not isinstance(wrong.identities[1].prove(), Proof)


def rational_point(form: ExactForm, seed: int, growth: sp.Expr = sp.S.Zero) -> dict[sp.Symbol, sp.Expr]:
    """Rational start, and a μ that is rational or, given a growth, log(rational)/growth: then e^(growth μ) is rational."""
    rng = np.random.default_rng(seed)
    names = sorted(form.conjugate.free_symbols | form.inverse[0].free_symbols, key=str)
    point = {name: Number(int(rng.integers(1, 9)), int(rng.integers(1, 9))) for name in names}
    point[form.duals[0]] = (
        sp.log(Number(int(rng.integers(1, 9)), int(rng.integers(1, 9)))) / growth if growth else Number(int(rng.integers(1, 5)), 1000)
    )
    return point


@pytest.mark.parametrize("name", ELEMENTARY)
@pytest.mark.parametrize("seed", range(3))
def test_closed_potential_and_mirror_map_at_rational_points(name: str, seed: int) -> None:
    form = FORMS[name]
    w, mu, point = form.primals[0], form.duals[0], rational_point(form, seed)
    at = form.inverse[0].subs(point)
    metric = sum(sp.diff(form.outputs[0], theta) ** 2 for theta in form.parameters).subs(dict(zip(form.parameters, form.flow, strict=True)))
    fixed = {name: value for name, value in point.items() if name is not mu}
    value, mirror = form.value.subs(fixed), form.mirror.subs(fixed)
    for left, right in (
        (mirror.subs(w, at), point[mu]),
        (sp.diff(value, w).subs(w, at), point[mu]),
        (value.subs(w, at), form.value_along.subs(point)),
        (sp.diff(mirror, w).subs(w, at) * metric.subs(point), sp.S.One),
        (mirror.subs(w, form.inverse[0].subs(mu, 0).subs(fixed)), sp.S.Zero),
    ):
        assert abs(sp.N(left - right, 60)) < sp.Float("1e-50", 60)


@pytest.mark.parametrize("name", ["u² - v²", "u v", "-3uv/2"])
@pytest.mark.parametrize("seed", range(4))
def test_mirror_map_inverts_exactly_after_rewriting_exp_of_arcsinh(name: str, seed: int) -> None:
    """e^(κ R'(w)) is algebraic in w: at w = A E - B/E with rational A, B, E it is the rational number E itself, without rounding."""
    form = FORMS[name]
    rate = {"u² - v²": Number(4), "u v": Number(2), "-3uv/2": Number(3)}[name]
    point = rational_point(form, seed, growth=rate)
    at = sp.expand(form.inverse[0].subs(point))
    grown = sp.exp((rate * form.mirror.subs(point).subs(form.primals[0], at)).rewrite(sp.log))
    assert at.is_Rational
    assert sp.simplify(sp.logcombine(grown, force=True) - sp.exp(rate * point[form.duals[0]])) == 0


def test_latex_shows_every_closed_form() -> None:
    assert all(part in FORMS["u² - v²"].latex() for part in (r"\psi(\mu)", r"Q(\mu)", "R(w)", r"\nabla R(w)", "asinh"))
    assert r"R(\nabla Q(\mu))" in FORMS["u³ - v³"].latex()
    assert legendre_potential(Hadamard(2), [1.0, 1, 0.5, 0.2]).latex(1) == FORMS["u v"].latex()


@pytest.mark.parametrize("name", SCALARS)
def test_exact_forms_and_numeric_rows_are_the_same(name: str) -> None:
    case = SCALARS[name]
    start = case.start(1.0)
    potential = legendre_potential(case.model, start)
    form, low, high = potential.expression(), *(float(end[0]) for end in potential.dual_domain)
    values = dict(zip(map(str, case.model.symbols), start, strict=True))
    u0, v0 = (values[str(s)] for s in (*_order(case), *_order(case))[:2])
    named = {"u0": abs(u0), "v0": abs(v0), "p0": abs(u0 + v0) / 2, "q0": abs(u0 - v0) / 2}
    for share in (-0.4, 0.1, 0.7):
        mu = share * min(-low, high, 1.0)
        point = {symbol: named[str(symbol)] for symbol in form.conjugate.free_symbols - set(form.duals)} | {form.duals[0]: mu}
        w = potential.inverse([mu])
        assert w[0] == pytest.approx(float(form.inverse[0].subs(point)), rel=1e-12)
        assert potential.conjugate([mu]) == pytest.approx(float(form.conjugate.subs(point)), rel=1e-13)
        assert potential.value(w) == pytest.approx(float(form.value_along.subs(point)), rel=1e-12)
        if form.value is not None:
            at = point | {form.primals[0]: w[0]}
            assert potential.value(w) == pytest.approx(float(form.value.subs(at)), rel=1e-12)
            assert potential.mirror(w)[0] == pytest.approx(float(form.mirror.subs(at)), rel=1e-9)


def _order(case: Scalar) -> tuple[sp.Symbol, ...]:
    """Parameters with the growing one first, as the exact form of a difference has them."""
    used = case.model.symbols
    return used[::-1] if str(case.model.expressions[0]) == "-u**2 + v**2" else used


def test_latex_says_what_parts_of_the_start_are_called() -> None:
    assert r"p_{0} &= \frac{u_{0} + v_{0}}{2}" in FORMS["u v"].latex()
    assert r"q_{0} &= \frac{u_{0} - v_{0}}{2}" in FORMS["u v"].latex()


def test_a_potential_prints_its_closed_forms() -> None:
    assert str(legendre_potential(Hadamard(2), [1.0, 1, 0.5, 0.2])).splitlines() == [
        "Legendre potential R, with conjugate Q",
        "    w_1, w_2:",
        "        w = u v, p0 = (u0 + v0)/2, q0 = (u0 - v0)/2 at the start u0, v0",
        "        Q(μ) = p0^2 exp(2 μ)/2 + q0^2 exp(-2 μ)/2",
        "        ∇Q(μ) = (p0 exp(μ) - q0 exp(-μ)) (p0 exp(μ) + q0 exp(-μ))",
        "        R(w) = -w log(p0/q0)/2 + w asinh(w/(2 p0 q0))/2 - sqrt(4 p0^2 q0^2 + w^2)/2",
        "        ∇R(w) = -log(p0/q0)/2 + asinh(w/(2 p0 q0))/2",
    ]
