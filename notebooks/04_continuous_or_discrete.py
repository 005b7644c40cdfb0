# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Continuous or discrete
#
# *After Omer Elkabetz and Nadav Cohen, "Continuous vs. discrete optimization of deep neural networks" (2021), arXiv:2107.06608, and
# Sanjeev Arora, Nadav Cohen and Elad Hazan, "On the optimization of deep networks: implicit acceleration by overparameterization" (2018),
# arXiv:1802.06509.*
#
# Theorems are often about gradient flow, $\dot\theta = -\nabla f(\theta)$; computers do gradient descent,
# $\theta_{k+1} = \theta_k - \eta \nabla f(\theta_k)$. When does a statement about the one say anything about the other? Two answers.
#
# > **How far apart.** Let $|\nabla f| \le \gamma$, $|\nabla^2 f| \le \beta$ and $\lambda_{\min}(\nabla^2 f) \ge -m(t)$ with $m \ge 0$
# > near the flow. From the same start, with $t_k = k \eta$,
# >
# > $$|\theta_k - \theta(t_k)| \;\le\; \frac{\beta \gamma\, \eta}{2} \int_0^{t_k} \exp\Bigl(\int_{t'}^{t_k} m\Bigr)\, dt'.$$
#
# > **What is kept.** For every loss of a product $W_L \cdots W_1$, gradient flow conserves $D_j = W_{j+1}^\top W_{j+1} - W_j W_j^\top$.
# > One step of gradient descent, with layer gradients $g_j$, changes it by exactly
# >
# > $$D_j(k+1) - D_j(k) = \eta^2 \bigl(g_{j+1}^\top g_{j+1} - g_j g_j^\top\bigr).$$

# %%
import numpy as np

import theorycheck as tc
from theorycheck.library import select

# %% [markdown]
# ## One network, followed twice
#
# Three layers, two inputs, a start at random. Gradient flow comes with the accuracy asked for, $10^{-10}$ in every saved state: next to
# it, whatever distance we see is due to the steps.

# %%
rng = np.random.default_rng(2)
model = tc.DeepLinear((2, 2, 2, 1))
X = np.sqrt(2) * np.eye(2)
objective = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(X, X @ np.array([0.8, 0.6])))
start = 0.35 * rng.normal(size=model.parameters)

T = 12.0
times = np.linspace(0, T, 301)
steps = np.array([0.04, 0.02, 0.01, 0.005])
flow = tc.follow(objective, tc.GradientFlow(accuracy=1e-10), start, tc.Stop(time=T), record=(tc.balancedness,), save=tc.At(times))
descent = tc.follow(objective, tc.GradientDescent(step=steps), start, tc.Stop(time=T), record=(tc.balancedness,), save=tc.At(times))

assert float(flow.error) < 1e-9
gap = np.linalg.norm(descent.states - flow.states, axis=-1)  # shape (4 steps, 301 times)
print("largest distance by step:", dict(zip(steps.tolist(), np.round(gap.max(axis=1), 6).tolist(), strict=True)))

# %% [markdown]
# The bound needs $\beta$, $\gamma$ and $m$ along the way. The Hessian is known in closed form, so its whole spectrum can be followed: on
# the way from the saddle near the origin to the minimiser, the most negative eigenvalue comes up to zero. What counts is the area below.

# %%
tc.figures.hessian_spectrum(objective, flow)

# %% [markdown]
# $\int m$ stays bounded as $t \to \infty$, hence so does the exponential. The integral in the bound, $I(t)$, solves $\dot I = 1 + m I$;
# below it is computed with the extreme values of $\beta$, $\gamma$, $m$ met by the flow or by the descent.


# %%
def bound(k):
    """The right-hand side for step size number k, at all saved times."""
    both = np.stack([flow.states, descent.states[k]])
    eigenvalues = np.linalg.eigvalsh(objective.hessian(both))
    beta, gamma = np.abs(eigenvalues).max(), np.linalg.norm(objective.gradient(both), axis=-1).max()
    m = np.maximum(0, -eigenvalues[..., 0]).max(axis=0)
    area = np.concatenate([[0], np.cumsum((m[1:] + m[:-1]) / 2 * np.diff(times))])
    decayed = np.exp(-area)
    integral = np.exp(area) * np.concatenate([[0], np.cumsum((decayed[1:] + decayed[:-1]) / 2 * np.diff(times))])
    return beta * gamma * steps[k] / 2 * integral, area[-1]


with tc.figures.sheet(height=3.8) as (figure, axes):
    for k, step in enumerate(steps):
        look, (limit, area) = tc.figures.series(k), bound(k)
        axes.semilogy(times[1:], gap[k, 1:], color=look.color, linestyle=look.line, label=f"step {step:g}")
        axes.semilogy(times[1:], limit[1:], color=look.color, lw=0.8, ls=":")
        assert np.all(gap[k, 1:] <= limit[1:])
    axes.set(xlabel="time", ylabel="|θ_k − θ(t_k)|")
    tc.figures.titled(axes, "Descent stays near the flow", "thick: distance; thin and dotted: its bound")
    axes.legend(ncols=2)
figure

# %%
print(f"area under the negative curvature, ∫m = {area:.3f}: the exponential is at most e^∫m = {np.exp(area):.2f}")
rate = np.polyfit(np.log(steps), np.log(gap.max(axis=1)), 1)[0]
print(f"largest distance ~ step^{rate:.4f}")
assert abs(rate - 1) < 0.001
tc.figures.convergence_rate(steps, gap.max(axis=1), 1.0, names=("step", "largest distance to the flow"))

# %% [markdown]
# ## Is the exponential needed?
#
# On $f(x) = -\frac12 \mu x^2$ both are explicit, $x(T) = x_0 e^{\mu T}$ and $x_k = x_0 (1 + \mu\eta)^k$, and as $\eta \to 0$
#
# $$\frac{|x_k - x(T)|}{\eta} \longrightarrow |x_0|\, \tfrac12 \mu^2\, T e^{\mu T}.$$
#
# Where the curvature stays negative, the step must be exponentially small in the time. The theorems in the library, with the falsehoods
# planted on them:


# %%
def checked(selector, instances=60):
    """Check one theorem of the library and its falsehoods; its verdict."""
    (paper,) = select([selector]).papers
    verdict = tc.check(paper.theorems[0], instances=instances)
    fallen = [tc.check(falsehood, instances=instances).outcome is tc.Outcome.REFUTED for falsehood in paper.false]
    print(f"{selector}: {verdict.outcome.name}, power {sum(fallen)}/{len(fallen)}")
    assert verdict.outcome is tc.Outcome.CORROBORATED
    assert all(fallen)
    return verdict


for T, eta in ((2, 1e-3), (4, 1e-3), (8, 1e-3)):
    apart = np.exp(T) - (1 + eta) ** round(T / eta)
    print(f"T = {T}: distance {apart:.5f}, predicted {eta * T * np.exp(T) / 2:.5f}")
    assert abs(apart / (eta * T * np.exp(T) / 2) - 1) < 0.01

checked("elkabetz_cohen_2021/gap_rate_of_concave")
verdict = checked("elkabetz_cohen_2021/gap_le_of_network")

# %% [markdown]
# ## What each conserves
#
# Conservation laws of gradient flow can be *computed*: those that are polynomials of degree two form a linear space, and the library
# finds a basis. For two layers:

# %%
laws = tc.conserved_quantities(tc.DeepLinear((2, 2, 1)))
for law in laws:
    print(law)
assert len(laws) == 3
laws[1]

# %% [markdown]
# These are the entries of $W_2^\top W_2 - W_1 W_1^\top$. Why: the layer gradients $g_j = \partial R / \partial W_j$ satisfy an identity
# *at every point*,

# %%
derivation = tc.derive(tc.DeepLinear((2, 2, 1)), tc.SquaredLoss())
derivation

# %% [markdown]
# Read off $\nabla_{W_1} R = W_2^\top G$ and $\nabla_{W_2} R = G W_1^\top$: so $W_2^\top g_2 = W_2^\top G W_1^\top = g_1 W_1^\top$. In
# $\dot D = -(\dots)$ the two sides cancel: the flow conserves $D$. In a step of descent the terms of order $\eta$ cancel as well, and
# what is left is the term of order $\eta^2$ in the theorem. After a fixed time, $T/\eta$ steps, the drift is of order $\eta$.

# %%
drift = np.linalg.norm(descent.records[tc.balancedness].value - flow.records[tc.balancedness].value[0], axis=-1)
kept = flow.records[tc.balancedness]
still = np.linalg.norm(kept.value - kept.value[0], axis=-1)
with tc.figures.sheet(height=3.8) as (figure, axes):
    for k, step in enumerate(steps):
        look = tc.figures.series(k)
        axes.semilogy(times[1:], drift[k, 1:], color=look.color, linestyle=look.line, label=f"step {step:g}")
    axes.semilogy(times[1:], np.maximum(still[1:], 1e-17), color="k", lw=1, label="flow")
    axes.semilogy(times[1:], np.linalg.norm(kept.error[1:], axis=-1), color="k", lw=0.8, ls=":", label="its error bar")
    axes.set(xlabel="time", ylabel="|D(t) − D(0)|", ylim=(1e-17, 1))
    tc.figures.titled(axes, "The flow conserves, descent drifts", "all entries of W_{j+1}ᵀW_{j+1} − W_jW_jᵀ, three layers")
    axes.legend(ncols=2, loc="center right")
figure

# %%
assert np.all(still <= np.linalg.norm(kept.error, axis=-1))
slope = np.polyfit(np.log(steps), np.log(drift[:, -1]), 1)[0]
print(f"drift at the end ~ step^{slope:.3f}")
assert abs(slope - 1) < 0.01

one_step = tc.follow(objective, tc.GradientDescent(step=0.1), start, tc.Stop(steps=1))
before, after = tc.layer_imbalances(model, start), tc.layer_imbalances(model, one_step.final)
g = model.layers(objective.gradient(start))
for j in range(model.depth - 1):
    assert np.allclose(after[j] - before[j], 0.1**2 * (g[j + 1].T @ g[j + 1] - g[j] @ g[j].T), atol=1e-15)
print("one step changes D by η²(gᵀg − ggᵀ), exactly")

for name in ("imbalance_conserved_by_flow", "imbalance_changes_by_of_one_step", "imbalance_drift_is_first_order"):
    checked(f"arora_2018/{name}", instances=40)

# %% [markdown]
# ## Break this
#
# **1. Second order?** Someone plots the distance for two step sizes and claims that it is of order $\eta^2$. Measure the order, with its
# interval, and refute the claim.
#
# <details><summary>Solution</summary>
#
# ```python
# order = tc.rate_of(steps, tc.Measured(gap[:, -1], np.full(4, 1e-9)))
# print("order:", order)
# assert tc.at_least("order ≥ 2", order, 2.0).standing is tc.Standing.VIOLATED
# assert abs(order.value - 1) < 0.01
# ```
#
# </details>
#
# **2. Weight decay.** Add $\frac\lambda2 |\theta|^2$ to the loss. Is $D$ still conserved by the flow? Guess the law, and test the guess
# with a landscape: two scalar layers, $R = (w_2 w_1 - 1)^2 + \frac\lambda2 (w_1^2 + w_2^2)$.
#
# <details><summary>Solution</summary>
#
# ```python
# import sympy as sp
#
# w1, w2 = sp.symbols("w1 w2")
# decayed = tc.Landscape((w1, w2), (w2 * w1 - 1) ** 2 + sp.Rational(1, 20) * (w1**2 + w2**2))  # λ = 1/10
# run = tc.follow(decayed, tc.GradientFlow(accuracy=1e-10), np.array([0.3, 1.2]), tc.Stop(time=5.0))
# imbalance = lambda theta: theta[1] ** 2 - theta[0] ** 2
# assert np.isclose(imbalance(run.final), imbalance(np.array([0.3, 1.2])) * np.exp(-2 * 0.1 * 5.0), rtol=1e-8)
# ```
#
# It decays, $D(t) = e^{-2 \lambda t} D(0)$: weight decay balances the layers.
#
# </details>
#
# **3. Another method.** Does Adam conserve $D$ in the limit of small steps, as gradient descent does?
#
# <details><summary>Solution</summary>
#
# ```python
# small = np.array([0.004, 0.002, 0.001])
# adam = tc.follow(objective, tc.Adam(step=small), start, tc.Stop(time=4.0), record=(tc.balancedness,))
# D = adam.records[tc.balancedness].value
# drifts = np.linalg.norm(D[:, -1] - D[:, 0], axis=-1)
# print(drifts)
# assert drifts.min() > 0.1 and drifts.max() / drifts.min() < 1.5  # it does not vanish with the step
# ```
#
# No: its small steps follow another flow, whose entries are rescaled one by one, and the identity between layer gradients is lost.
#
# </details>
