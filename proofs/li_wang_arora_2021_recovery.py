r"""How many samples the regulariser of label noise needs (Li, Wang & Arora 2021, arXiv:2110.06914).

That label noise on u² - v² ends at the least weighted ℓ1 norm is in `li_wang_arora_2021_label_noise`.

Setting      Weights w* of d entries, κ of them 1 and the others 0; n Rademacher samples, so that all ℓ1 weights c_j are 1; the least
             Σ|w_j| on {Zw = Zw*}. Probability is over the samples.
Convention   The logarithm is natural.
Results      sparse_recovery_of_enough_samples       ℓ1 recovers from n = ⌈4κ ln d⌉ Rademacher samples with probability ≥ 1/2
             In the form derived in the project's catalogue.
Not covered  The constant of the sample complexity; samples of another law.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import linprog

import theorycheck as tc
from theorycheck.instances.recipes import Noise

paper = tc.Source("Li, Wang & Arora", 2021, arxiv="2110.06914", item="label noise on diagonal linear networks")


@dataclass(frozen=True)
class Sensing:
    """d inputs, κ of them used."""

    d: int
    kappa: int
    noise: Noise

    @property
    def enough(self) -> int:
        """⌈4κ ln d⌉."""
        return int(np.ceil(4 * self.kappa * np.log(self.d)))

    def designs(self, runs: np.ndarray, n: int) -> np.ndarray:
        """Rademacher matrices, shape (B, n, d)."""
        return np.stack([self.noise.generator(int(k)).integers(0, 2, size=(n, self.d)) for k in runs]) * 2.0 - 1.0


@tc.recipe
def sensings(draw):
    """Sizes for which ⌈4κ ln d⌉ samples are few."""
    return Sensing(draw(tc.integers(6, 24)), draw(tc.integers(1, 2)), draw(tc.noise()))


# -- claims --


def certified(designs: np.ndarray, kappa: int) -> np.ndarray:
    """Whether ν = Z_S(Z_SᵀZ_S)⁻¹1 has |Zᵀν| < 1 off S, which makes 1_S the only ℓ1 solution (weights c = 1: all entries ±1)."""
    S = designs[..., :kappa]
    nu = S @ np.linalg.pinv(np.swapaxes(S, -1, -2) @ S) @ np.ones((kappa, 1))
    dual = (np.swapaxes(designs, -1, -2) @ nu)[..., 0]
    return (np.abs(dual[:, kappa:]) < 1 - 1e-9).all(axis=-1) & (np.abs(dual[:, :kappa] - 1) < 1e-9).all(axis=-1)


def solved(designs: np.ndarray, kappa: int) -> np.ndarray:
    """Whether the linear programme finds 1_S, ties decided against S by a millionth of its cost."""
    d, found = designs.shape[-1], []
    for Z in designs:
        cost = np.tile(1.0 + 1e-6 * (np.arange(d) < kappa), 2)
        w = linprog(cost, A_eq=np.hstack([Z, -Z]), b_eq=Z[:, :kappa].sum(axis=-1), method="highs").x
        found.append(w is not None and bool(np.max(np.abs(w[:d] - w[d:] - (np.arange(d) < kappa))) < 1e-6))
    return np.array(found)


def recovery(s: Sensing, precision: tc.Precision, samples: int | None = None) -> tc.Comparison:
    """The ℓ1 programme on n samples finds the planted weights with probability ≥ 1/2: certified, or for n = κ samples solved."""
    few = samples is not None
    test = solved if few else certified
    return tc.happens("recovered with probability ≥ 1/2", lambda k: test(s.designs(k, s.kappa if few else s.enough), s.kappa), 0.5, most=128)


# -- the theorem --

recovered = tc.Theorem("sparse_recovery_of_enough_samples", paper, sensings, (), recovery, r"n = \lceil 4\kappa \ln d \rceil \Rightarrow P \ge 1/2")

THEOREMS = (recovered,)
FALSE = (recovered.claiming("as_many_samples_as_weights", partial(recovery, samples=0)),)
