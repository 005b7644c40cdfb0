"""Self-contained NumPy source of a derivation."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import sympy as sp
from sympy.codegen.numpy_nodes import logaddexp
from sympy.printing.numpy import NumPyPrinter

from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.matrix_words import NamedForms, numpy_source
from theorycheck.symbolic.parametrizations import DeepLinear, Parametrization

LOSS = '''
def loss(f, y):
    """Loss of one entry of the predictions; a risk is the sum over entries divided by the number of samples."""
    return $loss


def in_w(w, X, y):
    """G, the gradient of the risk in w, shape (d_out, d_in), and $second_name, shape (d_in, d_in)."""
    n, w = len(X), np.atleast_2d(w)
    f, y = X @ w.T, np.reshape(y, (n, -1))
    with np.errstate(over="ignore"):
        slope, bend = $slope + 0.0 * f, $bend + 0.0 * f
    return slope.T @ X / n, (bend[:, :1] * X).T @ X / n$scale


def risk(theta, X, y):
    """Risk at theta, shape (P,), on X, shape (n, d_in), and y, shape (n,) or (n, d_out)."""
    f = X @ np.atleast_2d(w(theta)).T
    return np.sum(loss(f, np.reshape(y, f.shape))) / len(X)
'''

CHAIN = Template('''"""Risk, gradient and Hessian of the deep linear network with widths $widths.

theta holds W_1, ..., W_L, each flattened row by row. Rows of X are samples.
$checked"""

import numpy as np

WIDTHS = $widths


def layers(theta):
    """W[k] for k = 1..L."""
    shapes = list(zip(WIDTHS[1:], WIDTHS[:-1]))
    ends = np.cumsum([rows * cols for rows, cols in shapes])
    return {k: np.reshape(theta[e - r * c : e], (r, c)) for k, (e, (r, c)) in enumerate(zip(ends, shapes), 1)}


def products(W):
    """A[k] = W_L ... W_{k+1}, B[k] = W_{k-1} ... W_1, M[k, j] = W_{k-1} ... W_{j+1}; empty products are identities."""
    L = len(W)

    def run(top, bottom):
        product = np.eye(WIDTHS[bottom - 1])
        for i in range(bottom, top + 1):
            product = W[i] @ product
        return product

    A = {k: run(L, k + 1) for k in W}
    B = {k: run(k - 1, 1) for k in W}
    return A, B, {(k, j): run(k - 1, j + 1) for k in W for j in range(1, k)}


def w(theta):
    """End-to-end matrix, shape (d_out, d_in)."""
    product = np.eye(WIDTHS[0])
    for matrix in layers(theta).values():
        product = matrix @ product
    return product

$loss

def commuted(matrix, shape):
    """matrix times K, where K r(V) = r(V.T) for V of the given shape, flattened row by row."""
    rows, cols = shape
    return matrix.reshape(-1, cols, rows).swapaxes(1, 2).reshape(len(matrix), -1)


def gradient(theta, X, y):
    """Gradient of the risk, shape (P,)."""
    A, B, _ = products(layers(theta))
    G, _ = in_w(w(theta), X, y)
    return np.concatenate([($gradient).ravel() for k in A])


def hessian(theta, X, y):
    """Hessian of the risk, shape (P, P)."""
    V = layers(theta)
    A, B, M = products(V)
    G, Sigma = in_w(w(theta), X, y)
    H = {}
    for k in A:
        H[k, k] = $diagonal
        for j in range(1, k):
            H[k, j] = $lower
            H[j, k] = H[k, j].T
    return np.block([[H[k, j] for j in A] for k in A])


def hvp(theta, X, y, v):
    """Hessian times v, shape (P,), without forming the Hessian."""
    V = layers(v)
    A, B, M = products(layers(theta))
    G, Sigma = in_w(w(theta), X, y)
    rows = []
    for k in A:
        row = sum($gauss_newton for j in A)
        row = row + sum($below for j in A if j < k)
        row = row + sum($above for j in A if j > k)
        rows.append(np.ravel(row))
    return np.concatenate(rows)
''')

ENTRYWISE = Template('''"""Risk, gradient and Hessian of $model.

theta holds $names. Rows of X are samples.
$checked"""

import numpy
import numpy as np


def w(theta):
    """The map, shape $shape."""
    $unpack
    return np.array([$map]).reshape($shape)

$loss

def gradient(theta, X, y):
    """Gradient of the risk, shape (P,)."""
    $unpack
    G, _ = in_w(w(theta), X, y)
    $slopes = G.ravel()
$gradient


def hessian(theta, X, y):
    """Hessian of the risk, shape (P, P)."""
    $unpack
    G, C = in_w(w(theta), X, y)
    $slopes = G.ravel()
    $bends = C.ravel()
$hessian


def hvp(theta, X, y, v):
    """Hessian times v, shape (P,)."""
    return hessian(theta, X, y) @ v
''')


FACTORED = Template('''"""Risk, gradient and Hessian of $model.

theta holds $names, each flattened row by row. Rows of X are samples.
$checked"""

import numpy as np

SHAPES = $shapes


def factors(theta):
    """The factors as matrices."""
    ends = np.cumsum([rows * cols for rows, cols in SHAPES])
    return [np.reshape(theta[e - r * c : e], (r, c)) for e, (r, c) in zip(ends, SHAPES)]


def w(theta):
    """The product, shape (rows, cols)."""
    $unpack = factors(theta)
    return $map

$loss

def gradient(theta, X, y):
    """Gradient of the risk, shape (P,)."""
    $unpack = factors(theta)
    G, _ = in_w(w(theta), X, y)
    return np.concatenate([np.ravel(part) for part in ($gradient)])


def hvp(theta, X, y, v):
    """Hessian times v, shape (P,), without forming the Hessian."""
    ($unpack), ($directions) = factors(theta), factors(v)
    G, Sigma = in_w(w(theta), X, y)
    dG = $kappa * ($moved) @ Sigma
    return np.concatenate([np.ravel(part) for part in ($second)])


def hessian(theta, X, y):
    """Hessian of the risk, shape (P, P)."""
    return np.array([hvp(theta, X, y, unit) for unit in np.eye(len(theta))])
''')

PRODUCT = {
    "names": "U and V",
    "unpack": "U, V",
    "directions": "dU, dV",
    "map": "U @ V.T",
    "gradient": "G @ V, G.T @ U",
    "moved": "dU @ V.T + U @ dV.T",
    "second": "dG @ V + G @ dV, dG.T @ U + G.T @ dU",
}
SQUARE = {
    "names": "U",
    "unpack": "U,",
    "directions": "dU,",
    "map": "U @ U.T",
    "gradient": "(G + G.T) @ U,",
    "moved": "dU @ U.T + U @ dU.T",
    "second": "(dG + dG.T) @ U + (G + G.T) @ dU,",
}


def factored_source(model: Parametrization, loss: Loss, shapes: tuple[tuple[int, int], ...], kappa: sp.Expr, checked: Sequence[str]) -> str:
    """Source of a factorization U Vᵀ or, with one shape, U Uᵀ."""
    forms = PRODUCT if len(shapes) == 2 else SQUARE
    return FACTORED.substitute(forms, model=model, shapes=shapes, kappa=float(kappa), checked=checked_lines(checked), loss=_loss_source(loss, kappa))


def deep_linear_source(model: DeepLinear, loss: Loss, kappa: sp.Expr, checked: Sequence[str]) -> str:
    """Source of the general forms in partial products, which `Chain.named_forms_hold` ties to the derived words."""
    forms = NamedForms(kappa)
    return CHAIN.substitute(
        widths=model.widths,
        checked=checked_lines(checked),
        loss=_loss_source(loss, kappa),
        gradient=numpy_source(forms.gradient("k")),
        diagonal=numpy_source(forms.block("k", "k", 0)),
        lower=numpy_source(forms.block("k", "j", 1)),
        gauss_newton=numpy_source(forms.gauss_newton("k", "j")),
        below=numpy_source(forms.residual("k", "j", True)),
        above=numpy_source(forms.residual("k", "j", False)),
    )


def entrywise_source(
    model: Parametrization,
    loss: Loss,
    inputs: tuple[tuple[sp.Symbol, ...], tuple[sp.Symbol, ...], tuple[sp.Symbol, ...]],
    formulas: tuple[sp.Matrix, sp.Matrix],
    checked: Sequence[str],
) -> str:
    """Source of SymPy expressions with common subexpressions shared; symbols get plain names, whatever the model calls them."""
    theta, g, C = (tuple(sp.Symbol(f"{name}{i}") for i in range(1, len(group) + 1)) for name, group in zip(("t", "g", "c"), inputs, strict=True))
    plain = {old: new for group, names in zip(inputs, (theta, g, C), strict=True) for old, new in zip(group, names, strict=True)}
    gradient, hessian = (formula.xreplace(plain) for formula in formulas)
    return ENTRYWISE.substitute(
        model=model,
        names=", ".join(map(str, model.symbols)),
        checked=checked_lines(checked),
        shape=model.shape,
        unpack=_names(theta) + " = theta",
        map=", ".join(_code(w.xreplace(plain)) for w in model.expressions),
        loss=_loss_source(loss, sp.S.One),
        slopes=_names(g),
        bends=_names(C),
        gradient=_body(list(gradient), ""),
        hessian=_body(list(hessian), f".reshape({len(theta)}, {len(theta)})"),
    )


def formulas_source(template: Template, symbols: Sequence[sp.Symbol], formulas: dict[str, sp.Matrix], checked: Sequence[str], **more: object) -> str:
    """A template filled with formulas of θ alone; a single one gives a number, a column an array ``(P,)``, a matrix ``(P, P)``."""
    plain = {old: sp.Symbol(f"t{i}") for i, old in enumerate(symbols, 1)}
    tails = {name: "[0]" if formula.shape == (1, 1) and name == "value" else "" for name, formula in formulas.items()}
    tails |= {name: f".reshape{formula.shape}" for name, formula in formulas.items() if formula.cols > 1 or name == "hessian"}
    bodies = {name: _body(list(formula.xreplace(plain)), tails[name]) for name, formula in formulas.items()}
    unpack = _names(tuple(plain.values())) + " = theta"
    return template.substitute(bodies, names=", ".join(map(str, symbols)), checked=checked_lines(checked), unpack=unpack, **more)


def _body(entries: list[sp.Expr], tail: str) -> str:
    shared, reduced = sp.cse(entries, symbols=sp.numbered_symbols("x"))
    lines = [f"    {symbol} = {_code(value)}" for symbol, value in shared]
    return "\n".join([*lines, f"    return np.array([{', '.join(map(_code, reduced))}], dtype=float){tail}"])


def _loss_source(loss: Loss, kappa: sp.Expr) -> str:
    codes = dict(zip(("loss", "slope", "bend"), loss_codes(loss), strict=True))
    name = "the Hessian of the risk in w, one output" if kappa == 1 else "Sigma, its Hessian in w divided by 2c"
    scale = "" if kappa == 1 else f" / {float(kappa)!r}"
    return Template(LOSS).substitute(codes, second_name=name, scale=scale)


def loss_codes(loss: Loss) -> tuple[str, str, str]:
    """ℓ and its first and second derivative in the prediction, as NumPy expressions in f and y."""
    f, y = sp.symbols("f y", real=True)
    kinds = (loss.expression(f, y), loss.slope_expression(f, y), loss.bend_expression(f, y))
    first, second, third = (_code(_without_overflow(value)).replace("numpy.", "np.") for value in kinds)
    return first, second, third


def _without_overflow(expression: sp.Expr) -> sp.Expr:
    """log(1 + exp(z)) as a call of logaddexp(0, z)."""
    z = sp.Wild("z")
    return expression.replace(sp.log(1 + sp.exp(z)), logaddexp(0, z))


def _code(expression: sp.Expr) -> str:
    return NumPyPrinter().doprint(sp.sympify(expression))


def _names(symbols: Sequence[sp.Symbol]) -> str:
    return ", ".join(map(str, symbols)) + ("," if len(symbols) == 1 else "")


def checked_lines(statements: Sequence[str]) -> str:
    """How it was checked, one line a statement."""
    return "".join(f"Checked: {statement}.\n" for statement in statements)
