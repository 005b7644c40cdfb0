# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The edge of stability, and SAM
#
# *After Sanjeev Arora, Zhiyuan Li and Abhishek Panigrahi, "Understanding gradient descent on edge of stability in deep learning" (2022),
# arXiv:2205.09745, and Kaiyue Wen, Tengyu Ma and Zhiyuan Li, "How does sharpness-aware minimization minimize sharpness?" (2022),
# arXiv:2211.05729.*
#
# Near a minimiser gradient flow stops. Gradient descent with a large step, normalised descent and sharpness-aware minimisation do not:
# they bounce across the valley, and the bounces push them *along* it, to flatter places. Which sharpness falls, and how fast?
#
# Let $\Gamma$ be the manifold of minimisers, $\lambda_1$ the largest eigenvalue of $\nabla^2 R$ on it, $P_T$ the projection onto its
# tangent space.
#
# > **Theorem.** Let $\lambda_1$ be a simple eigenvalue on $\Gamma$, and the start generic. As the step tends to zero, the point of
# > $\Gamma$ below the iterate follows
# >
# > $$\begin{array}{lll}
#   \text{normalised descent,} & x' = x - \eta \nabla R / |\nabla R|: & \dot X = -\tfrac14 P_T \nabla \log \lambda_1(X), \quad \tau =
#   \eta^2 k, \\[2pt]
#   \text{descent on } \sqrt R, & x' = x - \eta \nabla \sqrt R: & \dot X = -\tfrac18 P_T \nabla \lambda_1(X), \quad \tau = \eta^2 k, \\[2pt]
#   \text{SAM,} & x' = x - \eta \nabla R(x + \rho \nabla R / |\nabla R|): & \dot X = -\tfrac12 P_T \nabla \lambda_1(X), \quad \tau = \eta \rho^2 k.
#   \end{array}$$

# %%
import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.library import select

# %% [markdown]
# ## What one sees in a network
#
# A deep linear network (ten layers of width five) from one random start, with four step sizes. The sharpness rises on the way to the
# minimisers; where it passes $2/\eta$, the minimisers ahead are unstable for this step. The risk does not explode: the run bounces across
# the valley (every third step is drawn, so the bounces show), and slides down to where $S \le 2/\eta$.

# %%
rng = np.random.default_rng(20240513)
X, w_star = rng.normal(size=(50, 5)), rng.normal(size=5)
network = tc.Objective(tc.DeepLinear((5,) * 10 + (1,)), tc.SquaredLoss(), tc.Regression(X, X @ (w_star / np.linalg.norm(w_star))))
start = 0.42 * np.random.default_rng(6).normal(size=network.parameters)
steps = np.array([0.01, 0.03, 0.05, 0.07])
runs = tc.follow(network, tc.GradientDescent(step=steps), start, tc.Stop(steps=600), record=(tc.sharpness, tc.risk), save=tc.Every(3))

final = runs.records[tc.sharpness].value[:, -1]
for step, sharpness in zip(steps, final, strict=True):
    print(f"step {step:.2f}: sharpness {sharpness:7.3f} at the end, 2/step = {2 / step:7.3f}")
assert np.all(final <= 2 / steps)
assert final[-1] > 0.97 * 2 / steps[-1]  # at the edge
assert np.all(runs.records[tc.risk].value[:, -1] < 1e-4)

tc.figures.trajectory(runs, tc.sharpness, thresholds={"2/0.05": 40.0, "2/0.07": 2 / 0.07}, names=tuple(f"step {s:g}" for s in steps))

# %% [markdown]
# ## A valley of one's own
#
# To compare with the limiting flows we want a valley whose floor we can draw. Let the floor be the plane of $(x, y)$, and the walls
#
# $$R = \tfrac12 F_1(x, y)\, a^2 + \tfrac12 F_2(x, y)\, b^2, \qquad F_1 = 2 + x^2 + 3 y^2, \quad F_2 = \tfrac12 + \tfrac3{10} \bigl((x -
# 1)^2 + (y - 1)^2\bigr).$$
#
# On the floor $a = b = 0$ the eigenvalues of the Hessian are $F_1$, $F_2$ and two zeros. $F_1$ is the larger one wherever we go, and
# least at the origin; the smaller one, $F_2$, is least at $(1, 1)$, and their sum somewhere in between. So the direction in which a
# method drifts tells what it minimises. The library takes the formula as it is, and derives what it needs:

# %%
x, y, a, b = sp.symbols("x y a b")
F1 = 2 + x**2 + 3 * y**2
F2 = sp.Rational(1, 2) + sp.Rational(3, 10) * ((x - 1) ** 2 + (y - 1) ** 2)
valley = tc.Landscape((x, y, a, b), (F1 * a**2 + F2 * b**2) / 2)
tc.derive(valley)

# %% [markdown]
# ## Three methods, and their flows
#
# Each run starts slightly off the floor over $(0.8, 0.6)$. The flows are integrated on $\Gamma$ itself, by `tc.manifold_flow`: it
# differentiates the spectrum, projects, and comes with an error bar.

# %%
eta, rho, kept = 0.02, 0.05, 60
floor = np.array([0.8, 0.6, 0.0, 0.0])
off = np.array([0.0, 0.0, 0.6, 0.3])  # off the floor in both directions: a generic start


def followed(method, size, unit, time):
    """States at 60 times up to `time`, where a step takes `unit` of it."""
    count = round(time / unit)
    return tc.follow(valley, method, floor + size * off, tc.Stop(steps=count), save=tc.Every(count // kept)).states[: kept + 1]


normalised = followed(tc.NormalizedGradientDescent(step=eta), eta, eta**2, 6.0)
root = followed(tc.SqrtLossDescent(step=eta), eta, eta**2, 6.0)
sam = followed(tc.GradientDescent(step=eta, gradient=tc.SharpnessAware(rho)), rho / 10, eta * rho**2, 1.2)

times = np.linspace(0, 1, kept + 1)[1:]
flows = {
    "normalised": (normalised, tc.manifold_flow(valley, tc.LOG_TOP, floor, 6.0 * times, rate=1 / 4, steps=2)),
    "√R": (root, tc.manifold_flow(valley, tc.TOP, floor, 6.0 * times, rate=1 / 8, steps=2)),
    "SAM": (sam, tc.manifold_flow(valley, tc.TOP, floor, 1.2 * times, rate=1 / 2, steps=2)),
}
for name, (states, flow) in flows.items():
    apart = np.linalg.norm(states[1:, :2] - flow.value[:, :2], axis=1).max()
    travelled = np.linalg.norm(flow.value[-1, :2] - floor[:2])
    print(f"{name:10} distance to its flow {apart:.1e}, of {travelled:.2f} travelled (bar of the flow {flow.error.max():.0e})")
    assert apart < (0.03 if name == "SAM" else 1e-4)

# %% [markdown]
# Constants included, the agreement is to five digits for the first two. SAM is ahead of its flow by a little, for a reason that one can
# compute: at a finite step the bounce is larger, and the flow is faster by $(1 - \eta\lambda_1/2)^{-2}$. With this factor (integrated
# along the same curve) it agrees as well:

# %%
fine = 1.2 * np.linspace(0, 1, 301)[1:]
curve = tc.manifold_flow(valley, tc.TOP, floor, 1.5 * fine, rate=1 / 2, steps=2).value  # farther than needed
speed = (1 - eta * (2 + curve[:, 0] ** 2 + 3 * curve[:, 1] ** 2) / 2) ** -2
elapsed = np.cumsum(1.5 * np.diff(fine, prepend=0) / speed)  # the time at which SAM passes each point
refined = np.stack([np.interp(1.2 * times, elapsed, curve[:, i]) for i in (0, 1)], axis=1)
apart = np.linalg.norm(sam[1:, :2] - refined, axis=1).max()
print(f"SAM against the flow with its finite step: {apart:.1e}")
assert apart < 1e-3

# %% [markdown]
# Now the floor of the valley. All three drift along one curve, at speeds of their own, to where $\lambda_1$ is least. The fourth run is
# normalised descent from a start that is *not generic*: $a = 0$ exactly. It never feels $F_1$ and follows
# $-\frac14 \nabla \log \lambda_2$, to where $\lambda_2$ is least, however large $\lambda_1$ gets there.

# %%
blind = tc.follow(
    valley, tc.NormalizedGradientDescent(step=eta), floor + np.array([0, 0, 0, 0.3 * eta]), tc.Stop(steps=15_000), save=tc.Every(250)
).states
assert np.linalg.norm(blind[-1, :2] - 1) < 0.1

grid_x, grid_y = np.meshgrid(np.linspace(-0.2, 1.2, 80), np.linspace(-0.15, 1.15, 80))
with tc.figures.sheet(height=5) as (figure, axes):
    lines = axes.contour(grid_x, grid_y, 2 + grid_x**2 + 3 * grid_y**2, levels=10, colors="0.75", linewidths=0.8)
    axes.clabel(lines, fontsize=7)
    for number, (name, (states, flow)) in enumerate(flows.items()):
        look = tc.figures.series(number)
        axes.plot(*flow.value[:, :2].T, color=look.color, lw=1)
        axes.plot(*states[::6, :2].T, color=look.color, marker=look.marker, ls="", ms=6, fillstyle="none" if number else "full", label=name)
    look = tc.figures.series(3)
    axes.plot(*blind[::4, :2].T, color=look.color, marker=look.marker, ls="", ms=5, label="normalised, from a = 0")
    axes.plot(*floor[:2], "k*", ms=14, label="start")
    axes.plot(0, 0, "k+", ms=10)
    axes.plot(1, 1, "kx", ms=8)
    axes.text(0.03, -0.07, "least λ₁", fontsize=9)
    axes.text(1.03, 1.03, "least λ₂", fontsize=9)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    tc.figures.titled(axes, "Which sharpness falls", "markers: the methods; lines: their flows; grey: level lines of λ₁")
    axes.legend(loc="upper left")
figure

# %%
with tc.figures.sheet(height=3.4) as (figure, axes):
    for number, (name, (states, flow)) in enumerate(flows.items()):
        look, end = tc.figures.series(number), 1.2 if name == "SAM" else 6.0
        levels = [2 + p[:, 0] ** 2 + 3 * p[:, 1] ** 2 for p in (flow.value, states[1:])]
        axes.plot(end * times, levels[0], color=look.color, lw=1)
        axes.plot(end * times[::4], levels[1][::4], color=look.color, marker=look.marker, ls="", ms=5, label=name)
    axes.set(xlabel="time of the flow, τ", ylabel="λ₁")
    tc.figures.titled(axes, "The top eigenvalue, run against flow", "τ = η²k, for SAM τ = ηρ²k")
    axes.legend()
figure

# %% [markdown]
# ## Why a quarter of the logarithm
#
# Across the valley, normalised descent is a two-cycle: $a \to a - \eta\, \mathrm{sign}\, a$. Successive amplitudes add up to $\eta$,
# however they are split. And each single step is *unstable*: with $S_k = \eta_k \sup \lambda_1$ over the step,
# $\eta_k = \eta / |\nabla R|$, the theorem says $1/S_k + 1/S_{k+1} \to 1$: on the edge of stability, on average.

# %%
pair = tc.follow(valley, tc.NormalizedGradientDescent(step=eta), normalised[-1], tc.Stop(steps=1), save=tc.Every(1)).states
amplitudes = np.abs(pair[:, 2])
sizes = eta / np.linalg.norm(valley.gradient(pair), axis=-1)
S = sizes * np.linalg.eigvalsh(valley.hessian(pair))[:, -1]
print(f"amplitudes {amplitudes[0]:.6f} + {amplitudes[1]:.6f} = {amplitudes.sum():.6f}, η = {eta}")
print(f"S = {S[0]:.4f} and {S[1]:.4f}, 1/S + 1/S' = {np.sum(1 / S):.5f}")
assert abs(amplitudes.sum() / eta - 1) < 1e-4
assert abs(np.sum(1 / S) - 1) < 1e-3
assert S.min() > 1
assert S.max() > 2

# %% [markdown]
# In the library the theorem is checked on random curved valleys, with wrong constants planted on it:

# %%
arora = "arora_li_panigrahi_2022"
for address, planted in ((f"{arora}_edge/edge_of_stability", ("total_1_02",)), (f"{arora}/flow_of_normalized", ("constant_0_3",))):
    (paper,) = select([address]).papers
    (theorem,) = paper.theorems
    verdict = tc.check(theorem, instances=200)
    print(f"{theorem.name}: {verdict.outcome.name}, {verdict.admitted} of {verdict.tried} admitted")
    assert verdict.outcome is tc.Outcome.CORROBORATED
    for falsehood in paper.planted_on(theorem):
        if falsehood.name.partition(":")[2] in planted:
            found = tc.check(falsehood, instances=200)
            print(f"    {falsehood.name.partition(':')[2]}: {found.outcome.name}")
            assert found.outcome is tc.Outcome.REFUTED

# %% [markdown]
# ## Break this
#
# **1. How long are SAM's bounces?** On a quadratic with $\eta \lambda_1 < 2$, SAM ends in a two-cycle along the top eigenvector. A
# formula for the distance to the minimiser circulates: $\eta \rho \lambda_1 / 2$. Find what is wrong with it, and correct it.
#
# <details><summary>Solution</summary>
#
# In the cycle $-r = r - \eta \lambda_1 (r + \rho)$, so $r = \eta \rho \lambda_1 / (2 - \eta \lambda_1)$. The formula is the limit
# $\eta \to 0$ only.
#
# ```python
# bowl = tc.Landscape((x, y), (3 * x**2 + y**2) / 2)
# end = tc.follow(bowl, tc.GradientDescent(step=0.4, gradient=tc.SharpnessAware(0.1)), np.array([0.3, 0.2]), tc.Stop(steps=2000)).final
# assert np.isclose(abs(end[0]), 0.4 * 0.1 * 3 / (2 - 0.4 * 3))
# assert not np.isclose(abs(end[0]), 0.4 * 0.1 * 3 / 2, rtol=0.1)
# ```
#
# </details>
#
# **2. Does the loss fall?** Gradient descent that works lowers the loss at every step: show that on the edge it does not, and that
# nothing is lost by it.
#
# <details><summary>Solution</summary>
#
# ```python
# risks = valley.risk(np.concatenate([pair, tc.follow(valley, tc.NormalizedGradientDescent(step=eta), pair[-1], tc.Stop(steps=1)).final[None]]))
# assert np.any(np.diff(risks) > 0)  # it goes up and down in turn,
# assert np.isclose(risks[2], risks[0], rtol=1e-3)  # and comes back every second step
# ```
#
# </details>
#
# **3. Rescued by noise.** The run from $a = 0$ is an artefact of exact arithmetic. Add a perturbation of relative size $10^{-9}$
# (`tc.Perturbed`); where does it go now?
#
# <details><summary>Solution</summary>
#
# ```python
# method = tc.Perturbed(tc.NormalizedGradientDescent(step=eta), size=1e-9, seed=0)
# rescued = tc.follow(valley, method, floor + np.array([0, 0, 0, 0.3 * eta]), tc.Stop(steps=15_000)).final
# assert np.linalg.norm(rescued[:2] - normalised[-1, :2]) < 0.02
# ```
#
# To the others: the top direction is unstable, and any speck in it grows until the bounces are along it.
#
# </details>
