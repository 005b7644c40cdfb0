# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Low rank and margins
#
# *After Zhiyuan Li, Yuping Luo and Kaifeng Lyu, "Towards resolving the implicit bias of gradient descent for matrix factorization: greedy
# low-rank learning" (2020), arXiv:2012.09839, and Edward Moroshko et al., "Implicit bias in deep linear classification: initialization
# scale vs training accuracy" (2020), arXiv:2007.06738.*
#
# Two stories about what a small start does, and about conjectures that looked safe.
#
# > **Matrices.** Gradient flow on $f(U U^\top)$ from $U(0) = \alpha U_0$, as $\alpha \to 0$, was conjectured to end at the fitting matrix
# > of least *nuclear norm*. It does not. It is *greedy*: it follows the rank-one flow that leaves the origin along the top eigenvector of
# > $-\nabla f(0)$; if that ends at a minimiser, so does $U U^\top$, otherwise the rank goes up by one.
#
# > **Margins.** On separable data, the flow of $w = u^2 - v^2$ from $u(0) = v(0) = \alpha$ under the exponential loss, stopped when the
# > least margin is $\gamma$, with $\alpha \to \infty$ and $\alpha^2 / \gamma \to \mu$, goes in the direction
# >
# > $$\hat w = \arg\min \{ Q_\mu(w) : \langle w, x_n \rangle \ge 1 \}, \qquad Q_\mu(w) = \sum_i \mu\, q(w_i / \mu), \quad q' =
#   \operatorname{arcsinh}(z/2),$$
# >
# > from the $\ell_2$ margin ($\mu \to \infty$, *kernel*) to the $\ell_1$ margin ($\mu \to 0$, *rich*), **provided that no support vector
# > becomes inactive on the way.**

# %%
import numpy as np
from scipy.optimize import brentq, linprog

import theorycheck as tc

# %% [markdown]
# ## One mode after the other
#
# Fit a symmetric matrix with eigenvalues 3, 1.5, 0.5 and 0, all entries observed, by $U U^\top$ with $U$ of size $4 \times 4$: nothing in
# the model limits the rank. The gradient in closed form, for any size:

# %%
tc.derive(tc.SymmetricFactorization(dim=2, rank=1), tc.SquaredLoss(0.5))

# %%
rng = np.random.default_rng(1)
axes_of_target = np.linalg.qr(rng.normal(size=(4, 4)))[0]
target = axes_of_target @ np.diag([3.0, 1.5, 0.5, 0.0]) @ axes_of_target.T
every_entry = np.eye(16).reshape(16, 4, 4)
model = tc.Flattened(tc.SymmetricFactorization(dim=4, rank=4))
full = tc.Objective(model, tc.SquaredLoss(8.0), tc.MatrixSensing(every_entry, target.ravel()))  # ½|W - M|²

U0 = np.random.default_rng(0).normal(size=16)
times = np.linspace(0, 20, 300)
with tc.figures.sheet(width=8, height=3.4, columns=2, sharey=True) as (figure, panels):
    for axes, alpha in zip(panels, (0.3, 1e-6), strict=True):
        run = tc.follow(full, tc.GradientFlow(accuracy=1e-7), alpha * U0, tc.Stop(time=20.0), record=(tc.end_to_end,), save=tc.At(times))
        eigenvalues = np.linalg.eigvalsh(run.records[tc.end_to_end].value.reshape(-1, 4, 4))[:, ::-1]
        for number in range(4):
            look = tc.figures.series(number)
            axes.plot(times, eigenvalues[:, number], color=look.color, linestyle=look.line)
        axes.set(xlabel="time", ylabel="eigenvalues of U Uᵀ" if alpha == 0.3 else "")
        tc.figures.titled(axes, f"start of size {alpha:g}")
assert np.allclose(eigenvalues[-1], [3, 1.5, 0.5, 0], atol=0.02)
third_rises = times[np.argmax(eigenvalues[:, 2] > 0.25)]
assert eigenvalues[np.searchsorted(times, third_rises) - 60, 2] < 0.01  # a plateau before
figure

# %% [markdown]
# From the small start the matrix has rank one, then two, then three, with plateaus between: each mode leaves zero exponentially, at a
# rate given by its eigenvalue, and the wait is proportional to $\log(1/\alpha)$.
#
# ## The refuted conjecture
#
# Now observe three entries of a symmetric $4 \times 4$ matrix: $M_{13} = 1$ and $M_{14} = M_{23} = R$, with $R = 2$. Two completions
# compete:

# %%
R = 2.0
flat = np.array([[R, 1, 1, R], [1, R, R, 1], [1, R, R, 1], [R, 1, 1, R]])
z = np.array([1, R, 1, R])
rank_one = np.outer(z, z)
for name, matrix in (("least nuclear norm", flat), ("rank one", rank_one)):
    assert [matrix[0, 2], matrix[0, 3], matrix[1, 2]] == [1, R, R]
    print(f"{name:20} eigenvalues {np.round(np.linalg.eigvalsh(matrix)[::-1], 6) + 0.0}, nuclear norm {np.trace(matrix):g}")

certificate = np.fliplr(np.eye(4))  # eigenvalues ±1, on observed entries only: ⟨Z, M⟩ ≤ |M|_* for every completion M
assert np.allclose(np.abs(np.linalg.eigvalsh(certificate)), 1)
assert np.sum(certificate * flat) == 4 * R == np.trace(flat)  # so no completion has less than 4R


def measurement(i, j):
    matrix = np.zeros((4, 4))
    matrix[i, j] = matrix[j, i] = 0.5
    return matrix


data = tc.MatrixSensing(np.array([measurement(0, 2), measurement(0, 3), measurement(1, 2)]), np.array([1, R, R]))
loss = tc.SquaredLoss(3.0)  # the sum over the observed entries (i, j) and (j, i) of (W_ij - M_ij)²/2
completion = tc.Objective(model, loss, data)

# %% [markdown]
# Nuclear norm $4R = 8$, proved least by a dual certificate, against $2R^2 + 2 = 10$. Which one does the flow take? We follow it to its
# limit, from smaller and smaller starts, and run the greedy algorithm beside it.

# %%
alphas = 10.0 ** np.array([0, -0.5, -1, -2, -3, -4, -5, -6, -7, -8])
limits = tc.flow_limit(completion, tc.GradientFlow(accuracy=1e-8), alphas[:, None] * U0)
matrices = limits.recorded(tc.end_to_end, completion).value.reshape(-1, 4, 4)
norms = np.trace(matrices, axis1=1, axis2=2)  # positive semi-definite: the trace is the nuclear norm
(greedy,) = tc.greedy_low_rank(loss, data, phases=1, accuracy=1e-9)
print("greedy, rank one:", np.round(greedy.W.value, 6).tolist())
for alpha, norm, matrix in zip(alphas, norms, matrices, strict=True):
    print(f"α = {alpha:7.0e}: nuclear norm {norm:8.4f}, W_24 = {matrix[1, 3]:.4f}")
assert np.allclose(greedy.W.value, rank_one, atol=1e-6)
assert abs(norms[-1] - 10) < 0.01
assert norms.min() > 8
assert norms[2] < 8 * 1.02  # at α = 0.1

with tc.figures.sheet(height=3.6) as (figure, axes):
    axes.semilogx(alphas, norms, color=tc.figures.series(0).color, marker="o", label="limit of gradient flow")
    axes.axhline(10, color=tc.figures.series(1).color, ls="--", label="rank one: 2R² + 2")
    axes.axhline(8, color=tc.figures.series(2).color, ls="-.", label="least nuclear norm: 4R")
    axes.invert_xaxis()
    axes.set(xlabel="size of the start, α", ylabel="nuclear norm", ylim=(7.5, 15.5))
    tc.figures.titled(axes, "A small start prefers low rank to small norm", "matrix completion with R = 2")
    axes.legend()
figure

# %% [markdown]
# At $\alpha = 0.1$ the conjecture looks *right*: the norm is within two percent of the least. Only below $\alpha = 10^{-4}$ does the flow
# show what it does. A plot at one reasonable scale would have confirmed the wrong theorem. As statements, from the library:

# %%
for name in ("nuclear_norm_ge_of_completion", "greedy_ends_at_rank_one_of_completion"):
    verdict = tc.check(tc.theorem(f"li_luo_lyu_2020/{name}"), instances=60)
    print(f"{name}: {verdict.outcome.name}, {verdict.admitted} of {verdict.tried} admitted")
    assert verdict.outcome is tc.Outcome.CORROBORATED

# %% [markdown]
# ## From kernel to rich
#
# The second story. In the time of the loss, $\tau$, the flow of two samples has a dual form: $w = \alpha^2\, 2 \sinh(X^\top \lambda)$
# with $\lambda_1 + \lambda_2 = \tau$, and the share of each sample in $d\lambda$ is its share of the loss. `tc.dual_flow` integrates it,
# without underflow at losses like $e^{-10000}$; `tc.max_margin` solves the margin problem for any $\mu$, knowing nothing of the flow.


# %%
def link(z):
    return 2 * np.sinh(z)


def direction(dual):
    """μ and the direction ŵ, of least margin 1, for λ of shape (..., 2)."""
    w = link(dual @ X)
    least = np.min(w @ X.T, axis=-1)
    return 1 / least, w / least[..., None]


X = np.array([[1.0, 0.9, 0.1], [0.2, 1.0, 0.8]])
tau = np.geomspace(0.01, 8, 40)
mu, flowed = direction(tc.dual_flow(link, X, tau, np.full(tau.shape, 1e4)).value)  # α = 100
potential = tc.legendre_potential(tc.Diagonal(dim=3, depth=2), np.sqrt(mu)[:, None] * np.ones(6))
margins = tc.max_margin(potential, X).w.value
programme = linprog(np.ones(6), A_ub=-np.hstack([X, -X]), b_ub=-np.ones(2)).x
least_l1 = programme[:3] - programme[3:]
least_l2 = np.linalg.pinv(X) @ np.ones(2)  # both samples support
print("largest distance of flow and margin problem:", f"{np.abs(flowed - margins).max():.1e}")
print("ℓ2 margin:", np.round(least_l2, 4), " ℓ1 margin:", np.round(least_l1, 4) + 0.0)
assert np.abs(flowed - margins).max() < 2e-3
assert np.allclose(flowed[0], least_l2, atol=1e-3)

with tc.figures.sheet(height=3.6) as (figure, axes):
    for number in range(3):
        look = tc.figures.series(number)
        axes.semilogx(1 / mu, margins[:, number], color=look.color, linestyle=look.line)
        axes.semilogx(1 / mu[::3], flowed[::3, number], color=look.color, marker=look.marker, ls="", label=f"ŵ_{number + 1}")
        axes.plot(1 / mu[0] / 2, least_l2[number], color=look.color, marker="_", ms=14, mew=2)
        axes.plot(1 / mu[-1] * 2, least_l1[number], color=look.color, marker="_", ms=14, mew=2)
    axes.set(xlabel="1/μ = margin / α²", ylabel="direction ŵ")
    tc.figures.titled(axes, "From the ℓ2 margin to the ℓ1 margin", "lines: margin problem; markers: flow; dashes left and right: the two limits")
    axes.legend()
figure

# %% [markdown]
# ## The support vector that went inactive
#
# It works; does it always? In this problem it does not:

# %%
X = np.array([[0.82, 0.80, 0.98, 1.69, -0.05], [0.94, -0.74, -0.35, 1.06, 0.39]])
tau = np.linspace(0, 3.9, 131)[1:]
wanted = tc.simplex_minimum(link, X, tau).value  # λ of the margin problem at every τ
flowed = tc.dual_flow(link, X, tau, np.full(tau.shape, 1e4)).value

mu = 0.01
problem = tc.max_margin(tc.legendre_potential(tc.Diagonal(dim=5, depth=2), np.full(10, np.sqrt(mu))), X)


def end(beta):
    """λ of the flow where the least margin is α²/μ, β = α²."""

    def dual(t):
        return tc.dual_flow(link, X, np.array(t), np.array(beta)).value

    return dual(brentq(lambda t: direction(dual(t))[0] - mu, 3.0, 3.9))


for alpha in (10, 100, 1000):
    w = direction(end(float(alpha) ** 2))[1]
    apart = np.linalg.norm(w - problem.w.value) / np.linalg.norm(problem.w.value)
    print(f"α = {alpha:4}: margins {np.round(X @ w, 4)}, distance to the margin problem {apart:.4f}")
    assert 0.13 < apart < 0.14
assert np.allclose(X @ problem.w.value, 1)

with tc.figures.sheet(height=3.6) as (figure, axes):
    looks = tc.figures.series(0), tc.figures.series(1)
    axes.plot(tau, wanted[:, 0], color=looks[1].color, ls="--", label="margin problem")
    axes.plot(tau, flowed[:, 0], color=looks[0].color, label="flow, α = 100")
    axes.set(xlabel="τ = λ₁ + λ₂", ylabel="λ₁, weight of the first sample")
    tc.figures.titled(axes, "The flow cannot take back", "the optimal weight of the first sample falls; that of the flow is an integral of losses")
    axes.legend()
figure

# %% [markdown]
# The optimal weight $\lambda_1$ of the first sample rises, peaks, and falls. The weight that the flow has given it is an integral of
# positive numbers: it cannot fall. So the first sample ends with a margin of 1.14, *inactive*, while its weight stays where it was; the
# distance of 13 percent does not shrink as $\alpha \to \infty$. The missing hypothesis is that the dual path is monotone, and with it the
# theorem is corroborated:

# %%
peak = wanted[:, 0].argmax()
print(f"λ₁ of the margin problem: {wanted[peak, 0]:.3f} at τ = {tau[peak]:.2f}, {wanted[-1, 0]:.3f} at the end; of the flow: {flowed[-1, 0]:.3f}")
assert wanted[-1, 0] < 0.5 * wanted[peak, 0]
assert np.diff(flowed[:, 0]).min() > -1e-3

theorem = tc.theorem("moroshko_2020/dual_tends_to_margin_of_monotone")
verdict = tc.check(theorem, instances=100)
print(verdict)
assert verdict.outcome is tc.Outcome.CORROBORATED

# %% [markdown]
# ## Break this
#
# **1. Rank four at once.** Does the staircase need the start to be small in *all* directions? Start at $U_0 = \sqrt{0.05}\, I$, and
# compare the time at which the third eigenvalue reaches half its value with that from $\alpha = 10^{-6}$.
#
# <details><summary>Solution</summary>
#
# ```python
# identity = np.sqrt(0.05) * np.eye(4).ravel()
# run = tc.follow(full, tc.GradientFlow(accuracy=1e-7), identity, tc.Stop(time=20.0), record=(tc.end_to_end,), save=tc.At(times))
# third = np.linalg.eigvalsh(run.records[tc.end_to_end].value.reshape(-1, 4, 4))[:, 1]
# early = times[np.argmax(third > 0.25)]
# print(early, "against", third_rises)
# assert early < 0.25 * third_rises
# ```
#
# The wait is $\log(1/\alpha)$ divided by the eigenvalue: a start of size 0.2 hardly waits, and the modes overlap.
#
# </details>
#
# **2. R = 1.** For which $R$ is there a contradiction at all? Check $R = 1$ by hand and by the greedy algorithm.
#
# <details><summary>Solution</summary>
#
# ```python
# ones = tc.MatrixSensing(data.A, np.ones(3))
# (greedy,) = tc.greedy_low_rank(loss, ones, phases=1, accuracy=1e-9)
# assert np.isclose(np.trace(greedy.W.value), 4.0)  # 4R = 2R² + 2 = 4
# ```
#
# $2R^2 + 2 > 4R$ unless $(R - 1)^2 = 0$. At $R = 1$ the two completions have the same norm, and rank one is *a* solution of least nuclear
# norm.
#
# </details>
#
# **3. The hypothesis is needed.** Drop the premise "monotone" from the library's theorem and let the search find a counterexample of its
# own. It has two samples; how many inputs?
#
# <details><summary>Solution</summary>
#
# ```python
# found = tc.check(theorem.without("monotone"), instances=150)
# assert found.outcome is tc.Outcome.REFUTED
# print(found.counterexample)
# assert found.counterexample.instance.X.shape == (2, 2)
# ```
#
# Two are enough. The first violation came after a hundred instances: rare enough to be missed by hand.
#
# </details>
