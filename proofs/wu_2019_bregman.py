r"""The end of weight normalisation as a Bregman minimiser (Wu et al. 2019, arXiv:1911.07956).

What the flow keeps, and where it ends, is in `wu_2019`.

Setting      x = g v/|v|, gradient flow of |Ax - y|²/2 in (g, v), the rate of g times a factor c; v̂ = v/|v|, ℓ = |v(0)|, x* = A⁺y.
             Instances: one equation in three unknowns.
Convention   A rate c is the plain flow for √c A from g/√c, which is how it is run.
Results      limit_is_bregman_minimiser_of_ahead   c = 1, g_0 > 0, ⟨v̂(0), x*⟩ > 0: x_∞ is least in
                                         R(x) - e^{g_0²/(2ℓ²)}⟨v̂(0), x⟩ on {Ax = y}, R(x) = ∫_0^{|x|} e^{r²/(2ℓ²)} dr
             R is in the form derived in the project's catalogue; the flow is a mirror flow of R whose clock depends on x, so this R is
             one for every loss that does not change with time, and for no other.
Not covered  Rates c other than 1, for which the potential is not known; the saddle and the far side of it.
"""

from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.weight_normalized import MODEL, WeightNormalizedFit, weight_normalized_fits

paper = tc.Source("Wu, Dobriban, Ren, Wu, Li, Gunasekar, Ward & Liu", 2019, arxiv="1911.07956", item="invariants and limit of the flow")

# -- hypotheses --

sized = tc.Premise("sized", "|a|, |v| ≥ 1/2", lambda p: bool(min(np.linalg.norm(p.a), np.linalg.norm(p.v)) >= 0.5))
target = tc.Premise("target_nonzero", "|y| ≥ 1/4", lambda p: abs(float(p.y)) >= 0.25)
unit_rate = tc.Premise("unit_rate", "c = 1", lambda p: float(p.rate) == 1)
ahead = tc.Premise("ahead", "g_0 ≥ 1/4 and y⟨v̂_0, a⟩ ≥ 1/16", lambda p: bool(p.g >= 0.25 and p.y * (p.unit @ p.a) >= 0.0625))


# -- claims --


def minimiser(p: WeightNormalizedFit, precision: tc.Precision, euclidean: bool = False) -> tc.Comparison:
    """x_∞ against the least of R(x) - e^{g_0²/(2ℓ²)}⟨v̂_0, x⟩ on {⟨a, x⟩ = y}, by Newton's steps; or (falsely) the nearest point to x_0."""
    _, x = p.ends()
    if euclidean:
        return tc.equal("x_∞ = argmin |x - x_0|", x, p.least + np.asarray(p.g)[..., None] * p.across(p.unit))
    return tc.equal("x_∞ = argmin R - e^{g_0²/(2ℓ²)}⟨v̂_0, x⟩", x, least_potential(p))


def least_potential(p: WeightNormalizedFit) -> tc.Measured:
    """The minimiser, from x*: steps of Newton's method within the plane, at most 1/2 long, halved until the slope along them is not past its zero."""
    x, size = p.least + 0 * p.v, p.size[..., None]
    push = np.exp((np.asarray(p.g) ** 2 / 2)[..., None] / size) * p.unit

    def slope(x: np.ndarray) -> np.ndarray:
        r = np.linalg.norm(x, axis=-1, keepdims=True)
        return p.across(np.exp(r**2 / (2 * size)) * x / r - push)

    for _ in range(60):
        r = np.linalg.norm(x, axis=-1)[..., None, None]
        n = x / r[..., 0]
        radial = n[..., :, None] * n[..., None, :]
        H = np.exp(r**2 / (2 * size[..., None])) * (r / size[..., None] * radial + (np.eye(3) - radial) / r)
        a = p.a / np.linalg.norm(p.a, axis=-1, keepdims=True)
        plane = np.eye(3) - a[..., :, None] * a[..., None, :]
        move = -np.linalg.solve(plane @ H @ plane + a[..., :, None] * a[..., None, :], slope(x)[..., None])[..., 0]
        far = np.linalg.norm(move, axis=-1, keepdims=True)
        part, small = np.minimum(1.0, 0.5 / np.maximum(far, 0.5)), 1e-9 * far * np.linalg.norm(slope(x), axis=-1, keepdims=True)
        for _ in range(60):
            past = np.sum(slope(x + part * move) * move, axis=-1, keepdims=True) > small
            if not np.any(past):
                break
            part = np.where(past, part / 2, part)
        x = x + part * move
        if np.all(np.abs(move) < 1e-12):
            break
    return tc.Measured(x, 4 * np.linalg.norm(move, axis=-1, keepdims=True) + 1e-13 * np.abs(x) + 1e-14)


def order_swap(p: WeightNormalizedFit, precision: tc.Precision) -> tc.Comparison:
    """Two linear losses one after the other, and in the other order, end at the same x: false."""
    loss = tc.LinearLoss(((0.5, (-1.0, 0.0, 0.0)), (0.5, (0.0, -1.0, 0.0))))
    one, two = (tc.staged_flow(MODEL, order, p.start, 1e-9, precision) for order in (loss, loss.swapped()))
    return tc.equal("x after (e_1, e_2) = x after (e_2, e_1)", one, two)


# -- what algebra settles --


def clocked() -> tuple[tc.Identity, tc.Identity]:
    """R'' = (r/ℓ²)e^{r²/2ℓ²} and R'/r = e^{r²/2ℓ²}/r: (r/ℓ²)e^{r²/2ℓ²} times the metric's 1 along x and ℓ²/r² across it."""
    r, size = sp.symbols("r ell", positive=True)
    slope = sp.exp(r**2 / (2 * size**2))
    clock = r / size**2 * slope
    return tc.Identity(sp.diff(slope, r), clock), tc.Identity(slope / r, clock * size**2 / r**2)


# -- the theorem --

bregman = tc.Theorem(
    "limit_is_bregman_minimiser_of_ahead",
    paper,
    weight_normalized_fits(),
    (sized, target, unit_rate, ahead),
    minimiser,
    r"x_\infty = \arg\min\{R(x) - e^{g_0^2/2\ell^2} \langle \hat v_0, x \rangle : Ax = y\}, \; R(x) = \int_0^{|x|} e^{r^2/2\ell^2} dr",
    identities=clocked(),
    stacked=True,
)

THEOREMS = (bregman,)
FALSE = (
    bregman.without(unit_rate),
    bregman.without(ahead),
    bregman.claiming("nearest_in_l2", partial(minimiser, euclidean=True)),
    bregman.claiming("for_losses_in_time", order_swap),
)
