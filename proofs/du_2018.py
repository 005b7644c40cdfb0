r"""Layers are automatically balanced (Du, Hu & Lee 2018, arXiv:1806.00900).

Matrix factorization, weight decay and the drift of gradient descent are in `du_2018_factors`.

Setting      N(x) = W_k σ(W_{k-1} ... σ(W_1 x)) without biases, σ(z) = z for z > 0 and βz below (β = 0 ReLU, 1 linear); any loss with
             slopes g in the predictions. Unit i of layer j has the incoming row W_j[i, :] and the outgoing column W_{j+1}[:, i].
Convention   None for the conserved quantities; the two-layer flows use the squared loss with c = 1.
Results      unit_gradients_agree          ⟨row, ∂row⟩ = ⟨column, ∂column⟩ for every unit, at every point, slope and depth, and so
             unit_imbalance_conserved_by_flow   |row|² - |column|² is constant along gradient flow of two layers, through the kinks
             layer_norms_conserved_by_flow      hence |W_1|² - |W_2|² too: a start of size ε stays balanced to ε²
             matrix_imbalance_conserved_of_linear  for β = 1 the whole matrix W_1W_1ᵀ - W_2ᵀW_2 is constant, for kinks only its diagonal
             All is standard, as in the project's catalogue under arora-2018/conservation.
Not covered  Convolutions and other shared weights; the global convergence of descent with decaying steps; Adam.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import transposed
from theorycheck.instances.relu_networks import ReLUNetwork, relu_networks

paper = tc.Source("Du, Hu & Lee", 2018, arxiv="1806.00900", item="balancedness of homogeneous networks")


@dataclass(frozen=True)
class Pushed:
    """A network, inputs, and the slopes of some loss in its outputs."""

    network: ReLUNetwork
    X: np.ndarray
    g: np.ndarray


@tc.recipe
def pushed(draw):
    """Depth to 12, any slope below zero."""
    outputs = draw(tc.integers(1, 2))
    network = draw(relu_networks(depth=(2, 12), width=(1, 3), quarters=(0, 1, 4), outputs=outputs))
    n = draw(tc.integers(1, 3))
    return Pushed(network, draw(tc.array((n, network.layers[0].shape[1]))), draw(tc.array((n, outputs))))


@dataclass(frozen=True)
class Fit:
    """Two layers of two or three units on two samples."""

    quarters: int  # four times β
    theta: np.ndarray
    X: np.ndarray
    y: np.ndarray

    @property
    def model(self) -> tc.TwoLayerReLU:
        """The network."""
        d = self.X.shape[-1]
        return tc.TwoLayerReLU(d, self.theta.shape[-1] // (d + 1), self.quarters / 4)

    @property
    def objective(self) -> tc.PredictionObjective:
        """Squared loss, c = 1."""
        return tc.PredictionObjective(self.model, tc.SquaredLoss(1.0), tc.Regression(self.X, self.y))


@tc.recipe
def fits(draw):
    """Two inputs; entries in [-1, 1]."""
    hidden = draw(tc.integers(2, 3))
    return Fit(draw(tc.choice((0, 1, 4))), draw(tc.array(3 * hidden, -1, 1)), draw(tc.array((2, 2), -1, 1)), draw(tc.array(2, -1, 1)))


# -- claims --


def per_unit(network: ReLUNetwork, other: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """⟨rows, other rows⟩ and ⟨columns, other columns⟩ of all hidden units, shape (..., units)."""
    pairs = list(zip(network.layers, other, strict=True))
    rows = [np.sum(W * G, axis=-1) for W, G in pairs[:-1]]
    return np.concatenate(rows, axis=-1), np.concatenate([np.sum(W * G, axis=-2) for W, G in pairs[1:]], axis=-1)


def agreement(p: Pushed, precision: tc.Precision, matrix: bool = False) -> tc.Comparison:
    """⟨row, ∂row⟩ = ⟨column, ∂column⟩; with `matrix` all of g_jW_jᵀ = W_{j+1}ᵀg_{j+1}, false unless linear."""
    gradients = p.network.gradients(p.X, p.g)
    if matrix:
        sides = [
            (G @ transposed(W), transposed(V) @ H)
            for W, V, G, H in zip(p.network.layers, p.network.layers[1:], gradients, gradients[1:], strict=False)
        ]
        flat = [np.concatenate([s[k].reshape(*s[k].shape[:-2], -1) for s in sides], axis=-1) for k in (0, 1)]
        return tc.equal("g_jW_jᵀ = W_{j+1}ᵀg_{j+1}", *flat)
    return tc.equal("⟨row, ∂row⟩ = ⟨column, ∂column⟩", *per_unit(p.network, gradients))


def imbalance(f: Fit, theta: tc.Measured, matrix: bool = False) -> tc.Measured:
    """|b_i|² - a_i² of every unit; with `matrix` the entries of BBᵀ - aaᵀ."""
    d, end = f.X.shape[-1], f.model.hidden * f.X.shape[-1]
    lead = theta.shape[:-1]
    B, a = theta[..., :end].reshape(*lead, f.model.hidden, d), theta[..., end:]
    if not matrix:
        return (B * B).sum(axis=-1) - a * a
    whole = (B[..., :, None, :] * B[..., None, :, :]).sum(axis=-1) - a[..., :, None] * a[..., None, :]
    return whole.reshape(*lead, f.model.hidden**2)


def conserved(f: Fit, precision: tc.Precision, matrix: bool = False, layers: bool = False, descent: bool = False) -> tc.Comparison:
    """The imbalances at t = 1 of the flow (or of descent with step 1/16: false) against those at 0.

    They are conserved at every time, so a flow that is given up where it slides along a kink counts as far as it came.
    """
    method = tc.GradientDescent(step=0.0625) if descent else tc.GradientFlow(accuracy=1e-6, budget=256)
    run = tc.follow(f.objective, method, f.theta, tc.Stop(time=1.0))
    end = tc.Measured(run.final, run.error[..., None] * np.ones(f.theta.shape[-1]))
    now, before = imbalance(f, end, matrix), imbalance(f, tc.Measured.of(f.theta), matrix)
    if layers:
        now, before = now.sum(axis=-1), before.sum(axis=-1)
    scale = np.sum(np.square(f.theta), axis=-1)
    return tc.equal("imbalance(t) = imbalance(0)", now, before, resolution=1e-4, scale=scale)


# -- hypotheses and what algebra settles --

linear = tc.Premise("linear", "β = 1", lambda f: f.quarters == 4, enforce=lambda f: replace(f, quarters=4))


def euler() -> tc.Identity:
    """Euler's identity on a linear piece: Σ b_i ∂_{b_i} = a ∂_a for a σ(⟨b, x⟩), σ(z) = βz."""
    a, beta, b1, b2, x1, x2 = sp.symbols("a beta b1 b2 x1 x2", real=True)
    unit = a * beta * (b1 * x1 + b2 * x2)
    return tc.Identity(b1 * sp.diff(unit, b1) + b2 * sp.diff(unit, b2), a * sp.diff(unit, a))


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, stacked=stacked)


unit = r"\lVert W_j[i,:] \rVert^2 - \lVert W_{j+1}[:,i] \rVert^2"
agree = theorem(
    "unit_gradients_agree", pushed, (), agreement, r"\langle W_j[i,:], g_j[i,:] \rangle = \langle W_{j+1}[:,i], g_{j+1}[:,i] \rangle", (euler(),)
)
units = theorem("unit_imbalance_conserved_by_flow", fits, (), conserved, unit + r" \text{ is constant}", (euler(),))
norms = theorem(
    "layer_norms_conserved_by_flow", fits, (), partial(conserved, layers=True), r"\lVert W_1 \rVert^2 - \lVert W_2 \rVert^2 \text{ is constant}"
)
whole = theorem(
    "matrix_imbalance_conserved_of_linear", fits, (linear,), partial(conserved, matrix=True), r"W_1 W_1^\top - W_2^\top W_2 \text{ is constant}"
)

THEOREMS = (agree, units, norms, whole)
FALSE = (
    agree.claiming("as_matrices", partial(agreement, matrix=True)),
    units.claiming("under_descent", partial(conserved, descent=True)),
    norms.claiming("under_descent_too", partial(conserved, layers=True, descent=True)),
    whole.without(linear),
)
