"""Lie brackets: decisions on known maps, witnesses that hold, the lemma for quadratic forms, and the order of two flows as a slow twin."""

from itertools import combinations

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

from theorycheck.symbolic.brackets import Brackets, lie_brackets
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms

a, b, c, d = sp.symbols("a b c d", real=True)
g, v1, v2 = sp.symbols("g v1 v2", real=True)
r = sp.Symbol("r", positive=True)
U = sp.Matrix(2, 2, sp.symbols("u11 u12 u21 u22", real=True))
GRAM = U * U.T

MODELS: dict[str, tuple[Parametrization, bool]] = {
    "u² - v²": (Diagonal(3, 2), True),
    "u³ - v³": (Diagonal(2, 3), True),
    "u v": (Hadamard(3), True),
    "one entry, any map": (Entrywise((a, b), (sp.exp(a * b) + sp.sin(a),)), True),
    "entries that share no parameter": (Entrywise((a, b, c), (a * b, sp.cos(c))), True),
    "rotated squares": (Entrywise((a, b), (a * b, a**2 + b**2)), True),
    "not polynomial": (Entrywise((a, b), (sp.exp(a + b), a - b)), True),
    "rational, in rotated coordinates": (Entrywise((a, b), ((a + b) / (1 + (a + b) ** 2), sp.log((a - b) ** 2 + 1))), True),
    "on the line": (Entrywise((r,), (sp.sqrt(r), sp.log(r))), False),
    "commuting forms": (QuadraticForms([np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 1.0, -1.0])]), True),
    "commuting up to rounding only": (QuadraticForms([[[0.1, 0.2], [0.2, 0.4]], [[0.3, 0.2], [0.2, 0.6000000000000001]]]), False),
    "a b, a c": (Entrywise((a, b, c), (a * b, a * c)), False),
    "U Uᵀ": (Entrywise(tuple(U), (GRAM[0, 0], GRAM[0, 1], GRAM[1, 1])), False),
    "weight normalisation": (Entrywise((g, v1, v2), (g * v1 / sp.sqrt(v1**2 + v2**2), g * v2 / sp.sqrt(v1**2 + v2**2))), False),
    "deep linear": (DeepLinear((2, 2, 1)), False),
    "deep linear, matrix output": (DeepLinear((2, 1, 2)), False),
    "the wide one, found without expanding": (DeepLinear((6, 6, 1)), False),
}


def gradients(model: Parametrization) -> sp.Matrix:
    return sp.Matrix(model.expressions).jacobian(model.symbols)


def bracket_by_definition(model: Parametrization, i: int, j: int) -> sp.Matrix:
    rows = gradients(model)
    first, second = rows[i, :].T, rows[j, :].T
    return second.jacobian(model.symbols) * first - first.jacobian(model.symbols) * second


@pytest.mark.parametrize("name", MODELS)
def test_decision(name: str) -> None:
    model, commuting = MODELS[name]
    found = lie_brackets(model)
    assert (found.commuting, found.witness is None, found.undecided) == (commuting, commuting, ())


@pytest.mark.parametrize("name", [name for name, (_, commuting) in MODELS.items() if not commuting])
def test_the_witness_is_the_bracket_by_definition_at_its_point(name: str) -> None:
    model, _ = MODELS[name]
    witness = lie_brackets(model).witness
    assert witness is not None
    point = dict(witness.point)
    by_name = dict(zip(model.symbols, bracket_by_definition(model, *witness.pair), strict=True))
    assert tuple(sp.nsimplify(by_name[symbol].subs(point)) for symbol in point) == witness.bracket
    assert any(witness.bracket)
    assert all(value.is_Rational for value in point.values())
    assert all(by_name[symbol] == 0 for symbol in set(model.symbols) - set(point))


def order_swap(model: Parametrization, i: int, j: int, start: np.ndarray, time: float) -> float:
    """Distance of w after the flows of ∇G_i and ∇G_j in both orders."""
    rows, w = (sp.lambdify([model.symbols], exact, "numpy") for exact in (gradients(model), model.expressions))

    def flowed(theta: np.ndarray, k: int) -> np.ndarray:
        def field(_: float, at: np.ndarray) -> np.ndarray:
            return np.asarray(rows(at))[k]

        return solve_ivp(field, (0, time), theta, rtol=1e-11, atol=1e-12, method="DOP853").y[:, -1]

    return float(np.max(np.abs(np.subtract(w(flowed(flowed(start, i), j)), w(flowed(flowed(start, j), i))))))


@pytest.mark.parametrize(
    "name", ["u² - v²", "u v", "rotated squares", "not polynomial", "commuting forms", "a b, a c", "U Uᵀ", "weight normalisation", "deep linear"]
)
def test_decision_agrees_with_the_order_of_flows(name: str) -> None:
    model, commuting = MODELS[name]
    start = np.linspace(1.0, 0.3, len(model.symbols)) * (-1) ** np.arange(len(model.symbols))
    swaps = [order_swap(model, i, j, start, 0.2) for i, j in combinations(range(len(model.expressions)), 2)]
    assert max(swaps) < 1e-8 if commuting else max(swaps) > 1e-3


def test_order_swap_has_the_catalogued_values() -> None:
    assert order_swap(MODELS["U Uᵀ"][0], 0, 1, np.array([0.5, 0, 0, 1.0]), 0.3) == pytest.approx(0.215, abs=5e-4)
    assert order_swap(MODELS["a b, a c"][0], 0, 1, np.array([1, 0.5, 0.2]), 1.0) == pytest.approx(9.908 - 4.943, abs=2e-3)


@pytest.mark.parametrize("seed", range(12))
def test_quadratic_forms_commute_iff_their_matrices_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    half = rng.integers(-2, 3, (2, 3, 3)) if seed % 3 else np.array([np.diag(rng.integers(-2, 3, 3)) for _ in range(2)])
    matrices = half + np.swapaxes(half, 1, 2)
    if seed % 3 == 2:  # a polynomial of a matrix commutes with it
        matrices[1] = matrices[0] @ matrices[0] - 3 * matrices[0]
    model, commutator = QuadraticForms(matrices.astype(float)), matrices[1] @ matrices[0] - matrices[0] @ matrices[1]
    assert lie_brackets(model).commuting == (not commutator.any())
    assert sp.expand(bracket_by_definition(model, 0, 1) - sp.Matrix(commutator) * sp.Matrix(model.symbols)) == sp.zeros(3, 1)


def test_first_order_necessity_is_sufficient_for_quadratic_forms() -> None:
    """|[A, B]|² = -tr(A [B, [A, B]]): if ∂G kills the bracket, so that [A, B] commutes with A and B, the bracket is 0."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        A, B = (m + m.T for m in rng.integers(-3, 4, (2, 4, 4)))
        C = A @ B - B @ A
        assert np.sum(C * C) == -np.trace(A @ (B @ C - C @ B))


def test_what_cannot_be_decided_is_said() -> None:
    angle = sp.Symbol("angle", real=True)
    hidden = sp.sin(angle) ** 2 + sp.cos(angle) ** 2 + sp.Function("f")(angle) - 1
    found = lie_brackets(Entrywise((angle, a), (hidden * a, a)))
    assert found == Brackets(False, None, ((0, 1),))
    assert str(found) == "not decided: [∇w[i], ∇w[j]] for (i, j) = (0, 1)"


def test_floats_are_the_numbers_they_are() -> None:
    assert lie_brackets(Entrywise((a, b), (0.1 * a**2 + 0.1 * b**2, 0.3 * a * b))).commuting
    assert not lie_brackets(Entrywise((a, b), (0.1 * a**2 + 0.1000000001 * b**2, 0.3 * a * b))).commuting
