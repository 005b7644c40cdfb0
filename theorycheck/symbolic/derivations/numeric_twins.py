"""Numeric twins: complex steps, in floating point, at random shapes and data.

The risk is computed as its definition says, in complex numbers; its slope along u is Im R(θ + i h u)/h, without cancellation. The Hessian is
the central difference of such slopes, Richardson-extrapolated. Nothing here uses a derived formula.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from theorycheck.symbolic.derivations.base import Derivation, WrongDerivation, outputs
from theorycheck.symbolic.matrix_words import Chain, MapDerivatives, Point

SEED, SAMPLES, DIRECTIONS = 20260101, 5, 3
TINY, STEP = 1e-30, 1e-2
CLOSE = 1e-7  # of the sum of the sizes of all terms
Risk = Callable[[np.ndarray], Any]


def slope(risk: Risk, theta: np.ndarray, u: np.ndarray) -> float:
    """⟨∇R, u⟩ by a complex step."""
    return float(np.imag(risk(theta + 1j * TINY * u)) / TINY)


def bend(risk: Risk, theta: np.ndarray, u: np.ndarray, v: np.ndarray, step: float = STEP) -> float:
    """uᵀ∇²R v: central differences of complex steps with steps of size h, h/2, h/4, extrapolated to order 6."""
    first = [(slope(risk, theta + h * v, u) - slope(risk, theta - h * v, u)) / (2 * h) for h in (step, step / 2, step / 4)]
    second = [(4 * fine - coarse) / 3 for coarse, fine in pairwise(first)]
    return (16 * second[1] - second[0]) / 15


def check_words_numerically(chain: Chain, derived: MapDerivatives) -> str:
    """Compare gradient and Hessian of a network of random widths, on a quadratic risk of w, with complex steps.

    Raises
    ------
    WrongDerivation
        If they disagree.

    """
    rng = np.random.default_rng(SEED)
    widths = rng.integers(1, 4, chain.depth + 1)
    if chain.depth > 1:
        widths[:3] = (2, 3, 2)  # a transposition left out is seen here
    shapes = [(int(a), int(b)) for a, b in zip(widths[1:], widths[:-1], strict=True)]
    ends = np.cumsum([a * b for a, b in shapes])
    theta, scale = rng.normal(size=ends[-1]), np.concatenate([np.full(a * b, b**-0.5) for a, b in shapes])
    theta, kappa = theta * scale, float(derived.curvature)
    X, target = rng.normal(size=(SAMPLES, widths[0])), rng.normal(size=(widths[-1], widths[0]))
    covariance = X.T @ X / SAMPLES

    def layers(flat: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]

    def end_to_end(flat: np.ndarray) -> np.ndarray:
        product = np.eye(widths[0])
        for layer in layers(flat):
            product = layer @ product
        return product

    def risk(flat: np.ndarray) -> Any:
        residual = (end_to_end(flat) - target) @ X.T
        return kappa / 2 * np.sum(residual * residual) / SAMPLES

    G = kappa * (end_to_end(theta) - target) @ covariance
    point = Point({**dict(zip(chain.layers, layers(theta), strict=True)), derived.gradient_in_w: G, derived.covariance: covariance})
    gradient = np.concatenate([np.ravel(point.evaluate(words)) for words in derived.gradient])
    hessian = np.block([[point.evaluate(block) for block in row] for row in derived.hessian])
    _compare(risk, theta, gradient, hessian, rng)
    return f"numeric: gradient and Hessian at widths ({', '.join(map(str, widths))}), random weights and data, against complex steps of the risk"


def check_factored_numerically(derived: MapDerivatives, shapes: tuple[tuple[int, int], ...]) -> str:
    """Compare gradient and Hessian-vector product of a factorization of the given shapes, on a quadratic risk of w, with complex steps.

    Raises
    ------
    WrongDerivation
        If they disagree.

    """
    rng, ends = np.random.default_rng(SEED), np.cumsum([a * b for a, b in shapes])
    theta, cols = rng.normal(size=ends[-1]) / np.sqrt(shapes[0][1]), shapes[-1][0]
    X, target, kappa = rng.normal(size=(SAMPLES, cols)), rng.normal(size=(shapes[0][0], cols)), float(derived.curvature)

    def factors(flat: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]

    def risk(flat: np.ndarray) -> Any:
        parts = factors(flat)
        residual = (parts[0] @ parts[-1].T - target) @ X.T
        return kappa / 2 * np.sum(residual * residual) / SAMPLES

    parts, v = factors(theta), rng.normal(size=theta.shape)
    covariance = X.T @ X / SAMPLES
    values = {**dict(zip(derived.layers, parts, strict=True)), **dict(zip(derived.directions, factors(v), strict=True))}
    point = Point({**values, derived.gradient_in_w: kappa * (parts[0] @ parts[-1].T - target) @ covariance, derived.covariance: covariance})
    gradient, product = (np.concatenate([np.ravel(point.evaluate(words)) for words in rows]) for rows in (derived.gradient, derived.hvp))
    for _ in range(DIRECTIONS):
        u = rng.normal(size=theta.shape)
        for name, formula, expected in (("gradient", gradient, slope(risk, theta, u)), ("Hessian", product, bend(risk, theta, u, v))):
            if not abs(u @ formula - expected) <= CLOSE * np.abs(u) @ np.abs(formula) + 1e-12:
                raise WrongDerivation(f"{name}: {u @ formula} in directions where complex steps of the risk give {expected}")
    sizes = " and ".join(f"{a} x {b}" for a, b in shapes)
    return f"numeric: gradient and Hessian-vector product with factors {sizes}, random data, against complex steps of the risk"


def check_entrywise_numerically(derivation: Derivation) -> tuple[str, ...]:
    """Compare gradient and Hessian with complex steps of the risk on random data; nothing where the map is not finite or not analytic there.

    Raises
    ------
    WrongDerivation
        If they disagree.

    """
    rng, model, loss = np.random.default_rng(SEED), derivation.model, derivation.loss
    d_out, d_in = outputs(model), model.shape[-1]
    if any(w.has(sp.Piecewise, sp.Abs, sp.sign, sp.Heaviside, sp.re, sp.im) for w in model.expressions):
        return ()
    f, y = sp.symbols("f y")
    try:
        w = sp.lambdify([model.symbols], list(model.expressions), "numpy")
        ell, first, second = (sp.lambdify([f, y], e(f, y), "numpy") for e in (loss.expression, loss.slope_expression, loss.bend_expression))
        theta = rng.uniform(0.5, 1.5, len(model.symbols))
        X, Y = rng.normal(size=(SAMPLES, d_in)), rng.choice([-1.0, 1.0], size=(SAMPLES, d_out))

        def predictions(at: np.ndarray) -> np.ndarray:
            return np.asarray(X @ np.array(w(at)).reshape(d_out, d_in).T)

        def risk(at: np.ndarray) -> Any:
            return np.sum(ell(predictions(at), Y)) / SAMPLES

        risk(theta.astype(complex))
    except (NameError, TypeError, ValueError):  # functions NumPy does not have
        return ()
    now = predictions(theta)
    slopes, bends = (np.broadcast_to(function(now, Y), now.shape) for function in (first, second))
    G, curvature = slopes.T @ X / SAMPLES, (bends[:, :1] * X).T @ X / SAMPLES
    gradient, hessian = derivation.gradient_at(theta, G if d_out > 1 else G[0]), derivation.hessian_at(theta, G if d_out > 1 else G[0], curvature)
    if not np.all(np.isfinite(hessian)):
        return ()
    _compare(risk, theta, gradient, hessian, rng)
    return (f"numeric: gradient and Hessian on {SAMPLES} random samples at a random point, against complex steps of the risk",)


def check_predictions_numerically(derivation: Derivation) -> str:
    """Compare gradient and Hessian of a model with kinks with complex steps of its risk on random data, away from the kinks.

    Raises
    ------
    WrongDerivation
        If they disagree.

    """
    rng, model, loss = np.random.default_rng(SEED), derivation.model, derivation.loss
    X, theta, y = rng.normal(size=(SAMPLES, model.inputs)), rng.normal(size=model.parameters), rng.choice([-1.0, 1.0], size=SAMPLES)
    B, _ = model.layers(theta)
    X = X[np.min(np.abs(X @ B.T), axis=1) > 0.05]
    y, D = y[: len(X)], np.where(X @ B.T > 0, 1.0, model.slope)
    symbols = sp.symbols("f y")
    ell, first, second = (sp.lambdify(symbols, e(*symbols), "numpy") for e in (loss.expression, loss.slope_expression, loss.bend_expression))

    def predictions(at: np.ndarray) -> np.ndarray:
        Z = X @ at[: B.size].reshape(B.shape).T
        return np.asarray(np.where(Z.real > 0, Z, model.slope * Z) @ at[B.size :])

    def risk(at: np.ndarray) -> Any:
        return np.sum(ell(predictions(at), y)) / len(X)

    features = (D[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    slopes, bends = (np.broadcast_to(function(predictions(theta), y), len(X)) / len(X) for function in (first, second))
    G, curvature = features.T @ slopes, (bends[:, None] * features).T @ features
    step = np.min(np.abs(X @ B.T)) / 10  # so that no difference crosses a kink
    _compare(risk, theta, derivation.gradient_at(theta, G), derivation.hessian_at(theta, G, curvature), rng, min(STEP, step))
    return f"numeric: gradient and Hessian on {len(X)} random samples at a random point away from kinks, against complex steps of the risk"


def _compare(risk: Risk, theta: np.ndarray, gradient: np.ndarray, hessian: np.ndarray, rng: np.random.Generator, step: float = STEP) -> None:
    for _ in range(DIRECTIONS):
        u, v = rng.normal(size=(2, len(theta)))
        terms = {"gradient": (u @ gradient, slope(risk, theta, u), np.abs(u) @ np.abs(gradient))}
        terms["Hessian"] = (u @ hessian @ v, bend(risk, theta, u, v, step), np.abs(u) @ np.abs(hessian) @ np.abs(v))
        for name, (derived, expected, size) in terms.items():
            if not abs(derived - expected) <= CLOSE * size + 1e-12:
                raise WrongDerivation(f"{name}: {derived} in directions where complex steps of the risk give {expected}")
