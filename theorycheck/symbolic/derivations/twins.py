"""Slow twins: Taylor expansion of the risk itself in two nilpotent directions, with exact numbers.

With s² = t² = 0, the coefficient of s in R(θ + s u + t v) is ⟨∇R, u⟩ and that of st is uᵀ∇²R v. Nothing here knows the product rule for
words, the commutation matrix or the split of the Hessian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from theorycheck.symbolic.derivations.base import Derivation, WrongDerivation, outputs
from theorycheck.symbolic.identities.points import differ, rational_points
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.matrix_words import Chain, MapDerivatives, Point

SEED = 20240513
SAMPLES = 2


@dataclass(frozen=True)
class Jet:
    """a + b s + c t + d st with s² = t² = 0; each part an array of exact numbers, shape ``(..., rows, cols)``."""

    a: Any
    b: Any
    c: Any
    d: Any

    def __matmul__(self, other: Jet) -> Jet:
        d = self.a @ other.d + self.d @ other.a + self.b @ other.c + self.c @ other.b
        return Jet(self.a @ other.a, self.a @ other.b + self.b @ other.a, self.a @ other.c + self.c @ other.a, d)

    def map(self, linear: Callable[[Any], Any]) -> Jet:
        """Apply a linear map to every part."""
        return Jet(linear(self.a), linear(self.b), linear(self.c), linear(self.d))

    def shifted(self, constant: Any) -> Jet:
        """Subtract a constant."""
        return Jet(self.a - constant, self.b, self.c, self.d)


def squared_norm(jet: Jet) -> Jet:
    """|A|_F² of a jet of matrices."""
    return (jet.map(_row) @ jet.map(_column)).map(lambda part: part[..., 0, 0])


def _row(part: np.ndarray) -> np.ndarray:
    return part.reshape(*part.shape[:-2], 1, -1)


def _column(part: np.ndarray) -> np.ndarray:
    return part.reshape(*part.shape[:-2], -1, 1)


@dataclass(frozen=True)
class Trial:
    """A deep linear network with integer weights, all widths 2, with data, and a risk that is a jet of the product."""

    layers: tuple[np.ndarray, ...]
    G: np.ndarray
    covariance: np.ndarray
    risk: Callable[[Jet], Jet]
    name: str


def check_words(chain: Chain, derived: MapDerivatives, loss: Loss) -> tuple[str, ...]:
    """Compare every gradient, block and Hessian-vector product with the expansion of the risk, exactly, in random directions.

    Raises
    ------
    WrongDerivation
        Naming the first formula that disagrees.

    """
    generator = np.random.default_rng(SEED)
    trial = squared_trial(chain, loss, generator) if isinstance(loss, SquaredLoss) else quadratic_trial(chain, derived.curvature, generator)
    point = Point({**dict(zip(chain.layers, trial.layers, strict=True)), derived.gradient_in_w: trial.G, derived.covariance: trial.covariance})
    u, v = (_integers(generator, (chain.depth, 2, 2), 99) for _ in range(2))
    expansion = trial.risk(_end_to_end(trial.layers, u, v))
    blocks = _compare_with(expansion, derived, point, u, v)
    moved = {**point.arrays, **dict(zip(derived.directions, v, strict=True))}
    for k, product in enumerate(Point(moved).evaluate(row) for row in derived.hvp):
        if np.any(product.reshape(-1) != sum(blocks[k][j] @ v[j].reshape(-1) for j in range(chain.depth))):
            raise WrongDerivation(f"layer {k + 1} of the Hessian-vector product is not the row of blocks times the vector")
    where = f"at random integer weights, all widths 2, in random integer directions, against the Taylor expansion of {trial.name}"
    first = f"exact: gradient and all {chain.depth**2} Hessian blocks, {where}"
    return (first, "exact: Hessian-vector product, against the blocks at the same weights")


def _compare_with(expansion: Jet, derived: MapDerivatives, point: Point, u: np.ndarray, v: np.ndarray) -> list[list[np.ndarray]]:
    blocks = [[point.evaluate(block) for block in row] for row in derived.hessian]
    for k, words in enumerate(derived.gradient):
        slope, gradient = expansion.b[k, 0], point.evaluate(words)
        if np.sum(gradient * u[k]) != slope:
            raise WrongDerivation(f"gradient in layer {k + 1}: {np.sum(gradient * u[k])} along a direction where the risk has slope {slope}")
        for j, block in enumerate(blocks[k]):
            form = u[k].reshape(-1) @ block @ v[j].reshape(-1)
            if form != expansion.d[k, j]:
                expected = expansion.d[k, j]
                raise WrongDerivation(f"Hessian block ({k + 1}, {j + 1}): {form} in directions where the risk has second derivative {expected}")
    return blocks


def _end_to_end(layers: tuple[np.ndarray, ...], u: np.ndarray, v: np.ndarray) -> Jet:
    """Jets of the product over all pairs (k, j): layer k moves along s u_k, layer j along t v_j; shape ``(L, L, 2, 2)``."""
    depth = len(layers)
    product: Jet | None = None
    for i, layer in enumerate(layers):
        at_k, at_j = np.zeros((2, depth, depth, 2, 2), dtype=object)
        at_k[i, :], at_j[:, i] = u[i], v[i]
        moved = Jet(layer + 0 * at_k, at_k, at_j, 0 * at_k)
        product = moved if product is None else moved @ product
    assert product is not None
    return product


def squared_trial(chain: Chain, loss: SquaredLoss, generator: np.random.Generator) -> Trial:
    """The squared loss on two samples with even inputs, so that Σ = XᵀX/2 is whole."""
    layers = _layers(chain, generator)
    X, Y = 2 * _integers(generator, (SAMPLES, 2), 3), _integers(generator, (SAMPLES, 2), 5)
    c = Fraction(int(loss.constant.p), int(loss.constant.q))
    w, covariance = _product(layers), X.T @ X // SAMPLES
    G = 2 * c * (w @ covariance - Y.T @ X // SAMPLES)

    def risk(W: Jet) -> Jet:
        residual = W.map(lambda part: X @ np.swapaxes(part, -1, -2)).shifted(Y)
        return squared_norm(residual).map(lambda part: c * part / Fraction(SAMPLES))

    return Trial(layers, G, covariance, risk, f"the squared risk with c = {loss.constant} on {SAMPLES} samples")


def quadratic_trial(chain: Chain, curvature: sp.Expr, generator: np.random.Generator) -> Trial:
    """A risk ⟨G, W - W₀⟩ + κ/2 |(W - W₀) X|²: what any smooth risk is to second order around W₀."""
    layers = _layers(chain, generator)
    G, X, start, kappa = _integers(generator, (2, 2), 5), _integers(generator, (2, 2), 3), _product(layers), Fraction(str(curvature))

    def risk(W: Jet) -> Jet:
        moved = W.shifted(start)
        linear = moved.map(lambda part: (part * G).sum(axis=(-1, -2)))
        bent = squared_norm(moved.map(lambda part: part @ X)).map(lambda part: kappa / 2 * part)
        return Jet(linear.a + bent.a, linear.b + bent.b, linear.c + bent.c, linear.d + bent.d)

    return Trial(layers, G, X @ X.T, risk, "a quadratic risk of w with random G and curvature")


def check_entrywise(derivation: Derivation) -> tuple[str, ...]:
    """Compare gradient and Hessian with the expansion of the risk on two samples, at a rational point, in two random directions.

    The loss enters the expansion through its `expression`, and the derivation through its first and second derivatives. Rational
    values are compared exactly, others to 30 digits. Returns nothing if the map could not be evaluated at any point tried.

    Raises
    ------
    WrongDerivation
        If they disagree.

    """
    generator = np.random.default_rng(SEED)
    symbols, d_out = derivation.model.symbols, outputs(derivation.model)
    u, v = (_integers(generator, (len(symbols),), 9) for _ in range(2))
    X, Y = (_integers(generator, (SAMPLES, n), 3) for n in (derivation.model.shape[-1], d_out))
    for point in rational_points(symbols, 4):
        w = _map_jet(derivation.model.expressions, [(x, point[x], a, b) for x, a, b in zip(symbols, u, v, strict=True)])
        if w is not None:
            break
    else:
        return ()
    G, curvature, slope, second = _risk_of_data(w.map(lambda part: part.reshape(d_out, -1)), X, Y, derivation.loss)
    theta = np.array([point[x] for x in symbols], dtype=object)
    gradient, hessian = derivation.gradient_at(theta, G), derivation.hessian_at(theta, G, curvature)
    pairs = {"gradient": (u @ gradient, slope), "Hessian": (u @ hessian @ v, second)}
    for name, (derived, expected) in pairs.items():
        if differ(sp.sympify(derived), expected) is not False:
            raise WrongDerivation(f"{name}: {derived} in directions where the risk has {expected}")
    rational = all(value.is_Rational for value in (slope, second))
    how = "" if rational else ", to 30 digits"
    where = f"at a rational point, in random directions, against the Taylor expansion of the risk on {SAMPLES} samples"
    return (f"exact: gradient and Hessian{how}, {where}",)


def check_bare(derivation: Derivation) -> tuple[str, ...]:
    """Compare gradient and Hessian of a bare risk with its expansion at a rational point, in two random directions; nothing if there is none.

    Raises
    ------
    WrongDerivation
        If they disagree.

    """
    generator, symbols = np.random.default_rng(SEED), derivation.model.symbols
    u, v = (_integers(generator, (len(symbols),), 9) for _ in range(2))
    for point in rational_points(symbols, 4):
        jet = _map_jet([derivation.model.expression], [(x, point[x], a, b) for x, a, b in zip(symbols, u, v, strict=True)])
        if jet is None:
            continue
        theta = np.array([point[x] for x in symbols], dtype=object)
        pairs = {"gradient": (u @ derivation.gradient_at(theta, 1), jet.b[0]), "Hessian": (u @ derivation.hessian_at(theta, 1, 0) @ v, jet.d[0])}
        for name, (derived, expected) in pairs.items():
            if differ(sp.sympify(derived), expected) is not False:
                raise WrongDerivation(f"{name}: {derived} in directions where the risk has {expected}")
        how = "" if all(expected.is_Rational for _, expected in pairs.values()) else ", to 30 digits"
        return (f"exact: gradient and Hessian{how}, at a rational point, in random directions, against the Taylor expansion of the risk",)
    return ()


def _map_jet(expressions: Sequence[sp.Expr], line: Sequence[tuple[sp.Symbol, sp.Rational, int, int]]) -> Jet | None:
    """Jet of the map along point + s u + t v, or nothing where it is undefined."""
    s, t = sp.Dummy("s", real=True), sp.Dummy("t", real=True)
    origin, moved = {s: 0, t: 0}, {x: start + s * a + t * b for x, start, a, b in line}
    along = [e.xreplace(moved) for e in expressions]
    first = [e.diff(s) for e in along]
    parts = [along, first, [e.diff(t) for e in along], [e.diff(t) for e in first]]
    values = [[e.subs(origin) for e in row] for row in parts]
    return Jet(*(np.array(row, dtype=object) for row in values)) if all(e.is_number and e.is_finite for row in values for e in row) else None


def _risk_of_data(w: Jet, X: np.ndarray, Y: np.ndarray, loss: Loss) -> tuple[np.ndarray, np.ndarray, sp.Expr, sp.Expr]:
    """G and curvature by the derivatives of the loss, slope and second derivative by expanding its expression."""
    s, t, predictions = sp.Dummy("s", real=True), sp.Dummy("t", real=True), w.map(lambda part: X @ part.T)
    entries = list(zip(*(part.reshape(-1) for part in (predictions.a, predictions.b, predictions.c, predictions.d, Y)), strict=True))
    risk = sp.Add(*(loss.expression(a + s * b + t * c + s * t * d, y) for a, b, c, d, y in entries)) / SAMPLES
    slopes = np.array([loss.slope_expression(a, y) for a, *_, y in entries], dtype=object).reshape(Y.shape)
    bends = np.array([loss.bend_expression(a, y) for a, *_, y in entries], dtype=object).reshape(Y.shape)
    G, curvature = slopes.T @ X / sp.Integer(SAMPLES), (bends[:, 0] * X.T) @ X / sp.Integer(SAMPLES)
    return G if len(G) > 1 else G[0], curvature, risk.diff(s).subs({s: 0, t: 0}), risk.diff(s).diff(t).subs({s: 0, t: 0})


def _integers(generator: np.random.Generator, shape: tuple[int, ...], size: int) -> np.ndarray:
    """Whole numbers of absolute value 1 .. size as Python integers: no zero hides a term."""
    return (generator.integers(1, size + 1, shape) * generator.choice([-1, 1], shape)).astype(object)


def _layers(chain: Chain, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    return tuple(_integers(generator, (2, 2), 3) for _ in range(chain.depth))


def _product(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    return product
