"""Tapes against the words they are made of, exactly, and against entrywise SymPy; wrong tapes are refused or seen."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product as tuples

import numpy as np
import pytest
import sympy as sp
from numba.core.dispatcher import Dispatcher

from theorycheck.errors import ShapeMismatch
from theorycheck.symbolic.derivations.base import layer_values
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.embedded import EmbeddedKernels
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.kernels.maps.flattened import FlattenedKernels
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words, factorization_words, residual_words, symmetric_words
from theorycheck.symbolic.kernels.networks.descent import DIVERGED, RAN, SMALL, FoldedData
from theorycheck.symbolic.kernels.tapes import descent as tape_descent
from theorycheck.symbolic.kernels.tapes import interpreter as machine
from theorycheck.symbolic.kernels.tapes import lowering as lowering
from theorycheck.symbolic.kernels.tapes.assembly import assembled
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.kernels.tapes.lowering import Lowering, WordMap
from theorycheck.symbolic.kernels.tapes.program import Array, Builder, Program
from theorycheck.symbolic.kernels.tapes.tape import Instruction, Tape, WrongTape
from theorycheck.symbolic.matrix_words import Factor, MapDerivatives, Point, WordSum, substitute
from theorycheck.symbolic.models import Flattened, MatrixFactorization, ResidualLinear, SymmetricFactorization
from theorycheck.symbolic.parametrizations import DeepLinear, Parametrization

n, m, r = sp.symbols("n m r", integer=True, positive=True)
U, V, C = Factor("U", n, r), Factor("V", m, r), Factor("C", n, m)
SUMS: dict[str, tuple[WordSum, tuple[Factor, ...]]] = {
    "2 U Vᵀ - 3 C": (2 * (U @ V.T) - 3 * C, (U, V)),
    "U Vᵀ + U Uᵀ C": (U @ V.T + U @ U.T @ C, (U, V)),
    "U Uᵀ U Vᵀ - 2 C Cᵀ U Vᵀ": (U @ U.T @ U @ V.T - 2 * (C @ C.T @ U @ V.T), (U, V)),
    "C V Vᵀ": (C @ V @ V.T, (V,)),
    "C": (WordSum.of(C.T.T.words, C.shape), (U,)),
}
FUNCTIONS = {"w": (), "gradient": ("G",), "tangent": ("v",), "hvp": ("G", "K", "v"), "second": ("v", "u")}


def sum_words(name: str, rows: int, cols: int, rank: int) -> WordMap:
    w, layers = SUMS[name]
    return WordMap(MapDerivatives(w, layers), layers, {n: rows, m: cols, r: rank}, {}, (C,))


def constants_of(source: WordMap) -> np.ndarray:
    """Whole numbers."""
    return np.random.default_rng(1).integers(-2, 3, source.entries(source.constants)).astype(float)


def kernels_of(source: WordMap) -> TapeKernels:
    return TapeKernels(source, shape_of(source), constants=constants_of(source))


def random_sources(count: int) -> list[tuple[str, WordMap]]:
    """Maps of every kind at random shapes."""
    rng, found = np.random.default_rng(20240513), []
    for number in range(count):
        a, b, k = (int(x) for x in rng.integers(1, 5, 3))
        widths = tuple(int(d) for d in rng.integers(1, 4, 2 + number % 6))
        found += [
            (f"chain {widths}", deep_linear_words(widths)),
            (f"U Vᵀ {a, b, k}", factorization_words(a, b, k)),
            (f"U Uᵀ {a, k}", symmetric_words(a, k)),
        ]
        found += [(f"residual {a, k}", residual_words(a, k))]
        found += [(f"{name} {a, b, k}", sum_words(name, a, b, k)) for name in SUMS]
    return found


SOURCES = random_sources(8)


def shape_of(source: WordMap) -> tuple[int, ...]:
    rows, cols = source.shape(source.derivatives.w)
    return (cols,) if rows == 1 else (rows, cols)


def given_for(source: WordMap, lanes: tuple[int, ...] = (), seed: int = 0, side: int | None = None) -> dict[str, np.ndarray]:
    """Whole numbers."""
    rng, P, cols = np.random.default_rng(seed), source.parameters, source.shape(source.derivatives.w)[1]
    shapes = {"theta": (P,), "v": (P,), "u": (P,), "G": shape_of(source), "K": (side or cols,) * 2}
    made = {name: rng.integers(-2, 3, (*lanes, *shape)) for name, shape in shapes.items()}
    return made | {"K": made["K"] + np.swapaxes(made["K"], -1, -2)}


def called(kernels: TapeKernels, name: str, given: dict[str, np.ndarray]) -> np.ndarray:
    return getattr(kernels, name)(given["theta"], *(given[letter] for letter in FUNCTIONS[name]))


def slowly(source: WordMap, given: dict[str, np.ndarray], dtype: type = float) -> dict[str, np.ndarray]:
    """Every function from the words with all definitions written out, one word after the other, in whole numbers."""
    words = MapDerivatives(substitute(source.derivatives.w, source.definitions), source.trained)
    first, second = words.directions, tuple(Factor("Z", d.rows, d.cols, d.index) for d in words.directions)
    shapes = tuple(source.shape(matrix) for matrix in source.trained)
    values = dict(zip(source.constants, _constant_matrices(source), strict=True)) | {
        words.gradient_in_w: given["G"].reshape(source.shape(words.w)),
        words.covariance: given["K"],
    }
    for matrices, name in ((source.trained, "theta"), (first, "v"), (second, "u")):
        values |= dict(zip(matrices, layer_values(given[name], shapes), strict=True))
    point = Point(values, None)
    parts = {"w": (words.w,), "gradient": words.gradient, "tangent": (words.tangent,), "hvp": words.hvp, "second": (words.bilinear(first, second),)}
    return {name: np.concatenate([np.reshape(point.evaluate(w), -1) for w in sums]).astype(dtype) for name, sums in parts.items()}


def _constant_matrices(source: WordMap) -> list[np.ndarray]:
    shapes = tuple(source.shape(matrix) for matrix in source.constants)
    return [matrix.astype(int).astype(object) for matrix in layer_values(constants_of(source), shapes)]


# -- values --


@pytest.mark.parametrize(("name", "source"), SOURCES, ids=[name for name, _ in SOURCES])
def test_every_function_is_that_of_the_words_exactly(name: str, source: WordMap) -> None:
    kernels, given = kernels_of(source), given_for(source, seed=len(name))
    for function, expected in slowly(source, given).items():
        assert np.array_equal(called(kernels, function, given).reshape(-1), expected), function


MODELS: list[tuple[Parametrization, WordMap]] = [
    *((DeepLinear(w), deep_linear_words(w)) for w in ((2, 1), (2, 3), (3, 2, 1), (1, 2, 2), (2, 2, 2), (1, 3, 1, 2), (2, 1, 2, 1, 2))),
    (MatrixFactorization(2, 3, 2), factorization_words(2, 3, 2)),
    (SymmetricFactorization(3, 2), symmetric_words(3, 2)),
    (ResidualLinear(2, 3, (1.0, -3.0)), residual_words(2, 3)),
]


@pytest.mark.parametrize(("model", "source"), MODELS, ids=[str(model) for model, _ in MODELS])
def test_every_function_is_entrywise_sympy_exactly_at_rational_points(model: Parametrization, source: WordMap) -> None:
    """Quarters, so that every product is exact in floating point."""
    kernels, given = (
        TapeKernels(source, model.shape, constants=np.array(getattr(model, "output", ()))),
        {name: value / 4 for name, value in given_for(source, (5,), seed=3).items()},
    )
    entrywise = EntrywiseKernels(model.symbols, tuple(map(sp.expand, model.expressions)), model.shape)
    for name in ("w", "gradient", "tangent", "hvp"):
        assert np.array_equal(called(kernels, name, given), called(entrywise, name, given)), name
    hessian = entrywise.hessian(given["theta"], given["G"], given["K"])
    assert np.array_equal(kernels.hessian(given["theta"], given["G"], given["K"]), hessian)
    assert np.array_equal(kernels.jacobian(given["theta"]), entrywise.jacobian(given["theta"]))


@pytest.mark.parametrize(("name", "source"), SOURCES[::3], ids=[name for name, _ in SOURCES[::3]])
def test_exact_numbers_stay_exact(name: str, source: WordMap) -> None:
    """Thirds, which no float holds: 3^degree times every value is that of whole numbers."""
    kernels, given = kernels_of(source), given_for(source, (2,), seed=len(name))
    thirds = {letter: np.vectorize(Fraction, otypes=[object])(value.astype(object)) / 3 for letter, value in given.items()}
    found = {function: called(kernels, function, thirds) for function in FUNCTIONS}
    for lane in range(2):
        expected = slowly(source, {letter: value[lane] for letter, value in thirds.items()}, dtype=object)
        for function, value in expected.items():
            assert np.array_equal(found[function][lane].reshape(-1), value), function
            assert all(isinstance(x, Fraction | int) for x in found[function].reshape(-1))


FLAT = [source for name, source in SOURCES if len(shape_of(source)) == 2 and "C" not in name][:20]


@pytest.mark.parametrize("source", FLAT, ids=range(len(FLAT)))
def test_a_flattened_map_takes_any_curvature(source: WordMap) -> None:
    shape = shape_of(source)
    side = shape[0] * shape[1]
    plain = kernels_of(source)
    given = given_for(source, (3,), seed=5, side=side)
    G, K = given["G"].reshape(3, side), given["K"]
    J, nothing = plain.jacobian(given["theta"]), np.zeros((shape[1],) * 2)
    expected = np.swapaxes(J, 1, 2) @ K @ J + plain.hessian(given["theta"], given["G"], nothing)
    assert np.array_equal(plain.flat.hessian(given["theta"], G, K), expected)
    assert np.array_equal(plain.flat.w(given["theta"]), plain.w(given["theta"]).reshape(3, side))


@pytest.mark.parametrize("flattened", [False, True])
@pytest.mark.parametrize(("name", "source"), SOURCES, ids=[name for name, _ in SOURCES])
def test_steps_in_place_are_the_loop_of_gradients(name: str, source: WordMap, flattened: bool) -> None:
    """In dyadic numbers that stay exact for two steps, so an update that reads what another has moved is seen."""
    kernels = kernels_of(source)
    kernels = kernels.flat if flattened else kernels
    given = given_for(source, (3,), seed=len(name), side=kernels.shape[-1])
    C, S, theta = given["G"].reshape(3, *kernels.shape) / 8, given["K"] / 8, given["theta"].astype(float)
    slow = theta
    for _ in range(2):
        w = kernels.w(slow)
        slow = slow - kernels.gradient(slow, (w @ S if w.ndim == 3 else (w[:, None] @ S)[:, 0]) - C)
    np.testing.assert_allclose(kernels.steps(theta, C, S, 2), slow, rtol=1e-9, atol=1e-9 * (1 + np.abs(slow).max()))
    assert np.array_equal(kernels.steps(theta, C, S, 0), theta)


def folded(kernels: TapeKernels, B: int, largest: float) -> tuple[np.ndarray, FoldedData]:
    """Starts and data of lanes with step sizes from far too small to far too large."""
    rng, side = np.random.default_rng(1), kernels.shape[-1]
    root, step = rng.normal(size=(B, side, side)), np.geomspace(1e-3, largest, B)[:, None]
    covariance = root @ np.swapaxes(root, 1, 2) / side
    data = FoldedData(2 * step * covariance.reshape(B, -1), 2 * step * rng.normal(size=(B, kernels.entries)))
    return rng.normal(size=(B, kernels.parameters)), data


@pytest.mark.parametrize("small", [-1.0, 1e-9])
@pytest.mark.parametrize("kicked", [False, True])
@pytest.mark.parametrize("widths", [(3, 2, 1), (4, 4, 4, 4, 1), (2, 3, 3), (1, 1, 1), (2, 1)], ids=str)
def test_runs_are_those_of_the_hand_written_descent_to_the_last_bit(widths: tuple[int, ...], kicked: bool, small: float) -> None:
    hand, B = DeepLinearKernels(widths), 90
    tape = TapeKernels(deep_linear_words(widths), hand.shape)
    theta, data = folded(tape, B, 3.0)
    kick = 1e-10 * np.random.default_rng(2).normal(size=hand.parameters) if kicked else np.zeros(0)
    asked = (theta, data, (np.arange(B) * 7) % 500, np.full(B, small), kick)
    for ours, expected in zip(tape.descend(*asked), hand.descend(*asked), strict=True):
        assert np.array_equal(ours, expected)


@pytest.mark.parametrize("source", [symmetric_words(3, 2), factorization_words(2, 3, 2), residual_words(2, 3)], ids=["U Uᵀ", "U Vᵀ", "residual"])
def test_a_run_is_the_loop_of_steps_and_does_not_depend_on_other_lanes(source: WordMap) -> None:
    kernels, B = kernels_of(source), 70
    kernels = kernels.flat if len(kernels.shape) == 2 else kernels
    theta, data = folded(kernels, B, 1.0)
    counts, never, none = (np.arange(B) * 13) % 1000, np.full(B, -1.0), np.zeros(0)
    final, taken, ending = kernels.descend(theta, data, counts, np.full(B, 1e-6), none)
    assert set(ending) >= {RAN, SMALL}
    assert DIVERGED in ending or source.definitions
    assert np.all(np.isfinite(final))
    for lane in range(0, B, 3):
        row = slice(lane, lane + 1)
        one = FoldedData(*(part[row] for part in data))
        alone = kernels.descend(theta[row], one, counts[row], np.full(1, 1e-6), none)
        assert (alone[1][0], alone[2][0]) == (taken[lane], ending[lane])
        assert np.array_equal(alone[0][0], final[lane])
        assert np.array_equal(kernels.descend(theta[row], one, taken[row], never[row], none)[0][0], final[lane])
        shapes = ((kernels.shape[-1],) * 2, kernels.shape)
        S, C = (part.reshape(shape) for part, shape in zip(one, shapes, strict=True))
        assert np.array_equal(kernels.steps(theta[lane], C, S, taken[lane]), final[lane])
        if ending[lane] == SMALL:
            assert np.linalg.norm(kernels.steps(final[lane], C, S, 1) - final[lane]) <= 1.01e-6
        if ending[lane] == DIVERGED:
            assert not np.all(np.isfinite(kernels.steps(final[lane], C, S, 1)))


@pytest.mark.parametrize("source", [deep_linear_words((3, 2, 2, 1)), symmetric_words(3, 2), residual_words(2, 3)], ids=["chain", "U Uᵀ", "residual"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_batch_is_a_loop_to_the_last_bit_and_leading_axes_broadcast(source: WordMap, function: str) -> None:
    kernels, rng = kernels_of(source), np.random.default_rng(4)
    given = {name: value + rng.normal(size=value.shape) for name, value in given_for(source, (70, 1)).items()}
    alone = {name: value + rng.normal(size=value.shape) for name, value in given_for(source, (3,)).items()}
    mixed = given | {"G": alone["G"], "u": alone["u"]}
    found = called(kernels, function, mixed)
    for i, j in ((0, 0), (17, 2), (69, 1)):
        one = {name: value[j % len(value)] if name in ("G", "u") else value[i, 0] for name, value in mixed.items()}
        assert np.array_equal(found[i, min(j, found.shape[1] - 1)], called(kernels, function, one))
    empty = {name: value[:0] for name, value in given.items()}
    assert called(kernels, function, empty).shape[0] == 0


@pytest.mark.parametrize(
    "model", [MatrixFactorization(5, 7, 2), SymmetricFactorization(6, 3), DeepLinear((4, 3, 2)), MatrixFactorization(2, 3, 2)], ids=str
)
def test_both_routes_of_a_flattened_product_agree(model: Parametrization) -> None:
    """By the tape up to `LARGEST_CURVATURE` entries, by three sweeps above."""
    flat, rng = Flattened(model).kernels, np.random.default_rng(6)
    assert isinstance(flat, FlattenedKernels)
    assert flat.tape is not None
    P, m = model.parameters, flat.entries
    theta, v, G, root = (rng.integers(-2, 3, shape).astype(float) for shape in ((3, P), (3, P), (3, m), (m, m)))
    asked = (theta, G, root + root.T, v)
    assert np.array_equal(flat.hvp(*asked), flat.tape.hvp(*asked))
    assert np.array_equal(flat.hvp(*asked), (flat.hessian(*asked[:3]) @ v[..., None])[..., 0])


# -- the work done --


def test_models_of_the_same_sizes_share_their_tapes() -> None:
    first, second = (ResidualLinear(2, 3, output).kernels for output in ((1.0, 2.0), (0.0, -1.0)))
    assert isinstance(first, EmbeddedKernels)
    assert isinstance(second, EmbeddedKernels)
    assert first.tape._gradient is second.tape._gradient
    assert not np.array_equal(first.w(np.ones(12)), second.w(np.ones(12)))


@pytest.mark.parametrize("depth", [2, 5, 10])
def test_words_share_their_products(depth: int) -> None:
    """A scalar output: 2 (L - 1) products of a vector with a matrix or two vectors, and L - 2 more, never a product of two matrices."""
    d = 7
    program = lowering.cheapest(lowering.gradient_program, deep_linear_words((d,) * depth + (1,)))
    products = [program.slots[k] for k in program.needed for term in program.slots[k].terms if len(term.factors) == 2]
    assert len(products) == (depth - 2) + (depth - 1) + (depth - 1)  # the A_k, the G B_kᵀ, the outer products; A_{L-1} and A_L are given
    assert all(slot.rows == 1 or slot.size == d * d for slot in products)
    assert program.cost == (3 * depth - 4) * d * d


@pytest.mark.parametrize("widths", [(2, 6, 6, 5), (5, 6, 6, 2)], ids=str)
def test_the_slope_joins_its_cheaper_side(widths: tuple[int, ...]) -> None:
    source = deep_linear_words(widths)
    costs = [lowering.gradient_program(Lowering(source, G_first=first)).cost for first in (False, True)]
    assert costs[0] != costs[1]
    assert lowering.cheapest(lowering.gradient_program, source).cost == min(costs)
    assert costs.index(min(costs)) == (widths[0] < widths[-1])


def test_descent_joins_a_product_with_the_update_of_its_matrix() -> None:
    ops = [i.op for i in TapeKernels(deep_linear_words((5,) * 6 + (1,)), (5,))._descent.tape.instructions]
    assert ops.count(machine.THROUGH_AND_UPDATE) == 5
    assert machine.LEFT_TRANSPOSED not in ops


def test_no_shape_and_no_model_compiles_anew() -> None:
    """All that the first source compiles serves the others; other tests of the process may have compiled a function for other layouts."""
    counts = []
    for name, source in SOURCES[:30]:
        kernels, given = kernels_of(source), given_for(source, seed=len(name))
        for writeable in (True, False):
            given["theta"].flags.writeable = writeable
            for function in FUNCTIONS:
                called(kernels, function, given)
        kernels.steps(given["theta"], np.zeros(shape_of(source)), np.zeros_like(given["K"]), 1)
        data = FoldedData(np.zeros((2, kernels.shape[-1] ** 2)), np.zeros((2, kernels.entries)))
        kernels.descend(np.zeros((2, source.parameters)), data, np.full(2, 2), np.zeros(2), np.zeros(0))
        functions = {name: f for module in (machine, tape_descent) for name, f in vars(module).items() if isinstance(f, Dispatcher)}
        counts.append({name: len(f.overloads) for name, f in functions.items()})
    assert counts == counts[:1] * len(counts)
    assert all(counts[0][entry] for entry in ("evaluations", "steps", "descend"))


# -- wrong tapes --

Made = tuple[Program, dict[Array, int]]


def made(source: WordMap, build: Callable[[Lowering], Program], *used: Array) -> Made:
    rows, cols = source.shape(source.derivatives.w)
    lengths = {Array.THETA: source.parameters, Array.SLOPE: rows * cols, Array.CURVATURE: cols**2, Array.DIRECTION: source.parameters}
    return lowering.cheapest(build, source), {array: lengths[array] for array in (Array.THETA, *used)} | {
        Array.CONSTANT: source.entries(source.constants)
    }


GIVEN = (Array.SLOPE, Array.CURVATURE, Array.DIRECTION)
TAPES = {
    "gradient of a chain": made(deep_linear_words((3, 2, 4, 2)), lowering.gradient_program, Array.SLOPE),
    "product of a chain": made(deep_linear_words((2, 3, 2, 2)), lowering.hvp_program, *GIVEN),
    "gradient, sum of words": made(sum_words("U Vᵀ + U Uᵀ C", 2, 3, 2), lowering.gradient_program, Array.SLOPE),
    "product of U Uᵀ": made(symmetric_words(3, 2), lowering.hvp_program, *GIVEN),
    "map of U Vᵀ": made(factorization_words(2, 3, 2), lowering.map_program),
}


def played(tape: Tape, poison: float) -> np.ndarray:
    """Outputs on five lanes, with scratch room full of a number that is not one."""
    inputs = sum(tape.sizes.values())
    M = np.full((tape.room, 5), poison)
    M[:inputs] = np.random.default_rng(2).normal(size=(inputs, 5))
    machine.play(tape.code, tape.numbers, M)
    return M[tape.room - tape.outputs :]


@pytest.mark.parametrize("name", TAPES)
def test_nothing_is_read_before_it_is_written(name: str) -> None:
    tape = assembled(*TAPES[name])
    found = played(tape, np.nan)
    assert np.array_equal(found, played(tape, 7.0))
    assert np.all(np.isfinite(found))


def mutants(tape: Tape) -> list[tuple[Instruction, ...]]:
    """One instruction left out or given twice, another operation, place, inner size or number."""
    old, found = tape.instructions, []
    for i, instruction in enumerate(old):
        changed = [replace(instruction, op=op) for op in range(machine.COUNT) if op != instruction.op]
        used = ("out", "a", "b") if instruction.op in machine.PRODUCTS else ("out",) if instruction.op == machine.CLEAR else ("out", "a")
        changed += [replace(instruction, **{field: getattr(instruction, field) + by}) for field, by in tuples(used, (1, -1, 1000))]
        changed += [replace(instruction, inner=instruction.inner + by) for by in (1, -1)] + [replace(instruction, number=-instruction.number)]
        found += [(*old[:i], *old[i + 1 :])] + [(*old[:i], new, *old[i + 1 :]) for new in changed]
    return found


@pytest.mark.parametrize("name", TAPES)
def test_every_wrong_tape_is_refused_or_gives_other_values(name: str) -> None:
    """All sizes are 2 or more, so no two operations mean the same."""
    tape = assembled(*TAPES[name])
    truth, refused, unseen = played(tape, np.nan), 0, []
    for instructions in mutants(tape):
        try:
            wrong = replace(tape, instructions=instructions)
        except WrongTape:
            refused += 1
        else:
            unseen += [instructions] if np.array_equal(played(wrong, 7.0), truth) else []
    assert unseen == []
    assert refused > len(tape.instructions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.instructions[1:], "reads what has not been written|an output is not written"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], out=t.room)), "leaves the room"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], a=-1)), "leaves the room"),
        (lambda t: (*t.instructions, replace(t.instructions[-1], out=0)), "writes to what is given"),
        (lambda t: (), "an output is not written"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], op=99)), "does not take"),
        (lambda t: (*t.instructions[:-1], replace(t.instructions[-1], inner=0)), "does not take"),
    ],
)
def test_the_fault_of_a_refused_tape_is_named(change: Callable[[Tape], tuple[Instruction, ...]], message: str) -> None:
    tape = assembled(*TAPES["gradient of a chain"])
    with pytest.raises(WrongTape, match=message):
        replace(tape, instructions=change(tape))


def test_factors_must_fit() -> None:
    builder = Builder()
    left, right = builder.input(Array.THETA, 0, 2, 3), builder.input(Array.THETA, 6, 2, 3)
    with pytest.raises(ShapeMismatch, match="do not fit in a product"):
        builder.product(left, right)
