"""Matrix form of the derivatives of matrix factorizations, W = U Vᵀ and W = U Uᵀ, of any sizes: the words of the product.

G = ∇_W R, dG = κ dW Σ; blocks act on directions flattened row by row, and K_U r(D) = r(Dᵀ) for D of the shape of U.
The forms are compared exactly with the entrywise derivation, at its sizes, before they are given. Factorizations above the budget of
the entrywise route are derived in words alone, compared with the entries of a small one of their kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import sympy as sp

from theorycheck.symbolic.derivations.base import WrongDerivation, loss_latex, require_one_curvature
from theorycheck.symbolic.derivations.entrywise import EntrywiseDerivation, derive_entrywise
from theorycheck.symbolic.derivations.numeric_twins import check_factored_numerically
from theorycheck.symbolic.derivations.sources import factored_source
from theorycheck.symbolic.derivations.words import DerivationInWords
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.matrix_words import Factor, MapDerivatives, latex
from theorycheck.symbolic.models import MatrixFactorization, SymmetricFactorization

SEED = 20240513
Factorization = MatrixFactorization | SymmetricFactorization


@dataclass(frozen=True, repr=False)
class FactoredDerivation(DerivationInWords):
    """Derivation of a factorization of any sizes: one matrix a factor."""

    model: Factorization
    loss: Loss

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        if isinstance(self.model, MatrixFactorization):
            return (self.model.rows, self.model.rank), (self.model.cols, self.model.rank)
        return ((self.model.dim, self.model.rank),)

    @cached_property
    def small(self) -> EntrywiseDerivation:
        """The derivation, entry by entry, of a small factorization of the kind."""
        return derive_entrywise(small_of(self.model), self.loss)

    def latex(self) -> str:
        head = rf"R = \tfrac1n \sum_i \ell(f_i, y_i),\ {loss_latex(self.loss)}"
        return "\\begin{aligned}\n" + " \\\\\n".join(f"& {line}" for line in (head, *words_latex(self.words, self.loss))) + "\n\\end{aligned}"

    def python(self) -> str:
        return factored_source(self.model, self.loss, self.shapes, self.words.curvature, self.checked)


def derive_factored(model: Factorization, loss: Loss) -> FactoredDerivation:
    """Derive a factorization in words, compared exactly with the entries of a small one and with complex steps at its own kind.

    Raises
    ------
    InvalidArgument
        If the loss has a curvature of its own for each of several outputs.

    """
    require_one_curvature(model, loss)
    small = derive_entrywise(small_of(model), loss)
    words = factored_forms(small)
    assert words is not None
    exact = f"exact: the words, against every entry of the gradient and the Hessian of {small.model}, at random integers"
    derivation = FactoredDerivation(model, loss, (), words)
    return replace(derivation, checked=(*small.checked, exact, check_factored_numerically(words, derivation.shapes)))


def small_of(model: Factorization) -> Factorization:
    """A factorization of the kind within the entrywise budget; one row where there is one row, which losses may ask for."""
    if isinstance(model, MatrixFactorization):
        return MatrixFactorization(min(model.rows, 2), min(model.cols, 3), min(model.rank, 2))
    return SymmetricFactorization(min(model.dim, 3), min(model.rank, 2))


def words_latex(words: MapDerivatives, loss: Loss) -> list[str]:
    """The map, the conventions, the gradient and the blocks, one line of LaTeX each."""
    squared = r"\Sigma = \tfrac1n X^{\top} X"
    sigma = squared if isinstance(loss, SquaredLoss) else r"\Sigma = \tfrac1n \sum_i \ell''(f_i, y_i)\, x_i x_i^{\top}"
    names = [layer.name for layer in words.layers]
    lines = [rf"\nabla_{name} R = {latex(gradient)}" for name, gradient in zip(names, words.gradient, strict=True)]
    lines += [rf"H_{{{a}{b}}} = {latex(words.hessian[i][j])}" for i, a in enumerate(names) for j, b in enumerate(names) if j <= i]
    flat = r"\text{matrices are flattened row by row, } r(D);\quad K_U\, r(D) = r(D^{\top}) \text{ for } D \text{ of the shape of } U"
    conventions = rf"f = X W^{{\top}},\ \text{{samples are the rows of }} X,\ G = \nabla_W R,\ {sigma}"
    return [rf"\text{{matrix form, any sizes:}}\quad W = {latex(words.w)},\ {conventions}", flat, *lines]


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
    elif isinstance(model, SymmetricFactorization):
        forms = MapDerivatives(U @ U.T, (U,), kappa)
    else:
        return None
    _compare(FactoredDerivation(model, loss, (), forms), derivation)
    return forms


def _compare(words: FactoredDerivation, entries: EntrywiseDerivation) -> None:
    generator, (rows, cols) = np.random.default_rng(SEED), entries.model.shape
    theta, G, root = (generator.integers(1, 9, size).astype(object) for size in (entries.model.parameters, (rows, cols), (cols, cols)))
    curvature = sp.Rational(words.words.curvature) * (root + root.T)
    if np.any(words.gradient_at(theta, G) != entries.gradient_at(theta, G)):
        raise WrongDerivation("the matrix form of the gradient differs from its entries")
    if np.any(words.hessian_at(theta, G, curvature) != entries.hessian_at(theta, G, curvature)):
        raise WrongDerivation("the matrix form of the Hessian differs from its entries")
