"""Legendre potentials: every row proved in symbols, tied to its numeric form, and compared with high precision over all scales."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch
from theorycheck.symbolic.identities import Proof
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.potentials import ExactForm, NoClosedForm, Potential, legendre_potential
from theorycheck.symbolic.potentials.exact import affine_form, difference_form, forms_form, power_form, product_form

EPS = float(np.finfo(float).eps)
TINY = 1e-300  # below it float64 has no relative accuracy
x, y, u, v = sp.symbols("x y u v", real=True)
Number = sp.Rational


# ---- the rows in symbols ----

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


# ---- numeric rows against high precision, over all scales ----


@dataclass(frozen=True)
class Scalar:
    """A map with one entry, as a sum of powers Σ a m^D in orthonormal coordinates."""

    model: Parametrization
    start: Callable[[float], list[float]]
    terms: Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]
    sides: tuple[int, ...] = (1, -1)
    scales: tuple[float, ...] = (1.0, 1e-8, 1e-60)


def difference(depth: int) -> Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]:
    return lambda t: [(mp.mpf(1), depth, abs(t[0])), (mp.mpf(-1), depth, abs(t[1]))]


def product(a: float) -> Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]:
    return lambda t: [(mp.mpf(a) / 2, 2, (t[0] + t[1]) / mp.sqrt(2)), (-mp.mpf(a) / 2, 2, (t[0] - t[1]) / mp.sqrt(2))]


def power(a: float, depth: int) -> Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]:
    return lambda t: [(mp.mpf(a), depth, abs(t[0]))]


SCALARS: dict[str, Scalar] = {
    "u²": Scalar(Diagonal(1, 2, signed=False), lambda s: [-1.3 * s], power(1, 2), (1,)),
    "x²/4": Scalar(Entrywise((x,), (x**2 / 4,)), lambda s: [0.7 * s], power(0.25, 2), (1,)),
    "-3x²": Scalar(Entrywise((x,), (-3 * x**2,)), lambda s: [0.7 * s], power(-3, 2), (-1,)),
    "u² - v² balanced": Scalar(Diagonal(1, 2), lambda s: [s, s], difference(2)),
    "u² - v²": Scalar(Diagonal(1, 2), lambda s: [0.3 * s, -20 * s], difference(2)),
    "u² - v², v = 0": Scalar(Diagonal(1, 2), lambda s: [0.3 * s, 0.0], difference(2), (1,)),
    "u² - v², u = 0": Scalar(Diagonal(1, 2), lambda s: [0.0, 2 * s], difference(2), (-1,)),
    "v² - u²": Scalar(Entrywise((u, v), (v**2 - u**2,)), lambda s: [0.3 * s, 2 * s], lambda t: difference(2)(t[::-1])),
    "u v": Scalar(Hadamard(1), lambda s: [0.3 * s, -0.7 * s], product(1)),
    "-2uv": Scalar(Entrywise((u, v), (-2 * u * v,)), lambda s: [3 * s, 0.7 * s], product(-2)),
    "u v, u = v": Scalar(Hadamard(1), lambda s: [-0.3 * s, -0.3 * s], product(1), (1,)),
    "u v, u = -v": Scalar(Hadamard(1), lambda s: [0.3 * s, -0.3 * s], product(1), (-1,)),
    "-2uv, u = v": Scalar(Entrywise((u, v), (-2 * u * v,)), lambda s: [3 * s, 3 * s], product(-2), (-1,)),
    "u³": Scalar(Diagonal(1, 3, signed=False), lambda s: [0.7 * s], power(1, 3), (1,)),
    "-x⁴/2": Scalar(Entrywise((x,), (-(x**4) / 2,)), lambda s: [-0.7 * s], power(-0.5, 4), (-1,)),
    "u³ - v³ balanced": Scalar(Diagonal(1, 3), lambda s: [s, s], difference(3)),
    "u³ - v³": Scalar(Diagonal(1, 3), lambda s: [0.3 * s, 5 * s], difference(3)),
    "u⁴ - v⁴": Scalar(Diagonal(1, 4), lambda s: [-7 * s, 0.5 * s], difference(4)),
    "u⁶ - v⁶ balanced": Scalar(Diagonal(1, 6), lambda s: [s, s], difference(6)),
    "u⁶ - v⁶": Scalar(Diagonal(1, 6), lambda s: [s, 1.5 * s], difference(6), scales=(1.0, 1e-8, 1e-40)),
}


class Slow:
    """Potential of a scalar map in many digits, with the mirror map by bisection and then secants."""

    def __init__(self, case: Scalar, scale: float) -> None:
        self.terms = case.terms([mp.mpf(t) for t in case.start(scale)])
        poles = [m ** (2 - D) / (a * D * (D - 2)) for a, D, m in self.terms if D > 2]
        self.low, self.high = max((p for p in poles if p < 0), default=None), min((p for p in poles if p > 0), default=None)

    def modes(self, mu: mp.mpf) -> list[tuple[mp.mpf, int, mp.mpf]]:
        return [
            (a, D, m * mp.exp(2 * a * mu) if D == 2 else (m ** (2 - D) - a * D * (D - 2) * mu) ** (mp.mpf(-1) / (D - 2))) for a, D, m in self.terms
        ]

    def w(self, mu: mp.mpf) -> mp.mpf:
        return mp.fsum(a * m**D for a, D, m in self.modes(mu))

    def conjugate(self, mu: mp.mpf) -> mp.mpf:
        return mp.fsum(m**2 / (2 * D) for _, D, m in self.modes(mu))

    def metric(self, mu: mp.mpf) -> mp.mpf:
        return mp.fsum((a * D * m ** (D - 1)) ** 2 for a, D, m in self.modes(mu))

    def at(self, s: mp.mpf) -> mp.mpf:
        """μ as an increasing function of s on the whole line, with the distance to a pole falling exponentially."""
        if self.low is not None and self.high is not None:
            return self.high - (self.high - self.low) / (1 + mp.exp(s))
        if self.low is not None or self.high is not None:
            return self.high * (1 - mp.exp(-s)) if self.low is None else self.low * (1 - mp.exp(s))
        return s

    def mirror(self, w: float) -> mp.mpf:
        low, high = -2.2 * mp.mpf(mp.mp.dps), 2.2 * mp.mpf(mp.mp.dps)
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if self.w(self.at(middle)) < w else (low, middle)
        at_low, at_high = (self.w(self.at(s)) - w for s in (low, high))
        while at_low != at_high and abs(high - low) > mp.eps * 1e20:
            low, high, at_low = high, high - at_high * (high - low) / (at_high - at_low), at_high
            at_high = self.w(self.at(high)) - w
        return self.at(high)


DIGITS = (80, 160, 320)  # of the slow twin, by scale


@cache
def truth(name: str, scale: int) -> tuple[Slow, Potential, dict[float, mp.mpf]]:
    """Slow twin, potential, and μ at points w over forty orders of magnitude, some of them close to each other."""
    case, alpha = SCALARS[name], SCALARS[name].scales[scale]
    slow, sizes = Slow(case, alpha), (1e-30, 3e-11, 0.02, 0.02 * (1 + 1e-9), 5.0, 1e10)
    return slow, legendre_potential(case.model, case.start(alpha)), {side * size: slow.mirror(side * size) for side in case.sides for size in sizes}


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Iterator[int]:
    with mp.workdps(DIGITS[request.param]):
        yield request.param


ALL_SCALES = pytest.mark.parametrize("scale", range(3), indirect=True, ids=["1", "1e-8", "1e-60"])
ALL_SCALARS = pytest.mark.parametrize("name", SCALARS)


@ALL_SCALES
@ALL_SCALARS
def test_rows_agree_with_high_precision(name: str, scale: int) -> None:
    slow, potential, exact = truth(name, scale)
    points = np.array(list(exact))[:, None]
    mirror, value, metric = potential.mirror(points)[:, 0], potential.value(points), potential.metric(points)[:, 0]
    for i, (w, mu) in enumerate(exact.items()):
        natural = abs(mu) + abs(w) / slow.metric(mu)  # what a relative change of w, or of μ, makes of μ
        assert abs(mirror[i] - mu) <= 100 * EPS * natural
        assert abs(metric[i] - slow.metric(mu)) <= 100 * EPS * slow.metric(mu)
        assert abs(value[i] - (mu * w - slow.conjugate(mu))) <= 100 * EPS * (abs(mu * w) + slow.conjugate(mu))


@ALL_SCALES
@ALL_SCALARS
def test_divergence_keeps_its_relative_accuracy(name: str, scale: int) -> None:
    slow, potential, exact = truth(name, scale)
    pairs = [(a, b) for a in exact for b in exact if a != b]
    conjugate = {w: slow.conjugate(mu) for w, mu in exact.items()}
    found = potential.divergence(np.array([[a] for a, _ in pairs]), np.array([[b] for _, b in pairs]))
    for (a, b), got in zip(pairs, found, strict=True):
        expected = conjugate[b] - conjugate[a] - (exact[b] - exact[a]) * mp.mpf(a)
        assert abs(got - expected) <= 1e-12 * expected


@ALL_SCALES
@ALL_SCALARS
def test_inverse_conjugate_and_hessian_agree_with_high_precision(name: str, scale: int) -> None:
    slow, potential, exact = truth(name, scale)
    duals = np.array([factor * float(mu) for mu in exact.values() for factor in (1.0, 0.3, 1e-20)])
    duals = duals[potential.in_dual_domain(duals[:, None])]
    found = zip(
        duals, potential.inverse(duals[:, None])[:, 0], potential.conjugate(duals[:, None]), potential.hessian(duals[:, None])[:, 0], strict=True
    )
    for mu, w, conjugate, hessian in found:
        mu = mp.mpf(mu)
        total, metric = mp.fsum(abs(a) * m**D for a, D, m in slow.modes(mu)), slow.metric(mu)
        blur = 100 * EPS * (total + abs(mu) * metric)  # of w, from a μ known to a few ulp
        stiffness = 100 * EPS * (1 + abs(mu) * metric / total)  # the same relative to w
        assert abs(w - slow.w(mu)) <= blur + TINY
        assert abs(conjugate - slow.conjugate(mu)) <= stiffness * slow.conjugate(mu) + abs(mu) * blur
        assert abs(hessian - metric) <= 10 * stiffness * metric + TINY
    assert len(duals) >= 2 * len(exact)


@ALL_SCALES
@pytest.mark.parametrize("name", ["u² - v² balanced", "u³ - v³ balanced", "u⁶ - v⁶ balanced"])
def test_balanced_rows_are_relatively_exact_around_zero(name: str, scale: int) -> None:
    slow, potential, _ = truth(name, scale)
    level = SCALARS[name].scales[scale] ** int(slow.terms[0][1])
    for ratio in (1e-200, 1e-40, 1e-12, 0.1, 3.0, 1e8, 1e40):
        w = ratio * level
        if 1e-280 < w < 1e280:
            mu = slow.mirror(w)
            assert potential.mirror([w])[0] == pytest.approx(float(mu), rel=50 * EPS)
            assert potential.mirror([-w])[0] == -potential.mirror([w])[0]
            if ratio < 10:
                assert potential.inverse([float(mu)])[0] == pytest.approx(w, rel=200 * EPS)


def test_exponential_rows_overflow_to_infinity_and_fade_to_zero() -> None:
    for model, start in ((Diagonal(1, 2, signed=False), [0.5]), (Diagonal(1, 2), [0.5, 0.3]), (Hadamard(1), [0.5, 0.5])):
        potential = legendre_potential(model, start)
        w = potential.inverse([[800.0], [-800.0]])[:, 0]
        assert w[0] == np.inf
        assert w[1] == (0 if potential.domain[0][0] == 0 else -np.inf)
        assert potential.conjugate([800.0]) == np.inf


def test_the_end_of_a_dual_domain_is_reached_without_a_warning() -> None:
    potential = legendre_potential(Diagonal(1, 4), [0.7, 0.3])
    low, high = potential.dual_domain
    edge = np.stack([np.nextafter(low, 0), np.nextafter(high, 0)])
    assert np.all(np.isfinite(potential.inverse(edge)))
    assert np.all(np.abs(potential.inverse(edge)) > 1e28)
    assert not np.any(potential.in_dual_domain(np.stack([low, high])))


# ---- the whole potential ----

DENSE = np.random.default_rng(5).normal(size=(4, 4))
BASIS = np.linalg.qr(DENSE)[0]
SPECTRA = np.array([[1.0, -0.5, 2.0, 0.0], [0.3, 1.0, 0.0, -1.0]])
ROTATED = np.einsum("pk,ik,qk->ipq", BASIS, SPECTRA, BASIS)
MODELS: dict[str, tuple[Parametrization, bool]] = {  # and whether starts must be positive
    "affine": (Diagonal(2, 1), False),
    "u²": (Diagonal(3, 2, signed=False), False),
    "u² - v²": (Diagonal(3, 2), False),
    "u v": (Hadamard(3), False),
    "u³": (Diagonal(2, 3, signed=False), True),
    "u³ - v³": (Diagonal(3, 3), True),
    "u⁴ - v⁴": (Diagonal(2, 4), False),
    "mixed, out of order": (Entrywise((x, y, u, v), (u * v, 3 * x - 1, y**2 / 4)), False),
    "one form that is no simple row": (Entrywise((u, v), (u**2 - 2 * v**2 + u * v,)), False),
    "two forms": (QuadraticForms([np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 1.0, -1.0])]), False),
    "commuting up to rounding": (QuadraticForms((ROTATED + np.swapaxes(ROTATED, 1, 2)) / 2), False),
    "forms and others": (Entrywise((x, u, v, y), (x**3, u * v, u**2 + v**2, y)), True),
}


def drawn(name: str, seed: int, lead: tuple[int, ...] = ()) -> tuple[Parametrization, np.ndarray, Potential, np.ndarray]:
    """Model, start, potential and dual points inside the dual domain."""
    model, positive = MODELS[name]
    rng = np.random.default_rng(seed)
    start = rng.uniform(0.3, 1.2, (*lead, model.parameters)) * (1 if positive else rng.choice([-1, 1], (*lead, model.parameters)))
    potential = legendre_potential(model, start)
    low, high = potential.dual_domain
    return model, start, potential, np.clip(0.3 * rng.normal(size=(*lead, potential.entries)), 0.9 * low, 0.9 * high)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_where_the_flow_of_the_entries_goes(name: str) -> None:
    """ψ(θ_0; μ) by its definition: the flow of Σ μ_i ∇G_i for unit time, integrated."""
    model, start, potential, mu = drawn(name, 1)
    jacobian = sp.lambdify([model.symbols], sp.Matrix(model.expressions).jacobian(model.symbols), "numpy")
    flow = solve_ivp(lambda _, theta: np.asarray(jacobian(theta)).T @ mu, (0, 1), start, rtol=1e-12, atol=1e-13, method="DOP853")
    np.testing.assert_allclose(potential.parameters_at(mu), flow.y[:, -1], rtol=1e-9, atol=1e-10)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_the_parts_of_a_potential_fit_together(name: str, seed: int) -> None:
    model, start, potential, mu = drawn(name, seed, lead=(5, 2))
    w, J = potential.inverse(mu), model.kernels.jacobian(potential.parameters_at(mu))
    full = J @ np.swapaxes(J, -1, -2)
    close(model.w(potential.parameters_at(mu)), w)
    close(potential.mirror(w), mu)
    close(potential.mirror(model.w(start)), np.zeros((5, 2, potential.entries)))
    close(potential.value(w) + potential.conjugate(mu), np.sum(w * mu, axis=-1))
    for metric in (potential.metric(w), potential.hessian(mu)):
        close(metric[..., None] * np.eye(potential.entries) if potential.separable else metric, full)
    other = potential.inverse(0.5 * mu)
    by_definition = potential.value(w) - potential.value(other) - np.sum(0.5 * mu * (w - other), axis=-1)
    close(potential.divergence(w, other), by_definition)
    assert np.all(potential.in_domain(w))
    assert np.all(potential.in_dual_domain(mu))


@pytest.mark.parametrize("name", MODELS)
def test_leading_axes_broadcast(name: str) -> None:
    model, start, _, mu = drawn(name, 7, lead=(3, 1))
    potential, duals = legendre_potential(model, start), 0.5 * np.stack([mu[0, 0], -mu[0, 0]])
    low, high = potential.dual_domain
    duals = np.clip(duals, 0.9 * low.max(axis=(0, 1)), 0.9 * high.min(axis=(0, 1)))
    alone = [[legendre_potential(model, start[i, 0]) for _ in range(2)] for i in range(3)]
    w = potential.inverse(duals)
    for method, points in (
        ("inverse", duals),
        ("conjugate", duals),
        ("hessian", duals),
        ("parameters_at", duals),
        ("mirror", w),
        ("value", w),
        ("metric", w),
    ):
        stacked = getattr(potential, method)(points)
        single = [[getattr(alone[i][j], method)(points[i, j] if points.ndim == 3 else points[j]) for j in range(2)] for i in range(3)]
        np.testing.assert_allclose(stacked, np.array(single), rtol=1e-13 if potential.separable else 1e-10, atol=1e-15)


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


# ---- what the papers say ----


@pytest.mark.parametrize("depth", [3, 4, 6])
@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_higher_depth_potential_is_the_integral_of_woodworth_2020(depth: int, alpha: float) -> None:
    """R(w) = α²/(D(D-2)) q_D(w/α^D) - α²/D with q_D = ∫ h_D^(-1), the constant being that of R = Q*."""
    potential, r = legendre_potential(Diagonal(1, depth), [alpha, alpha]), depth / (depth - 2)

    def inverse(z: float) -> float:
        return brentq(lambda t: (1 - t) ** -r - (1 + t) ** -r - z, -1 + 1e-12, 1 - 1e-12, xtol=1e-15)

    for z in (-4.0, 0.3, 9.0):
        q = quad(inverse, 0, z, epsabs=1e-12)[0]
        t = inverse(z)
        assert q == pytest.approx(z * t - (depth - 2) / 2 * ((1 - t) ** (-2 / (depth - 2)) + (1 + t) ** (-2 / (depth - 2)) - 2), rel=1e-9)
        expected = alpha**2 / (depth * (depth - 2)) * q - alpha**2 / depth
        assert potential.value([z * alpha**depth]) == pytest.approx(expected, rel=1e-9)
    assert 1 / potential.metric([0.0])[0] == pytest.approx(alpha ** (2 - 2 * depth) / (2 * depth**2), rel=1e-13)


def test_hyperbolic_entropy_has_its_catalogued_constants() -> None:
    alpha, w = 0.7, np.array([-3.0, 0.0, 0.2])
    potential = legendre_potential(Diagonal(3, 2), np.full(6, alpha))
    q = 2 - np.sqrt(4 + (w / alpha**2) ** 2) + w / alpha**2 * np.arcsinh(w / (2 * alpha**2))
    assert potential.value(w) == pytest.approx(np.sum(alpha**2 * q / 4 - alpha**2 / 2), rel=1e-14)
    np.testing.assert_allclose(potential.mirror(w), np.arcsinh(w / (2 * alpha**2)) / 4, rtol=1e-14)
    entropy = legendre_potential(Entrywise((x,), (x**2 / 4,)), [2.0])  # w_0 = 1: R = w ln w - w
    assert entropy.value([3.0]) == pytest.approx(3 * np.log(3) - 3, rel=1e-15)


def test_traps_of_convention() -> None:
    """u v is not u² - v² from the same start; R depends on the start, and on its imbalance by a linear term."""
    start, w = [0.5, 0.3], np.array([0.4])
    product_row, squares = legendre_potential(Hadamard(1), start), legendre_potential(Diagonal(1, 2), start)
    assert abs(product_row.mirror(w)[0] - squares.mirror(w)[0]) > 0.01
    assert abs(legendre_potential(Diagonal(1, 2), [0.5, 0.31]).mirror(w)[0] - squares.mirror(w)[0]) > 1e-3
    level = np.sqrt(0.15)
    tilt = np.log(0.5 / 0.3) / 4
    assert squares.mirror(w)[0] == pytest.approx(legendre_potential(Diagonal(1, 2), [level, level]).mirror(w)[0] - tilt, rel=1e-13)
    alpha = ((0.5**-2 + 0.3**-2) / 2) ** -0.5
    zeta = (0.3**-2 - 0.5**-2) / (0.3**-2 + 0.5**-2)
    shifted = legendre_potential(Diagonal(1, 4), [alpha, alpha]).mirror(w)[0] - zeta / (8 * alpha**2)
    assert legendre_potential(Diagonal(1, 4), start).mirror(w)[0] == pytest.approx(shifted, rel=1e-12)


# ---- what is refused ----

ABAC = Entrywise((x, u, v), (x * u, x * v))
REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "does not commute": (lambda: legendre_potential(ABAC, [1.0, 1, 1]), InvalidArgument, r"`model=.*` does not commute: .*\[∇w\[0\], ∇w\[1\]\] = "),
    "the entries named are those of the model": (
        lambda: legendre_potential(Entrywise((y, x, u, v), (y, x * u, x * v)), np.ones(4)),
        InvalidArgument,
        r"\[∇w\[1\], ∇w\[2\]\]",
    ),
    "forms that do not commute": (
        lambda: legendre_potential(QuadraticForms([[[1, 0], [0, -1]], [[0, 1], [1, 0]]]), [1, 1]),
        InvalidArgument,
        "does not commute",
    ),
    "a matrix": (lambda: legendre_potential(DeepLinear((2, 1, 2)), np.ones(4)), InvalidArgument, "does not commute"),
    "a matrix of squares": (lambda: legendre_potential(DeepLinear((2, 2)), np.ones(4)), NoClosedForm, "w is a matrix"),
    "no row": (lambda: legendre_potential(Entrywise((x,), (sp.exp(x),)), [1.0]), NoClosedForm, r"w\[0\] = exp\(x\)"),
    "commuting, no row": (lambda: legendre_potential(Entrywise((x, y), (sp.exp(x + y), x - y)), [1.0, 2]), NoClosedForm, "no row of the table fits"),
    "offset power": (lambda: legendre_potential(Entrywise((x,), (x**2 + 1,)), [1.0]), NoClosedForm, "no row"),
    "unequal powers": (lambda: legendre_potential(Entrywise((u, v), (u**3 - 2 * v**3,)), [1.0, 1]), NoClosedForm, "no row"),
    "start of the wrong length": (lambda: legendre_potential(Hadamard(1), [1.0]), ShapeMismatch, r"must end with \(2,\)"),
    "start not finite": (lambda: legendre_potential(Hadamard(1), [1.0, np.inf]), NotFinite, "not finite"),
    "frozen product": (lambda: legendre_potential(Hadamard(2), [1.0, 0, 1, 0]), InvalidArgument, r"`start=\[0.0, 0.0\]` is 0 in all parameters"),
    "frozen square": (lambda: legendre_potential(Diagonal(1, 2, signed=False), [0.0]), InvalidArgument, "never moves"),
    "zero in a cube": (lambda: legendre_potential(Diagonal(1, 3), [1.0, 0.0]), InvalidArgument, "must be positive"),
    "negative in a cube": (lambda: legendre_potential(Diagonal(1, 3), [1.0, -1.0]), InvalidArgument, "must be positive"),
    "zero in a fourth power": (lambda: legendre_potential(Diagonal(1, 4), [1.0, 0.0]), InvalidArgument, "must be nonzero"),
    "too small for its depth": (lambda: legendre_potential(Diagonal(1, 8), [1e-60, 1e-60]), InvalidArgument, "outside the range of float64"),
    "dependent forms": (lambda: legendre_potential(QuadraticForms([np.eye(2), 2 * np.eye(2)]), [1.0, 1]), InvalidArgument, "are dependent"),
    "start that excites one mode of two": (
        lambda: legendre_potential(QuadraticForms([[[0, 1], [1, 0]], [[1, 0], [0, 1]]]), [1.0, 1]),
        InvalidArgument,
        "are dependent",
    ),
    "w on the boundary": (
        lambda: legendre_potential(Diagonal(2, 2, signed=False), [1.0, 1]).mirror([1.0, 0.0]),
        InvalidArgument,
        r"`w\[1\]=0.0` is outside the open",
    ),
    "w beyond": (lambda: legendre_potential(Hadamard(1), [1.0, -1.0]).value([[-1.0], [2.0]]), InvalidArgument, r"`w\[1, 0\]=2.0` .*\(-inf, 0\)"),
    "w outside a cone": (
        lambda: legendre_potential(QuadraticForms([np.diag([1.0, 1]), np.diag([1.0, 2])]), [1.0, 1]).mirror([1.0, 3.0]),
        InvalidArgument,
        r"outside the cone that its entries \[0, 1\]",
    ),
    "μ at the pole": (lambda: legendre_potential(Diagonal(1, 3), [1.0, 1]).inverse([1 / 3]), InvalidArgument, r"`mu\[0\]=0.333.*` is outside"),
    "w of the wrong length": (lambda: legendre_potential(Hadamard(2), np.ones(4)).mirror([1.0]), ShapeMismatch, "w has 2 entries"),
    "instances that do not broadcast": (
        lambda: legendre_potential(Hadamard(1), np.ones((3, 2)) * [1, 0.5]).mirror(np.ones((2, 1))),
        ShapeMismatch,
        r"must have leading axes that broadcast with \(3,\)",
    ),
    "too small for its power": (lambda: legendre_potential(Diagonal(1, 6, signed=False), [1e-80]), InvalidArgument, "outside the range of float64"),
    "w not finite": (lambda: legendre_potential(Hadamard(1), [1.0, 0.5]).mirror([np.nan]), NotFinite, "not finite"),
    "no such entry": (lambda: legendre_potential(Hadamard(1), [1.0, 0.5]).expression(1), InvalidArgument, "one of the 1 entries"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_clear_error(name: str) -> None:
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert type(caught.value) is kind


def test_domains_can_be_asked_without_raising() -> None:
    squares, cubes = legendre_potential(Diagonal(2, 2, signed=False), [1.0, 1]), legendre_potential(Diagonal(1, 3), [1.0, 0.5])
    np.testing.assert_array_equal(squares.in_domain([[1.0, 1.0], [1.0, 0.0], [-1.0, 1.0]]), [True, False, False])
    np.testing.assert_array_equal(cubes.in_dual_domain([[0.33], [0.34], [-0.66], [-0.67]]), [True, False, True, False])
    cone = legendre_potential(QuadraticForms([np.diag([1.0, 1]), np.diag([1.0, 2])]), [1.0, 1])
    np.testing.assert_array_equal(cone.in_domain([[1.0, 1.5], [1.0, 0.99], [1.0, 3.0], [1e-9, 1.1e-9]]), [True, False, False, True])
    assert np.array_equal(np.stack(cone.domain), [[0.0, 0.0], [np.inf, np.inf]])


def test_frozen_entries_take_their_frozen_forms() -> None:
    frozen = legendre_potential(Hadamard(2), [0.5, 0.4, 0.5, 0.1])
    assert frozen.expression(0).value != frozen.expression(1).value
    np.testing.assert_array_equal(frozen.domain[0], [0, -np.inf])
    np.testing.assert_array_equal(frozen.domain[1], [np.inf, np.inf])


@pytest.mark.parametrize(
    ("matrices", "message"),
    [([[1.0, 0], [0, 1]], "must be"), ([[[1.0, 2], [0, 1]]], "symmetric"), (np.zeros((0, 2, 2)), "must be"), ([[[np.nan]]], "finite")],
)
def test_quadratic_forms_refuse_bad_matrices(matrices: list, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        QuadraticForms(matrices)


def test_quadratic_forms_are_their_matrices() -> None:
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(3, 4, 4))
    matrices = matrices + np.swapaxes(matrices, 1, 2)
    model, theta = QuadraticForms(matrices), rng.normal(size=(5, 4))
    np.testing.assert_allclose(model.w(theta), np.einsum("...p,ipq,...q->...i", theta, matrices, theta) / 2, rtol=1e-12)
    assert model == QuadraticForms(matrices.tolist())
    assert hash(model) == hash(QuadraticForms(matrices))
