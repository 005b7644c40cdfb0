"""What a derivation's page says of gradient flow: laws, commuting, the potential."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.landscapes import Landscape
from theorycheck.report.derivations import sections
from theorycheck.report.geometry import LAWS, geometry
from theorycheck.symbolic.conserved import conserved_quantities
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.derivations.balance import balance_holds
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words import Chain, as_sum
from theorycheck.symbolic.models import MatrixFactorization, ResidualLinear, SymmetricFactorization, WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, QuadraticForms
from theorycheck.symbolic.predictors import TwoLayerReLU

x, y = sp.symbols("x y", real=True)
LINES: list[tuple[Any, list[str]]] = [
    (DeepLinear((3, 2, 1)), ["W_(k+1)ᵀ W_(k+1) - W_k W_kᵀ", "do not commute"]),
    (DeepLinear((9,) * 12 + (1,)), ["W_(k+1)ᵀ W_(k+1) - W_k W_kᵀ"]),
    (
        Hadamard(2),
        ["u1^2 - v1^2", "u2^2 - v2^2", "commute, so d/dt ∇R(w) = -∇_w ℓ", "∇R(w) = -log(p0/q0)/2 + asinh(w/(2 p0 q0))/2", "p0 = (u0 + v0)/2"],
    ),
    (Diagonal(1, 2), ["u1 v1", "w_1 with u = u1, v = v1:", "R(w) = "]),
    (Diagonal(2, 3), ["no polynomial of degree up to 2", "each entry of w by itself:", "∇Q(μ) = "]),
    (QuadraticForms([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]), ["each entry of w by itself:"]),
    (QuadraticForms([np.diag([1.0, 2.0]), np.diag([0.0, 1.0])]), ["w_1, w_2:", "a_ik the eigenvalues"]),
    (MatrixFactorization(2, 2, 1), ["u11^2 + u21^2 - v11^2 - v21^2", "do not commute"]),
    (SymmetricFactorization(2, 2), ["no polynomial of degree up to 2", "do not commute"]),
    (WeightNormalized(2), ["the map is not polynomial", "do not commute"]),
    (Entrywise((x, y), (x**3 - x * y,)), ["no closed form is known; `numeric_potential`"]),
    (Entrywise((x, y), (x**3 * y, x)), ["[∇w_1, ∇w_2] = "]),
    (TwoLayerReLU(2, 1), ["-a1^2 + b1_1^2 + b1_2^2", "do not commute"]),
    (Landscape((x, y), (x * y - 1) ** 2), ["x^2 - y^2", "no closed form is known"]),
]


@pytest.mark.parametrize(("model", "expected"), LINES, ids=[str(model)[:50] for model, _ in LINES])
def test_the_page_says_what_the_map_means_for_gradient_flow(model: Any, expected: list[str]) -> None:
    text = "\n".join(line for section in geometry(model) for line in section.lines)
    assert [part for part in expected if part not in text] == []


def test_many_laws_are_counted() -> None:
    model = ResidualLinear(2, 3, (1.0, 1.0))
    (laws, *_) = geometry(model)
    assert len(laws.lines) == LAWS + 1
    assert f"{len(conserved_quantities(model)) - LAWS} more" in laws.lines[-1]


def test_sizes_that_are_an_example_are_said_to_be_one() -> None:
    assert all(", here for Hadamard(dim=2)" in section.title for section in geometry(Hadamard(2), sized=False)[:2])
    assert not any("here for" in section.title for section in geometry(Hadamard(2)))


@pytest.mark.parametrize("derivation", [derive(Landscape((x, y), x**2 * y)), derive(TwoLayerReLU(2, 2, 0.1), SquaredLoss())], ids=["bare", "pieces"])
def test_every_derivation_has_a_page(derivation: Any) -> None:
    titles = [section.title for section in sections(derivation)]
    assert titles[-1] == "checked"
    assert "gradient" in titles
    assert any(title.startswith("conserved") for title in titles)


def test_balance_is_an_identity_of_words_and_a_wrong_one_is_not() -> None:
    assert all(balance_holds(depth) for depth in range(1, 9))
    chain = Chain(3)
    gradient = chain.derivatives(sp.S.One).gradient
    assert as_sum(chain.layers[1] @ gradient[1].T) != as_sum(gradient[0] @ chain.layers[0].T)
