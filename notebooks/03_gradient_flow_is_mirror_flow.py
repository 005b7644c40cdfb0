# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Gradient flow is mirror flow
#
# *After Zhiyuan Li, Tianhao Wang, Jason Lee and Sanjeev Arora, "Implicit bias of gradient descent on reparametrized models: on
# equivalence to mirror descent" (2022), arXiv:2207.04036, and Blake Woodworth et al., "Kernel and rich regimes in overparametrized
# models" (2020), arXiv:2002.09277.*
#
# A linear model $w$ is trained through parameters, $w = G(\theta)$: say $w = u^2 - v^2$ entry by entry. Gradient flow on $\theta$ is not
# gradient flow on $w$. What is it, seen from $w$?
#
# > **Theorem.** Suppose the gradients of the entries of $G$ *commute* and are independent,
# >
# > $$[\nabla G_i, \nabla G_j] = \nabla^2 G_j \nabla G_i - \nabla^2 G_i \nabla G_j = 0 \quad \text{for all } i, j.$$
# >
# > Then there is a convex $R$, which depends on $G$ and on the start $\theta_0$ but **not on the loss**, such that for every loss $\ell$
# >
# > $$\dot\theta = -\nabla (\ell \circ G)(\theta) \quad\Longrightarrow\quad \frac{d}{dt} \nabla R(w(t)) = -\nabla \ell(w(t)).$$
# >
# > If $\ell$ is a function of $Xw - y$ that is least at zero, and the flow fits the data, it ends at the interpolator where $R$ is least:
# > $\displaystyle \lim_{t \to \infty} w(t) = \arg\min \{ R(w) : X w = y \}.$
#
# The start chooses $R$, and with $R$ the answer: from the interpolator of least $\ell_2$ norm to the one of least $\ell_1$ norm.

# %%
import numpy as np
import sympy as sp
from scipy.optimize import linprog

import theorycheck as tc
from theorycheck.library import select

# %% [markdown]
# ## Brackets
#
# Two maps from parameters to two weights: the diagonal network $w = u^2 - v^2$, and one linear hidden neuron with two inputs,
# $w = (ab, ac)$. The library computes brackets exactly. Every bracket of the first vanishes; for the second it shows one that does not,
# and where.

# %%
diagonal = tc.Diagonal(dim=2, depth=2)
tc.lie_brackets(diagonal)

# %%
a, b, c = sp.symbols("a b c", real=True)
neuron = tc.Entrywise((a, b, c), (a * b, a * c))
tc.lie_brackets(neuron)

# %% [markdown]
# ## The order-swap test
#
# What do brackets have to do with mirror flows? Push $w$ with a constant force: first along $e_1$ for a time $s$, then along $e_2$. Then
# in the other order. A mirror flow moves $\nabla R(w)$ by the total push, $(s, s)$, so it *cannot* tell the orders apart. No loss, no
# data: this is a test of the map alone, and if it fails there is no potential, however clever.


# %%
def path(model, pieces, start, points=11):
    """w along the flow of a linear loss that is constant on each piece."""
    ws = [model.w(start)]
    for number, (duration, force) in enumerate(pieces):
        for part in np.linspace(0, duration, points)[1:]:
            loss = tc.LinearLoss((*pieces[:number], (float(part), force)))
            ws.append(tc.staged_flow(model, loss, start, 1e-6).value)
    return np.array(ws)


one_then_two = ((1.0, (-1.0, 0.0)), (1.0, (0.0, -1.0)))  # the force is minus the gradient of the loss
two_then_one = one_then_two[::-1]
examples = (
    ("u² − v²: the same end", diagonal, np.array([0.3, 0.2, 0.2, 0.3])),
    ("one neuron: two ends", neuron, np.array([1.0, 0.5, 0.2])),
)
with tc.figures.sheet(width=8, height=3.6, columns=2) as (figure, panels):
    for axes, (title, model, start) in zip(panels, examples, strict=True):
        for number, (name, order) in enumerate((("e₁ then e₂", one_then_two), ("e₂ then e₁", two_then_one))):
            look, ws = tc.figures.series(number), path(model, order, start)
            axes.plot(*ws.T, color=look.color, linestyle=look.line, label=name)
            axes.plot(*ws[-1], color=look.color, marker=look.marker, ms=8, fillstyle="none" if number else "full")
        axes.plot(*ws[0], "k.", ms=9)
        axes.set(xlabel="w₁", ylabel="w₂")
        tc.figures.titled(axes, title)
        axes.legend(loc="upper left")
figure

# %%
for title, model, start in examples:
    ends = [tc.staged_flow(model, tc.LinearLoss(order), start, 1e-9) for order in (one_then_two, two_then_one)]
    print(f"{title}: ", *(np.round(end.value, 6) for end in ends))
    apart = tc.equal("same end", *ends).standing
    assert apart is (tc.Standing.HOLDS if model is diagonal else tc.Standing.VIOLATED)

# %% [markdown]
# `tc.equal` compares two numbers *with their error bars*: the ends of the diagonal network agree within the accuracy of the flow, those
# of the neuron differ by far more.
#
# ## Potentials
#
# For a commuting map the library gives the potential in closed form: $\psi(\mu)$, the parameters after a total push $\mu$; the conjugate
# $Q = R^*$ with $\nabla Q(\mu) = G(\psi(\mu))$; and $R$ with its mirror map $\nabla R$.

# %%
tc.legendre_potential(tc.Diagonal(dim=1, depth=2), np.array([1.0, 1.0]))

# %% [markdown]
# This $R$ is the *hyperbolic entropy*. For $|w| \ll u_0 v_0$ it is a parabola, $R \approx w^2 / (16\, u_0 v_0)$ up to a constant (for
# $u_0 = v_0$); for $|w| \gg u_0 v_0$ it grows like $|w| \log |w|$, and after division by the logarithm like $|w|$. So the size of the
# start decides which norm is preferred.
#
# ## Where the flow ends
#
# One sample, two weights: $w_1 + 2 w_2 = 2$, a line of interpolators. The flow is run in $\theta$ to its limit. Independently, the
# *Bregman projection* minimises $R$ on the line by Newton's method on the dual; it knows nothing of any flow.

# %%
X, y = np.array([[1.0, 2.0]]), np.array([2.0])
objective = tc.Objective(diagonal, tc.SquaredLoss(0.5), tc.Regression(X, y))
starts = {"large start": 2.0, "small start": 0.1}
least_squares = np.linalg.pinv(X) @ y

runs = []
for name, size in starts.items():
    start = np.full(4, size)
    potential = tc.legendre_potential(diagonal, start)
    projection = tc.bregman_projection(potential, X, y)
    limit = tc.flow_limit(objective, tc.GradientFlow(accuracy=1e-9), start).recorded(tc.end_to_end, objective)
    print(f"{name}: flow ends at {np.round(limit.value, 8)}, the projection is {np.round(projection.w.value, 8)}")
    assert tc.equal("limit = projection", limit, projection.w).standing is tc.Standing.HOLDS
    times = np.linspace(0, 12, 400) / size**1.5
    runs.append(tc.follow(objective, tc.GradientFlow(accuracy=1e-6), start, tc.Stop(time=times[-1]), save=tc.At(times)))

print("least ℓ2 norm:", least_squares, " least ℓ1 norm: [0, 1]")
tc.figures.mirror_flow_portrait(
    potential, objective, tuple(runs), points={"least ℓ2 norm": least_squares, "least ℓ1 norm": np.array([0.0, 1.0])}, names=tuple(starts)
)

# %% [markdown]
# Both runs start at $w = 0$ and see the same loss. The large start goes straight to the interpolator of least $\ell_2$ norm; the small
# one turns towards the sparse interpolator $(0, 1)$. The background arrows are the mirror flow of the small start.
#
# ## From ℓ2 to ℓ1
#
# With ten weights and five samples there is room for sparsity. Let $y = X w^\circ$ with $w^\circ$ of two non-zero entries, and let the
# start be $\alpha$ in all entries. As $\alpha \to 0$ the limit tends to the interpolator of least $\ell_1$ norm; a linear programme
# confirms that this is $w^\circ$ here. How fast? Depth $D$ means $w = u^D - v^D$. For $D \ge 3$ the excess of the $\ell_1$ norm decays
# like $\alpha^D$. For $D = 2$ the exponent is $2 (1 - \rho)$, with $\rho$ the largest entry of the limiting dual certificate off the
# support: it can be arbitrarily slow.

# %%
rng = np.random.default_rng(13)
X, sparse = rng.normal(size=(5, 10)), np.zeros(10)
sparse[:2] = 1.0, -0.7
y = X @ sparse
programme = linprog(np.ones(20), A_eq=np.hstack([X, -X]), b_eq=y)
assert np.allclose(programme.x[:10] - programme.x[10:], sparse)
least_l1 = programme.fun

alphas = np.geomspace(3, 1e-3, 29)
with tc.figures.sheet() as (figure, axes):
    for number, depth in enumerate((2, 3, 4)):
        model = tc.Diagonal(dim=10, depth=depth)
        starts = alphas[:, None] * np.ones(model.parameters)  # all the starts at once
        limits = tc.bregman_projection(tc.legendre_potential(model, starts), X, y)
        assert limits.converged.all()
        excess = np.abs(limits.w.value).sum(axis=-1) / least_l1 - 1
        slope = np.polyfit(np.log(alphas[-6:]), np.log(excess[-6:]), 1)[0]
        if depth == 2:
            certificate = 4 * np.abs(X.T @ limits.dual[-1]) / np.log(1 / alphas[-1] ** 2)
            expected = 2 * (1 - certificate[sparse == 0].max())
        else:
            expected = depth
        print(f"depth {depth}: slope {slope:.3f}, expected {expected:.3f}")
        assert abs(slope - expected) < 0.1
        look = tc.figures.series(number)
        axes.loglog(alphas, excess, color=look.color, linestyle=look.line, marker=look.marker, ms=3, label=f"depth {depth}: slope {slope:.2f}")
    l2_excess = np.abs(np.linalg.pinv(X) @ y).sum() / least_l1 - 1
    axes.axhline(l2_excess, color="k", lw=1, ls=":", label="interpolator of least ℓ2 norm")
    axes.set(xlabel="size of the start, α", ylabel="‖w‖₁ / least ‖w‖₁ − 1")
    tc.figures.titled(axes, "From ℓ2 to ℓ1: depth makes sparsity cheap", "ten weights, five samples, two of the weights in use")
    axes.legend(loc="lower right")
figure

# %% [markdown]
# ## Check it
#
# The theorem on limits is in the library, for six commuting maps, any starts, any data that can be fitted. Two of the falsehoods planted
# on it: descent with a finite step ends at the projection as well; and $uv$ ends where $u^2 - v^2$ does.

# %%
(paper,) = select(["li_wang_lee_arora_2022_limits"]).papers
theorems = {theorem.name: theorem for theorem in paper.theorems}
limits = theorems["limit_is_bregman_projection_of_feasible"]
verdict = tc.check(limits, instances=60)
print(verdict)
assert verdict.outcome is tc.Outcome.CORROBORATED

planted = {falsehood.name.partition(":")[2]: falsehood for falsehood in paper.planted_on(limits)}
for name in ("of_descent_with_a_step", "uv_with_the_row_of_squares"):
    found = tc.check(planted[name], instances=60)
    print(f"\n{name}: {found.outcome.name}\n{found.counterexample}")
    assert found.outcome is tc.Outcome.REFUTED

# %% [markdown]
# ## Break this
#
# **1. The wrong row of the table.** $w = uv$ looks like a relative of $u^2 - v^2$ (substitute $u \pm v$). Does gradient flow of $uv$ from
# $(u_0, v_0)$ have the potential of $u^2 - v^2$ from the same $(u_0, v_0)$?
#
# <details><summary>Solution</summary>
#
# ```python
# start = np.array([0.5, 0.5, 0.3, 0.2])
# X, y = np.array([[1.0, 2.0]]), np.array([-1.0])
# products = tc.Objective(tc.Hadamard(2), tc.SquaredLoss(0.5), tc.Regression(X, y))
# limit = tc.flow_limit(products, tc.GradientFlow(accuracy=1e-9), start).recorded(tc.end_to_end, products)
# right, wrong = (tc.bregman_projection(tc.legendre_potential(m, start), X, y).w for m in (tc.Hadamard(2), diagonal))
# assert tc.equal("right", limit, right).standing is tc.Standing.HOLDS
# assert tc.equal("wrong", limit, wrong).standing is tc.Standing.VIOLATED
# ```
#
# No: with $p = (u + v)/2$, $q = (u - v)/2$ one has $uv = p^2 - q^2$, so the conserved product is $|u_0^2 - v_0^2|/4$ instead of
# $u_0 v_0$.
#
# </details>
#
# **2. A balanced start.** Start $w = uv$ at $u_0 = v_0 = \frac12$ and ask for $w_1 + 2 w_2 = -1$. What goes wrong, and which hypothesis
# fails?
#
# <details><summary>Solution</summary>
#
# ```python
# frozen = np.full(4, 0.5)
# projection = tc.bregman_projection(tc.legendre_potential(tc.Hadamard(2), frozen), X, y)
# assert not projection.converged
# print(projection.endings.item().value)
# run = tc.follow(products, tc.GradientFlow(accuracy=1e-6), frozen, tc.Stop(time=200))
# assert np.all(tc.end_to_end(products, run.final).value >= 0)
# assert abs(float(tc.risk(products, run.final).value) - 0.5) < 0.01  # a residual of 1 is left
# ```
#
# $u^2 - v^2 = 0$ is conserved, so $w = u^2 \ge 0$ for ever: the domain of $R$ is the quadrant $w > 0$, and no interpolator lies in it.
#
# </details>
#
# **3. Symmetric factors.** Is $W = U U^\top$ a mirror flow at least from the nicest start, $U_0 = \alpha I$? Use the order-swap test.
#
# <details><summary>Solution</summary>
#
# ```python
# p, q, r, s = sp.symbols("p q r s", real=True)
# gram = tc.Entrywise((p, q, r, s), (p**2 + q**2, p * r + q * s))  # first row of U Uᵀ, U = [[p, q], [r, s]]
# identity = np.array([1.0, 0.0, 0.0, 1.0])
# loss = tc.LinearLoss(((0.25, (-1.0, 0.0)), (0.25, (0.0, -1.0))))
# ends = [tc.staged_flow(gram, order, identity, 1e-9) for order in (loss, loss.swapped())]
# assert tc.equal("same end", *ends).standing is tc.Standing.VIOLATED
# ```
#
# No. Matrix factorization has no loss-independent potential, from any generic start; `07_low_rank_and_margins` shows what it does
# instead.
#
# </details>
