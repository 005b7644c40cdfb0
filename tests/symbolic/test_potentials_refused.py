"""Models, starts and points that Legendre potentials refuse, each in one clear error, and domains asked without one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

from tests.symbolic.scalar_maps import u, v, x, y
from theorycheck.errors import InvalidArgument, NotFinite, ShapeMismatch
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, QuadraticForms
from theorycheck.symbolic.potentials import NoClosedForm, legendre_potential

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


@pytest.mark.parametrize(
    ("matrices", "message"),
    [([[1.0, 0], [0, 1]], "must be"), ([[[1.0, 2], [0, 1]]], "symmetric"), (np.zeros((0, 2, 2)), "must be"), ([[[np.nan]]], "finite")],
)
def test_quadratic_forms_refuse_bad_matrices(matrices: list, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        QuadraticForms(matrices)
