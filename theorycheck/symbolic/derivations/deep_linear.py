"""The route of matrix words: deep linear networks of any depth and widths."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from theorycheck.symbolic.derivations.base import WrongDerivation, loss_latex, require_one_curvature
from theorycheck.symbolic.derivations.numeric_twins import check_words_numerically
from theorycheck.symbolic.derivations.sources import deep_linear_source
from theorycheck.symbolic.derivations.twins import check_words
from theorycheck.symbolic.derivations.words import DerivationInWords
from theorycheck.symbolic.losses import Loss, SquaredLoss
from theorycheck.symbolic.matrix_words import Chain, NamedForms, latex
from theorycheck.symbolic.parametrizations import DeepLinear

EXPLICIT = 3  # depth up to which the LaTeX also writes the products out


@dataclass(frozen=True, repr=False)
class WordDerivation(DerivationInWords):
    """Derivation of a deep linear network: one matrix a layer, any widths."""

    model: DeepLinear
    loss: Loss

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        return self.model.layer_shapes

    def latex(self) -> str:
        forms, depth = NamedForms(self.words.curvature), self.model.depth
        lines = [
            rf"& \text{{deep linear network, depth }} L = {depth}:\ W = W_L \cdots W_1,\ W_k \in \mathbb{{R}}^{{d_k \times d_{{k-1}}}}",
            r"& A_k = W_L \cdots W_{k+1},\ B_k = W_{k-1} \cdots W_1,\ M_{kj} = W_{k-1} \cdots W_{j+1}\ (k > j),\ \text{empty products are } I",
            rf"& {self._risk_latex()}",
            r"& \text{matrices are flattened row by row, } r(V);\quad K_j\, r(V) = r(V^{\top}) \text{ for } V \text{ of the shape of } W_j",
            rf"& \nabla_{{W_k}} R = {latex(forms.gradient('k'))}",
            rf"& H_{{kk}} = {latex(forms.block('k', 'k', 0))}",
        ]
        if depth > 1:
            lines.append(rf"& H_{{kj}} = {latex(forms.block('k', 'j', 1))} \quad (k > j), \qquad H_{{jk}} = H_{{kj}}^{{\top}}")
        if depth <= EXPLICIT:
            lines += [rf"& \nabla_{{W_{k}}} R = {latex(words)}" for k, words in enumerate(self.gradient, 1)]
            lines += [rf"& H_{{{k}{j}}} = {latex(self.hessian[k - 1][j - 1])}" for k in range(1, depth + 1) for j in range(1, k + 1)]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def python(self) -> str:
        return deep_linear_source(self.model, self.loss, self.words.curvature, self.checked)

    def _risk_latex(self) -> str:
        if isinstance(self.loss, SquaredLoss):
            c = sp.latex(self.loss.constant)
            risk = rf"R = \tfrac{{c}}{{n}} \|Y - X W^{{\top}}\|_F^2,\ c = {c},\ \text{{samples are the rows of }} X,"
            return rf"{risk}\ \Sigma = \tfrac{{1}}{{n}} X^{{\top}} X,\ G = \nabla_W R = 2 c \, (W \Sigma - \tfrac{{1}}{{n}} Y^{{\top}} X)"
        sums = r"G = \nabla_W R = \tfrac1n \sum_i \ell'(f_i, y_i)\, x_i,\ \Sigma = \tfrac1n \sum_i \ell''(f_i, y_i)\, x_i^{\top} x_i"
        return rf"R = \tfrac{{1}}{{n}} \sum_i \ell(f_i, y_i),\ {loss_latex(self.loss)},\ f = X W^{{\top}},\ x_i \text{{ are the rows of }} X,\ {sums}"


def derive_words(model: DeepLinear, loss: Loss) -> WordDerivation:
    """Derive by the differential calculus of words, and cross-check.

    Raises
    ------
    InvalidArgument
        If the loss has a curvature of its own for each of several outputs.

    """
    require_one_curvature(model, loss)
    chain = Chain(model.depth)
    kappa = 2 * loss.constant if isinstance(loss, SquaredLoss) else sp.S.One
    derivation = WordDerivation(model, loss, (), chain.derivatives(kappa))
    return replace(derivation, checked=cross_checked(derivation))


def cross_checked(derivation: WordDerivation) -> tuple[str, ...]:
    """Carry out the cross-checks of a derivation in words; raises `WrongDerivation` if one fails."""
    chain, words = Chain(derivation.model.depth), derivation.words
    statements = check_words(chain, words, derivation.loss)
    if not chain.named_forms_hold(words):
        raise WrongDerivation("the general forms in A_k, B_k, M_kj do not unfold to the derived words")
    unfolded = f"independent: general forms in A_k, B_k, M_kj, unfolded to the derived words for every k, j ≤ {chain.depth}"
    return (*statements, check_words_numerically(chain, words), unfolded)
