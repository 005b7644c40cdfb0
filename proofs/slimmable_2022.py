r"""One linear layer for two widths (Zhao, Zhu, Wang & Yang 2022, arXiv:2209.15525), in the form derived in the project's catalogue.

Setting      Inputs X = [X_1 X_2] of full column rank, targets y; the wide network predicts X_1t_1 + X_2t_2, the slim one X_1t_1 with the same
             t_1. f = (f_1, f_2) fits the wide one best, s the slim one; u = f_1 - s, G = X_1ᵀX_1, S = X_1ᵀ(I - P_2)X_1 ≤ G with P_2 the
             projection onto the columns of X_2; J(t) = |y - Xt|² + |y - X_1t_1|².
Convention   Sums of squares, no 1/n.
Results      slice_differs_by           u = -G⁻¹X_1ᵀX_2f_2
             slice_is_best_of_uncoupled f_1 = s where X_1ᵀX_2f_2 = 0: orthogonal blocks are not needed for it
             shared_layer_eq            J is least at t_1 = (S + G)⁻¹(Sf_1 + Gs)
             excess_eq                  its least value exceeds that of two separate layers by uᵀ(S⁻¹ + G⁻¹)⁻¹u
             excess_between             which lies between uᵀSu/2 and uᵀSu
Not covered  The interpolating regime, where sharing costs norm and no loss; the imbalance of gradients; contrastive losses.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.shared_layers import SharedLayer, shared_layers, solved

paper = tc.Source("Zhao et al.", 2022, arxiv="2209.15525", item="a shared linear layer")
layers = shared_layers()

# -- hypotheses --


def coupling(p: SharedLayer) -> tc.Comparison:
    """X_1ᵀX_2f_2 = 0."""
    return tc.equal("X_1ᵀX_2f_2 = 0", p.X1.T @ p.X2 @ p.full[p.first :], 0.0, scale=np.linalg.norm(p.X) ** 2 * np.linalg.norm(p.full))


full_rank = tc.Premise("full_rank", "σ_min(X) ≥ σ_max(X)/16", SharedLayer.has_full_rank)
uncoupled = tc.Premise("uncoupled", "X has full rank and X_1ᵀX_2f_2 = 0", coupling, enforce=SharedLayer.uncoupled)

# -- claims --


def size(p: SharedLayer) -> float:
    """What may cancel in a solution: |y|/σ_min(X)."""
    return float(np.linalg.norm(p.y) / np.linalg.norm(p.X, -2))


def slice_differs(p: SharedLayer, precision: tc.Precision, sign: float = -1.0) -> tc.Comparison:
    """Two least-squares solutions against the coupling."""
    right = sign * np.linalg.solve(p.gram, p.X1.T @ (p.X2 @ p.full[p.first :]))
    return tc.equal("u = -G⁻¹X_1ᵀX_2f_2", p.moved, right, scale=size(p))


def slice_is_best(p: SharedLayer, precision: tc.Precision) -> tc.Comparison:
    """The slice of the wide solution against the slim one."""
    return tc.equal("f_1 = s", p.full[: p.first], p.alone, scale=size(p))


def shared_layer(p: SharedLayer, precision: tc.Precision, middle: bool = False) -> tc.Comparison:
    """The joint least squares against the mean of f_1 and s with weights S and G."""
    S, G = (np.eye(p.first), np.eye(p.first)) if middle else (p.schur, p.gram)
    right = np.linalg.solve(S + G, S @ p.full[: p.first] + G @ p.alone)
    return tc.equal("t_1 = (S + G)⁻¹(Sf_1 + Gs)", solved(*p.stacked)[: p.first], right, scale=size(p))


def excess(p: SharedLayer):
    """min J less the two separate minima, through residuals."""
    joint, *apart = (np.sum((y - X @ solved(X, y)) ** 2) for X, y in (p.stacked, (p.X, p.y), (p.X1, p.y)))
    return joint - sum(apart)


def excess_is(p: SharedLayer, precision: tc.Precision, parallel: bool = True) -> tc.Comparison:
    """The excess against the parallel sum of S and G; with `parallel` off, against S."""
    u, S, G = p.moved, p.schur, p.gram
    right = u @ S @ np.linalg.solve(S + G, G @ u) if parallel else u @ S @ u
    return tc.equal("excess = uᵀ(S⁻¹ + G⁻¹)⁻¹u", excess(p), right, scale=np.sum(p.y**2))


def excess_lies(p: SharedLayer, precision: tc.Precision, low: float = 0.5, high: float = 1.0) -> tc.Comparison:
    """The excess in units of uᵀSu."""
    unit = p.moved @ p.schur @ p.moved
    found = tc.Measured(excess(p), 64 * np.finfo(float).eps * np.sum(p.y**2))
    return tc.all_of(tc.at_least("excess ≥ uᵀSu/2", found, low * unit), tc.at_most("excess ≤ uᵀSu", found, high * unit))


# -- what algebra settles: one column in each block, G = p, X_1ᵀX_2 = q, X_2ᵀX_2 = w --

p_, q, w, y1, y2 = sp.symbols("p q w y_1 y_2", positive=True)
f1, f2 = sp.Matrix([[p_, q], [q, w]]).LUsolve(sp.Matrix([y1, y2]))
slim = y1 / p_
S_, G_ = p_ - q**2 / w, p_
joint = sp.Matrix([[2 * p_, q], [q, w]]).LUsolve(sp.Matrix([2 * y1, y2]))[0]
coupled = tc.Identity(f1 - slim, -q * f2 / p_)
weighted = tc.Identity(joint, (S_ * f1 + G_ * slim) / (S_ + G_))

# -- the theorems --


def theorem(name: str, claim, statement: str, premises=(), identities=()) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, layers, (full_rank, *premises), claim, statement, identities)


slice_differs_by = theorem("slice_differs_by", slice_differs, r"f_1 - s = -G^{-1} X_1^\top X_2 f_2", (), (coupled,))
slice_is_best_of = tc.Theorem("slice_is_best_of_uncoupled", paper, layers, (uncoupled,), slice_is_best, r"f_1 = s")
shared_layer_eq = theorem("shared_layer_eq", shared_layer, r"t_1 = (S + G)^{-1} (S f_1 + G s)", (), (weighted,))
excess_eq = theorem("excess_eq", excess_is, r"\min J - \min J_1 - \min J_2 = u^\top (S^{-1} + G^{-1})^{-1} u")
excess_between = theorem("excess_between", excess_lies, r"\tfrac12 u^\top S u \le \min J - \min J_1 - \min J_2 \le u^\top S u")

THEOREMS = (slice_differs_by, slice_is_best_of, shared_layer_eq, excess_eq, excess_between)
FALSE = (
    slice_differs_by.claiming("plus", partial(slice_differs, sign=1.0)),
    slice_is_best_of.without(uncoupled),
    shared_layer_eq.claiming("the_middle", partial(shared_layer, middle=True)),
    excess_eq.claiming("of_S_alone", partial(excess_is, parallel=False)),
    excess_between.claiming("low_0_51", partial(excess_lies, low=0.51)),
    excess_between.claiming("high_0_98", partial(excess_lies, high=0.98)),
)
