r"""Two-layer networks with kinks: derivatives on each of the pieces on which the activations stay as they are.

Setting      f(x) = Σ_j a_j σ(b_jᵀ x), D_sj = σ'(b_jᵀ x_s) (1 or the slope), g and c the first and second derivative of the risk in the predictions.
             On a piece f = Φ w with w_j = a_j b_j and Φ_s = (D_s1 x_s, ..., D_sh x_s): a model that is linear in w.
Results      with p_j = Σ_s g_s D_sj x_s and C_jk = Σ_s c_s D_sj D_sk x_s x_sᵀ, the blocks of Φᵀg and of Φᵀ diag(c) Φ,

                 ∇_(b_j) R = a_j p_j,                    ∂R/∂a_j = b_jᵀ p_j,
                 H_(b_j b_k) = a_j a_k C_jk,             H_(b_j a_k) = a_j C_jk b_k + δ_jk p_j,        H_(a_j a_k) = b_jᵀ C_jk b_k.
Not covered  the kinks themselves, where a pre-activation is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from string import Template
from typing import Any

import numpy as np
import sympy as sp

from theorycheck.errors import ShapeMismatch
from theorycheck.symbolic.derivations.base import Derivation, WrongDerivation, loss_latex
from theorycheck.symbolic.derivations.entrywise import EntrywiseDerivation, derive_entrywise
from theorycheck.symbolic.derivations.numeric_twins import check_predictions_numerically
from theorycheck.symbolic.derivations.sources import checked_lines, loss_codes
from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.parametrizations import Entrywise
from theorycheck.symbolic.predictors import TwoLayerReLU

SEED = 20240513
SOURCE = Template('''"""Risk, gradient and Hessian of the two-layer network f(x) = sum_j a_j s(b_j . x), s(z) = z for z > 0 and $slope z for z <= 0.

theta holds B, shape (HIDDEN, INPUTS), row by row, then a, shape (HIDDEN,). Rows of X are samples. Derivatives are those of the piece
that the signs of the pre-activations select; s'(0) = $slope.
$checked"""

import numpy as np

INPUTS, HIDDEN = $inputs, $hidden


def split(theta):
    """B and a."""
    return np.reshape(theta[: HIDDEN * INPUTS], (HIDDEN, INPUTS)), theta[HIDDEN * INPUTS :]


def activations(theta, X):
    """Slopes D, shape (n, HIDDEN), and predictions, shape (n,)."""
    B, a = split(theta)
    Z = X @ B.T
    D = np.where(Z > 0, 1.0, $slope)
    return D, (D * Z) @ a


def loss(f, y):
    """Loss of one prediction; the risk is the mean."""
    return $loss


def risk(theta, X, y):
    """Risk at theta, shape (P,), on X, shape (n, INPUTS), and y, shape (n,)."""
    _, f = activations(theta, X)
    return np.sum(loss(f, y)) / len(X)


def through(theta, X, y):
    """p, shape (HIDDEN, INPUTS), and C, shape (HIDDEN, HIDDEN, INPUTS, INPUTS)."""
    D, f = activations(theta, X)
    with np.errstate(over="ignore"):
        slope, bend = ($first + 0.0 * f) / len(X), ($second + 0.0 * f) / len(X)
    return np.einsum("s,sj,sd->jd", slope, D, X), np.einsum("s,sj,sk,sd,se->jkde", bend, D, D, X, X)


def gradient(theta, X, y):
    """Gradient of the risk, shape (P,)."""
    B, a = split(theta)
    p, _ = through(theta, X, y)
    return np.concatenate([(a[:, None] * p).ravel(), np.sum(B * p, axis=1)])


def hessian(theta, X, y):
    """Hessian of the risk, shape (P, P)."""
    B, a = split(theta)
    p, C = through(theta, X, y)
    inner = np.einsum("j,k,jkde->jdke", a, a, C).reshape(HIDDEN * INPUTS, -1)
    mixed = np.einsum("j,jkde,ke->jdk", a, C, B)
    for j in range(HIDDEN):
        mixed[j, :, j] += p[j]
    mixed = mixed.reshape(-1, HIDDEN)
    return np.block([[inner, mixed], [mixed.T, np.einsum("jd,jkde,ke->jk", B, C, B)]])


def hvp(theta, X, y, v):
    """Hessian times v, shape (P,)."""
    return hessian(theta, X, y) @ v
''')


@dataclass(frozen=True, repr=False)
class PieceDerivation(Derivation):
    """Derivation of a two-layer network on a piece: `gradient` and `hessian` are those of `piece`, in g = p and C.

    Parameters
    ----------
    piece : EntrywiseDerivation
        The map w_j = a_j b_j, to which the risk is linked through the features Φ.

    """

    model: TwoLayerReLU
    loss: Loss
    piece: EntrywiseDerivation

    @property
    def gradient(self) -> sp.Matrix:
        return self.piece.gradient

    @property
    def gradient_lines(self) -> tuple[str, ...]:
        return ("∇_(b_j) R = a_j p_j", "∂R/∂a_j = b_jᵀ p_j")

    @property
    def letters(self) -> str:
        return "p_j = Σ_s g_s D_sj x_s,  D_sj = σ'(b_jᵀ x_s),  g_s = ℓ'(f_s, y_s)/n"

    @property
    def hessian(self) -> sp.Matrix:
        return self.piece.hessian

    def gradient_at(self, theta: Any, G: Any) -> np.ndarray:
        """Value at θ, shape ``(P,)``; G = Φᵀg is p, of ``hidden * inputs`` entries."""
        (B, a), p = self._split(theta), np.reshape(np.asarray(G), self._sizes)
        return np.concatenate([(a[:, None] * p).reshape(-1), np.sum(B * p, axis=1)])

    def hessian_at(self, theta: Any, G: Any, curvature: Any) -> np.ndarray:
        """Value at θ, shape ``(P, P)``; curvature = Φᵀ diag(c) Φ holds the C_jk."""
        (B, a), p, h = self._split(theta), np.reshape(np.asarray(G), self._sizes), self.model.hidden
        C = np.asarray(curvature).reshape(h, self.model.inputs, h, self.model.inputs)
        rows = []
        for j in range(h):
            blocks = [(a[j] * a[k] * C[j, :, k, :], a[j] * (C[j, :, k, :] @ B[k]) + (p[j] if j == k else 0)) for k in range(h)]
            rows.append(np.concatenate([*(inner for inner, _ in blocks), *(mixed[:, None] for _, mixed in blocks)], axis=1))
        above = np.concatenate(rows)
        corner = np.array([[B[j] @ C[j, :, k, :] @ B[k] for k in range(h)] for j in range(h)])
        return np.concatenate([above, np.concatenate([above[:, h * self.model.inputs :].T, corner], axis=1)])

    def latex(self) -> str:
        slope = sp.latex(sp.nsimplify(self.model.slope))
        lines = [
            rf"& f(x) = \sum_j a_j\, \sigma(b_j^{{\top}} x),\ \sigma(z) = z \text{{ for }} z > 0,\ {slope}\, z \text{{ for }} z \le 0",
            rf"& R = \tfrac1n \sum_s \ell(f_s, y_s),\ {loss_latex(self.loss)},\ \text{{samples }} x_s \text{{ are the rows of }} X",
            r"& D_{sj} = \sigma'(b_j^{\top} x_s),\ g_s = \tfrac1n \ell'(f_s, y_s),\ c_s = \tfrac1n \ell''(f_s, y_s)",
            r"& p_j = \sum_s g_s D_{sj} x_s,\ C_{jk} = \sum_s c_s D_{sj} D_{sk}\, x_s x_s^{\top}",
            r"& \text{on each piece, that is as long as no pre-activation } b_j^{\top} x_s \text{ changes its sign:}",
            r"& \nabla_{b_j} R = a_j p_j,\quad \partial_{a_j} R = b_j^{\top} p_j",
            r"& H_{b_j b_k} = a_j a_k C_{jk},\quad H_{b_j a_k} = a_j C_{jk} b_k + \delta_{jk}\, p_j,\quad H_{a_j a_k} = b_j^{\top} C_{jk} b_k",
        ]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def python(self) -> str:
        codes = dict(zip(("loss", "first", "second"), loss_codes(self.loss), strict=True))
        sizes = {"inputs": self.model.inputs, "hidden": self.model.hidden, "slope": repr(float(self.model.slope))}
        return SOURCE.substitute(codes, **sizes, checked=checked_lines(self.checked))

    @cached_property
    def _sizes(self) -> tuple[int, int]:
        return self.model.hidden, self.model.inputs

    def _split(self, theta: Any) -> tuple[np.ndarray, np.ndarray]:
        flat, end = np.asarray(theta), self.model.hidden * self.model.inputs
        if flat.shape != (self.model.parameters,):
            raise ShapeMismatch("theta.shape", flat.shape, f"must be ({self.model.parameters},)", "pass B row by row, then a")
        return flat[:end].reshape(self._sizes), flat[end:]


def derive_pieces(model: TwoLayerReLU, loss: Loss) -> PieceDerivation:
    """Derive on the pieces, and cross-check: the map of a piece entry by entry, the forms against its entries, both against the predictions.

    Raises
    ------
    TooLarge
        If the network has more parameters than the entrywise route takes.

    """
    piece = derive_entrywise(Entrywise(model.symbols, model.expressions), loss)
    derivation = PieceDerivation(model, loss, (), piece)
    return replace(derivation, checked=(*piece.checked, *_checked(derivation)))


def _checked(derivation: PieceDerivation) -> tuple[str, ...]:
    rng, model, m = np.random.default_rng(SEED), derivation.model, derivation.model.hidden * derivation.model.inputs
    theta, G, root = (rng.integers(1, 9, size).astype(object) for size in (model.parameters, m, (m, m)))
    for name, form, entries in (
        ("gradient", derivation.gradient_at(theta, G), derivation.piece.gradient_at(theta, G)),
        ("Hessian", derivation.hessian_at(theta, G, root + root.T), derivation.piece.hessian_at(theta, G, root + root.T)),
    ):
        if np.any(form != entries):
            raise WrongDerivation(f"the form of the {name} on a piece differs from its entries")
    return ("independent: the forms in p_j and C_jk, exactly, against the entries at a whole point", check_predictions_numerically(derivation))
