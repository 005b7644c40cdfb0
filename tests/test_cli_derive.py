"""`theorycheck derive`: the page, the LaTeX, NumPy source that runs with nothing but NumPy, and mistakes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner, Result
from rich.console import Console

import theorycheck as tc
from theorycheck import cli
from theorycheck.report.derivations import print_derivation
from theorycheck.symbolic.derivations import EntrywiseDerivation, WrongDerivation
from theorycheck.symbolic.derivations.coordinatewise import coordinate_forms
from theorycheck.symbolic.derivations.factored import factored_forms
from theorycheck.symbolic.formulas import expression_text
from theorycheck.symbolic.models import MatrixFactorization, ResidualLinear, SymmetricFactorization, WeightNormalized
from theorycheck.symbolic.named_models import MODELS
from theorycheck.symbolic.parametrizations import Parametrization, QuadraticForms

u, v, h = sp.symbols("u v h", real=True)
OWN = tc.Entrywise((u, v, h), (-(u**2) + sp.exp(h) / 10, u * v))

CASES: list[tuple[list[str], Any, Any]] = [
    (["deep-linear", "--depth", "3"], tc.DeepLinear((2, 2, 2, 1)), tc.SquaredLoss()),
    (["deep-linear", "--widths", "3,2,1", "--constant", "1/2"], tc.DeepLinear((3, 2, 1)), tc.SquaredLoss(0.5)),
    (["deep-linear", "--widths", "3,2,2", "--depth", "2"], tc.DeepLinear((3, 2, 2)), tc.SquaredLoss()),
    (["deep-linear", "--depth", "2", "--loss", "logistic"], tc.DeepLinear((2, 2, 1)), tc.LogisticLoss()),
    (["diagonal", "--depth", "4"], tc.Diagonal(2, 4), tc.SquaredLoss()),
    (["diagonal", "--depth", "3", "--dim", "3", "--unsigned", "--loss", "exponential"], tc.Diagonal(3, 3, signed=False), tc.ExponentialLoss()),
    (["hadamard", "--dim", "5"], tc.Hadamard(5), tc.SquaredLoss()),
    (["weight-normalized", "--dim", "3"], WeightNormalized(3), tc.SquaredLoss()),
    (["residual", "--depth", "2", "--output", "1,-1/2"], ResidualLinear(2, 2, (1.0, -0.5)), tc.SquaredLoss()),
    (["factorization", "--rows", "2", "--cols", "3", "--rank", "1", "--constant", "2"], MatrixFactorization(2, 3, 1), tc.SquaredLoss(2.0)),
    (["symmetric", "--dim", "3", "--rank", "2"], SymmetricFactorization(3, 2), tc.SquaredLoss()),
    (["quadratic", "-1,2;2,0", "0,1/2;0.5,0"], QuadraticForms(np.array([[[-1, 2], [2, 0]], [[0, 0.5], [0.5, 0]]])), tc.SquaredLoss()),
    (["relu", "--hidden", "3", "--slope", "1/4", "--loss", "logistic"], tc.TwoLayerReLU(2, 3, 0.25), tc.LogisticLoss()),
    (["map", "-u**2 + 0.1*exp(h), u*v", "--parameters", "u,v,h"], OWN, tc.SquaredLoss()),
]
WITH_MATRIX_FORM = (tc.Diagonal, tc.Hadamard, MatrixFactorization, SymmetricFactorization)
NAMES = [" ".join(arguments) for arguments, *_ in CASES]

ALONE = """
import json, sys

class OnlyNumPy:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"numpy", *sys.stdlib_module_names}:
            raise ImportError(f"{name} is not NumPy")

sys.meta_path.insert(0, OnlyNumPy())
source, problem = json.load(sys.stdin)
scope = {"__name__": "generated"}
exec(compile(source, "generated", "exec"), scope)
import numpy as np
theta, X, y, direction = map(np.array, problem)
values = [scope["risk"](theta, X, y), scope["gradient"](theta, X, y), scope["hessian"](theta, X, y), scope["hvp"](theta, X, y, direction)]
print(json.dumps([np.asarray(value).tolist() for value in values]))
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, ["derive", *arguments])


def outside(*arguments: str, stdin: str | None = None) -> str:
    """What a process of its own prints, in an interpreter that sees neither this directory nor the user's settings."""
    done = subprocess.run([sys.executable, "-I", *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(("arguments", "model", "loss"), CASES, ids=NAMES)
def test_the_source_runs_with_numpy_alone_and_agrees_with_the_objective(arguments: list[str], model: Any, loss: Any) -> None:
    result = run(*arguments, "--python")
    assert result.exit_code == 0, result.output
    rng, relu = np.random.default_rng(4), isinstance(model, tc.TwoLayerReLU)
    inputs, outputs = (model.inputs, ()) if relu else (model.shape[-1], model.shape[:-1])
    theta, direction, X = rng.uniform(0.3, 1.5, model.parameters), rng.normal(size=model.parameters), rng.normal(size=(6, inputs))
    y = rng.choice([-1.0, 1.0], (6, *outputs))
    problem = [part.tolist() for part in (theta, X, y, direction)]
    risk, gradient, hessian, hvp = json.loads(outside("-c", ALONE, stdin=json.dumps([result.stdout, problem])))
    objective = tc.Objective(model, loss, tc.Regression(X, y))
    close = partial(np.testing.assert_allclose, rtol=1e-11, atol=1e-11)
    close(risk, objective.risk(theta))
    close(gradient, objective.gradient(theta))
    close(hessian, objective.hessian(theta))
    close(hvp, objective.hvp(theta, direction))


def test_a_source_that_needs_more_than_numpy_is_seen() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        outside("-c", ALONE, stdin=json.dumps(["import scipy", []]))
    assert "scipy is not NumPy" in caught.value.stderr


@pytest.mark.parametrize(("arguments", "model", "loss"), CASES, ids=NAMES)
def test_the_page_has_conventions_and_says_how_it_was_checked(arguments: list[str], model: Any, loss: Any) -> None:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(MODELS[arguments[0]].title)
    said = [
        "conventions",
        "samples",
        "rows of X",
        "∇_",
        "checked",
        "against the Taylor expansion",
        "matrix form" if isinstance(model, WITH_MATRIX_FORM) else "radient",
    ]
    assert [words for words in said if words not in result.stdout] == []
    if isinstance(loss, tc.SquaredLoss):
        assert f"c = {loss.constant}" in result.stdout
    assert not re.search(r"\*|\\|Sigma|\b(true|verified)\b", result.stdout)


@pytest.mark.parametrize(("arguments", "model", "loss"), CASES, ids=NAMES)
def test_latex_is_one_balanced_environment(arguments: list[str], model: Any, loss: Any) -> None:
    result = run(*arguments, "--latex")
    assert result.exit_code == 0, result.output
    text = result.stdout.strip()
    assert text.startswith(r"\begin{aligned}")
    assert text.endswith(r"\end{aligned}")
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    inside = text.splitlines()[1:-1]
    assert all(line.startswith("& ") for line in inside)
    assert [line.endswith(r" \\") for line in inside] == [True] * (len(inside) - 1) + [False]
    assert "rows of" in text
    assert text.isascii()


# -- particular formulas --


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["deep-linear", "--depth", "2"], ["any widths", "∇_(W_k) R = A_kᵀ G B_kᵀ", "∇_(W_1) R = W_2ᵀ G", "H_21 = 2 W_2 ⊗ (W_1 Σ) + (G ⊗ I) K_1"]),
        (["deep-linear", "--depth", "1"], ["H_kk = 2 (A_kᵀ A_k) ⊗ (B_k Σ B_kᵀ)"]),
        (["deep-linear", "--widths", "3,2,1"], ["W_1 2x3, W_2 1x2;  θ has 8 entries"]),
        (["deep-linear", "--depth", "2", "--loss", "exponential"], ["any widths with d_L = 1", "ℓ(f, y) = exp(-f y)"]),
        (["diagonal", "--depth", "4"], ["∇_u R = (4 u^3) ⊙ g", "H_uu = diag(4 u^3) C diag(4 u^3) + diag((12 u^2) ⊙ g)"]),
        (["diagonal", "--depth", "4", "--dim", "2"], ["w_1 = u1^4 - v1^4", "∂²R/∂u1∂u1 = 16 C_11 u1^6 + 12 g_1 u1^2", "H_uv = diag(4 u^3)"]),
        (["hadamard"], ["H_uv = diag(v) C diag(u) + diag((1) ⊙ g)"]),
        (["factorization"], ["∇_U R = G V", "H_VU = 2 ((Σ V) ⊗ Uᵀ) K_U + Gᵀ ⊗ I"]),
        (["symmetric"], ["∇_U R = G U + Gᵀ U"]),
        (["weight-normalized"], ["∂R/∂g = gw_1 v1/sqrt(v1^2 + v2^2)", "gw = ∇_w R"]),
        (["map", "u1*v1, u2*v2", "--parameters", "u1,u2,v1,v2"], ["∇_u R = (v) ⊙ g"]),
        (["map", "-h**2", "--parameters", "h"], ["w_1 = -h^2", "∂R/∂h = -2 g_1 h"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_formulas_stand_on_the_page(arguments: list[str], lines: list[str]) -> None:
    page = run(*arguments).stdout
    assert [line for line in lines if line not in page] == []


def test_depth_without_widths_gives_source_for_any_widths() -> None:
    source = run("deep-linear", "--depth", "2", "--python").stdout
    assert "with any widths: set WIDTHS." in source
    assert "WIDTHS = (2, 2, 1)  # (d_0, ..., d_L), an example" in source


def test_depth_ten_answers_at_once() -> None:
    run("deep-linear", "--depth", "1")
    assert run("deep-linear", "--depth", "10").exit_code == 0


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for model in (tc.DeepLinear((2, 2, 2, 1)), tc.Diagonal(2, 4), OWN):
        console = Console(force_terminal=True, width=width, color_system=None, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
        with console.file:
            print_derivation(console, tc.derive(model, tc.SquaredLoss()), "title")
        lines = console.export_text().splitlines()
        assert max(map(len, lines)) <= width
        assert any(line.startswith(" " * 8) for line in lines)


# -- the matrix forms --


def entries(model: Parametrization, loss: Any = None) -> EntrywiseDerivation:
    derivation = tc.derive(model, loss or tc.SquaredLoss())
    assert isinstance(derivation, EntrywiseDerivation)
    return derivation


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (tc.Diagonal(3, 2), True),
        (tc.Hadamard(2), True),
        (tc.Hadamard(1), False),
        (tc.Entrywise(sp.symbols("u1 u2"), sp.symbols("u2 u1")), False),  # not the same function of each coordinate
        (tc.Entrywise(sp.symbols("u1 v1"), sp.symbols("u1 v1")), False),  # no common name
        (tc.Entrywise(sp.symbols("g1 g2"), sp.symbols("g1 g2")), False),  # a name that the formulas use
        (WeightNormalized(3), False),
    ],
    ids=str,
)
def test_a_coordinatewise_map_is_recognised(model: Parametrization, expected: bool) -> None:
    assert (coordinate_forms(entries(model)) is not None) == expected


class Wrong(EntrywiseDerivation):
    """An entry of the Hessian that is off."""

    @property
    def hessian(self) -> sp.Matrix:
        right = super().hessian
        return right + sp.ones(*right.shape) * right[0, 0]


@pytest.mark.parametrize(
    ("forms", "model"),
    [(coordinate_forms, tc.Hadamard(2)), (factored_forms, MatrixFactorization(2, 3, 1)), (factored_forms, SymmetricFactorization(2, 2))],
    ids=["coordinatewise", "factorization", "symmetric"],
)
def test_a_matrix_form_that_disagrees_with_an_entry_is_not_given(forms: Callable[..., object], model: Parametrization) -> None:
    assert forms(entries(model)) is not None
    with pytest.raises(WrongDerivation, match="Hessian differs"):
        forms(Wrong(model, tc.SquaredLoss(), ()))


@pytest.mark.parametrize("model", [MatrixFactorization(1, 2, 3), MatrixFactorization(3, 2, 2), SymmetricFactorization(1, 2)], ids=str)
def test_factored_forms_hold_for_other_sizes(model: Parametrization) -> None:
    assert factored_forms(entries(model, tc.SquaredLoss(0.25))) is not None


def test_expressions_keep_their_names_apart() -> None:
    names = [sp.Symbol(f"C_{{{i},{j}}}") for i, j in ((1, 11), (11, 1), (1, 1))]
    assert len({expression_text(name) for name in names}) == 3


# -- mistakes --


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage"),
        (["no-such-model"], "unknown model 'no-such-model'; choose from deep-linear, diagonal"),
        (["deep-linear"], "`depth=None` is missing; pass --depth 3, or --widths 3,2,1"),
        (["deep-linear", "--depth", "-1"], "`depth=-1` must be at least 1"),
        (["deep-linear", "--depth", "0"], "`depth=0` must be at least 1"),
        (["deep-linear", "--depth", "1000000"], "too large for the cross-check; pass at most 32"),
        (["deep-linear", "--depth", "three"], "not a valid integer"),
        (["deep-linear", "--depth", "3", "--widths", "3,2,1"], "`widths=3,2,1` are those of depth 2, not 3; pass 4 widths"),
        (["deep-linear", "--widths", "3"], "must be positive whole numbers"),
        (["deep-linear", "--widths", "3,0,1"], "must be positive whole numbers"),
        (["deep-linear", "--widths", "3,-2,1"], "must be positive whole numbers"),
        (["deep-linear", "--widths", "3,x,1"], "must be positive whole numbers"),
        (["deep-linear", "--widths", "3,²,1"], "must be positive whole numbers"),
        (["deep-linear", "--widths", "3,2", "--loss", "logistic"], "one curvature an output"),
        (["deep-linear", "--depth", "2", "--loss", "hinge"], "'hinge' is not one of"),
        (["deep-linear", "--depth", "2", "--loss", "logistic", "--constant", "2"], "does not belong to the logistic loss"),
        (["deep-linear", "--depth", "2", "--constant", "0"], "must be positive"),
        (["deep-linear", "--depth", "2", "--constant", "open('x')"], "`constant=open('x')` calls open"),
        (["deep-linear", "--depth", "2", "--latex", "--python"], "pass one of --latex and --python"),
        (["diagonal"], "Missing option '--depth'"),
        (["diagonal", "--depth", "-1"], "`depth=-1` must be from 1 to 64"),
        (["diagonal", "--depth", "1000000000"], "must be from 1 to 64"),
        (["diagonal", "--depth", "2", "--dim", "-1"], "`dim=-1` must be at least 1"),
        (["diagonal", "--depth", "2", "--dim", "1000000000"], "more than the 24 that can be written out"),
        (["hadamard", "--dim", "13"], "`parameters=26` are more than the 24"),
        (["residual", "--depth", "2", "--dim", "2", "--output", "1,2,3"], "`output=1,2,3` has 3 entries at dimension 2"),
        (["residual", "--depth", "6"], "gives a map of 1458 terms"),
        (["factorization", "--rank", "0"], "`rank=0` must be at least 1"),
        (["quadratic"], "Missing argument"),
        (["quadratic", "0,1;1"], "has 2 rows of 2, 1 entries"),
        (["quadratic", "0,1;2,0"], "must be symmetric"),
        (["quadratic", "0,1;1,0", "1"], "has 1 rows, the first one has 2"),
        (["quadratic", "0,a;a,0"], "the unknown symbol a"),
        (["map"], "Missing argument"),
        (["map", "u*v"], "Missing option '--parameters'"),
        (["map", "u*x", "--parameters", "u,v"], "holds the unknown symbol x; the parameters are u, v"),
        (["map", '__import__("os").getcwd()', "--parameters", "u"], "calls __import__"),
        (["map", "u.real", "--parameters", "u"], "holds an attribute, u.real"),
        (["map", "lambda: u", "--parameters", "u"], "holds a lambda"),
        (["map", "9**9**9**9", "--parameters", "u"], "whose exponent is too large"),
        (["map", "(" * 10_000 + "u" + ")" * 10_000, "--parameters", "u"], "has 20001 characters"),
        (["map", "1/0", "--parameters", "u"], "divides by zero in 1/0"),
        (["map", "", "--parameters", "u"], "is empty"),
        (["map", "u", "--parameters", "exp"], "means something else in a formula"),
        (["map", "u", "--parameter", "u"], "Missing option '--parameters'"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value)[:60],
)
def test_mistakes_are_one_sentence_and_status_2(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
    assert arguments == [] or len([line for line in result.output.splitlines() if "Error: " in line]) == 1


def test_the_module_is_the_same_command() -> None:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-m", "theorycheck", "derive", "hadamard"], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout == run("hadamard").stdout
