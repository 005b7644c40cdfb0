"""Bad input of the symbolic layer: each of the promised cases is one clear sentence that names the argument."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.parsing import parse_expressions

x, y, z = sp.symbols("x y z", real=True)
UNDECLARED = sp.Symbol("x")
CROSSED = tc.Entrywise((x, y, z), (x * y, x * z))
WITNESS = r"does not commute: with w\[0\] = x\*y and w\[1\] = x\*z, \[∇w\[0\], ∇w\[1\]\] = \(0, -2, -2\) at x = 1, y = -2, z = 2"


@dataclass(frozen=True)
class Hinge(tc.LogisticLoss):
    """max(0, 1 - y f)."""

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return sp.Max(0, 1 - target * prediction)


@dataclass(frozen=True)
class Absolute(tc.SquaredLoss):
    """|y - f|."""

    def expression(self, prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
        return sp.Abs(target - prediction)


def objective() -> tc.Objective:
    return tc.Objective(tc.Hadamard(2), tc.SquaredLoss(), tc.Regression(np.ones((3, 2)), np.ones(3)))


CASES: list[tuple[str, Callable[[], object], str]] = [
    ("a closed potential of a map that does not commute", lambda: tc.legendre_potential(CROSSED, [1.0, 1, 1]), WITNESS),
    ("a numeric potential of a map that does not commute", lambda: tc.numeric_potential(CROSSED, [1.0, 1, 1], 1e-8), WITNESS),
    ("unknown symbols of a map", lambda: tc.Entrywise((x,), (x * y,)), "not parameters: y"),
    ("one name for two parameters", lambda: tc.Entrywise((x, UNDECLARED), (x,)), "must differ from each other, also in their names"),
    ("a modulus of what need not be real", lambda: tc.Entrywise(UNDECLARED, (abs(UNDECLARED),)), r"are not declared real, .* Abs\(x\); pass sympy"),
    ("unknown symbols of a landscape", lambda: tc.Landscape((x,), x * y), "not parameters: y"),
    ("unknown symbols of a law", lambda: tc.conservation(CROSSED, x + sp.Symbol("k")), "not parameters: k"),
    ("unknown symbols on the command line", lambda: parse_expressions("x + k", (x,)), "the unknown symbol k"),
    ("a loss with a kink", lambda: tc.derive(tc.Hadamard(1), Hinge()), "not twice differentiable in the prediction: it holds .*Max"),
    ("another loss with a kink", lambda: tc.derive(tc.DeepLinear((2, 2, 1)), Absolute()), "not twice differentiable"),
    ("a kink and two layers", lambda: tc.derive(tc.TwoLayerReLU(1, 1), Hinge()), "not twice differentiable"),
    ("a landscape with a kink", lambda: tc.derive(tc.Landscape((x,), sp.Abs(x))), "no second derivative"),
    ("no loss", lambda: tc.derive(tc.Hadamard(1)), "`loss=None` has no exact expression"),
    ("a loss of a loss", lambda: tc.derive(tc.Landscape((x,), x**2), tc.SquaredLoss()), "already"),
    ("data of another dimension", lambda: tc.Objective(tc.Hadamard(2), tc.SquaredLoss(), tc.Regression(np.ones((3, 4)), np.ones(3))), "2 inputs"),
    ("data for a network", lambda: tc.Objective(tc.TwoLayerReLU(2, 1), tc.SquaredLoss(), tc.Regression(np.ones((3, 4)), np.ones(3))), "2 inputs"),
    ("parameters of another dimension", lambda: objective().gradient(np.ones(3)), "4 parameters"),
    ("a derivation at another dimension", lambda: tc.derive(tc.DeepLinear((2, 2, 1)), tc.SquaredLoss()).gradient_at(np.ones(5), np.ones(2)), "theta"),
    ("a landscape at another dimension", lambda: tc.derive(tc.Landscape((x, y), x * y)).gradient_at(np.ones(3), 1), "theta"),
    ("a network at another dimension", lambda: tc.derive(tc.TwoLayerReLU(1, 1), tc.SquaredLoss()).gradient_at(np.ones(3), np.ones(1)), "theta"),
    ("a potential at another dimension", lambda: tc.legendre_potential(tc.Hadamard(2), np.ones(4)).value([1.0, 2, 3]), "w has 2 entries"),
    ("a law at another dimension", lambda: tc.conserved_quantities(tc.Hadamard(1))[0](np.ones(3)), "2 parameters"),
    ("forms of two sizes", lambda: tc.QuadraticForms(np.ones((2, 2, 3))), r"\(d, P, P\)"),
]
ATTACKS = [
    "__import__('os').system('echo')",
    "().__class__.__bases__[0].__subclasses__()",
    "x.free_symbols",
    "x.func(1)",
    "(lambda: x)()",
    "[x for x in (1, 2)]",
    "f'{x}'",
    "exec('1')",
    "open('/etc/passwd')",
    "getattr(x, 'func')",
    "globals()['x']",
    "x**10**10**10",
    "9**9**9**9**9",
    "((((x + 1)**64)**64)**64)**64",
    "exp(exp(exp(exp(x))))",
    "factorial(10**9)",
    "(" * 5000 + "x" + ")" * 5000,
    "x" * 10**6,
]


@pytest.mark.parametrize(("call", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_is_one_clear_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(tc.InvalidArgument, match=message) as caught:
        call()
    assert str(caught.value).startswith("`")
    assert "; " in str(caught.value)


@pytest.mark.parametrize("text", ATTACKS, ids=[text[:30] for text in ATTACKS])
def test_the_parser_runs_nothing_and_answers_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(tc.InvalidArgument, match="`expressions="):
        parse_expressions(text, (x,))
    assert time.perf_counter() - start < 2


def test_losses_of_the_contract_are_smooth() -> None:
    for loss in (tc.SquaredLoss(), tc.LogisticLoss(), tc.ExponentialLoss()):
        assert isinstance(loss, Loss)
        assert tc.derive(tc.Hadamard(1), loss).checked
