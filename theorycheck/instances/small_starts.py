"""Deep linear networks at moderate starts, on exact data of controlled spectrum, and the sharpness where flows end."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.dynamics.flows import GradientFlow
from theorycheck.dynamics.quantities import sharpness
from theorycheck.dynamics.trajectories import Ending, Stop, follow
from theorycheck.instances.deep_linear import DeepLinearFit
from theorycheck.instances.recipes import Drawer, Recipe, array, integers, orthogonal, recipe, signs
from theorycheck.measured import Measured

Range = tuple[int, int]


def starts(depth: Range = (2, 4), width: Range = (1, 3), dim: Range = (1, 3), outputs: Range = (1, 1), least: float = 0.0) -> Recipe:
    """Recipe of `DeepLinearFit`: Σ with eigenvalues in [1/2, 2], entries of the start of size least to 1, of the target 2 least to 2.

    The data is exact: y = X w*, as many samples as inputs. The ranges are inclusive.
    """

    @recipe
    def of(draw: Drawer) -> DeepLinearFit:
        hidden = [draw(integers(*width)) for _ in range(draw(integers(*depth)) - 1)]
        d, d_out = draw(integers(*dim)), draw(integers(*outputs))
        X = np.sqrt(d * draw(array(d, 0.5, 2.0)))[:, None] * draw(orthogonal(d)).T
        widths = (d, *hidden, d_out)
        target = draw(signs(d * d_out)) * draw(array(d * d_out, 2 * least, 2.0))
        target = target.reshape(d, d_out) if d_out > 1 else target
        sizes = [a * b for a, b in pairwise(widths)]
        theta = [draw(signs(size)) * draw(array(size, least, 1.0)) for size in sizes]
        return DeepLinearFit(widths, Regression(X, X @ target), np.concatenate(theta))

    return of


def turned(f: DeepLinearFit) -> DeepLinearFit:
    """The last layer with the sign that points w to the target: <w, Σw*> ≥ 0."""
    return f if f.w @ f.covariance @ f.w_star >= 0 else f.at((*f.layers[:-1], -f.layers[-1]))


def limit_sharpness(f: DeepLinearFit, scales: np.ndarray, small: float = 1e-7) -> Measured:
    """S^∞ for the starts scales x θ, scales first, shape (k, ...); squared loss with c = 1.

    Seen where ∇R has fallen to `small`; a bound on what is left to change is in the bar, which is infinite for flows that go on.
    """
    theta = scales.reshape(-1, *(1,) * f.theta.ndim) * f.theta
    threshold = np.minimum(small, 1e-3 * np.linalg.norm(f.objective.gradient(theta), axis=-1))
    flow = GradientFlow(accuracy=small, floor=1.0)
    run = follow(f.objective, flow, theta, Stop(time=4096.0, gradient_norm=threshold), record=(sharpness,))
    seen = run.records[sharpness][..., -1]
    left = 8 * f.depth * threshold / (np.linalg.eigvalsh(f.covariance)[..., 0] * np.linalg.norm(f.w_star, axis=-1) ** (2 - 1 / f.depth))
    return Measured(seen.value, np.where(run.ended(Ending.GRADIENT_SMALL), seen.error + left * seen.value, np.inf))
