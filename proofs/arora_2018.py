r"""What deep linear networks conserve (Arora, Cohen & Hazan 2018, arXiv:1802.06509; Du, Hu & Lee 2018, arXiv:1806.00900).

Setting      W_k of shape (d_k, d_{k-1}), any loss of the end-to-end matrix W_L ... W_1, layer gradients g_k = ∇_{W_k} R,
             D_j = W_{j+1}ᵀW_{j+1} - W_jW_jᵀ for j = 1 .. L-1.
Convention   None needed: the statements hold for any loss of the product; checked with the squared loss, c = 1.
Results      layer_gradients_agree             W_{j+1}ᵀ g_{j+1} = g_j W_jᵀ at every point (why gradient flow keeps D_j)
             imbalance_changes_by_of_one_step  one step of gradient descent changes D_j by exactly η²(g_{j+1}ᵀg_{j+1} - g_jg_jᵀ)
Not covered  The flow itself, the end-to-end dynamics.
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits

paper = tc.Source("Arora, Cohen & Hazan", 2018, arxiv="1802.06509", item="conservation of balancedness")
fits = deep_linear_fits(depth=(2, 5), width=(1, 4), dim=(1, 4), samples=(1, 6), outputs=(1, 3))


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


steps = steps_of(fits)


def products(layers: tuple[np.ndarray, ...], gradients: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """All entries of W_{j+1}ᵀ g_{j+1} and of g_j W_jᵀ."""
    left = [W.T @ g for W, g in zip(layers[1:], gradients[1:], strict=True)]
    right = [g @ W.T for W, g in zip(layers[:-1], gradients[:-1], strict=True)]
    return entries(left), entries(right)


def imbalances(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    """All entries of D_1, ..., D_{L-1}."""
    return entries([B.T @ B - A @ A.T for A, B in pairwise(layers)])


def transposed_imbalances(layers: tuple[np.ndarray, ...]) -> np.ndarray:
    """All entries of the wrong matrices W_{j+1}W_{j+1}ᵀ - W_jᵀW_j, where the shapes allow them (else of D_j)."""
    return entries([B @ B.T - A.T @ A if len(B) == A.shape[1] else B.T @ B - A @ A.T for A, B in pairwise(layers)])


def entries(matrices: list[np.ndarray]) -> np.ndarray:
    """The matrices as one vector."""
    return np.concatenate([m.ravel() for m in matrices])


def gradients(f: DeepLinearFit) -> tuple[np.ndarray, ...]:
    """g_1, ..., g_L."""
    return f.model.layers(f.objective.gradient(f.theta))


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


agree, one_step = words()

layer_gradients_agree = tc.Theorem("layer_gradients_agree", paper, fits, (), agreement, r"W_{j+1}^\top g_{j+1} = g_j W_j^\top", identities=(agree,))
imbalance_changes_by_of_one_step = tc.Theorem(
    "imbalance_changes_by_of_one_step",
    paper,
    steps,
    (),
    change,
    r"D_j(\theta - \eta \nabla R) - D_j(\theta) = \eta^2 \left(g_{j+1}^\top g_{j+1} - g_j g_j^\top\right)",
    identities=(one_step,),
)

THEOREMS = (layer_gradients_agree, imbalance_changes_by_of_one_step)
FALSE = (
    layer_gradients_agree.claiming("transposed", agreement_transposed),
    imbalance_changes_by_of_one_step.claiming("conserved", partial(change, factor=0.0)),
    imbalance_changes_by_of_one_step.claiming("factor_1_0002", partial(change, factor=1.0002)),
    imbalance_changes_by_of_one_step.claiming("wrong_transposes", partial(change, of=transposed_imbalances)),
)
