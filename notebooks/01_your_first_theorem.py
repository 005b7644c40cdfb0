# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your first theorem
#
# A theorem about training has the form *hypotheses ⇒ conclusion*. In the next ten minutes you state a conjecture of this form, see it
# break, understand why, and repair it. You need nothing but a guess.
#
# **The guess.** A deep linear network $x \mapsto W_L \cdots W_1 x$ with one output fits data by least squares,
#
# $$R(\theta) = \frac1n \sum_{i=1}^n \bigl(W_L \cdots W_1 x_i - y_i\bigr)^2, \qquad \theta = (W_1, \dots, W_L).$$
#
# Its minimisers form a valley: double $W_1$, halve $W_2$, and the fit is the same. A minimiser is called *flat* where its **sharpness**
# $S(\theta) = \lambda_{\max}(\nabla^2 R(\theta))$ is small, and *balanced* where all layers have the same size. Surely
#
# > *among all minimisers, the balanced one is the flattest:* $\; S(\theta) \ge S(\text{balanced}).$

# %%
import numpy as np

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits

# %% [markdown]
# ## Why one would believe it
#
# Take the smallest case: one input, two layers, $R = (w_2 w_1 - 1)^2$. The valley is $(w_1, w_2) = (\tau, 1/\tau)$. `tc.sharpness`
# returns a value *with an error bar*; everything in this library does.

# %%
one_input = tc.Objective(tc.DeepLinear((1, 1, 1)), tc.SquaredLoss(), tc.Regression(X=np.array([[1.0]]), y=np.array([1.0])))
gains = np.geomspace(0.4, 2.5, 101)
valley = np.stack([gains, 1 / gains], axis=-1)  # 101 points at once: shape (101, 2)
sharpness = tc.sharpness(one_input, valley)

assert np.allclose(sharpness.value, 2 * (gains**2 + gains**-2))  # what one finds by hand
assert gains[np.argmin(sharpness.value)] == 1.0  # the balanced point

with tc.figures.sheet(height=3.2) as (figure, axes):
    axes.plot(gains, sharpness.value, color=tc.figures.series(0).color)
    axes.plot(1, 4, "o", color=tc.figures.series(1).color, ms=8, label="balanced")
    axes.set(xlabel="size of the first layer, w₁ = τ", ylabel="sharpness S")
    axes.set(xscale="log", xticks=[0.5, 1, 2], xticklabels=["½", "1", "2"])
    axes.minorticks_off()
    tc.figures.titled(axes, "One input: the balanced minimiser is the flattest", "sharpness along the valley (τ, 1/τ)")
    axes.legend()
figure

# %% [markdown]
# So far, so good. One picture is what most of us would stop at.
#
# ## State it
#
# A statement has three parts.
#
# * A **recipe** draws instances: here `deep_linear_fits`, networks of depth 2 to 4 with any widths, data and parameters.
# * **Premises** say which instances count.
# * A **claim** compares two sides, on one instance.
#
# An instance `f` knows its data, its depth, its parameters `f.theta` and the least-squares solution `f.w_star`; `f.aligned(sizes)` is the
# minimiser whose layers are all of rank one and have these sizes.


# %%
def balanced(f):
    """The minimiser whose layers all have the size |w*|^(1/L)."""
    return f.aligned([np.linalg.norm(f.w_star) ** (1 / f.depth)] * f.depth)


def flattest(f, precision):
    here = tc.sharpness(f.objective, f.theta)
    there = tc.sharpness(f.objective, balanced(f).theta)
    return tc.at_least("S(θ) ≥ S(balanced)", here, there)


def fits_the_data(f):
    return tc.equal("X w(θ) = X w*", tc.predictions(f.objective, f.theta), f.X @ f.w_star)


networks = deep_linear_fits(depth=(2, 4))
target = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", fits_the_data)

conjecture = tc.Theorem("balanced_is_flattest", tc.CONJECTURE, networks, (target, minimiser), flattest, r"S(\theta) \ge S(\text{balanced})")
verdict = tc.check(conjecture, instances=300)
print(verdict)

# %% [markdown]
# **VACUOUS**: hardly any random network is a minimiser, so nothing was tested. A check that says "passed" here would be a lie. Where a
# hypothesis has measure zero, tell the premise how to get there: `enforce` moves an instance onto it. A `DeepLinearFit` can be moved onto
# the minimisers by changing its first layer.

# %%
assert verdict.outcome is tc.Outcome.VACUOUS

minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", fits_the_data, enforce=DeepLinearFit.moved_onto_minimisers)
conjecture = tc.Theorem("balanced_is_flattest", tc.CONJECTURE, networks, (target, minimiser), flattest, r"S(\theta) \ge S(\text{balanced})")
verdict = tc.check(conjecture, instances=300)
print(verdict)

# %% [markdown]
# ## It breaks
#
# **REFUTED**, at the thirteenth instance; and what is shown is not the messy network that broke it first, but the smallest one that the
# library could contract it to: two samples, one hidden unit, small whole numbers. You can check it by hand. Nor is it an accident of
# rounding: `certify` evaluates both sides once more in exact rationals and balls rounded outward.

# %%
assert verdict.outcome is tc.Outcome.REFUTED
assert verdict.tried == 13
small = verdict.counterexample.instance
print(tc.certify(verdict.counterexample))
print("covariance Σ =", small.covariance.tolist(), " target w* =", small.w_star.tolist())
print("layers:", [W.tolist() for W in small.layers])
assert np.array_equal(small.covariance, np.diag([0.5, 0.125]))
assert np.array_equal(small.w_star, [0, 2])

tc.figures.counterexample(verdict.counterexample)

# %% [markdown]
# ## Why it breaks
#
# Walk along the valley of the counterexample: first layer $(0, s)$, second layer $2/s$. Its balanced point is $s = \sqrt 2$.

# %%
sizes = np.geomspace(1.0, 4.0, 201)
valley = np.stack([0 * sizes, sizes, 2 / sizes], axis=-1)
sharpness = tc.sharpness(small.objective, valley).value

first_layer = 2 * 0.5 * (2 / sizes) ** 2  # see below: the steepest direction of the block of W_1
along_target = 2 * 0.125 * ((2 / sizes) ** 2 + sizes**2)  # the direction in which w moves along w*
assert np.allclose(sharpness, np.maximum(first_layer, along_target))

with tc.figures.sheet(height=3.6) as (figure, axes):
    axes.plot(sizes, sharpness, color="0.8", lw=6, label="sharpness S")
    for number, (curve, label) in enumerate(
        ((first_layer, "2 w₂² Λ: first layer, steepest input"), (along_target, "2 (w₁² + w₂²) a: along the target"))
    ):
        look = tc.figures.series(number)
        axes.plot(sizes, curve, color=look.color, linestyle=look.line, label=label)
    axes.plot(np.sqrt(2), 2, "ko", ms=8, label="balanced")
    axes.plot(2, 1.25, "ks", ms=8, label="counterexample")
    axes.set(xlabel="size of the first layer, w₁ = s", ylabel="S", ylim=(0, 4.5))
    tc.figures.titled(axes, "Two inputs: it is not", "sharpness along the valley of the counterexample")
    axes.legend(loc="upper right", bbox_to_anchor=(0.8, 1))
figure

# %% [markdown]
# Two mechanisms compete. The library derives the Hessian in closed form, for any depth and widths; its blocks say which.

# %%
tc.derive(tc.DeepLinear((2, 1, 1)), tc.SquaredLoss())

# %% [markdown]
# The block of the first layer, $H_{11} = 2\, W_2^\top W_2 \otimes \Sigma$, feels **every** input direction, also those the target has
# nothing to do with: its top eigenvalue is $2 w_2^2 \Lambda$ with $\Lambda = \lambda_{\max}(\Sigma)$. Moving $w$ along the target costs
# only $2 (w_1^2 + w_2^2)\, a$, with $a$ the curvature along $w^*$. If the steepest input is not the target ($\Lambda > a$), a smaller
# second layer pays. With one input, $\Lambda = a$ always: the first picture could not have shown it.
#
# ## Repair it
#
# The explanation suggests a hypothesis: no direction steeper than another, $\Sigma = I$ (whitened inputs). One more premise, with its own
# `enforce`. Equality can be attained now, so many instances will be too close to call: `tight=True` says that this is expected.

# %%
whitened = tc.Premise("whitened", "Σ = I", lambda f: tc.equal("Σ = I", f.covariance, np.eye(f.widths[0])), enforce=DeepLinearFit.whitened)

theorem = tc.Theorem(
    "balanced_is_flattest_of_whitened",
    tc.CONJECTURE,
    networks,
    (target, whitened, minimiser),
    flattest,
    r"\Sigma = I \ \Rightarrow\ S(\theta) \ge S(\text{balanced})",
    tight=True,
)
verdict = tc.check(theorem, instances=400)
print(verdict)
assert verdict.outcome is tc.Outcome.CORROBORATED

# %% [markdown]
# **CORROBORATED** is the most you get: no violation on random instances, nor on those an adversary made of the nearest ones. It never
# says "true". How much is it worth? That is measured by *planting falsehoods*: statements close to yours that a check worth its name must
# refute. A premise less; a constant that is better by one percent.


# %%
def flattest_by_one_percent(f, precision):
    here = tc.sharpness(f.objective, f.theta)
    there = tc.sharpness(f.objective, balanced(f).theta)
    return tc.at_least("S(θ) ≥ 1.01 S(balanced)", here, 1.01 * there)


falsehoods = (
    theorem.without(whitened),
    theorem.without(minimiser),
    theorem.claiming("by_one_percent", flattest_by_one_percent),
)
refutations = [tc.check(falsehood, instances=400) for falsehood in falsehoods]
for found in refutations:
    print(found.theorem.name, "->", found.outcome.name)
    print("   ", str(found.counterexample).replace("\n", "\n    "))

power = sum(found.outcome is tc.Outcome.REFUTED for found in refutations)
print(f"\npower: {power} of {len(falsehoods)} falsehoods refuted")
assert power == len(falsehoods)

# %% [markdown]
# What did the check see? The histogram shows by how much the claim held on the first admitted instances, relative to the size of both
# sides, and, dashed, the error bars of these numbers: the evidence is far clear of the noise, apart from the few instances at the left,
# where equality is attained.

# %%
tc.figures.slack_histogram(verdict)

# %% [markdown]
# ## Which hypotheses does it need?
#
# `ablate` drops each premise in turn and tries the claim on instances *outside* it.

# %%
ablation = tc.ablate(theorem, instances=120)
assert ablation.need(whitened) is tc.Need.NEEDED
assert ablation.need(minimiser) is tc.Need.NEEDED
assert ablation.need(target) is tc.Need.WELL_POSEDNESS
tc.figures.premises(ablation)

# %% [markdown]
# Both real hypotheses are needed, each with a counterexample behind it; $w^* \ne 0$ is there only because the balanced minimiser is not
# defined without it.
#
# ## Keep it
#
# Put the definitions in a file that ends with
#
# ```python
# THEOREMS = (theorem,)
# FALSE = (theorem.without(whitened), theorem.without(minimiser), theorem.claiming("by_one_percent", flattest_by_one_percent))
# ```
#
# and `theorycheck check my_theorem.py` prints the table, `--report out.html` writes a page, and `theorem_tests(THEOREMS)` of
# `theorycheck.testing` makes it a test in your suite.
#
# ## Break this
#
# **1. A weaker hypothesis.** $\Sigma = I$ is more than the explanation asked for: it is enough that *no input is steeper than the
# target*, that is $\Sigma w^* = \Lambda w^*$. State this theorem and check it. Does it contain the repaired one?
#
# <details><summary>Solution</summary>
#
# `f.retargeted(w)` gives the same inputs with the targets of `w`; give them a top eigenvector.
#
# ```python
# def onto_top(f):
#     return f.retargeted(np.linalg.norm(f.w_star) * np.linalg.eigh(f.covariance)[1][:, -1]) if f.data.has_signal else None
#
# def along_top(f):
#     return tc.equal("Σw* = Λw*", f.covariance @ f.w_star, tc.top_eigenvalue(f.covariance) * f.w_star)
#
# top_target = tc.Premise("top_target", "Σw* = Λw*", along_top, enforce=onto_top)
# weaker = tc.Theorem("balanced_is_flattest_of_top_target", tc.CONJECTURE, networks, (target, top_target, minimiser), flattest, tight=True)
# assert tc.check(weaker, instances=150).outcome is tc.Outcome.CORROBORATED
# assert tc.check(weaker.without(top_target), instances=150).outcome is tc.Outcome.REFUTED
# ```
#
# It does: if $\Sigma = I$, every $w^*$ is a top eigenvector. This is the form in which the library proves it
# (`theorycheck show marion_chizat_2024_balanced/least_sharpness_eq_of_top_target`).
#
# </details>
#
# **2. Another flatness.** Replace the sharpness by the *trace* of the Hessian, `tc.hessian_trace`, and keep $\Sigma = I$. Is the balanced
# minimiser still the flattest? Predict the smallest counterexample from the blocks $H_{11}$ and $H_{22}$ above before you run it.
#
# <details><summary>Solution</summary>
#
# ```python
# def least_trace(f, precision):
#     here, there = tc.hessian_trace(f.objective, f.theta), tc.hessian_trace(f.objective, balanced(f).theta)
#     return tc.at_least("tr(θ) ≥ tr(balanced)", here, there)
#
# found = tc.check(theorem.claiming("least_trace", least_trace), instances=300)
# assert found.outcome is tc.Outcome.REFUTED
# f = found.counterexample.instance
# assert f.widths[0] >= 2  # one input is not enough
# ```
#
# No: for two layers with $d$ inputs, $\operatorname{tr} \nabla^2 R = 2 (d\, w_2^2 + w_1^2)$ on the valley $w_1 w_2 = |w^*|$. For
# $d \ge 2$ it pays to make the *second* layer smaller, since it multiplies the curvature of all $d$ inputs. Which minimiser has the least
# trace is the subject of `gatmiry_2023` in the library.
#
# </details>
#
# **3. Half a loss.** Many papers write $\frac1{2n}$ instead of $\frac1n$. On whitened inputs the balanced minimiser has
# $S = 2 L |w^*|^{2 - 2/L}$ in the convention of this notebook. Show that the same sentence is refuted under `tc.SquaredLoss(0.5)`.
#
# <details><summary>Solution</summary>
#
# ```python
# def value(f, precision, c=1.0):
#     objective = tc.Objective(f.model, tc.SquaredLoss(c), f.data)
#     bound = 2 * f.depth * np.linalg.norm(f.w_star) ** (2 - 2 / f.depth)
#     return tc.at_least("S(θ) ≥ 2 L |w*|^(2-2/L)", tc.sharpness(objective, f.theta), bound)
#
# assert tc.check(theorem.claiming("value", value), instances=200).outcome is tc.Outcome.CORROBORATED
# halved = theorem.claiming("value_with_half_loss", lambda f, precision: value(f, precision, c=0.5))
# assert tc.check(halved, instances=200).outcome is tc.Outcome.REFUTED
# ```
#
# The convention is a part of the model, never implied: `tc.SquaredLoss(c)` is $\frac cn \sum_i (\hat y_i - y_i)^2$.
#
# </details>
