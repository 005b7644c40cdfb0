r"""Every potential has a parametrization that gives its mirror flow (Li, Wang, Lee & Arora 2022, arXiv:2207.04036).

What a parametrization must satisfy to give mirror flow is in `li_wang_lee_arora_2022_brackets`.

Setting      A potential R has a commuting parametrization: in one dimension x = F(w) with F' = √R'' and G = F^{-1}. Instances: x²/4,
             sin²(x/2), e^x under (w - y)²/2, which are those of the entropy, of Fermi and Dirac's entropy and of Burg's.
Convention   The loss carries ½; R'' = 1/w, 1/(w(1-w)), 1/w².
Results      flow_of_converse_is_mirror     d/dt R'(w) = -(w - y) for the three maps, by the time that the mirror flow needs
Not covered  Nash's embedding for potentials that are not separable.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc

paper = tc.Source("Li, Wang, Lee & Arora", 2022, arxiv="2207.04036", item="converse")

a = sp.Symbol("a", real=True)
ENTROPY, FERMI, BURG = (tc.Entrywise((a,), (w,)) for w in (a**2 / 4, sp.sin(a / 2) ** 2, sp.exp(a)))


@dataclass(frozen=True)
class Scalar:
    """One weight at w_0, a target y, a time."""

    model: tc.Entrywise
    w: float
    y: float
    time: float


@tc.recipe
def scalars(draw):
    """w_0, y in [1/8, 7/8]."""
    return Scalar(draw(tc.choice((ENTROPY, FERMI, BURG))), draw(tc.reals(0.125, 0.875)), draw(tc.reals(0.125, 0.875)), draw(tc.reals(0.125, 2)))


# -- hypotheses --

apart = tc.Premise("apart", "|w_0 - y| ≥ 1/16", lambda p: bool(abs(p.w - p.y) >= 0.0625))


# -- claims --


def elapsed(model: tc.Entrywise, w, y: np.ndarray):
    """∫ R''(w)/(y - w) dw with R'' = 1/w, 1/(w(1-w)) or 1/w²: the time of the mirror flow, up to a constant."""
    if model is ENTROPY:
        return np.log(w / np.abs(y - w)) / y
    if model is FERMI:
        return np.log(w) / y - np.log(1 - w) / (y - 1) - np.log(np.abs(y - w)) / (y * (1 - y))
    return np.log(w / np.abs(y - w)) / y**2 - 1 / (w * y)


def mirrored(p: Scalar, precision: tc.Precision, factor: float = 1.0, of: tc.Entrywise | None = None) -> tc.Comparison:
    """The time that the mirror flow needs from w_0 to the w that the flow in x has reached."""
    w, y = np.asarray(p.w), np.asarray(p.y)
    start = 2 * np.sqrt(w) if p.model is ENTROPY else 2 * np.arcsin(np.sqrt(w)) if p.model is FERMI else np.log(w)
    root = np.sqrt(p.time)[..., None]  # time 1 under (√T w - √T y)²/2
    objective = tc.Objective(p.model, tc.SquaredLoss(0.5), tc.Regression(root[..., None], root * y[..., None]))
    run = tc.follow(objective, tc.GradientFlow(accuracy=1e-10), start[..., None], tc.Stop(time=1.0), record=(tc.end_to_end,))
    end = run.records[tc.end_to_end][..., -1, 0]
    return tc.equal(
        "the mirror flow needs as long", elapsed(of or p.model, end, y) - elapsed(of or p.model, w, y), factor * np.asarray(p.time), scale=1.0
    )


# -- what algebra settles --


def isometries() -> tuple[tc.Identity, ...]:
    """G'(x)² R''(G(x)) = 1."""
    x = sp.Symbol("x", positive=True)
    squares = sp.sin(x / 2) ** 2
    return (
        tc.Identity(sp.diff(x**2 / 4, x) ** 2 / (x**2 / 4), sp.Integer(1)),
        tc.Identity(sp.diff(squares, x) ** 2, squares * (1 - squares)),
        tc.Identity(sp.diff(sp.exp(x), x) ** 2 / sp.exp(x) ** 2, sp.Integer(1)),
    )


# -- the theorem --

mirror_law = r"\tfrac{d}{dt} R'(w) = -(w - y), \; G'^2 R'' = 1"
back = tc.Theorem("flow_of_converse_is_mirror", paper, scalars, (apart,), mirrored, mirror_law, identities=isometries(), stacked=True)

THEOREMS = (back,)
FALSE = (
    back.claiming("factor_1_0002", partial(mirrored, factor=1.0002)),
    back.claiming("potential_of_entropy_for_all", partial(mirrored, of=ENTROPY)),
)
