"""Derivations: the two routes against each other, the generated source, and planted mistakes that the cross-checks must catch."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pytest
import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch, TooLarge
from theorycheck.symbolic.brackets import lie_brackets
from theorycheck.symbolic.derivations import (
    Derivation,
    EntrywiseDerivation,
    WordDerivation,
    WrongDerivation,
    cross_checked,
    derive,
    derive_entrywise,
)
from theorycheck.symbolic.derivations.numeric_twins import check_entrywise_numerically, check_words_numerically
from theorycheck.symbolic.derivations.twins import check_entrywise
from theorycheck.symbolic.geometry import jacobian
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss, Loss, SquaredLoss
from theorycheck.symbolic.matrix_words import Chain, KroneckerSum, MapDerivatives, WordSum, substitute, zero
from theorycheck.symbolic.models import MatrixFactorization, ResidualLinear
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms

x, y = sp.symbols("x y", real=True)
g_1, keyword = sp.Symbol("g_1", positive=True), sp.Symbol("lambda", real=True)
MAPS: list[Parametrization] = [
    Diagonal(dim=2, depth=3),
    Diagonal(dim=3, depth=2, signed=False),
    Diagonal(dim=1, depth=1),
    Hadamard(dim=2),
    Entrywise((x, y), (x * y, x**2 - y)),
    Entrywise((g_1, keyword), (sp.sqrt(g_1), sp.exp(keyword) * g_1, sp.Integer(2) + 0 * g_1)),
    DeepLinear((2, 2, 1)),
    DeepLinear((2, 2, 2)),
    DeepLinear((1, 2, 1, 2)),
    DeepLinear((3, 1)),
    DeepLinear((2, 1, 2, 2, 1)),
]
LOSSES: list[Loss] = [SquaredLoss(), SquaredLoss(c=0.5), LogisticLoss(), ExponentialLoss()]
PAIRS = [(model, loss) for model in MAPS for loss in LOSSES if len(model.shape) == 1 or isinstance(loss, SquaredLoss)]


@lru_cache
def derived(model: Any, loss: Any) -> Derivation:
    return derive(model, loss)


@lru_cache
def generated(model: Any, loss: Any) -> dict[str, Any]:
    """The names that the generated source defines, run alone."""
    scope: dict[str, Any] = {}
    exec(compile(derived(model, loss).python(), "generated", "exec"), scope)
    return scope


def fractions(rng: np.random.Generator, *shape: int) -> np.ndarray:
    pairs = zip(rng.integers(1, 9, shape).flat, rng.integers(1, 4, shape).flat, strict=True)
    return np.array([sp.Rational(int(a), int(b)) for a, b in pairs]).reshape(shape)


@pytest.mark.parametrize("widths", [(2, 2, 1), (2, 2, 2), (1, 2, 1, 2), (3, 1), (2, 1, 2, 2, 1), (2, 2, 2, 2)], ids=str)
@pytest.mark.parametrize("c", [1.0, 0.3])
def test_both_routes_agree_exactly(widths: tuple[int, ...], c: float) -> None:
    model, rng = DeepLinear(widths), np.random.default_rng(3)
    words, entries = derive(model, SquaredLoss(c)), derive_entrywise(model, SquaredLoss(c))
    assert isinstance(words, WordDerivation)
    assert isinstance(entries, EntrywiseDerivation)
    theta, G, root, v = (fractions(rng, *shape) for shape in ((model.parameters,), model.shape, (widths[0], widths[0]), (model.parameters,)))
    curvature = root @ root.T
    assert np.array_equal(words.gradient_at(theta, G), entries.gradient_at(theta, G))
    hessian = words.hessian_at(theta, G, curvature)
    assert np.array_equal(hessian, entries.hessian_at(theta, G, curvature))
    assert np.array_equal(words.hvp_at(theta, G, curvature, v), hessian @ v)
    assert np.array_equal(entries.hvp_at(theta, G, curvature, v), hessian @ v)


def numeric_problem(model: Parametrization, loss: Loss) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """θ, X, y, and G and the curvature in w there."""
    rng = np.random.default_rng(8)
    theta, X = rng.uniform(0.3, 1.5, model.parameters), rng.normal(size=(6, model.shape[-1]))
    shape, axis = ((6,), -1) if len(model.shape) == 1 else ((6, model.shape[0]), -2)
    y = rng.normal(size=shape) if isinstance(loss, SquaredLoss) else np.sign(rng.normal(size=shape))
    prediction = model.predict(theta, X)
    bend = loss.bend(prediction, y, sample_axis=axis).reshape(6, -1)
    return theta, X, y, loss.slope(prediction, y, sample_axis=axis).T @ X, (bend[:, :1] * X).T @ X


@pytest.mark.parametrize(("model", "loss"), PAIRS, ids=str)
def test_the_generated_source_runs_alone_and_agrees(model: Parametrization, loss: Any) -> None:
    derivation, scope = derived(model, loss), generated(model, loss)
    theta, X, y, G, curvature = numeric_problem(model, loss)
    gradient, hessian = scope["gradient"](theta, X, y), scope["hessian"](theta, X, y)
    np.testing.assert_allclose(gradient, derivation.gradient_at(theta, G), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(hessian, derivation.hessian_at(theta, G, curvature), rtol=1e-12, atol=1e-12)
    v = np.random.default_rng(9).normal(size=len(theta))
    np.testing.assert_allclose(scope["hvp"](theta, X, y, v), hessian @ v, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(derivation.hvp_at(theta, G, curvature, v), hessian @ v, rtol=1e-11, atol=1e-11)
    axis = -1 if len(model.shape) == 1 else -2
    assert scope["risk"](theta, X, y) == pytest.approx(float(loss.risk(model.predict(theta, X), y, sample_axis=axis)), rel=1e-13)


@pytest.mark.parametrize(("model", "loss"), PAIRS, ids=str)
def test_taylor_slopes_of_the_generated_source(model: Parametrization, loss: Any) -> None:
    """Central differences of the risk along v approach ∇R·v and vᵀHv with an error O(t²): halving t divides it by 4."""
    scope = generated(model, loss)
    theta, X, y, _, _ = numeric_problem(model, loss)
    v = np.random.default_rng(10).normal(size=len(theta))
    slope, bend = scope["gradient"](theta, X, y) @ v, v @ scope["hessian"](theta, X, y) @ v
    first, second = [], []
    for t in (1e-3, 5e-4):
        ahead, behind = scope["risk"](theta + t * v, X, y), scope["risk"](theta - t * v, X, y)
        first.append((ahead - behind) / (2 * t) - slope)
        second.append((ahead + behind - 2 * scope["risk"](theta, X, y)) / t**2 - bend)
    scale = abs(slope) + abs(bend) + 1
    assert abs(first[1] - first[0] / 4) < 1e-8 * scale
    assert abs(first[1]) < 1e-4 * scale
    assert abs(second[1] - second[0] / 4) < 1e-6 * scale
    assert abs(second[1]) < 1e-4 * scale


# -- planted mistakes --


class NoCommutation(MapDerivatives):
    """K forgotten in every block."""

    @cached_property
    def hessian(self) -> tuple[tuple[KroneckerSum, ...], ...]:
        return tuple(tuple(replace(b, terms=tuple(replace(t, commuted=False) for t in b.terms)) for b in row) for row in super().hessian)


class NoResidual(MapDerivatives):
    """The term with G forgotten in every block."""

    @cached_property
    def hessian(self) -> tuple[tuple[KroneckerSum, ...], ...]:
        return tuple(tuple(replace(b, terms=tuple(t for t in b.terms if not t.commuted)) for b in row) for row in super().hessian)


class OneBlockTransposed(MapDerivatives):
    """H_21 replaced by H_12."""

    @cached_property
    def hessian(self) -> tuple[tuple[KroneckerSum, ...], ...]:
        (a, b, *rest), (_, d, *more), *others = super().hessian
        return ((a, b, *rest), (b, d, *more), *others)


class NoResidualInProduct(MapDerivatives):
    """The term with G forgotten in the Hessian-vector product, kept in the blocks."""

    @cached_property
    def hvp(self) -> tuple[WordSum, ...]:
        return tuple(substitute(row, {self.gradient_in_w: zero(*self.gradient_in_w.shape)}) for row in super().hvp)

    @cached_property
    def hessian(self) -> tuple[tuple[KroneckerSum, ...], ...]:
        return MapDerivatives(self.w, self.layers, self.curvature).hessian


class TwiceTheGradient(MapDerivatives):
    """A factor 2 in the gradient of the first layer."""

    @cached_property
    def gradient(self) -> tuple[WordSum, ...]:
        first, *others = super().gradient
        return (2 * first, *others)


PLANTED = [
    (NoCommutation, 2, "Hessian block"),
    (NoResidual, 2, "Hessian block"),
    (OneBlockTransposed, 2, "Hessian block"),
    (NoResidualInProduct, 2, "Hessian-vector product"),
    (TwiceTheGradient, 2, "gradient in layer 1"),
]
# The curvature of a general loss is opaque, so only the squared loss has a constant to get wrong.
TABLE = [(*row, loss) for row in PLANTED for loss in (SquaredLoss(), LogisticLoss())]
TABLE += [(MapDerivatives, kappa, "Hessian block", SquaredLoss()) for kappa in (1, 4)]


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize(("kind", "kappa", "where", "loss"), TABLE, ids=lambda value: getattr(value, "__name__", str(value)))
def test_the_cross_check_catches_planted_mistakes(kind: type[MapDerivatives], kappa: int, where: str, loss: Loss, depth: int) -> None:
    chain, model = Chain(depth), DeepLinear((2,) * (depth + 1))
    words = kind(chain.w, chain.layers, sp.Integer(kappa))
    with pytest.raises(WrongDerivation, match=where):
        cross_checked(WordDerivation(model, loss, (), words))
    good = WordDerivation(model, loss, (), MapDerivatives(chain.w, chain.layers, sp.Integer(2)))
    assert cross_checked(good)


@pytest.mark.parametrize(("widths", "visible"), [((2, 1, 2), False), ((1, 2, 2), True), ((2, 2, 1), True), ((2, 2, 2), True), ((3, 1, 1, 2), False)])
def test_a_forgotten_commutation_hides_behind_widths_of_one(widths: tuple[int, ...], visible: bool) -> None:
    """K_j is the identity where d_j = 1 or d_{j-1} = 1: this is why the cross-check runs at widths 2, whatever the model's are."""
    model, chain, rng = DeepLinear(widths), Chain(len(widths) - 1), np.random.default_rng(5)
    planted = WordDerivation(model, SquaredLoss(), (), NoCommutation(chain.w, chain.layers, sp.Integer(2)))
    theta, G, root = (fractions(rng, *shape) for shape in ((model.parameters,), model.shape, (widths[0], widths[0])))
    right, wrong = (d.hessian_at(theta, G, root @ root.T) for d in (derive(model, SquaredLoss()), planted))
    assert np.array_equal(right, wrong) != visible


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("kind", [NoCommutation, NoResidual, OneBlockTransposed, TwiceTheGradient])
def test_complex_steps_alone_catch_them_too(kind: type[MapDerivatives], depth: int) -> None:
    chain = Chain(depth)
    with pytest.raises(WrongDerivation, match="complex steps"):
        check_words_numerically(chain, kind(chain.w, chain.layers, sp.Integer(2)))


class EntrywiseNoResidual(EntrywiseDerivation):
    """Σ g_i ∇²w_i forgotten."""

    def _residual(self, i: int, j: int) -> sp.Expr:
        return sp.S.Zero


class EntrywiseTwice(EntrywiseDerivation):
    """A factor 2 in the gradient."""

    @cached_property
    def gradient(self) -> sp.Matrix:
        return 2 * super().gradient


class SlopeWithoutTwo(SquaredLoss):
    """The classic forgotten 2 in the derivative of a square."""

    def slope_expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return self.constant * (prediction - target)


@pytest.mark.parametrize(
    ("kind", "model", "loss"),
    [
        (EntrywiseNoResidual, Diagonal(2, 3), SquaredLoss()),
        (EntrywiseNoResidual, Hadamard(2), LogisticLoss()),
        (EntrywiseTwice, Diagonal(2, 3), ExponentialLoss()),
        (EntrywiseDerivation, Hadamard(1), SlopeWithoutTwo()),
    ],
    ids=str,
)
def test_the_entrywise_check_catches_planted_mistakes(kind: type[EntrywiseDerivation], model: Parametrization, loss: Loss) -> None:
    with pytest.raises(WrongDerivation):
        check_entrywise(kind(model, loss, ()))
    with pytest.raises(WrongDerivation, match="complex steps"):
        check_entrywise_numerically(kind(model, loss, ()))


# -- what is claimed, what is refused --


@pytest.mark.parametrize(("model", "loss"), PAIRS, ids=str)
def test_the_latex_states_its_conventions(model: Parametrization, loss: Any) -> None:
    derivation = derived(model, loss)
    text = derivation.latex()
    assert text.count("{") == text.count("}")
    assert text.startswith(r"\begin{aligned}")
    assert "row by row" in text
    assert "rows of" in text
    if isinstance(loss, SquaredLoss) and isinstance(model, DeepLinear):
        assert f"c = {sp.latex(loss.constant)}," in text
    assert derivation.checked


def test_what_was_not_checked_is_not_claimed() -> None:
    """No rational point satisfies the assumption: no exact check is claimed. A kink is no place for complex steps: no numeric one is."""
    t, r = sp.Symbol("t", irrational=True), sp.Symbol("r", real=True)
    assert [statement.partition(":")[0] for statement in derive(Entrywise((t,), (t**2,)), SquaredLoss()).checked] == ["numeric"]
    kinked = derive(Entrywise((r,), (sp.Piecewise((r**2, r > 0), (0, True)),)), SquaredLoss())
    assert [statement.partition(":")[0] for statement in kinked.checked] == ["exact"]


def test_the_claims_say_how_they_were_checked() -> None:
    exactly, digits = derive(Hadamard(2), SquaredLoss()), derive(Hadamard(2), LogisticLoss())
    assert [[statement.partition(":")[0] for statement in d.checked] for d in (exactly, digits)] == [["exact", "numeric"]] * 2
    assert "digits" not in exactly.checked[0]
    assert "30 digits" in digits.checked[0]
    assert "c = 1/2" in derive(DeepLinear((2, 2)), SquaredLoss(0.5)).checked[0]


def test_the_entrywise_route_has_a_budget_and_names_the_other() -> None:
    with pytest.raises(TooLarge, match="matrix words"):
        derive(Diagonal(dim=13, depth=2), SquaredLoss())
    with pytest.raises(TooLarge):
        derive_entrywise(Hadamard(2), SquaredLoss(), budget=3)
    assert isinstance(derive_entrywise(Hadamard(2), SquaredLoss(), budget=4), Derivation)


LARGE: dict[str, Callable[[], Any]] = {
    "derive": lambda: derive(Diagonal(50, 2), SquaredLoss()),
    "derive_entrywise": lambda: derive_entrywise(DeepLinear((20,) * 6 + (1,)), SquaredLoss()),
    "expressions of a chain": lambda: DeepLinear((20,) * 6 + (1,)).expressions,
    "expressions of a residual network": lambda: ResidualLinear(5, 12, (1.0,) * 5).expressions,
    "expressions of a factorization": lambda: MatrixFactorization(50, 50, 50).expressions,
    "expressions of quadratic forms": lambda: QuadraticForms([np.eye(300)] * 2).expressions,
    "entrywise kernels": lambda: Entrywise(sp.symbols("a:60", real=True), sp.symbols("a:60", real=True)).kernels,
    "brackets": lambda: lie_brackets(DeepLinear((20,) * 6 + (1,))),
    "Jacobian": lambda: jacobian(DeepLinear((20,) * 6 + (1,))),
}


@pytest.mark.parametrize("path", LARGE)
def test_no_path_expands_entrywise_above_its_budget(path: str) -> None:
    """Sizes at which any of them would run for hours; the error names a route of any size."""
    with pytest.raises(TooLarge, match=r"matrix words|kernels"):
        LARGE[path]()


def test_depth_twelve_width_fifty_goes_through_words() -> None:
    model, rng = DeepLinear((50,) * 12 + (1,)), np.random.default_rng(0)
    derivation = derive(model, SquaredLoss())
    theta, G, v = 0.2 * rng.normal(size=model.parameters), rng.normal(size=50), rng.normal(size=model.parameters)
    K = np.cov(rng.normal(size=(50, 60)))
    gradient, product = derivation.gradient_at(theta, G), derivation.hvp_at(theta, G, 2 * K, v)
    np.testing.assert_allclose(model.kernels.gradient(theta, G), gradient, rtol=1e-9, atol=1e-12 * np.abs(gradient).max())
    np.testing.assert_allclose(model.kernels.hvp(theta, G, 2 * K, v), product, rtol=1e-9, atol=1e-11 * np.abs(product).max())


@pytest.mark.parametrize(("model", "loss", "name"), [("a string", SquaredLoss(), "model"), (Hadamard(1), "a string", "loss")])
def test_what_has_no_exact_form_is_refused(model: Any, loss: Any, name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"`{name}="):
        derive(model, loss)


def test_several_outputs_need_one_curvature() -> None:
    with pytest.raises(InvalidArgument, match="one curvature an output"):
        derive(DeepLinear((2, 2)), LogisticLoss())


def test_theta_must_have_the_size_of_the_model() -> None:
    with pytest.raises(ShapeMismatch, match="theta"):
        derive(DeepLinear((2, 2, 1)), SquaredLoss()).gradient_at(np.ones(5), np.ones(2))


def test_depth_ten_is_derived_and_checked() -> None:
    derivation = derive(DeepLinear((5,) * 10 + (1,)), SquaredLoss())
    assert [statement.partition(":")[0] for statement in derivation.checked] == ["exact", "exact", "numeric", "independent"]
    assert len(derivation.latex()) < 2_000
