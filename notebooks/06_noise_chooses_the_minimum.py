# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Noise chooses the minimum
#
# *After Zhiyuan Li, Tianhao Wang and Sanjeev Arora, "What happens after SGD reaches zero loss? A mathematical framework" (2021),
# arXiv:2110.06914, and Jeff HaoChen, Colin Wei, Jason Lee and Tengyu Ma, "Shape matters: understanding the implicit bias of the noise
# covariance" (2020), arXiv:2006.08680.*
#
# An over-parametrised model fits the data on a whole manifold $\Gamma$ of minimisers. Noisy descent, $x' = x - \eta (\nabla R(x) + \xi)$
# with $\mathbb E\, \xi = 0$ and $\operatorname{Cov} \xi = \Sigma(x)$, keeps moving there: the gradient pulls it back to $\Gamma$, but
# *not to the same point*. Let $\Phi(x)$ be the point where gradient flow from $x$ ends.
#
# > **Theorem** (Katzenberger's drift). In the slow time $t = \eta^2 k$, as $\eta \to 0$, the point of $\Gamma$ below the iterate follows
# >
# > $$dY = \Sigma_\parallel^{1/2}\, dW + \tfrac12\, \partial^2 \Phi(Y)[\Sigma(Y)]\, dt, \qquad \Sigma_\parallel = P_T \Sigma P_T .$$
# >
# > *Label noise* of variance $\delta^2$, one sample a step, has $\Sigma = \delta^2 H$ with $H = \nabla^2 R$, no component along $\Gamma$,
# > and
# >
# > $$\dot Y = -\tfrac{\delta^2}{4}\, P_T \nabla \operatorname{tr} H(Y).$$
#
# So it is the *shape* of the noise, not its size, that decides which minimum is chosen.

# %%
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy.optimize import linprog

import theorycheck as tc

# %% [markdown]
# ## The drift is a second derivative
#
# A valley whose floor is the plane of $(x, y)$, with eigenvalues $F_1$ and $F_2$ across it:

# %%
x, y, a, b = sp.symbols("x y a b", real=True)
F1 = 2 + x**2 + 3 * y**2
F2 = sp.Rational(1, 2) + sp.Rational(3, 10) * ((x - 1) ** 2 + (y - 1) ** 2)
valley = tc.Landscape((x, y, a, b), (F1 * a**2 + F2 * b**2) / 2)
print("Hessian on the floor:")
valley.hessian_expressions.subs({a: 0, b: 0})

# %% [markdown]
# `tc.Minimiser` knows $\partial^2 \Phi$ in closed form, from the third derivatives of $R$. Two shapes of noise, and what they drift down
# (the second also wanders along the floor at random): label noise $\Sigma = H$ the trace $F_1 + F_2$; noise of the same size in all
# directions the *log-determinant*, $\log F_1 + \log F_2$, in which the smaller eigenvalue counts as much as the larger.


# %%
def drifts(point):
    """½∂²Φ[Σ] along the floor for Σ = H and Σ = I, with their bars."""
    here = tc.Minimiser.of(valley, np.array([*point, 0.0, 0.0]))
    return [0.5 * here.second(shape) for shape in (here.hessian, np.eye(4))]


def gradients(point):
    """-¼∇tr H and -¼∇log pdet H along the floor."""
    u, v = point
    f1, f2 = 2 + u**2 + 3 * v**2, 0.5 + 0.3 * ((u - 1) ** 2 + (v - 1) ** 2)
    d1, d2 = np.array([2 * u, 6 * v]), 0.6 * np.array([u - 1, v - 1])
    return [-(d1 + d2) / 4, -(d1 / f1 + d2 / f2) / 4]


for point in ((0.8, 0.6), (0.1, 0.2), (-0.3, 0.9)):
    for drift, gradient in zip(drifts(point), gradients(point), strict=True):
        assert tc.equal("½∂²Φ[Σ]", drift[:2], gradient, resolution=1e-4).standing is tc.Standing.HOLDS
    print(point, "label noise:", np.round(drifts(point)[0].value[:2], 5), " isotropic:", np.round(drifts(point)[1].value[:2], 5))

# %% [markdown]
# If you do not trust third derivatives: push a minimiser off the floor by $\pm h$ in each direction of the noise, let the flow bring it
# back (`tc.limit_near`), and average where it lands.

# %%
floor, h = np.array([0.8, 0.6, 0.0, 0.0]), 0.05
pushes = h * np.linalg.cholesky(np.diag([2 + 0.64 + 1.08, 0.5 + 0.3 * 0.2]))  # a square root of H across the valley
pushed = np.concatenate([np.pad(pushes.T, ((0, 0), (2, 0))), -np.pad(pushes.T, ((0, 0), (2, 0)))])
landed = tc.limit_near(valley, floor, pushed).value
average = (landed - floor).sum(axis=0) / 2 / h**2
print("seen:", np.round(average[:2], 4), " ½∂²Φ[H]:", np.round(drifts((0.8, 0.6))[0].value[:2], 4))
assert np.allclose(average[:2], drifts((0.8, 0.6))[0].value[:2], rtol=0.02)

# %%
grid = [(u, v) for u in np.linspace(-0.2, 1.2, 9) for v in np.linspace(-0.2, 1.2, 9)]
arrows = np.array([[drift.value[:2] for drift in drifts(point)] for point in grid])
us, vs = np.meshgrid(np.linspace(-0.3, 1.3, 90), np.linspace(-0.3, 1.3, 90))
f1, f2 = 2 + us**2 + 3 * vs**2, 0.5 + 0.3 * ((us - 1) ** 2 + (vs - 1) ** 2)
levels = (f1 + f2, np.log(f1) + np.log(f2))
best = [(us.ravel()[level.argmin()], vs.ravel()[level.argmin()]) for level in levels]
with tc.figures.sheet(width=8, height=4, columns=2) as (figure, panels):
    for number, (axes, name) in enumerate(zip(panels, ("label noise: tr H", "isotropic noise: log det H"), strict=True)):
        axes.contour(us, vs, levels[number], levels=10, colors="0.8", linewidths=0.8)
        axes.quiver(*np.array(grid).T, *arrows[:, number].T, color=tc.figures.series(number).color, width=0.006)
        axes.plot(*best[number], "k*", ms=14)
        axes.set(xlabel="x", ylabel="y", aspect="equal")
        tc.figures.titled(axes, name, "arrows: the drift; star: where it is least")
figure

# %% [markdown]
# ## A network: label noise finds sparsity
#
# Take $w = u^2 - v^2$ entry by entry, data $Z$ with entries $\pm 1$, $R = \frac1{2n} |Z w - y|^2$, and $c_j = \frac1n \sum_i Z_{ij}^2$.
# On $\Gamma$ the trace is $\operatorname{tr} H = 4 \sum_j c_j (u_j^2 + v_j^2)$. The limiting flow can be *solved*:
#
# > $$u_j v_j(t) = u_j v_j(0)\, e^{-4 \delta^2 c_j t}, \qquad w(t) = \arg\min \{ R_t(w) : Z w = y \},$$
# >
# > where $R_t$ is the mirror potential of the start $(u(0), v(0))\, e^{-2\delta^2 c\, t}$. As $t \to \infty$ it tends to the interpolator
# > of least weighted $\ell_1$ norm $\sum_j c_j |w_j|$.
#
# The noise shrinks the start that the network *seems to have had*. One step of SGD already shows it, exactly: with $r$ the noisy residual
# of the sample,

# %%
u, v, r, z, eta = sp.symbols("u v r z eta")
step = (u - 2 * eta * r * z * u) * (v + 2 * eta * r * z * v)
one_step = tc.Identity(step, u * v * (1 - 4 * eta**2 * r**2 * z**2)).prove()
assert isinstance(one_step, tc.Proof)
print(one_step)
tc.derive(tc.Diagonal(dim=1, depth=2), tc.SquaredLoss(0.5))

# %% [markdown]
# Now run it. Eight samples, sixteen weights, two of them in use. The start is where gradient flow from $u = v = 0.7$ ends: it fits the
# data, with a dense $w$. Then 300,000 steps of label-noise SGD, eight runs.

# %%
rng = np.random.default_rng(0)
n, d = 8, 16
Z, sparse = rng.choice([-1.0, 1.0], size=(n, d)), np.zeros(d)
sparse[:2] = 1.0, -0.6
targets = Z @ sparse
model = tc.Diagonal(dim=d, depth=2)
objective = tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(Z, targets))
start = tc.bregman_projection(tc.legendre_potential(model, np.full(2 * d, 0.7)), Z, targets).theta

step, steps = 0.003, 300_000
noise = tc.LabelNoise(deviation=1.0, seed=np.arange(8))
runs = tc.follow(
    objective, tc.GradientDescent(step=step, gradient=noise), start, tc.Stop(steps=steps), save=tc.Every(steps // 60), record=(tc.end_to_end,)
)
times = step * runs.times[0]  # η²k: time of a run is ηk
shrunk = start * np.exp(-2 * times[:, None])
solved = tc.bregman_projection(tc.legendre_potential(model, shrunk), Z, targets)
assert solved.converged.all()

# %%
w = runs.records[tc.end_to_end].value.mean(axis=0)
with tc.figures.sheet(height=4) as (figure, axes):
    for j in range(d):
        look = tc.figures.series(0 if sparse[j] else 1)
        axes.plot(times, solved.w.value[:, j], color=look.color, lw=1.2, label="in use" if j == 0 else "not in use" if j == 2 else None)
        axes.plot(times[::6], w[::6, j], color=look.color, marker=look.marker, ls="", ms=4)
    axes.set(xlabel="slow time t = η²k", ylabel="w_j")
    tc.figures.titled(axes, "Label noise finds the sparse solution", "lines: solution of the limiting flow; markers: mean of eight runs of SGD")
    axes.legend()
figure

# %%
annealed = tc.follow(objective, tc.GradientDescent(step=0.01), runs.final, tc.Stop(steps=20_000), record=(tc.end_to_end,))
found = annealed.records[tc.end_to_end].value[:, -1]
norms = [np.abs(values).sum(axis=-1).mean() for values in (solved.w.value[0], solved.w.value[-1], found, sparse)]
print("‖w‖₁: {:.3f} at the start, {:.4f} in the limiting flow, {:.4f} in SGD; of the sparse one: {:g}".format(*norms))
print(f"largest error of an entry, after the noise is turned off: {np.abs(found - sparse).max():.4f}")
assert np.abs(found - sparse).max() < 0.05

u, v = runs.states[..., :d], runs.states[..., d:]
logs = np.log(np.abs(u * v)).mean(axis=(0, 2))
trace = 4 * (u**2 + v**2).sum(axis=-1).mean(axis=0)
plain = -4 * (times - times[0])
finite = -4 * np.concatenate([[0], np.cumsum(np.diff(times) * (1 + step * (trace[1:] + trace[:-1]) / 4))])
measured = logs - logs[0]
print(f"log(uv) falls by {-measured[-1]:.3f}; limiting flow {-plain[-1]:.3f}; with the finite step's factor 1 + ½η tr H {-finite[-1]:.3f}")
assert abs(measured[-1] / finite[-1] - 1) < 0.02

# %% [markdown]
# The products $u_j v_j$ decay as the law says, a little faster: the residual that enters a step is the label noise *plus* what the
# previous noise has left in $w$, which adds the factor $1 + \frac12 \eta \operatorname{tr} H$.
#
# ## Check it
#
# The drift of label noise as a theorem on random networks with two samples and three weights, and two falsehoods: another constant, and
# the log-determinant in place of the trace.


# %%
@dataclass(frozen=True)
class Network:
    Z: np.ndarray
    theta: np.ndarray

    @property
    def objective(self):
        model = tc.Diagonal(dim=3, depth=2)
        return tc.Objective(model, tc.SquaredLoss(0.5), tc.Regression(self.Z, self.Z @ model.w(self.theta)))


@tc.recipe
def networks(draw):
    return Network(Z=draw(tc.array((2, 3), -1.5, 1.5)), theta=draw(tc.array(6, 0.25, 1.5)))


def descends(network, precision, rate=0.25, function=tc.TRACE):
    here = tc.Minimiser.of(network.objective, network.theta)
    return tc.equal("½∂²Φ[H] = -¼P_T∇tr H", 0.5 * here.second(here.hessian), rate * function.drift(network.objective, network.theta))


def well_conditioned(network):
    eigenvalues = np.linalg.eigvalsh(network.objective.hessian(network.theta))
    return bool(eigenvalues[-2] > 1 / 16)


regular = tc.Premise("regular", "λ₂ > 1/16", well_conditioned)
theorem = tc.Theorem("label_noise_descends_the_trace", tc.CONJECTURE, networks, (regular,), descends)
verdict = tc.check(theorem, instances=300)
print(verdict)
assert verdict.outcome is tc.Outcome.CORROBORATED
for name, change in (("rate_0_26", {"rate": 0.26}), ("log_pdet", {"function": tc.LOG_PDET})):
    falsehood = theorem.claiming(name, lambda network, precision, change=change: descends(network, precision, **change))
    found_false = tc.check(falsehood, instances=300)
    print(f"{name}: {found_false.outcome.name}")
    assert found_false.outcome is tc.Outcome.REFUTED

# %% [markdown]
# ## How many samples does it need?
#
# In the limit the answer is a linear programme, so the question is when the $\ell_1$ norm recovers a sparse $w$: $n \ge C \kappa \log d$
# samples are enough for $\kappa$ non-zero entries, where gradient descent from a large start, which picks the interpolator of least
# $\ell_2$ norm, needs $n$ of the order of $d$.

# %%
dimension, used, trials = 60, 2, 25
rng = np.random.default_rng(0)
counts, recovered, l2_errors = (4, 6, 8, 10, 12, 16, 24), [], []
for samples in counts:
    hits, errors = 0, []
    for _ in range(trials):
        design, truth = rng.choice([-1.0, 1.0], size=(samples, dimension)), np.zeros(dimension)
        truth[rng.choice(dimension, used, replace=False)] = rng.choice([-1.0, 1.0], size=used)
        found = linprog(np.ones(2 * dimension), A_eq=np.hstack([design, -design]), b_eq=design @ truth).x
        hits += np.allclose(found[:dimension] - found[dimension:], truth, atol=1e-6)
        errors.append(np.linalg.norm(np.linalg.pinv(design) @ design @ truth - truth) / np.linalg.norm(truth))
    recovered.append(hits / trials)
    l2_errors.append(np.mean(errors))
print("samples:  ", counts)
print("recovered:", recovered)
assert recovered[0] < 0.2
assert recovered[-1] == 1
assert min(l2_errors) > 0.7

with tc.figures.sheet(height=3.4) as (figure, axes):
    looks = tc.figures.series(0), tc.figures.series(1)
    axes.plot(counts, recovered, color=looks[0].color, marker=looks[0].marker, label="share recovered by least ℓ1 norm (label noise)")
    axes.plot(counts, l2_errors, color=looks[1].color, ls="--", marker=looks[1].marker, label="relative error of least ℓ2 norm (large start)")
    axes.axvline(used * np.log(dimension), color="k", lw=0.8, ls=":", label="κ log d")
    axes.set(xlabel="samples n, of d = 60 weights", ylim=(-0.02, 1.05))
    tc.figures.titled(axes, "A dozen samples instead of sixty", "two weights in use, 25 trials at each n")
    axes.legend(loc="center right")
figure

# %% [markdown]
# ## Break this
#
# **1. Plain SGD.** Is the randomness of the samples enough, without noise on the labels? Start at the same minimiser.
#
# <details><summary>Solution</summary>
#
# ```python
# clean = tc.GradientDescent(step=step, gradient=tc.Minibatch(size=1, seed=0))
# moved = tc.follow(objective, clean, start, tc.Stop(steps=20_000)).final - start
# assert np.abs(moved).max() < 1e-12
# ```
#
# No. At an interpolator every sample's gradient vanishes: $\Sigma = 0$ on $\Gamma$, and there is no drift whatever.
#
# </details>
#
# **2. A frozen weight.** Suppose that $u_1 = v_1 = 0$ at the start. Can label noise recover $w_1 = 1$?
#
# <details><summary>Solution</summary>
#
# ```python
# dead = start.copy()
# dead[[0, d]] = 0.0
# end = tc.follow(objective, tc.GradientDescent(step=step, gradient=noise), dead, tc.Stop(steps=50_000)).final
# assert np.all(end[:, [0, d]] == 0.0)
# ```
#
# No: both gradients are proportional to the parameters themselves. The theorem asks for $u_j v_j \ne 0$, where $\Gamma$ is a manifold.
#
# </details>
#
# **3. Columns of unequal size.** Multiply the first column of $Z$ by 4. Is the limit still the interpolator of least $\ell_1$ norm?
#
# <details><summary>Solution</summary>
#
# ```python
# scaled = Z * np.r_[4.0, np.ones(d - 1)]
# c = np.mean(scaled**2, axis=0)
# far = np.full(2 * d, 0.7) * np.exp(-2 * 3.0 * np.r_[c, c])  # t = 3, δ = 1
# limit = tc.bregman_projection(tc.legendre_potential(model, far), scaled, scaled @ sparse).w.value
# programmes = [linprog(np.r_[k, k], A_eq=np.hstack([scaled, -scaled]), b_eq=scaled @ sparse).x for k in (c, np.ones(d))]
# weighted, plain = (c @ np.abs(p[:d] - p[d:]) for p in programmes)
# assert abs(c @ np.abs(limit) - weighted) < 1e-3
# assert plain > weighted + 1
# ```
#
# No: the norm is weighted by $c_j = \frac1n \sum_i Z_{ij}^2$, which makes the large column sixteen times as expensive.
#
# </details>
