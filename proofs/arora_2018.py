r"""What deep linear networks conserve (Arora, Cohen & Hazan 2018, arXiv:1802.06509; Du, Hu & Lee 2018, arXiv:1806.00900).

Setting      W_k of shape (d_k, d_{k-1}), W = W_L ... W_1, any loss of W, layer gradients g_k = ∇_{W_k} R,
             D_j = W_{j+1}ᵀW_{j+1} - W_jW_jᵀ for j = 1 .. L-1.
Convention   None needed: the statements hold for any loss of the product; checked with the squared loss, c = 1.
Results      layer_gradients_agree               W_{j+1}ᵀ g_{j+1} = g_j W_jᵀ at every point, and so
             imbalance_conserved_by_flow         D_j is constant along gradient flow
             imbalance_changes_by_of_one_step    one step of gradient descent changes D_j by exactly η²(g_{j+1}ᵀg_{j+1} - g_jg_jᵀ)
             imbalance_drift_is_first_order      over a fixed time the drift under gradient descent is of order η, for η well below 2/S
Not covered  Weight decay, the per-neuron law of ReLU networks: `du_2018`. How balanced networks move: `arora_2018_velocity`.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits

paper = tc.Source("Arora, Cohen & Hazan", 2018, arxiv="1802.06509", item="conservation of balancedness")
fits = deep_linear_fits(depth=(2, 5), width=(1, 4), dim=(1, 4), samples=(1, 6), outputs=(1, 3))
flow_fits = deep_linear_fits(depth=(2, 4), width=(1, 3), dim=(1, 3), samples=(1, 4), outputs=(1, 2))


@dataclass(frozen=True)
class Step:
    """A point of a network with data, and a step size."""

    fit: DeepLinearFit
    step: float


def steps_of(fits: tc.Recipe) -> tc.Recipe:
    """A fit and a step size 1, 1/2, ..., 1/64."""

    @tc.recipe(bind=lambda X, y: steps_of(fits.on(X, y)))
    def steps(draw):
        return Step(draw(fits), draw(tc.choice([2.0**-k for k in range(7)])))

    return steps


# -- the matrices --


def products(layers: tuple[np.ndarray, ...], gradients: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """All entries of W_{j+1}ᵀ g_{j+1} and of g_j W_jᵀ."""
    left = [W.T @ g for W, g in zip(layers[1:], gradients[1:], strict=True)]
    right = [g @ W.T for W, g in zip(layers[:-1], gradients[:-1], strict=True)]
    return entries(left), entries(right)


def imbalances(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    """All entries of D_1, ..., D_{L-1}."""
    return entries([B.mT @ B - A @ A.mT for A, B in pairwise(layers)])


def transposed_imbalances(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    """All entries of the wrong matrices W_{j+1}W_{j+1}ᵀ - W_jᵀW_j, where the shapes allow them (else of D_j)."""
    return entries([B @ B.T - A.T @ A if len(B) == A.shape[1] else B.T @ B - A @ A.T for A, B in pairwise(layers)])


def entries(matrices: list[np.ndarray]) -> np.ndarray:
    """The matrices as one vector, of each stacked instance."""
    return np.concatenate([m.reshape(*m.shape[:-2], -1) for m in matrices], axis=-1)


def gradients(f: DeepLinearFit) -> tuple[np.ndarray, ...]:
    """g_1, ..., g_L."""
    return f.model.layers(f.objective.gradient(f.theta))


# -- hypotheses --

moving = tc.Premise("moving", "g_{j+1}ᵀg_{j+1} ≠ g_jg_jᵀ for some j", lambda s: bool(np.any(np.abs(imbalances(gradients(s.fit))) > 1e-2)))


# -- claims --


def agreement(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """W_{j+1}ᵀ g_{j+1} = g_j W_jᵀ."""
    return tc.equal("W_{j+1}ᵀ g_{j+1} = g_j W_jᵀ", *products(f.layers, gradients(f)))


def agreement_transposed(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """W_{j+1}ᵀ g_{j+1} = (g_j W_jᵀ)ᵀ: false, the common matrix need not be symmetric."""
    left, _ = products(f.layers, gradients(f))
    right = entries([(g @ W.T).T for W, g in zip(f.layers[:-1], gradients(f)[:-1], strict=True)])
    return tc.equal("W_{j+1}ᵀ g_{j+1} = W_j g_jᵀ", left, right)


def change(s: Step, precision: tc.Precision, factor: float = 1.0, of=imbalances) -> tc.Comparison:
    """D_j(θ - η∇R) - D_j(θ) = factor η²(g_{j+1}ᵀg_{j+1} - g_jg_jᵀ)."""
    run = tc.follow(s.fit.objective, tc.GradientDescent(step=s.step), s.fit.theta, tc.Stop(steps=1))
    seen = of(s.fit.model.layers(run.final)) - of(s.fit.layers)
    return tc.equal("D_j(t+1) - D_j(t) = η²(g_{j+1}ᵀg_{j+1} - g_jg_jᵀ)", seen, factor * s.step**2 * of(gradients(s.fit)))


def conserved_transposed(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """The wrong matrices along the flow: false."""
    run = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-9), f.theta, tc.Stop(time=1.0))
    now, bar = transposed_imbalances(f.model.layers(run.final)), 4 * float(run.error) * np.linalg.norm(run.final)
    return tc.equal("W_{j+1}W_{j+1}ᵀ - W_jᵀW_j constant", tc.Measured(now, bar), transposed_imbalances(f.layers))


def conserved(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
    """D_j(t) = D_j(0) along the flow, at t = 1/4 and t = 1."""
    run = tc.follow(f.objective, tc.GradientFlow(accuracy=1e-9), f.theta, tc.Stop(time=1.0), record=(tc.balancedness,), save=tc.At((0.25, 1.0)))
    start = tc.balancedness(f.objective, f.theta)
    return tc.equal("D_j(t) = D_j(0)", run.records[tc.balancedness], start[..., None, :])


def drift(s: Step, precision: tc.Precision, exponent: float = 1.0) -> tc.Comparison:
    """|D(T) - D(0)| for step sizes η = u/2^7, ..., u/2^12 at T = u/4: slope of log drift against log η; u ≤ 1 with uS(θ) ≤ 16."""
    sharpness = tc.sharpness(s.fit.objective, s.fit.theta).value
    unit = np.prod([np.where(sharpness > 2.0**k, 0.5, 1.0) for k in range(4, 24)], axis=0)
    etas, sizes, errors = 2.0 ** -np.arange(7, 13), [], []
    for eta in etas:
        run = tc.follow(s.fit.objective, tc.GradientDescent(step=eta * unit), s.fit.theta, tc.Stop(steps=round(0.25 / eta)))
        moved = imbalances(s.fit.model.layers(run.final)) - imbalances(s.fit.layers)
        sizes.append(np.linalg.norm(moved, axis=-1))
        errors.append(4 * run.error * np.linalg.norm(s.fit.theta, axis=-1))
    return tc.scales_as("|D(T) - D(0)| ~ η", etas, tc.Measured(sizes, errors), exponent)


# -- what algebra settles --


def words() -> tuple[tc.Identity, ...]:
    """The identity behind both, and the change in one step, for layers of any size."""
    above, here, below, first, last = sp.symbols("d_{j+1} d_j d_{j-1} d_0 d_L")
    A, G, B = tc.Factor("A", last, above, ("j+1",)), tc.Factor("G", last, first), tc.Factor("B", below, first, ("j",))
    W, V = tc.Factor("W", here, below, ("j",)), tc.Factor("W", above, here, ("j+1",))
    g, h = (A @ V).T @ G @ B.T, A.T @ G @ (W @ B).T
    eta = sp.Symbol("eta", positive=True)
    before, V_after, W_after = V.T @ V - W @ W.T, V - eta * h, W - eta * g
    after = V_after.T @ V_after - W_after @ W_after.T
    return tc.Identity(V.T @ h, g @ W.T), tc.Identity(after - before, eta**2 * (h.T @ h - g @ g.T))


# -- the theorems --

agree, one_step = words()
layer_gradients_agree = tc.Theorem("layer_gradients_agree", paper, fits, (), agreement, r"W_{j+1}^\top g_{j+1} = g_j W_j^\top", identities=(agree,))
imbalance_conserved_by_flow = tc.Theorem(
    "imbalance_conserved_by_flow",
    paper,
    flow_fits,
    (),
    conserved,
    r"D_j(t) = D_j(0)",
    identities=(agree, tc.chains.matrix_outputs.conservation),
    stacked=True,
)
imbalance_changes_by_of_one_step = tc.Theorem(
    "imbalance_changes_by_of_one_step",
    paper,
    steps_of(fits),
    (),
    change,
    r"D_j(\theta - \eta \nabla R) - D_j(\theta) = \eta^2 \left(g_{j+1}^\top g_{j+1} - g_j g_j^\top\right)",
    identities=(one_step,),
)
imbalance_drift_is_first_order = tc.Theorem(
    "imbalance_drift_is_first_order",
    paper,
    steps_of(deep_linear_fits(depth=(2, 3), width=(1, 2), dim=(1, 2), samples=(1, 2))),
    (moving,),
    drift,
    r"|D(T) - D(0)| = O(\eta)",
    tight=True,
    stacked=True,
)

THEOREMS = (layer_gradients_agree, imbalance_conserved_by_flow, imbalance_changes_by_of_one_step, imbalance_drift_is_first_order)
FALSE = (
    layer_gradients_agree.claiming("transposed", agreement_transposed),
    replace(imbalance_conserved_by_flow.claiming("wrong_transposes", conserved_transposed), stacked=False),  # contracted one by one, further
    imbalance_changes_by_of_one_step.claiming("conserved", partial(change, factor=0.0)),
    imbalance_changes_by_of_one_step.claiming("factor_1_0002", partial(change, factor=1.0002)),
    imbalance_changes_by_of_one_step.claiming("wrong_transposes", partial(change, of=transposed_imbalances)),
    imbalance_drift_is_first_order.claiming("second_order", partial(drift, exponent=2.0)),
)
