"""Deep linear networks at moderate starts, on exact data of controlled spectrum: what flows and descent are followed on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from theorycheck.dynamics.data import Regression
from theorycheck.instances.deep_linear import DeepLinearFit
from theorycheck.instances.recipes import Drawer, Recipe, array, integers, orthogonal, recipe, signs

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
