r"""What a parametrization must satisfy to give mirror flow (Li, Wang, Lee & Arora 2022, arXiv:2207.04036).

That commuting fields are enough is in `li_wang_lee_arora_2022`, that every potential has a parametrization in `li_wang_lee_arora_2022_converse`.

Setting      w = G(θ), fields ∇G_i, gradient flow of losses that may change with time. If it is a mirror flow of w for all of them, then
             ∂G[∇G_i, ∇G_j] = 0 at every θ, and so for brackets of every order. Instances: pairs of symmetric 3x3 matrices; UUᵀ, one
             linear neuron, weight normalisation, uv under ⟨c(t), w⟩.
Convention   [X, Y] = (∂Y)X - (∂X)Y; a swap compares ∇G_i then ∇G_j, each for a time s, with the other order.
Results      swap_is_bracket                (w_{i,j} - w_{j,i})/s² → ∂G[∇G_i, ∇G_j]: what a mirror flow cannot have
             bracket_of_gram                for fields SU, S'U of UUᵀ it is BW - WB, B = S'S - SS', W = UUᵀ
             square_of_bracket_eq           |B|² = -tr(A[A', B]) for B = [A, A']: where θᵀ[A_k, B]θ = 0 for all θ and k the forms commute
             The quadratic lemma and its proof are in the form derived in the project's catalogue.
Not covered  Brackets of higher order (`tc.necessary_condition` decides them).
"""

from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.commuting import GRAM, NEURON, NORMALIZED, PRODUCT, nameless

paper = tc.Source("Li, Wang, Lee & Arora", 2022, arxiv="2207.04036", item="necessary condition")
MODELS = GRAM, NEURON, NORMALIZED, nameless(PRODUCT)
TIMES = 2.0 ** -np.arange(5, 8)


@dataclass(frozen=True)
class Swap:
    """A parametrization of two weights at a point."""

    model: tc.Entrywise
    theta: np.ndarray


@dataclass(frozen=True)
class Pair:
    """Two symmetric matrices S, S' and a factor U; stacks along a leading axis."""

    S: np.ndarray
    other: np.ndarray
    U: np.ndarray

    @property
    def bracket(self) -> np.ndarray:
        """S'S - SS'."""
        return self.other @ self.S - self.S @ self.other


@tc.recipe
def swaps(draw):
    """Entries of θ in [1/4, 1]."""
    model = draw(tc.choice(MODELS))
    return Swap(model, draw(tc.array(len(model.symbols), 0.25, 1.0)))


@tc.recipe
def pairs(draw):
    """Entries up to 2."""
    one, other = draw(tc.array((3, 3))), draw(tc.array((3, 3)))
    return Pair((one + one.T) / 2, (other + other.T) / 2, draw(tc.array((3, 3))))


# -- claims --


@cache
def bracket_of(model: tc.Entrywise):
    """∂G[∇G_1, ∇G_2] as a function of θ."""
    symbols, (first, second) = sp.Matrix(model.symbols), model.expressions
    one, two = (sp.Matrix([sp.diff(w, s) for s in symbols]) for w in (first, second))
    bracket = two.jacobian(symbols) * one - one.jacobian(symbols) * two
    return sp.lambdify(model.symbols, [(one.T * bracket)[0], (two.T * bracket)[0]], "numpy")


def swapped_ends(p: Swap, precision: tc.Precision) -> tc.Measured:
    """w after ⟨±e_i, w⟩ for a time s and then ⟨±e_j, w⟩ for a time s, shape (B, s of TIMES, sign, order, 2).

    A time s under a loss is a time 1 under s times that, so that all are lanes of one run a piece. The bar is five times the difference
    to a run at 1/32 of the accuracy, and a hundredth of the accuracy.
    """
    accuracy, orders = 1e-11, np.eye(2)[[[0, 1], [1, 0]]]
    times = (TIMES[:, None] * [-1.0, 1.0])[..., None, None]
    theta = np.repeat(p.theta[:, None, None, None, None], 2, axis=-2)
    for piece in range(2):
        c = (times * orders[:, piece])[..., None, :]
        objective = tc.Objective(p.model, tc.LinearLoss(((1.0, (1.0, 1.0)),)), tc.Regression(np.eye(2), c, several_outputs=False))
        flow = tc.GradientFlow(accuracy=accuracy * np.array([1.0, 1 / 32]))
        theta = tc.follow(objective, flow, theta, tc.Stop(time=1.0), precision=precision).final
    w = p.model.w(theta)
    rough, fine = w[..., 0, :], w[..., 1, :]
    return tc.Measured(fine, 5 * np.abs(fine - rough) + 0.01 * precision.tightened(accuracy) * np.linalg.norm(fine, axis=-1, keepdims=True))


def swap(p: Swap, precision: tc.Precision, sign: float = 1.0) -> tc.Comparison:
    """The mean of (w_{1,2} - w_{2,1})/s² for s and -s, whose error is of order s², → sign ∂G[∇G_1, ∇G_2]; sign 0 claims that order is immaterial."""
    ends = swapped_ends(p, precision)
    means = (ends[..., 0, :] - ends[..., 1, :]).sum(axis=-2) / (2 * TIMES[:, None] ** 2)
    seen = tc.Measured(np.moveaxis(means.value, -2, 0), np.moveaxis(means.error, -2, 0))
    bracket = np.stack([np.broadcast_to(w, p.theta.shape[:-1]) for w in bracket_of(p.model)(*np.moveaxis(p.theta, -1, 0))], axis=-1)
    found = tc.tends_to("(w_{1,2} - w_{2,1})/s² → ∂G[∇G_1, ∇G_2]", TIMES**2, seen, sign * bracket, resolution=1e-2)
    return replace(found, scale=1 + np.linalg.norm(bracket, axis=-1, keepdims=True))


def gram_bracket(p: Pair, precision: tc.Precision, sign: float = 1.0) -> tc.Comparison:
    """∂G of the bracket (S'S - SS')U at U, which is BW + WBᵀ, against BW - sign WB."""
    B, W = p.bracket, p.U @ np.swapaxes(p.U, -1, -2)
    field = B @ p.U
    image = field @ np.swapaxes(p.U, -1, -2) + p.U @ np.swapaxes(field, -1, -2)
    return tc.equal("∂G[SU, S'U] = BW - WB", image, B @ W - sign * W @ B, scale=np.linalg.norm(B @ W, axis=(-2, -1))[..., None, None])


def square(p: Pair, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """|B|² = -tr(S[S', B]), B = SS' - S'S."""
    B = -p.bracket
    again = p.other @ B - B @ p.other
    size = np.sum(B**2, axis=(-2, -1))
    scale = np.linalg.norm(p.S, axis=(-2, -1)) * np.linalg.norm(p.other, axis=(-2, -1)) * np.sqrt(size)
    return tc.equal("|B|² = -tr(S[S', B])", factor * size, -np.trace(p.S @ again, axis1=-2, axis2=-1), scale=scale)


def first_order(p: Pair, precision: tc.Precision) -> tc.Comparison:
    """[S, S'] = 0, as if symmetric Hessians were enough: false."""
    return tc.equal("[S, S'] = 0", p.bracket, 0 * p.bracket, scale=1.0)


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, claim, statement: str) -> tc.Theorem:
    """A theorem of this paper, on stacks."""
    return tc.Theorem(name, paper, ambient, (), claim, statement, stacked=True)


swapping = theorem("swap_is_bracket", swaps, swap, r"(w_{i,j} - w_{j,i})/s^2 \to \partial G [\nabla G_i, \nabla G_j]")
gram = theorem("bracket_of_gram", pairs, gram_bracket, r"\partial G [SU, S'U] = BW - WB, \; B = S'S - SS'")
lemma = theorem("square_of_bracket_eq", pairs, square, r"\lVert B \rVert_F^2 = -\mathrm{tr}(A [A', B]), \; B = [A, A']")

THEOREMS = (swapping, gram, lemma)
FALSE = (
    swapping.claiming("order_is_immaterial", partial(swap, sign=0.0)),
    swapping.claiming("other_sign", partial(swap, sign=-1.0)),
    gram.claiming("anticommutator", partial(gram_bracket, sign=-1.0)),
    lemma.claiming("factor_1_01", partial(square, factor=1.01)),
    lemma.claiming("symmetric_forms_commute", first_order),
)
FINDINGS = (
    tc.Finding(
        "for quadratic parametrizations the necessary condition of first order is already sufficient",
        "it says [A_k, B] = 0 for B = [A_i, A_j] and all k, and |B|² = -tr(A_i[A_j, B]) is then 0: the forms commute",
        "theorycheck check li_wang_lee_arora_2022_brackets/square_of_bracket_eq",
    ),
)
