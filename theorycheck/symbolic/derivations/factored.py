"""Matrix form of the derivatives of matrix factorizations, W = U Vᵀ and W = U Uᵀ, of any sizes: the words of the product.

G = ∇_W R, dG = κ dW Σ; blocks act on directions flattened row by row, and K_U r(D) = r(Dᵀ) for D of the shape of U.
The forms are compared exactly with the entrywise derivation, at its sizes, before they are given.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from theorycheck.symbolic.derivations.base import WrongDerivation, layer_values
from theorycheck.symbolic.derivations.entrywise import EntrywiseDerivation
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words import Factor, MapDerivatives, Point
from theorycheck.symbolic.models import MatrixFactorization, SymmetricFactorization

SEED = 20240513


def factored_forms(derivation: EntrywiseDerivation) -> MapDerivatives | None:
    """Words of the gradient and of the Hessian blocks, or nothing for any other model.

    Raises
    ------
    WrongDerivation
        If the words and the entries disagree.

    """
    model, loss = derivation.model, derivation.loss
    n, m, r = (sp.Symbol(name, integer=True, positive=True) for name in "nmr")
    kappa = 2 * loss.constant if isinstance(loss, SquaredLoss) else sp.S.One
    U, V = Factor("U", n, r), Factor("V", m, r)
    if isinstance(model, MatrixFactorization):
        forms = MapDerivatives(U @ V.T, (U, V), kappa)
        shapes: tuple[tuple[int, int], ...] = ((model.rows, model.rank), (model.cols, model.rank))
    elif isinstance(model, SymmetricFactorization):
        forms, shapes = MapDerivatives(U @ U.T, (U,), kappa), ((model.dim, model.rank),)
    else:
        return None
    _compare(forms, derivation, shapes)
    return forms


def _compare(forms: MapDerivatives, derivation: EntrywiseDerivation, shapes: tuple[tuple[int, int], ...]) -> None:
    generator, (rows, cols) = np.random.default_rng(SEED), derivation.model.shape
    theta, G, root = (generator.integers(1, 9, size).astype(object) for size in (derivation.model.parameters, (rows, cols), (cols, cols)))
    covariance = root + root.T
    values = dict(zip(forms.layers, layer_values(theta, shapes), strict=True))
    point = Point({**values, forms.gradient_in_w: G, forms.covariance: covariance})
    gradient = np.concatenate([point.evaluate(words).reshape(-1) for words in forms.gradient])
    hessian = np.block([[point.evaluate(block) for block in row] for row in forms.hessian])
    curvature = sp.Rational(forms.curvature) * covariance
    if np.any(gradient != derivation.gradient_at(theta, G)):
        raise WrongDerivation("the matrix form of the gradient differs from its entries")
    if np.any(hessian != derivation.hessian_at(theta, G, curvature)):
        raise WrongDerivation("the matrix form of the Hessian differs from its entries")
