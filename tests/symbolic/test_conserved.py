"""Conservation laws: counts of the catalogue, slow twins, planted wrong laws, and what is refused."""

from itertools import combinations, combinations_with_replacement, pairwise, product

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp
from sympy.polys.matrices import DomainMatrix

from theorycheck.errors import InvalidArgument, ShapeMismatch, TooLarge
from theorycheck.symbolic.conserved import conservation, conserved_quantities, independent_laws
from theorycheck.symbolic.conserved.elimination import sparse_kernel
from theorycheck.symbolic.conserved.laws import WrongLaw, _proved
from theorycheck.symbolic.geometry import jacobian
from theorycheck.symbolic.identities import Proof, Unproved
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.vector_fields import NotPolynomial, gradient, polynomial_map

A, B, C = sp.symbols("a b c", real=True)
SHAPES = list(product(range(1, 5), repeat=3))


def rank(expressions) -> int:
    """Dimension of the span of polynomials."""
    rows = [sp.expand(e).as_coefficients_dict() for e in expressions]
    monomials = sorted({m for row in rows for m in row}, key=str)
    return DomainMatrix(
        [[sp.QQ(sp.Rational(row[m]).p, sp.Rational(row[m]).q) for m in monomials] for row in rows], (len(rows), len(monomials)), sp.QQ
    ).rank()


def layers(model: DeepLinear) -> list[sp.Matrix]:
    symbols = iter(model.symbols)
    return [sp.Matrix(a, b, [next(symbols) for _ in range(a * b)]) for a, b in model.layer_shapes]


def imbalances(model: DeepLinear) -> list[sp.Expr]:
    """Entries on and above the diagonal of D_j = W_{j+1}ᵀW_{j+1} - W_jW_jᵀ."""
    D = [sp.expand(W.T * W - V * V.T) for V, W in pairwise(layers(model))]
    return [matrix[i, j] for matrix in D for i in range(matrix.rows) for j in range(i, matrix.rows)]


def products_with_transpose(dim: int, rank: int) -> Entrywise:
    """Entries on and above the diagonal of U Uᵀ, U of shape (dim, rank)."""
    symbols = sp.symbols(f"u:{dim * rank}", real=True)
    U = sp.Matrix(dim, rank, symbols)
    return Entrywise(symbols, [(U * U.T)[i, j] for i in range(dim) for j in range(i, dim)])


def turned(expressions, symbols) -> list[sp.Expr]:
    """The expressions in coordinates turned by rational rotations of neighbouring pairs."""
    for x, y in pairwise(symbols):
        step = {x: sp.Rational(3, 5) * x - sp.Rational(4, 5) * y, y: sp.Rational(4, 5) * x + sp.Rational(3, 5) * y}
        expressions = [e.subs(step, simultaneous=True) for e in expressions]
    return expressions


def brute_force(model: Parametrization, degree: int) -> list[sp.Expr]:
    """The laws by SymPy's dense linear algebra on unknown coefficients."""
    symbols = model.symbols
    monomials = [sp.Mul(*m) for n in range(1, degree + 1) for m in combinations_with_replacement(symbols, n)]
    unknowns = sp.symbols(f"k:{len(monomials)}")
    h = sp.Add(*(k * m for k, m in zip(unknowns, monomials, strict=True)))
    rates = [sp.expand(sum(sp.diff(h, s) * sp.diff(w, s) for s in symbols)) for w in model.expressions]
    equations = [c for rate in rates if rate != 0 for c in sp.Poly(rate, *symbols).coeffs()]
    matrix = sp.Matrix([[sp.diff(e, k) for k in unknowns] for e in equations]) if equations else sp.zeros(1, len(unknowns))
    return [sum(x * m for x, m in zip(vector, monomials, strict=True)) for vector in matrix.nullspace()]


@pytest.mark.parametrize(("n", "r", "m"), SHAPES)
def test_counts_of_two_layers(n: int, r: int, m: int) -> None:
    """The convention table of the catalogue, for n inputs, r hidden units, m outputs."""
    model, N, scalar = DeepLinear(widths=(n, r, m)), n + m, n == m == 1 and r >= 2
    laws = [law.expression for law in conserved_quantities(model)]
    assert len(laws) == (r**2 if scalar else r * (r + 1) // 2)
    count = independent_laws(model)
    assert count.found_independent == (2 * r - 1 if scalar else N * r - N * (N - 1) // 2 if r > N else r * (r + 1) // 2)
    assert (count.parameters, count.lie_dimension + count.found_independent, count.complete) == (N * r, N * r, True)
    assert rank(imbalances(model)) == r * (r + 1) // 2
    assert rank(laws + imbalances(model)) == len(laws)


LAWS = [  # model, degree, every law of the basis
    (Hadamard(1), 2, ["u1**2 - v1**2"]),
    (Hadamard(2), 2, ["u1**2 - v1**2", "u2**2 - v2**2"]),
    (Diagonal(1, 1), 2, ["u1 + v1", "u1**2 + 2*u1*v1 + v1**2"]),
    (Diagonal(2, 2), 2, ["u1*v1", "u2*v2"]),
    (Diagonal(2, 2), 3, ["u1*v1", "u2*v2"]),
    (Diagonal(1, 2), 4, ["u1*v1", "u1**2*v1**2"]),
    (Diagonal(1, 3), 8, []),
    (Diagonal(1, 4), 8, []),
    (Diagonal(2, 3), 4, []),
    (Diagonal(1, 2, signed=False), 4, []),
    (Entrywise((A, B, C), (A * B, A * C)), 2, ["a**2 - b**2 - c**2"]),
    (Entrywise((A, B, C), (A * B * C,)), 2, ["a**2 - b**2", "b**2 - c**2"]),
    (Entrywise((A, B, C), (A * B,)), 2, ["c", "a**2 - b**2", "c**2"]),
    (Entrywise((A, B), (A**2 / 3 + 0.5 * B,)), 3, []),
    (Entrywise((A, B), (0.1 * A + 0.2 * B,)), 1, ["2*a - b"]),
    (Entrywise((A, B), (A + B**2 / 2, B)), 2, []),
    (Entrywise((A, B), (sp.Integer(3),)), 1, ["a", "b"]),
    (products_with_transpose(2, 2), 4, []),
    (products_with_transpose(2, 3), 3, []),
]


@pytest.mark.parametrize(("model", "degree", "expected"), LAWS, ids=str)
def test_laws(model: Parametrization, degree: int, expected: list[str]) -> None:
    laws = conserved_quantities(model, degree)
    assert [str(law) for law in laws] == expected
    assert [law.degree for law in laws] == [sp.Poly(law.expression, *model.symbols).total_degree() for law in laws]


def test_float_coefficients_are_the_rational_numbers_they_are() -> None:
    model = Entrywise((A, B), (0.1 * A + 0.3 * B,))
    (law,) = conserved_quantities(model, 1)
    assert sp.Rational(law.expression.coeff(A)) / law.expression.coeff(B) == -sp.Rational(0.3) / sp.Rational(0.1) != -3


# model, degree of the laws sought: dimension of the Lie algebra at a generic point, laws found, and whether they are all
COUNTS = [
    (Hadamard(3), 2, 3, 3, True),
    (Diagonal(3, 2), 2, 3, 3, True),
    (Diagonal(2, 3), 4, 2, 0, False),
    (Diagonal(1, 5), 6, 1, 0, False),
    (Entrywise((A, B, C), (A * B, A * C)), 2, 2, 1, True),
    (Entrywise((A, B, C), (A * B, A * C)), 1, 2, 0, False),
    (Entrywise((A, B), (sp.Integer(3),)), 1, 0, 2, True),
    (products_with_transpose(2, 2), 2, 4, 0, True),
    (products_with_transpose(1, 3), 2, 1, 0, False),
    (products_with_transpose(2, 3), 2, 4, 0, False),
    (DeepLinear(widths=(1, 1, 1, 1)), 2, 1, 2, True),
    (DeepLinear(widths=(2, 2, 2, 2)), 2, 6, 6, True),
    (DeepLinear(widths=(2, 3, 2, 1)), 2, 5, 9, True),
    (DeepLinear(widths=(3, 2, 2, 3)), 2, 10, 6, True),
    (DeepLinear(widths=(2, 2, 2, 2, 2)), 2, 7, 9, True),
    (DeepLinear(widths=(1, 2, 1, 2)), 2, 2, 4, True),  # a bottleneck of one unit: its first two layers are a net of scalar input and output
    (DeepLinear(widths=(1, 2, 2, 1)), 4, 1, 6, False),  # scalar input and output: the imbalances are not all
    (DeepLinear(widths=(1, 3, 3, 1)), 2, 1, 12, False),
]


@pytest.mark.parametrize(("model", "degree", "dimension", "found", "complete"), COUNTS, ids=str)
def test_counts(model: Parametrization, degree: int, dimension: int, found: int, complete: bool) -> None:
    count, P = independent_laws(model, degree), model.parameters
    assert (count.parameters, count.lie_dimension, count.laws_possible) == (P, dimension, P - dimension)
    assert (count.found_independent, count.complete) == (found, complete)
    assert ("no further law" if complete else "further laws exist") in str(count)


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_rational_laws_complete_the_count(depth: int) -> None:
    """u^(2-D) + v^(2-D) is conserved by u^D - v^D, and no polynomial is."""
    model = Diagonal(dim=2, depth=depth)
    powers = [u ** (2 - depth) + v ** (2 - depth) for u, v in zip(model.symbols[:2], model.symbols[2:], strict=True)]
    assert [independent_laws(model, also=powers[:k]).complete for k in range(3)] == [False, False, True]
    assert independent_laws(model, also=[powers[0], 1 / powers[0] ** 2]).found_independent == 1


@pytest.mark.parametrize(("dim", "rank"), [(1, 2), (2, 3)])
def test_laws_of_wide_symmetric_factorizations_are_ratios_of_minors(dim: int, rank: int) -> None:
    model = products_with_transpose(dim, rank)
    U = sp.Matrix(dim, rank, model.symbols)
    minors = [U[:, list(columns)].det() for columns in combinations(range(rank), dim)]
    count = independent_laws(model, also=[minor / minors[0] for minor in minors[1:]])
    assert (count.laws_possible, count.found_independent, count.complete) == (dim * (rank - dim), dim * (rank - dim), True)


def test_a_budget_that_is_reached_is_no_answer() -> None:
    model = DeepLinear(widths=(3, 2, 2, 3))
    count = independent_laws(model, degree=1, budget=1)
    assert count.complete is None
    assert "not settled" in str(count)
    assert 9 <= count.lie_dimension <= independent_laws(model).lie_dimension


def closure(matrices: list[np.ndarray]) -> list[np.ndarray]:
    """A basis of the Lie algebra of matrices, by brackets of everything with everything."""
    basis: list[np.ndarray] = []
    new = matrices
    while new:
        for matrix in new:
            if np.linalg.matrix_rank([m.ravel() for m in [*basis, matrix]]) > len(basis):
                basis.append(matrix)
        brackets = [X @ Y - Y @ X for X, Y in combinations(basis, 2)]
        scaled = [Z / np.linalg.norm(Z) for Z in brackets if np.linalg.norm(Z) > 1e-9]
        full = np.linalg.matrix_rank([m.ravel() for m in [*basis, *scaled]])
        new = scaled if full > len(basis) else []
    return basis


@pytest.mark.parametrize("seed", range(12))
def test_dimension_for_quadratic_forms_is_that_of_the_closed_matrix_algebra(seed: int) -> None:
    """The fields are A_i θ: their algebra is one of matrices, of finite dimension, and can be closed by brute force."""
    rng = np.random.default_rng(seed)
    P, d = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    half = rng.integers(-1, 2, size=(d, P, P)) * (rng.random((d, P, P)) < 0.35)
    model = QuadraticForms(half + np.swapaxes(half, 1, 2))
    theta = rng.normal(size=P)
    algebra = closure([np.array(matrix) for matrix in model.matrices if np.any(matrix)])
    count = independent_laws(model)
    assert count.lie_dimension == (np.linalg.matrix_rank([Z @ theta for Z in algebra], tol=1e-9) if algebra else 0)
    assert count.found_independent <= count.laws_possible


X4 = sp.symbols("x:4", real=True)
TWINS = [
    (Entrywise(X4[:2], turned([X4[0] * X4[1]], X4[:2])), 2),
    (Entrywise(X4[:3], turned([X4[0] * X4[1], X4[0] * X4[2]], X4[:3])), 3),
    (Entrywise(X4, turned([X4[0] * X4[1], X4[2] ** 2 - X4[3] ** 2], X4)), 2),
    (Entrywise(X4[:3], turned([X4[0] * X4[1] * X4[2] + X4[0]], X4[:3])), 3),
    (Entrywise(X4[:3], [X4[0] + 2 * X4[1] - X4[2]]), 2),
    (Entrywise(X4[:2], [X4[0] ** 2 * X4[1] + X4[1]]), 4),
    (Entrywise(X4[:2], [X4[0] ** 2 + X4[1]]), 4),
    (DeepLinear(widths=(1, 2, 1)), 3),
    (DeepLinear(widths=(2, 1, 1)), 4),
]


@pytest.mark.parametrize(("model", "degree"), TWINS, ids=str)
def test_laws_span_what_brute_force_finds(model: Parametrization, degree: int) -> None:
    laws, twin = [law.expression for law in conserved_quantities(model, degree)], brute_force(model, degree)
    assert len(laws) == len(twin)
    assert not twin or rank(laws + twin) == rank(laws) == len(laws)


@pytest.mark.parametrize("widths", [(1, 2, 1), (2, 3, 2), (2, 1, 3, 2), (2, 2, 2, 2), (1, 2, 2, 3, 1), (3, 2, 2)])
def test_deep_networks(widths: tuple[int, ...]) -> None:
    """The imbalances lie in the span; the basis is readable and proved again by SymPy."""
    model = DeepLinear(widths)
    laws = conserved_quantities(model)
    expressions = [law.expression for law in laws]
    assert rank(expressions + imbalances(model)) == len(laws) >= len(imbalances(model)) == rank(imbalances(model))
    assert all(isinstance(conservation(model, law.expression).prove(), Proof) for law in laws)
    assert {c for law in laws for c in sp.Poly(law.expression, *model.symbols).coeffs()} <= {1, -1, 2, -2}
    assert all(f"i = 1 .. {len(model.expressions)}" in law.proved for law in laws)
    if 1 not in widths:
        assert {*expressions} == {-entry for entry in imbalances(model)}


def wrong_imbalances(model: DeepLinear) -> list[sp.Expr]:
    """W_2 W_2ᵀ - W_1ᵀW_1, with the transposes on the wrong side, and the sum in place of the difference."""
    V, W = layers(model)
    return [*(W * W.T - V.T * V), *(W.T * W + V * V.T)]


WRONG = [
    *((DeepLinear((2, 2, 2)), entry) for entry in wrong_imbalances(DeepLinear((2, 2, 2)))),
    (Hadamard(2), Hadamard(2).symbols[0] ** 2 - Hadamard(2).symbols[3] ** 2),
    (Diagonal(1, 3), Diagonal(1, 3).symbols[0] * Diagonal(1, 3).symbols[1]),
    (Entrywise((A, B, C), (A * B, A * C)), A**2 - B**2),
    (Entrywise((A, B, C), (A * B, A * C)), A**2 - B**2 - 2 * C**2),
]


@pytest.mark.parametrize(("model", "wrong"), WRONG, ids=str)
def test_wrong_laws_are_outside_the_span(model: Parametrization, wrong: sp.Expr) -> None:
    laws = [law.expression for law in conserved_quantities(model)]
    assert rank([*laws, wrong]) == len(laws) + 1
    answer = conservation(model, wrong).prove()
    assert isinstance(answer, Unproved)
    assert answer.point
    with pytest.raises(InvalidArgument, match="not proved to be conserved"):
        independent_laws(model, also=[wrong])


def test_a_wrong_law_does_not_become_a_value() -> None:
    ring, entries = polynomial_map(Hadamard(1))
    fields = [gradient(ring, w) for w in entries]
    assert str(_proved(ring, fields, {(0, 0): 1, (1, 1): -1})) == "u1**2 - v1**2"
    with pytest.raises(WrongLaw):
        _proved(ring, fields, {(0, 0): 1, (1, 1): 1})


def test_layers_with_relu_keep_the_diagonal_only() -> None:
    """A net a_j relu(w_j x): over all data its flow sees the products a_j w_j of each unit, not their sum."""
    a, W = sp.symbols("a:2", real=True), sp.Matrix(2, 2, sp.symbols("w:4", real=True))
    model = Entrywise((*a, *W), [a[j] * W[j, k] for j in range(2) for k in range(2)])
    assert [str(law) for law in conserved_quantities(model)] == ["a0**2 - w0**2 - w1**2", "a1**2 - w2**2 - w3**2"]
    assert independent_laws(model).complete


@pytest.mark.parametrize("widths", [(2, 2, 2), (2, 1, 2, 2)])
def test_laws_hold_along_flows_of_losses_that_depend_on_time(widths: tuple[int, ...]) -> None:
    model, rng = DeepLinear(widths), np.random.default_rng(7)
    J = sp.lambdify([model.symbols], jacobian(model), cse=True)
    target = rng.normal(size=len(model.expressions))

    def velocity(t: float, theta: np.ndarray) -> np.ndarray:
        return -(model.w(theta).ravel() - target * np.cos(3 * t)) @ J(theta)

    flow = solve_ivp(velocity, (0, 2), rng.normal(size=model.parameters), "DOP853", rtol=1e-12, atol=1e-12)
    of_one_entry = conserved_quantities(Entrywise(model.symbols, model.expressions[:1]))
    assert max(np.ptp(law(flow.y.T)) for law in conserved_quantities(model)) < 1e-10
    assert max(np.ptp(law(flow.y.T)) for law in of_one_entry) > 1e-2


def test_values_broadcast_and_agree_with_sympy() -> None:
    model, rng = DeepLinear(widths=(2, 2, 2)), np.random.default_rng(3)
    theta = rng.normal(size=(3, 4, model.parameters))
    for law in (*conserved_quantities(model), *conserved_quantities(Diagonal(4, 2), 4)):
        twin = sp.lambdify([law.symbols], law.expression)
        assert law(theta).shape == (3, 4)
        np.testing.assert_allclose(law(theta), [[twin(point) for point in row] for row in theta], rtol=1e-13, atol=1e-13)
        assert law(theta[0, 0]).shape == ()
    with pytest.raises(ShapeMismatch, match="must end with"):
        law(theta[..., :3])


def test_latex() -> None:
    (law,) = conserved_quantities(Hadamard(1))
    assert law.latex() == r"\frac{d}{dt} \left( u_{1}^{2} - v_{1}^{2} \right) = 0"


def test_a_basis_can_be_asked_for_twice() -> None:
    assert conserved_quantities(DeepLinear((2, 2, 2))) == conserved_quantities(DeepLinear((2, 2, 2)))


@pytest.mark.parametrize("seed", range(8))
def test_kernels_against_dense_elimination(seed: int) -> None:
    """Span, leading places, signs, and no dependence on the prime of the first pass, not even on 2."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(1, 9)), int(rng.integers(2, 9))
    M = rng.integers(-3, 4, size=(rows, columns)) * (rng.random((rows, columns)) < 0.4)
    sparse = [{i: int(x) for i, x in enumerate(column) if x} for column in M.T]
    found = sparse_kernel(sparse)
    dense = np.array([[vector.get(j, 0) for j in range(columns)] for vector in found]).reshape(-1, columns)
    assert not np.any(M @ dense.T)
    assert len(found) == columns - np.linalg.matrix_rank(M)
    assert len({min(vector) for vector in found}) == len(found)
    assert all(vector[min(vector)] > 0 and np.gcd.reduce([*vector.values()]) == 1 for vector in found)
    assert all(sparse_kernel(sparse, prime) == found for prime in (2, 3, 5))


WHERE = sp.Piecewise((A, A > 0), (0, True))
REFUSED = [
    (lambda: conserved_quantities(Entrywise((A, B), (sp.Max(A, 0) * B,))), NotPolynomial, "polynomials of its pieces"),
    (lambda: conserved_quantities(Entrywise((A, B), (WHERE * B,))), NotPolynomial, "polynomials of its pieces"),
    (lambda: conserved_quantities(Entrywise((A, B), (A / B,))), NotPolynomial, "is not a polynomial"),
    (lambda: conserved_quantities(Entrywise((A, B), (sp.sin(A) * B,))), NotPolynomial, "is not a polynomial"),
    (lambda: conserved_quantities(Entrywise((A, B), (sp.sqrt(2) * A * B,))), NotPolynomial, "rational coefficients"),
    (lambda: independent_laws(Entrywise((A, B), (sp.pi * A * B,))), NotPolynomial, "rational coefficients"),
    (lambda: conserved_quantities(Hadamard(1), degree=0), InvalidArgument, "degree=0"),
    (lambda: conserved_quantities(Hadamard(1), degree=True), InvalidArgument, "positive integer"),
    (lambda: conserved_quantities(Hadamard(1), degree=2.0), InvalidArgument, "positive integer"),  # type: ignore[arg-type]
    (lambda: conserved_quantities("uv"), InvalidArgument, "no exact map"),  # type: ignore[arg-type]
    (lambda: conserved_quantities(Parametrization()), InvalidArgument, "no exact map"),
    (lambda: conserved_quantities(DeepLinear((50,) * 13)), TooLarge, "layer_imbalances"),
    (lambda: conserved_quantities(DeepLinear((2,) * 21)), TooLarge, "layer_imbalances"),
    (lambda: conserved_quantities(Entrywise((A, B, C), ((A + B + C) ** 2000,))), TooLarge, "terms"),
    (lambda: conserved_quantities(Entrywise((A, B, C), ((1 + A + B + C) ** 2,)), degree=60), TooLarge, "lower degree"),
    (lambda: conserved_quantities(Entrywise(sp.symbols("x:60"), (sum(sp.symbols("x:60")) ** 2,))), TooLarge, "hang together"),
    (lambda: conservation(Hadamard(1), A), InvalidArgument, "not parameters: a"),
    (
        lambda: independent_laws(Hadamard(1), also=[sp.sqrt(2) * (Hadamard(1).symbols[0] ** 2 - Hadamard(1).symbols[1] ** 2)]),
        InvalidArgument,
        "not rational",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), REFUSED)
def test_refused(call, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
