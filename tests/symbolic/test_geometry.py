"""Jacobians, metrics, iterated brackets and the necessary condition: closed forms, slow twins, and the lemma for quadratic maps."""

from itertools import product

import numpy as np
import pytest
import sympy as sp

from theorycheck.errors import InvalidArgument, TooLarge
from theorycheck.symbolic.brackets import lie_brackets
from theorycheck.symbolic.geometry import iterated_brackets, jacobian, metric, necessary_condition
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.vector_fields import bracket, gradient, polynomial_map

A, B, C, T = sp.symbols("a b c t", real=True)
NORM = sp.sqrt(B**2 + C**2)
AB_AC = Entrywise((A, B, C), (A * B, A * C))
NORMALISED = Entrywise((A, B, C), (A * B / NORM, A * C / NORM))
CUBIC = Entrywise((A, B, C), (A**2 * B + C, A * B * C - B**2))


def symmetric(dim: int, rank: int) -> Entrywise:
    """All entries of U Uᵀ, row by row, U of shape (dim, rank)."""
    symbols = sp.symbols(f"u:{dim * rank}", real=True)
    U = sp.Matrix(dim, rank, symbols)
    return Entrywise(symbols, list(U * U.T))


def metric_of_network(model: DeepLinear) -> sp.Matrix:
    """|W_2|² I + W_1ᵀW_1 for two layers and one output."""
    n, r, _ = model.widths
    V, W = sp.Matrix(r, n, model.symbols[: r * n]), sp.Matrix(1, r, model.symbols[r * n :])
    return (W * W.T)[0] * sp.eye(n) + V.T * V


def metric_of_symmetric(model: Entrywise, dim: int, rank: int) -> sp.Matrix:
    """⟨∇W_ij, ∇W_kl⟩ = δ_ik W_jl + δ_il W_jk + δ_jk W_il + δ_jl W_ik."""
    U = sp.Matrix(dim, rank, model.symbols)
    W, delta, pairs = U * U.T, sp.eye(dim), list(product(range(dim), repeat=2))
    return sp.Matrix(
        [[delta[i, k] * W[j, m] + delta[i, m] * W[j, k] + delta[j, k] * W[i, m] + delta[j, m] * W[i, k] for k, m in pairs] for i, j in pairs]
    )


def diagonal(entries) -> sp.Matrix:
    return sp.diag(*entries)


u, v = sp.symbols("u1:3", real=True), sp.symbols("v1:3", real=True)
METRICS = [
    (Hadamard(2), diagonal([x**2 + y**2 for x, y in zip(u, v, strict=True)])),
    (Diagonal(2, 2), diagonal([4 * x**2 + 4 * y**2 for x, y in zip(u, v, strict=True)])),
    (Diagonal(2, 4), diagonal([16 * x**6 + 16 * y**6 for x, y in zip(u, v, strict=True)])),
    (Diagonal(2, 3, signed=False), diagonal([9 * x**4 for x in u])),
    (DeepLinear((2, 3, 1)), metric_of_network(DeepLinear((2, 3, 1)))),
    (DeepLinear((3, 1, 1)), metric_of_network(DeepLinear((3, 1, 1)))),
    (symmetric(2, 2), metric_of_symmetric(symmetric(2, 2), 2, 2)),
    (symmetric(3, 1), metric_of_symmetric(symmetric(3, 1), 3, 1)),
]


@pytest.mark.parametrize(("model", "expected"), METRICS, ids=str)
def test_metric(model: Parametrization, expected: sp.Matrix) -> None:
    assert metric(model, expanded=True) == sp.expand(expected)
    assert sp.expand(metric(model)) == sp.expand(expected)


@pytest.mark.parametrize("model", [Hadamard(2), Diagonal(1, 3), DeepLinear((2, 2, 2)), DeepLinear((1, 2, 2, 1)), CUBIC, symmetric(2, 2)], ids=str)
def test_jacobian_is_the_linear_part_of_a_step(model: Parametrization) -> None:
    J = jacobian(model)
    assert J.shape == (len(model.expressions), model.parameters)
    for (i, w), (k, symbol) in product(enumerate(model.expressions), enumerate(model.symbols)):
        assert sp.expand(J[i, k] - sp.Poly(w.subs(symbol, symbol + T), T).coeff_monomial(T)) == 0


def derivation(model: Parametrization, word: tuple[int, ...], f: sp.Expr) -> sp.Expr:
    """The iterated bracket as an operator: [X, Y] f = X(Y f) - Y(X f)."""
    first, rest = word[0], word[1:]
    along = sum(sp.diff(model.expressions[first], s) * sp.diff(f, s) for s in model.symbols)
    if not rest:
        return along
    inner = derivation(model, rest, f)
    return sum(sp.diff(model.expressions[first], s) * sp.diff(inner, s) for s in model.symbols) - derivation(model, rest, along)


@pytest.mark.parametrize(("model", "order"), [(AB_AC, 4), (CUBIC, 3), (NORMALISED, 2), (DeepLinear((2, 1, 1)), 3), (symmetric(2, 1), 3)], ids=str)
def test_brackets_are_commutators_of_derivations(model: Parametrization, order: int) -> None:
    test_function = sp.Add(*(s**2 * (k + 1) for k, s in enumerate(model.symbols))) + sp.Mul(*model.symbols)
    found = {z.word: z.field for z in iterated_brackets(model, order)}
    for word in (word for n in range(2, order + 1) for word in product(range(len(model.expressions)), repeat=n) if word[-2] < word[-1]):
        twin = derivation(model, word, test_function)
        ours = sum(component * sp.diff(test_function, s) for component, s in zip(found.get(word, [0] * model.parameters), model.symbols, strict=True))
        assert sp.simplify(twin - ours) == 0


def test_other_nestings_are_combinations() -> None:
    """[[X, Y], [X, [X, Y]]] is in the span of the brackets of five fields that are listed."""
    ring, entries = polynomial_map(CUBIC)
    X, Y = (gradient(ring, w) for w in entries)
    Z = bracket(ring, X, Y)
    other = bracket(ring, Z, bracket(ring, X, Z))
    listed = [z.field for z in iterated_brackets(CUBIC, 5) if len(z.word) == 5]
    mine = tuple(ring.expression(other[k]) if k in other else sp.S.Zero for k in range(3))

    def vectors(fields) -> sp.Matrix:
        rows = [{(k, m): c for k, e in enumerate(field) for m, c in sp.expand(e).as_coefficients_dict().items()} for field in fields]
        places = sorted({place for row in rows for place in row}, key=str)
        return sp.Matrix([[row.get(place, 0) for place in places] for row in rows])

    assert any(mine)
    assert vectors([*listed, mine]).rank() == vectors(listed).rank()


def test_bracket_of_the_symmetric_factorization_at_the_catalogues_point() -> None:
    """∂G [∇W_11, ∇W_12] = BW - WB at U = diag(1/2, 1): [[0, -3/2], [-3/2, 0]]."""
    model = symmetric(2, 2)
    (field,) = (z.field for z in iterated_brackets(model) if z.word == (0, 1))
    at = dict(zip(model.symbols, (sp.Rational(1, 2), 0, 0, 1), strict=True))
    assert list((jacobian(model) * sp.Matrix(field)).subs(at)) == [0, -sp.Rational(3, 2), -sp.Rational(3, 2), 0]


# Brackets that do not vanish but leave w alone: over the reals none is known to us; complex coefficients make |∇g|² = (b + ic)².
VERTICAL = Entrywise((A, B, C), (A, A * (B + sp.I * C)))
CONDITIONS = [  # model, order: holds, and at all orders
    (Hadamard(3), 4, True, True),
    (Diagonal(2, 5), 3, True, True),
    (Entrywise((A, B), (A * B,)), 2, True, True),
    (Entrywise((A, B), (A * B, A * B + 1)), 3, True, True),
    (Entrywise((A, B), (sp.sin(A / 2) ** 2, sp.exp(B))), 2, True, True),
    (Entrywise((A, B), (A**2 + B**2, A * B)), 2, True, True),
    (symmetric(1, 3), 3, True, True),
    (VERTICAL, 2, True, False),
    (VERTICAL, 3, True, True),
    (AB_AC, 2, False, False),
    (CUBIC, 2, False, False),
    (NORMALISED, 2, False, False),
    (symmetric(2, 1), 2, False, False),
    (symmetric(2, 2), 3, False, False),
    (DeepLinear((2, 1, 1)), 2, False, False),
    (DeepLinear((4, 4, 4)), 2, False, False),
    (DeepLinear((2, 2, 2, 1)), 2, False, False),
    (Entrywise((A, B), (A, B * sp.Max(A, 0) * sp.Min(A, 0))), 2, None, False),
]


@pytest.mark.parametrize(("model", "order", "holds", "all_orders"), CONDITIONS, ids=str)
def test_necessary_condition(model: Parametrization, order: int, holds: bool | None, all_orders: bool) -> None:
    answer = necessary_condition(model, order)
    assert (answer.holds, answer.all_orders, answer.order) == (holds, all_orders, order)
    assert (answer.obstruction is not None) == (holds is False)
    assert bool(answer.undecided) == (holds is None)


@pytest.mark.parametrize("model", [row[0] for row in CONDITIONS if row[2] is False], ids=str)
def test_obstructions_stand_up(model: Parametrization) -> None:
    """The image at the witness point, from the definition."""
    witness = necessary_condition(model).obstruction
    at = dict(witness.point)
    fields = [sp.Matrix([sp.diff(model.expressions[i], s) for s in model.symbols]) for i in witness.word]
    X, Y = fields
    Z = (Y.jacobian(model.symbols) * X - X.jacobian(model.symbols) * Y).subs(at)
    assert sp.simplify(jacobian(model).subs(at) * Z - sp.Matrix(witness.image)) == sp.zeros(len(model.expressions), 1)
    assert any(value != 0 for value in witness.image)
    assert str(witness).startswith("∂w [∇w[")


def forms(seed: int) -> np.ndarray:
    """Symmetric integer matrices: every other family is made of polynomials of one matrix, so that they commute."""
    rng = np.random.default_rng(seed)
    P, d = int(rng.integers(2, 5)), int(rng.integers(2, 4))
    half = np.triu(rng.integers(-2, 3, size=(d, P, P)) * (rng.random((d, P, P)) < 0.6))
    free = half + np.swapaxes(half, 1, 2)
    S = free[0]
    return np.stack([S, S @ S - S, 2 * S @ S + np.eye(P, dtype=int)])[:d] if seed % 2 else free


def test_for_quadratic_maps_order_two_is_as_good_as_commuting() -> None:
    """The catalogue's lemma: ∂G [∇G_i, ∇G_j] = 0 for all pairs iff all A_i commute."""
    answers = []
    for seed in range(40):
        matrices = forms(seed)
        model = QuadraticForms(matrices)
        commuting = all(np.array_equal(X @ Y, Y @ X) for X, Y in product(matrices, repeat=2))
        assert necessary_condition(model).holds == necessary_condition(model).all_orders == lie_brackets(model).commuting == commuting, seed
        answers.append(commuting)
    assert 15 <= sum(answers) <= 30


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: iterated_brackets(AB_AC, 1), InvalidArgument, "order=1"),
        (lambda: necessary_condition(AB_AC, True), InvalidArgument, "at least 2"),
        (lambda: necessary_condition(AB_AC, 2.0), InvalidArgument, "at least 2"),  # type: ignore[arg-type]
        (lambda: iterated_brackets(DeepLinear((3, 1, 3)), 9), TooLarge, "lower order"),
        (lambda: jacobian(DeepLinear((50,) * 13)), TooLarge, "matrix words"),
        (lambda: metric(Parametrization()), InvalidArgument, "no exact map"),
    ],
)
def test_refused(call, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
