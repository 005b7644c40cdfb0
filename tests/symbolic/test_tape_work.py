"""The work tapes do: products shared and joined, the cheaper side, and nothing compiled anew."""

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from tests.symbolic.tape_sources import FUNCTIONS, SOURCES, called, given_for, kernels_of, shape_of
from theorycheck.symbolic.kernels.maps.embedded import EmbeddedKernels
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words
from theorycheck.symbolic.kernels.networks.descent import FoldedData
from theorycheck.symbolic.kernels.tapes import descent as tape_descent
from theorycheck.symbolic.kernels.tapes import interpreter as machine
from theorycheck.symbolic.kernels.tapes import lowering as lowering
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.kernels.tapes.lowering import Lowering
from theorycheck.symbolic.models import ResidualLinear


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
