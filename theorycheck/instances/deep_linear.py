"""Deep linear networks with data: regression fits, and points of them that theorems speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.objectives import Objective
from theorycheck.errors import InvalidArgument
from theorycheck.instances.products import below
from theorycheck.instances.recipes import Drawer, Recipe, array, as_drawn, choice, integers, recipe
from theorycheck.measured import Measured
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear


@dataclass(frozen=True, eq=False)
class DeepLinearFit:
    """A deep linear network, data, and a point θ; squared loss with c = 1.

    The vector w* and what follows from it are for scalar output, d_L = 1.

    Parameters
    ----------
    widths : tuple of int
        (d_0, ..., d_L).
    data : Regression
        X of shape (n, d_0), y of shape (n,), or (n, d_L) where d_L > 1.
    theta : array, shape (P,)
        W_1, ..., W_L, each flattened row by row.

    """

    widths: tuple[int, ...]
    data: Regression
    theta: np.ndarray

    @property
    def X(self) -> np.ndarray:
        """Inputs, shape (n, d_0)."""
        return self.data.X

    @property
    def y(self) -> np.ndarray:
        """Targets."""
        return self.data.y

    @property
    def depth(self) -> int:
        """L."""
        return len(self.widths) - 1

    @cached_property
    def model(self) -> DeepLinear:
        """The network."""
        return DeepLinear(self.widths)

    @cached_property
    def objective(self) -> Objective:
        """R(θ) = |X w(θ) - y|²/n."""
        return Objective(self.model, SquaredLoss(1.0), self.data)

    @cached_property
    def layers(self) -> tuple[np.ndarray, ...]:
        """W_1, ..., W_L."""
        return self.model.layers(self.theta)

    @cached_property
    def w(self) -> np.ndarray:
        """The end-to-end W_L ... W_1, shape (d_0,) or (d_L, d_0)."""
        return self.model.w(self.theta)

    @property
    def covariance(self) -> np.ndarray:
        """Σ = XᵀX/n, shape (d_0, d_0)."""
        return self.data.covariance

    @property
    def root(self) -> np.ndarray:
        """F with FᵀF = Σ: FMFᵀ has the spectrum of Σ^{1/2}MΣ^{1/2}, up to zeros; shape (min(n, d_0), d_0)."""
        return self.data.factor

    @property
    def w_star(self) -> np.ndarray:
        """Least-squares solution of least norm, shape (d_0,)."""
        return self.data.least_squares

    def at(self, layers: Sequence[np.ndarray]) -> DeepLinearFit:
        """The same fit at another point."""
        return replace(self, theta=self.model.flat(layers))

    def moved_onto_minimisers(self) -> DeepLinearFit | None:
        """The nearest change of the first layer that fits the data as well as any w can; None where no change does.

        W_1 += q (δ/|q|²)ᵀ with q = W_2ᵀ...W_Lᵀ and δ the missing part of w in the row space of X; applied twice, the
        second time for the rounding of the first.
        """
        fit = self
        for _ in range(2):
            q = np.ones(1)
            for W in fit.layers[:0:-1]:
                q = W.T @ q
            size = q @ q
            if size == 0.0 or not np.isfinite(size):
                return None
            step = fit.data.solved(fit.y - fit.X @ fit.w)
            fit = fit.at((fit.layers[0] + np.outer(q / size, step), *fit.layers[1:]))
        return fit

    def aligned(self, gains: Sequence[float]) -> DeepLinearFit | None:
        """The rank-one network W_k = s_k u_k u_{k-1}ᵀ with the given gains s_k, u_0 = w*/|w*| and u_L = 1.

        The hidden directions u_k are those of the first column of W_k (the first axis where that is zero). None if w* = 0.
        """
        if not self.data.has_signal:
            return None
        norm = np.linalg.norm(self.w_star)
        units = [self.w_star / norm, *(_direction(W[:, 0]) for W in self.layers[:-1]), np.ones(1)]
        return self.at([s * np.outer(after, before) for s, before, after in zip(gains, units[:-1], units[1:], strict=True)])

    def retargeted(self, w: np.ndarray) -> DeepLinearFit:
        """The fit to the exact predictions of w."""
        return replace(self, data=Regression(self.X, self.data.predictions(w), self.data.several_outputs))

    def solved_here(self) -> DeepLinearFit:
        """The fit to targets that keep their residuals but have w(θ) among their least-squares solutions: θ is a minimiser."""
        kept = self.y - self.data.predictions(self.data.least_squares)
        return replace(self, data=Regression(self.X, self.data.predictions(self.w) + kept, self.data.several_outputs))

    def whitened(self) -> DeepLinearFit:
        """The fit to the same least-squares map from inputs of covariance I: X = √d_0 I."""
        X = np.sqrt(self.widths[0]) * np.eye(self.widths[0])
        y = X @ np.swapaxes(self.data.least_squares, -1, -2) if self.data.several_outputs else X @ self.data.least_squares
        return replace(self, data=Regression(X, y, self.data.several_outputs))


def _direction(v: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(v)
    return v / norm if norm > 0 else np.eye(len(v))[0]


def deep_linear_fits(
    depth: tuple[int, int] = (2, 6),
    width: tuple[int, int] = (1, 4),
    dim: tuple[int, int] = (1, 4),
    samples: tuple[int, int] = (1, 12),
    outputs: tuple[int, int] = (1, 1),
    spread: int = 3,
    data: tuple[np.ndarray, np.ndarray] | None = None,
) -> Recipe:
    """Recipe of `DeepLinearFit`: any point θ, entries of X, y and θ in [-2, 2], columns of X on scales 2^-spread to 1.

    Fewer samples than inputs, and so singular covariances, occur. The ranges are inclusive.

    Parameters
    ----------
    depth, width, dim, samples, outputs : (least, most)
        L, the hidden widths, d_0, n and d_L.
    spread : int
        Columns of X are scaled by 1, 1/2, ..., 2^-spread at random: ill-conditioned covariances.
    data : (X, y) or None
        The reader's data instead of drawn ones: X of shape (n, d), y of shape (n,).

    """
    for name, (low, high) in (("depth", depth), ("width", width), ("dim", dim), ("samples", samples), ("outputs", outputs)):
        if not 1 <= low <= high:
            raise InvalidArgument(name, (low, high), "must satisfy 1 <= least <= most", f"pass {name}=(1, 4)")

    def draw_data(draw: Drawer) -> tuple[np.ndarray, np.ndarray]:
        d, n = draw(integers(*dim)), draw(integers(*samples))
        X = draw(array((n, d)))
        scales = [draw(choice([2.0**-k for k in range(spread + 1)])) for _ in range(d)]
        d_out = draw(integers(*outputs)) if outputs != (1, 1) else 1
        return X * np.array(scales), draw(array(n if d_out == 1 else (n, d_out)))

    @recipe(bind=lambda X, y: deep_linear_fits(depth, width, spread=spread, data=(np.asarray(X, dtype=float), np.asarray(y, dtype=float))))
    def fits(draw: Drawer) -> DeepLinearFit:
        hidden = [draw(integers(*width)) for _ in range(draw(integers(*depth)) - 1)]
        X, y = draw_data(draw) if data is None else map(as_drawn, data)
        widths = (X.shape[1], *hidden, y.shape[1] if y.ndim == 2 else 1)
        layers = [draw(array((a, b))) for a, b in zip(widths[1:], widths[:-1], strict=True)]
        return DeepLinearFit(widths, Regression(X, y), DeepLinear(widths).flat(layers))

    return fits


@dataclass(frozen=True, eq=False)
class ScaledFit:
    """A network with data and a point, and the constant c of the loss R(θ) = (c/n) |Y - XWᵀ|² in halves; arrays may carry leading axes."""

    fit: DeepLinearFit
    halves: int

    @property
    def c(self) -> float:
        """The constant of the loss."""
        return self.halves / 2

    @cached_property
    def objective(self) -> Objective:
        """R(θ) = (c/n) |Y - XWᵀ|²."""
        return Objective(self.fit.model, SquaredLoss(self.c), self.fit.data)

    @property
    def correlation(self) -> np.ndarray:
        """C = YᵀX/n, shape (..., d_L, d_0)."""
        C: np.ndarray = self.fit.data.correlation
        return C if self.fit.data.several_outputs else C[..., None, :]

    def gradient_in_w(self, layers: Sequence[np.ndarray], absolute: bool = False) -> np.ndarray:
        """G = ∇_W R = 2c (WΣ - C) at the given layers, real or complex; `absolute`: the size of what cancels in it."""
        product = layers[-1] @ below(layers)[-1]
        covariance, C = self.fit.covariance, self.correlation
        gradient: np.ndarray = 2 * self.c * (product @ abs(covariance) + abs(C) if absolute else product @ covariance - C)
        return gradient

    @property
    def hessian(self) -> Measured:
        """∇²R(θ), each entry with the bar of the matrix."""
        return Measured(self.objective.hessian(self.fit.theta), self.objective.hessian_error(self.fit.theta)[..., None, None])


def with_constant(fits: Recipe) -> Recipe:
    """Recipe of `ScaledFit`: the fits, with c = 1/2, 1 or 3/2."""

    @recipe(bind=lambda X, y: with_constant(fits.on(X, y)))
    def constants(draw: Drawer) -> ScaledFit:
        return ScaledFit(draw(fits), draw(choice((1, 2, 3))))

    return constants
