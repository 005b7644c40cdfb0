r"""Layers are automatically balanced (Du, Hu & Lee 2018, arXiv:1806.00900).

Setting      N(x) = W_k σ(W_{k-1} ... σ(W_1 x)) without biases, σ(z) = z for z > 0 and βz below (β = 0 ReLU, 1 linear); any loss with
             slopes g in the predictions. Unit i of layer j has the incoming row W_j[i, :] and the outgoing column W_{j+1}[:, i]. For
             the factorization W = UVᵀ, D = UᵀU - VᵀV.
Convention   None for the conserved quantities; the two-layer flows use the squared loss with c = 1, the drift bound holds for any loss.
Results      unit_gradients_agree          ⟨row, ∂row⟩ = ⟨column, ∂column⟩ for every unit, at every point, slope and depth, and so
             unit_imbalance_conserved_by_flow   |row|² - |column|² is constant along gradient flow of two layers, through the kinks
             layer_norms_conserved_by_flow      hence |W_1|² - |W_2|² too: a start of size ε stays balanced to ε²
             matrix_imbalance_conserved_of_linear  for β = 1 the whole matrix W_1W_1ᵀ - W_2ᵀW_2 is constant, for kinks only its diagonal
             factor_imbalance_conserved_by_flow UᵀU - VᵀV is constant along the flow of the factorization, as a matrix
             imbalance_decays_of_weight_decay   with the penalty (λ/2)|θ|²: D(t) = e^(-2λt) D(0)
             drift_le_of_descent           gradient descent: ‖D(T) - D(0)‖_* ≤ 2η(R(0) - R(T)) if every step lowers R by η|∇R|²/2
             The drift bound is derived here from the exact change in one step (arora_2018); the rest is standard, as in the project's
             catalogue under arora-2018/conservation.
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


@dataclass(frozen=True)
class Factored:
    """U and V, a target of UVᵀ, a step, a decay λ."""

    U: np.ndarray
    V: np.ndarray
    M: np.ndarray
    step: float
    decay: float

    @property
    def model(self) -> tc.Flattened:
        """The entries of UVᵀ."""
        return tc.Flattened(tc.MatrixFactorization(self.U.shape[-2], self.V.shape[-2], self.U.shape[-1]))

    @property
    def objective(self) -> tc.Objective:
        """|UVᵀ - M|²/2."""
        shape = self.M.shape
        size = shape[-2] * shape[-1]
        eye = np.broadcast_to(np.eye(size).reshape(size, *shape[-2:]), (*shape[:-2], size, *shape[-2:]))
        return tc.Objective(self.model, tc.SquaredLoss(size / 2), tc.MatrixSensing(eye, self.M.reshape(*shape[:-2], size)))

    @property
    def theta(self) -> np.ndarray:
        """(U, V)."""
        return np.concatenate([F.reshape(*F.shape[:-2], -1) for F in (self.U, self.V)], axis=-1)


@tc.recipe
def factored(draw):
    """Up to 3 rows, columns and rank."""
    m, n, r = draw(tc.integers(1, 3)), draw(tc.integers(1, 3)), draw(tc.integers(1, 3))
    factors = draw(tc.array((m, r))), draw(tc.array((n, r))), draw(tc.array((m, n)))
    return Factored(*factors, draw(tc.choice([2.0**-k for k in range(7)])), draw(tc.choice((0.5, 0.0, 1.0, 0.25))))


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


def factor_imbalance(p: Factored, theta: tc.Measured, other: bool = False) -> tc.Measured:
    """The entries of UᵀU - VᵀV; `other` takes UᵀU + VᵀV."""
    m, r = p.U.shape[-2:]
    lead, n = theta.shape[:-1], p.V.shape[-2]
    U, V = theta[..., : m * r].reshape(*lead, m, r), theta[..., m * r :].reshape(*lead, n, r)
    grams = [(F[..., :, :, None] * F[..., :, None, :]).sum(axis=-3).reshape(*lead, r * r) for F in (U, V)]
    return grams[0] + grams[1] if other else grams[0] - grams[1]


def flowed(p: Factored, precision: tc.Precision, other: bool = False) -> tc.Comparison:
    """UᵀU - VᵀV at t = 1/4 and 1 against t = 0."""
    run = tc.follow(p.objective, tc.GradientFlow(accuracy=1e-8), p.theta, tc.Stop(time=1.0))
    end = tc.Measured(run.final, run.error[..., None] * np.ones(p.theta.shape[-1]))
    before = factor_imbalance(p, tc.Measured.of(p.theta), other)
    return tc.equal("D(t) = D(0)", factor_imbalance(p, end, other), before, scale=np.sum(np.square(p.theta), axis=-1))


def decaying(p: Factored, precision: tc.Precision, rate: float = 2.0) -> tc.Comparison:
    """d/dt(UᵀU - VᵀV) = -2λ(UᵀU - VᵀV) at the point, for |UVᵀ - M|²/2 + (λ/2)|θ|²."""
    g = p.objective.gradient(p.theta) + np.asarray(p.decay)[..., None] * p.theta
    m, r = p.U.shape[-2:]
    dU, dV = -g[..., : m * r].reshape(p.U.shape), -g[..., m * r :].reshape(p.V.shape)
    speed = sum(s * (transposed(F) @ dF + transposed(dF) @ F) for s, F, dF in ((1, p.U, dU), (-1, p.V, dV)))
    D = transposed(p.U) @ p.U - transposed(p.V) @ p.V
    scale = np.linalg.norm(g, axis=-1) * np.linalg.norm(p.theta, axis=-1)
    return tc.equal("Ḋ = -2λD", speed, -rate * np.asarray(p.decay)[..., None, None] * D, scale=scale)


STEPS = 8


def descent(p: Factored) -> tc.Trajectory:
    """Eight steps of gradient descent."""
    return tc.follow(p.objective, tc.GradientDescent(step=p.step), p.theta, tc.Stop(steps=STEPS), save=tc.Every(1))


def drift(p: Factored, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """‖D(T) - D(0)‖_* ≤ factor 2η(R(0) - R(T)), one instance at a time."""
    states, r = descent(p).states, p.U.shape[-1]
    change = factor_imbalance(p, tc.Measured.of(states[-1])).value - factor_imbalance(p, tc.Measured.of(states[0])).value
    size = 64 * np.finfo(float).eps * np.sum(np.square(states[[0, -1]]))
    values = p.objective.risk(states)
    left = tc.Measured(np.linalg.norm(change.reshape(r, r), "nuc"), size)
    return tc.at_most("‖D(T) - D(0)‖_* ≤ 2η(R(0) - R(T))", left, factor * 2 * p.step * (tc.Measured.of(values[0]) - tc.Measured.of(values[-1])))


def descends(p: Factored) -> bool:
    """R falls by η|∇R|²/2 or more in every step (up to rounding)."""
    run = descent(p)
    if run.ending.item() is tc.Ending.DIVERGED or np.linalg.norm(run.final) > 1e6:
        return False
    values = p.objective.risk(run.states)
    wanted = p.step / 2 * np.sum(p.objective.gradient(run.states[:-1]) ** 2, axis=-1)
    return bool(np.all(values[:-1] - values[1:] >= wanted * (1 - 1e-9)))


# -- hypotheses and what algebra settles --

linear = tc.Premise("linear", "β = 1", lambda f: f.quarters == 4, enforce=lambda f: replace(f, quarters=4))
descending = tc.Premise("descending", "every step lowers R by η|∇R|²/2 or more", descends)


def words() -> tuple[tc.Identity, ...]:
    """UᵀU̇ - V̇ᵀV = 0 for the factorization; with decay -λ times the imbalance is left; any sizes."""
    m, n, r = sp.symbols("m n r")
    U, V, G = tc.Factor("U", m, r), tc.Factor("V", n, r), tc.Factor("G", m, n)
    decay = sp.Symbol("lambda", positive=True)
    dU, dV = -(G @ V), -(G.T @ U)
    plain = U.T @ dU + dU.T @ U - (V.T @ dV + dV.T @ V)
    heavy_U, heavy_V = dU - decay * U, dV - decay * V
    heavy = U.T @ heavy_U + heavy_U.T @ U - (V.T @ heavy_V + heavy_V.T @ V)
    return tc.Identity(plain, plain - plain), tc.Identity(heavy, -2 * decay * (U.T @ U - V.T @ V))


def euler() -> tc.Identity:
    """Euler's identity on a linear piece: Σ b_i ∂_{b_i} = a ∂_a for a σ(⟨b, x⟩), σ(z) = βz."""
    a, beta, b1, b2, x1, x2 = sp.symbols("a beta b1 b2 x1 x2", real=True)
    unit = a * beta * (b1 * x1 + b2 * x2)
    return tc.Identity(b1 * sp.diff(unit, b1) + b2 * sp.diff(unit, b2), a * sp.diff(unit, a))


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), stacked=True) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, stacked=stacked)


still, decayed = words()
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
factors = theorem("factor_imbalance_conserved_by_flow", factored, (), flowed, r"U^\top U - V^\top V \text{ is constant}", (still,))
decays = theorem("imbalance_decays_of_weight_decay", factored, (), decaying, r"\dot D = -2 \lambda D", (decayed,))
drifts = tc.Theorem("drift_le_of_descent", paper, factored, (descending,), drift, r"\lVert D(T) - D(0) \rVert_* \le 2 \eta (R(0) - R(T))", tight=True)

THEOREMS = (agree, units, norms, whole, factors, decays, drifts)
FALSE = (
    agree.claiming("as_matrices", partial(agreement, matrix=True)),
    units.claiming("under_descent", partial(conserved, descent=True)),
    norms.claiming("under_descent_too", partial(conserved, layers=True, descent=True)),
    whole.without(linear),
    factors.claiming("sum_of_grams", partial(flowed, other=True)),
    decays.claiming("rate_lambda", partial(decaying, rate=1.0)),
    decays.claiming("rate_2_0002", partial(decaying, rate=2.0002)),
    decays.claiming("conserved", partial(decaying, rate=0.0)),
    drifts.without(descending),
    drifts.claiming("factor_0_98", partial(drift, factor=0.98)),
)
