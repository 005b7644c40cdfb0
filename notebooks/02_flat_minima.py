# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Flat minima
#
# *After Pierre Marion and Lénaïc Chizat, "Deep linear networks for regression are implicitly regularized towards flat minima" (2024),
# arXiv:2405.13456.*
#
# A deep linear network with one output, $w(\theta) = W_L \cdots W_1$, is fitted by least squares,
#
# $$R(\theta) = \frac1n \sum_{i=1}^n \bigl(w(\theta)\, x_i - y_i\bigr)^2, \qquad \Sigma = \frac1n \sum_i x_i x_i^\top .$$
#
# How flat can a minimiser be? Write $S(\theta) = \lambda_{\max}(\nabla^2 R(\theta))$ for the sharpness, $w^*$ for the least-squares
# solution, $z = \Sigma^{1/2} w^*$ and $a = w^{*\top} \Sigma\, w^* / |w^*|^2$ for the curvature along it. Then
#
# > **Theorem.** At every minimiser, for any depth $L \ge 2$ and any widths,
# >
# > $$S(\theta) \;\ge\; S_{\min} = \min_{t > 0}\; 2\, \lambda_{\max}\!\Bigl(t\, \Sigma + (L-1)\, t^{-1/(L-1)} z z^\top\Bigr)
#   \;\ge\; 2 L\, |w^*|^{2 - 2/L}\, a,$$
# >
# > and some minimiser has $S = S_{\min}$.
#
# The right-hand bound is the paper's; the exact value in the middle is this project's. Since gradient descent of step $\eta$ can only
# creep up to minimisers with $S \le 2/\eta$, there is a largest step: $2/S_{\min}$. We derive the formula, check it, and watch gradient
# descent obey it.

# %%
from functools import reduce

import numpy as np
from scipy.optimize import minimize_scalar

import theorycheck as tc
from theorycheck.instances import DeepLinearFit
from theorycheck.library import select

# %% [markdown]
# ## The Hessian, by blocks
#
# Everything starts from the closed form of the Hessian, which the library derives for any depth and any widths.

# %%
derivation = tc.derive(tc.DeepLinear((4, 3, 2, 1)), tc.SquaredLoss())
derivation

# %% [markdown]
# At a minimiser $G = 0$ and only the first part of each block is left. With one output, $A_k = q_k^\top$ is a row, and the Hessian is
# $2 J^\top \Sigma J$ for the Jacobian $J$ of $w(\theta)$. So its non-zero spectrum is that of the small matrix
#
# $$2\, \Sigma^{1/2} \Bigl(\sum_{k=1}^L |q_k|^2 B_k^\top B_k\Bigr) \Sigma^{1/2}, \qquad q_k^\top = W_L \cdots W_{k+1}, \quad B_k = W_{k-1}
# \cdots W_1 .$$
#
# Compare it with the full Hessian of a random minimiser:

# %%
rng = np.random.default_rng(1)
model = tc.DeepLinear((4, 3, 2, 1))
X = rng.normal(size=(30, 4))
theta = rng.normal(size=model.parameters)
fit = DeepLinearFit(model.widths, tc.Regression(X, X @ model.w(theta)), theta)  # the data are fitted by θ: a minimiser

small = np.zeros((4, 4))
for k in range(1, fit.depth + 1):
    q = reduce(np.matmul, reversed(fit.layers[k:]), np.eye(1))  # W_L ... W_(k+1)
    B = reduce(np.matmul, reversed(fit.layers[: k - 1]), np.eye(fit.widths[k - 1]))  # W_(k-1) ... W_1
    small += 2 * np.sum(q**2) * fit.root @ B.T @ B @ fit.root.T

full = np.linalg.eigvalsh(fit.objective.hessian(fit.theta))
print("Hessian, largest eigenvalues:", np.round(full[:-5:-1], 6), f"(and {np.sum(abs(full) < 1e-10)} zeros)")
print("small matrix:                ", np.round(np.linalg.eigvalsh(small)[::-1], 6))
assert np.allclose(full[-4:], np.linalg.eigvalsh(small))

# %% [markdown]
# ## From the blocks to the bound, in three lines
#
# 1. The first layer contributes $t\, \Sigma$ with $t = |q_1|^2$.
# 2. For $k \ge 2$, $B_k^\top q_{k-1} = w^*$, so by Cauchy–Schwarz $|q_{k-1}|^2 B_k^\top B_k \succeq w^* w^{*\top}$. These layers contribute at least
#    $\sum_{k \ge 2} r_k\, z z^\top$ with $r_k = |q_k|^2 / |q_{k-1}|^2$.
# 3. The $L - 1$ ratios multiply to $1/t$, so by the inequality of the means $\sum r_k \ge (L-1)\, t^{-1/(L-1)}$.
#
# The library holds this argument as a chain of links, each of which is recomputed when it is proved: no link is taken on trust. At depth
# two:

# %%
(paper,) = select(["marion_chizat_2024"]).papers
theorems = {theorem.name: theorem for theorem in paper.theorems}
least = theorems["sharpness_ge_least_of_minimiser"]
proof = least.identities[0].build(2).prove()
assert isinstance(proof, tc.Proof)
print(proof)

# %% [markdown]
# ## An example by hand
#
# Let $\Sigma = \operatorname{diag}(4, 1)$, $w^* = (0, 1)$, $L = 2$: the target lies in the *flat* input direction. The problem in one
# variable:


# %%
def candidates(sigma, w, depth, t):
    """2 λ_max(tΣ + (L-1) t^(-1/(L-1)) zzᵀ)."""
    root = np.linalg.cholesky(sigma).T
    z = root @ w
    return 2 * np.linalg.eigvalsh(t * root @ root.T + (depth - 1) * t ** (-1 / (depth - 1)) * np.outer(z, z))[-1]


def least_sharpness(sigma, w, depth):
    found = minimize_scalar(lambda log: candidates(sigma, w, depth, np.exp(log)), bounds=(-8, 8), method="bounded", options={"xatol": 1e-12})
    return float(found.fun), float(np.exp(found.x))


sigma, w_star = np.diag([4.0, 1.0]), np.array([0.0, 1.0])
value, best = least_sharpness(sigma, w_star, 2)
lower, balanced = 2 * 2 * 1.0, candidates(sigma, w_star, 2, 1.0)
print(f"published lower bound {lower:g}, S_min = {value:.6f} at t = {best:.6f}, balanced minimiser {balanced:g}")
assert np.isclose(value, 8 / np.sqrt(3))
assert balanced == 8

# %% [markdown]
# The least value is $8/\sqrt3$: strictly between the published bound 4 and the 8 of the balanced network (all layers of equal size),
# which is *not* the flattest. Random minimisers lie above the curve, each at its own $t = |q_1|^2$, and the aligned networks are on it:

# %%
X = np.sqrt(2) * np.diag([2.0, 1.0])  # covariance diag(4, 1)
data = tc.Regression(X, X @ w_star)
objective = tc.Objective(tc.DeepLinear((2, 2, 1)), tc.SquaredLoss(), data)
points = []
for _ in range(400):
    layers = (np.exp(rng.normal(scale=0.7)) * rng.normal(size=(2, 2)), np.exp(rng.normal(scale=0.7)) * rng.normal(size=(1, 2)))
    drawn = DeepLinearFit((2, 2, 1), data, objective.model.flat(layers)).moved_onto_minimisers()
    points.append((np.sum(drawn.layers[1] ** 2), float(tc.sharpness(objective, drawn.theta).value)))
t, sharpness = np.array(points).T
assert np.all(sharpness >= value)

ts = np.geomspace(0.1, 4, 200)
curve = [candidates(sigma, w_star, 2, t) for t in ts]
with tc.figures.sheet() as (figure, axes):
    axes.plot(t, sharpness, ".", color="0.6", ms=4, label="random minimisers")
    axes.plot(ts, curve, color=tc.figures.series(0).color, label="2 λ_max(tΣ + zzᵀ/t)")
    axes.plot(best, value, "*", color=tc.figures.series(1).color, ms=15, label=f"S_min = {value:.4f}")
    axes.plot(1, balanced, "s", color="k", ms=7, label=f"balanced: {balanced:g}")
    axes.axhline(lower, color="k", ls=":", label=f"published lower bound: {lower:g}")
    axes.set(xscale="log", yscale="log", xlim=(0.1, 4), ylim=(3, 60), xlabel="t = |W₂|²", ylabel="sharpness")
    axes.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    axes.set_yticks([4, 8, 16, 32], ["4", "8", "16", "32"])
    axes.minorticks_off()
    tc.figures.titled(axes, "The valley has a floor, and it is not where the layers are equal", "Σ = diag(4, 1), w* = (0, 1), two layers")
    axes.legend()
figure

# %% [markdown]
# ## Check it
#
# The theorem, from the library, on 300 networks of depth 2 to 6 with data of any conditioning; then the falsehoods planted on it, which
# measure what the check is worth.

# %%
verdict = tc.check(least, instances=300)
print(verdict)
assert verdict.outcome is tc.Outcome.CORROBORATED
for falsehood in paper.planted_on(least):
    found = tc.check(falsehood, instances=300)
    print(f"{falsehood.name}: {found.outcome.name}")
    assert found.outcome is tc.Outcome.REFUTED

# %%
tc.figures.observed_against_bound(verdict)

# %% [markdown]
# ## The figure of the paper
#
# Depth 10, width 5, 50 samples, $|w^*| = 1$; all weights start as $N(0, s^2)$. Ten scales $s$, five step sizes, 20 to 80 repetitions,
# each for the 2,000 to 40,000 steps that the authors use. `follow` takes the starts, the step sizes and the numbers of steps of all runs
# at once.

# %%
DEPTH, DIM = 10, 5
SCALES = np.linspace(0.25, 0.6, 10)
PLAN = ((0.005, 40_000, 20), (0.02, 10_000, 20), (0.07, 4_000, 20), (0.1, 4_000, 20), (0.2, 2_000, 80))  # step, steps, repetitions

rng = np.random.default_rng(20240513)
X, w_star = rng.normal(size=(50, DIM)), rng.normal(size=DIM)
w_star /= np.linalg.norm(w_star)
objective = tc.Objective(tc.DeepLinear((DIM,) * DEPTH + (1,)), tc.SquaredLoss(), tc.Regression(X, X @ w_star))

theta = np.concatenate([s * rng.normal(size=(repetitions, objective.parameters)) for _, _, repetitions in PLAN for s in SCALES])
step = np.concatenate([np.full(len(SCALES) * repetitions, size) for size, _, repetitions in PLAN])
steps = np.concatenate([np.full(len(SCALES) * repetitions, count) for _, count, repetitions in PLAN])
print(f"{len(theta)} runs, {steps.sum():,} steps of gradient descent")

runs = tc.follow(objective, tc.GradientDescent(step=step), theta, tc.Stop(steps=steps))
settled = np.zeros(len(theta), dtype=bool)
alive = ~runs.ended(tc.Ending.DIVERGED)
settled[alive] = objective.risk(runs.final[alive]) < 1e-6
final = np.full(len(theta), np.nan)
final[settled] = tc.sharpness(objective, runs.final[settled]).value

sigma = objective.data.covariance
floor = least_sharpness(sigma, w_star, DEPTH)[0]
bound = 2 * DEPTH * w_star @ sigma @ w_star
print(f"2La = {bound:.3f}, S_min = {floor:.3f}, largest step 2/S_min = {2 / floor:.4f}")

# %% [markdown]
# Small starts end near the floor, whatever the step. Large starts end at sharp minimisers, unless the step forbids it: each line runs
# into its own $2/\eta$. At step 0.2, where $2/\eta = 10$ lies *below* the floor, not one of the 800 runs settles.

# %%
rows, last = [], 0
with tc.figures.sheet(height=4.6) as (figure, axes):
    for number, (size, _, repetitions) in enumerate(PLAN):
        part, last = slice(last, last + len(SCALES) * repetitions), last + len(SCALES) * repetitions
        ends = final[part].reshape(len(SCALES), repetitions)
        share = np.mean(np.isfinite(ends))
        rows.append((size, 2 / size, share, np.nanmax(ends) if share else np.nan))
        if share:
            look = tc.figures.series(number)
            middle = np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in ends])
            axes.plot(SCALES, middle, color=look.color, linestyle=look.line, marker=look.marker, label=f"step {size:g}")
            axes.axhline(2 / size, color=look.color, lw=1, ls=":")
    axes.axhline(floor, color="k", lw=1, label="S_min")
    axes.set(xlabel="scale of the start, s", ylabel="sharpness at the end", yscale="log", ylim=(14, 500))
    axes.set_yticks([20, 50, 100, 200, 400], ["20", "50", "100", "200", "400"])
    axes.minorticks_off()
    tc.figures.titled(axes, "Where gradient descent settles", "median of the runs that settle; dotted: 2/step of the same colour")
    axes.legend(loc="upper left")
figure

# %%
print(" step   2/step   settled   sharpest end")
for size, edge, share, sharpest in rows:
    print(f"{size:5.3f}  {edge:7.1f}   {share:7.0%}   {sharpest:10.3f}")
assert np.all(final[settled] >= floor)
assert np.all(final[settled] <= 1.005 * 2 / step[settled])  # at step 0.1 some have not quite come to rest at their edge
assert rows[-1][2] == 0
assert np.sum(step == 0.2) == 800

# %% [markdown]
# ## Beyond the largest step
#
# The threshold $2/S_{\min}$ is sharp from both sides. Start close to the *flattest* minimiser, and take steps of 0.9, 0.98, 1.02 and 1.1
# times $2/S_{\min}$: below, the risk vanishes; above, it never does, though every run stays bounded. The published threshold $2/(2La)$ is
# a little too large here.

# %%
t = least_sharpness(sigma, w_star, DEPTH)[1]
fit = DeepLinearFit(objective.model.widths, objective.data, np.ones(objective.parameters))
flattest = fit.aligned([1 / np.sqrt(t), *[t ** (0.5 / (DEPTH - 1))] * (DEPTH - 1)])  # the network that attains S_min
assert np.isclose(float(tc.sharpness(objective, flattest.theta).value), floor)

factors = np.array([0.9, 0.98, 1.02, 1.1])
start = flattest.theta + 1e-3 * rng.normal(size=objective.parameters)
beyond = tc.follow(objective, tc.GradientDescent(step=factors * 2 / floor), start, tc.Stop(steps=600), record=(tc.risk,), save=tc.Every(2))
risk = beyond.records[tc.risk].value
print("risk after 600 steps:", ", ".join(f"{f:g}: {r:.1e}" for f, r in zip(factors, risk[:, -1], strict=True)))
assert np.all(risk[factors < 1, -1] < 1e-12)
assert np.all(risk[factors > 1, -1] > 1e-4)

with tc.figures.sheet(height=3.6) as (figure, axes):
    for number, (factor, values) in enumerate(zip(factors, risk, strict=True)):
        look = tc.figures.series(number)
        axes.semilogy(2 * np.arange(len(values)), np.maximum(values, 1e-18), color=look.color, linestyle=look.line, label=f"{factor:g} · 2/S_min")
    axes.set(xlabel="step", ylabel="risk", ylim=(1e-18, 10))
    tc.figures.titled(axes, "The largest step is sharp from both sides", "runs from beside the flattest minimiser")
    axes.legend(loc="center right")
figure

# %% [markdown]
# ## Break this
#
# **1. The wrong curvature.** A tempting bound puts the *largest* curvature $\Lambda = \lambda_{\max}(\Sigma)$ where the theorem has the
# curvature along the target: $S_{\min} \ge 2 L \Lambda |w^*|^{2-2/L}$. Refute it with the example by hand, then let the library find its
# own counterexample.
#
# <details><summary>Solution</summary>
#
# ```python
# claimed = 2 * 2 * 4.0  # L = 2, Λ = 4, |w*| = 1
# assert claimed == 16 > value  # the least sharpness of the example is 4.62
#
# def wrong(f, precision):
#     scale = np.linalg.norm(f.w_star) ** (2 - 2 / f.depth)
#     return tc.at_least("S ≥ 2 L Λ |w*|^(2-2/L)", tc.sharpness(f.objective, f.theta), 2 * f.depth * tc.top_eigenvalue(f.covariance) * scale)
#
# found = tc.check(least.claiming("wrong_curvature", wrong), instances=200)
# assert found.outcome is tc.Outcome.REFUTED
# assert found.counterexample.instance.widths[0] == 2  # with one input Λ = a
# ```
#
# </details>
#
# **2. Train all but the last layer.** If $W_L$ is kept fixed, do minimisers still satisfy the published bound
# $S \ge 2 L |w^*|^{2-2/L} a$, with $S$ the sharpness in the layers that are trained?
#
# <details><summary>Solution</summary>
#
# ```python
# def frozen(f, precision):
#     trained = f.model.parameters - f.layers[-1].size
#     hessian = f.objective.hessian(f.theta)[:trained, :trained]
#     a = f.w_star @ f.covariance @ f.w_star / (f.w_star @ f.w_star)
#     return tc.at_least("S ≥ 2 L |w*|^(2-2/L) a", tc.top_eigenvalue(hessian), 2 * f.depth * np.linalg.norm(f.w_star) ** (2 - 2 / f.depth) * a)
#
# assert tc.check(least.claiming("frozen", frozen), instances=200).outcome is tc.Outcome.REFUTED
# ```
#
# No: a small fixed last layer makes the others flat. The bound must know its size: with $M = L - 1$ trained layers before a fixed vector
# $p$ it reads $2 M a\, |w^*|^{2-2/M} |p|^{2/M}$.
#
# </details>
#
# **3. Momentum.** By which factor does heavy ball with $\beta = \tfrac12$ raise the largest step? Check that 1.1 times $2/S_{\min}$ is
# usable now.
#
# <details><summary>Solution</summary>
#
# A quadratic of curvature $S$ is stable under heavy ball if and only if $\eta S \le 2 (1 + \beta)$: the factor is $\tfrac32$.
#
# ```python
# heavy = tc.HeavyBall(step=np.array([1.1, 1.45, 1.55]) * 2 / floor, momentum=0.5)
# ends = tc.follow(objective, heavy, start, tc.Stop(steps=5000))
# risks = objective.risk(ends.final)
# assert np.all(risks[:2] < 1e-12) and risks[2] > 1e-4
# ```
#
# </details>
