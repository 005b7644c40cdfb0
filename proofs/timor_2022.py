r"""Rank minimization in deep ReLU networks (Timor, Vardi & Shamir 2022, arXiv:2201.12760).

Gradient flow of two layers on two points is in `timor_2022_two_points`.

Setting      N(x) = W_k σ(W_{k-1} ... σ(W_1x)), ReLU without biases, scalar output. Margins y_iN(x_i) ≥ 1, |x_i| ≤ 1; all layers of a
             network of depth k that has them have Frobenius norm ≤ B; depth k' > k. HM: harmonic mean over layers of |W_i|_F/‖W_i‖.
Convention   None needed: the statements are about norms and values.
Results      harmonic_rank_le_of_fitting      HM ≤ (Π|W_i|_F)^(1/k) for any network with |N(x)| ≥ 1 at some |x| ≤ 1
             deepened_norm_le                 the same function at depth k' with layers of norm √2(B/√2)^(k/k') 2^(1/(2k')) ≤ published
             harmonic_rank_le_of_least_norm   hence HM ≤ that bound for any network of depth k' with margins ≥ 1 and no larger norm
             harmonic_rank_le_of_linear       ≤ B^(k/k') where σ is the identity
             The steps are derived in the project's catalogue.
Not covered  Several outputs, biases.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances.relu_networks import ReLUNetwork, relu_networks

paper = tc.Source("Timor, Vardi & Shamir", 2022, arxiv="2201.12760", item="rank minimization")


@dataclass(frozen=True)
class Fitted:
    """A network, one input, a larger depth, and a change of its deepened layers."""

    network: ReLUNetwork
    x: np.ndarray
    more: int
    change: float

    @property
    def normalized(self) -> ReLUNetwork:
        """Scaled to |N(x)| = 1."""
        return self.network.scaled(1 / self.output)

    @property
    def output(self) -> float:
        """|N(x)|."""
        return float(np.abs(self.network.predict(self.x[None])[0, 0]))

    @property
    def deep(self) -> ReLUNetwork:
        """The normalized network at the larger depth, with equal norms."""
        return self.normalized.deepened(self.network.depth + self.more).equalised()

    @property
    def bound(self) -> float:
        """B: the norm of the layers of the normalized network once they are equal."""
        return float(self.normalized.equalised().norms[0])


def fitted_of(quarters: int) -> tc.Recipe:
    """Depth 2 to 7, deepened by up to 5; the identity where `quarters` is 4."""

    @tc.recipe
    def problems(draw):
        network = draw(relu_networks(depth=(2, 7), width=(1, 4), quarters=(quarters,)))
        x = draw(tc.array(network.layers[0].shape[1], -1, 1))
        return Fitted(network, x, draw(tc.integers(1, 5)), draw(tc.choice((0.0, 0.125, -0.125, 0.5))))

    return problems


# -- claims --


def harmonic(network: ReLUNetwork, arithmetic: bool = False) -> float:
    """HM of |W_i|_F/‖W_i‖ (or, false, their arithmetic mean)."""
    ranks = network.norms / network.gains
    return float(ranks.mean() if arithmetic else 1 / (1 / ranks).mean())


def idle(network: ReLUNetwork) -> ReLUNetwork:
    """The same function with sixteen units that nothing feeds, passed on by the second layer at its spectral norm; from depth 3."""
    if network.depth < 3:
        return network
    first, second, third, *rest = network.layers
    block = np.linalg.norm(second, 2) * np.eye(16)
    passed = np.block([[second, np.zeros((len(second), 16))], [np.zeros((16, second.shape[1])), block]])
    fed, read = np.vstack([first, np.zeros((16, first.shape[1]))]), np.hstack([third, np.zeros((len(third), 16))])
    return replace(network, layers=(fed, passed, read, *rest))


def any_fit(p: Fitted, precision: tc.Precision, factor: float = 1.0, arithmetic: bool = False, size: float = 1.0) -> tc.Comparison:
    """HM ≤ factor (Π|W_i|_F)^(1/k), for |N(size x)| = 1."""
    network = (idle(p.normalized) if arithmetic else p.normalized).scaled(1 / size)
    return tc.at_most("HM ≤ (Π|W_i|_F)^(1/k)", harmonic(network, arithmetic), factor * float(network.equalised().norms[0]))


def sharp_bound(B: float, k: int, deep: int) -> float:
    """√2 (B/√2)^(k/k') 2^(1/(2k'))."""
    return float(np.sqrt(2) * (B / np.sqrt(2)) ** (k / deep) * 2 ** (0.5 / deep))


def deepening(p: Fitted, precision: tc.Precision, factor: float = 1.0, linear: bool = False) -> tc.Comparison:
    """The deepened network is the same function, with norms at most the bound, which is at most the published one."""
    k, deep = p.network.depth, p.network.depth + p.more
    points = np.stack([p.x, -p.x, p.x[::-1]])
    bound = p.bound ** (k / deep) if linear else sharp_bound(p.bound, k, deep)
    published = np.sqrt(2) * (p.bound / np.sqrt(2)) ** (k / deep) * np.sqrt((deep + 1) / deep)
    return tc.all_of(
        tc.equal("same function", p.deep.predict(points), p.normalized.predict(points), scale=np.prod(p.deep.gains)),
        tc.equal("|W_i|_F = √2(B/√2)^(k/k')2^(1/(2k'))", p.deep.norms, factor * bound),
        tc.at_most("bound ≤ published", sharp_bound(p.bound, k, deep), published),
    )


def candidate(p: Fitted) -> ReLUNetwork:
    """The deepened network with its first layer's rows stretched one by one, scaled back to |N(x)| = 1."""
    first = p.deep.layers[0]
    stretched = replace(p.deep, layers=(first * (1 + p.change * np.arange(len(first)) / len(first))[:, None], *p.deep.layers[1:]))
    value = np.abs(stretched.predict(p.x[None])[0, 0])
    return stretched.scaled(1 / value).equalised() if value > 1e-3 else p.deep


def least_norm(p: Fitted, precision: tc.Precision, factor: float = 1.0, of=candidate) -> tc.Comparison:
    """HM of a network that fits and is no larger than the deepened one, against the bound."""
    k, deep = p.network.depth, p.network.depth + p.more
    bound = p.bound ** (k / deep) if p.network.quarters == 4 else sharp_bound(p.bound, k, deep)
    return tc.at_most("HM ≤ bound", harmonic(of(p)), factor * bound)


def heavy(p: Fitted) -> ReLUNetwork:
    """A network of depth k' with large weights on eight idle units: it fits, and has any rank."""
    layers = []
    for j, W in enumerate(p.deep.layers):
        rows, cols = (8 if j < p.deep.depth - 1 else 0), (8 if j else 0)
        wide = np.zeros((W.shape[0] + rows, W.shape[1] + cols))
        wide[: W.shape[0], : W.shape[1]] = W
        wide[W.shape[0] :, : min(2, wide.shape[1])] = 64 * np.eye(rows, min(2, wide.shape[1])) if j == 0 else 0
        if j and rows:
            wide[W.shape[0] :, W.shape[1] :] = 64 * np.eye(8)
        layers.append(wide)
    return replace(p.deep, layers=tuple(layers))


# -- hypotheses and what algebra settles --

active = tc.Premise("active", "|N(x)| ≥ 1/16", lambda p: p.output >= 0.0625 and bool(np.all(p.network.norms > 0)))
small_input = tc.Premise(
    "small_input", "|x| ≤ 1", lambda p: np.linalg.norm(p.x) <= 1 + 1e-12, enforce=lambda p: replace(p, x=p.x / max(1.0, np.linalg.norm(p.x)))
)
no_larger = tc.Premise(
    "no_larger", "|θ| ≤ |θ_deepened|, as a global minimiser", lambda p: bool(candidate(p).norms[0] <= p.deep.norms[0] * (1 + 1e-12))
)


def geometric_mean() -> tc.Inequality:
    """AM-GM of three layers."""
    a, b, c = sp.symbols("a b c", positive=True)
    third = sp.Rational(1, 3)
    return tc.Inequality(a**third * b**third * c**third, (a + b + c) / 3, tc.ArithmeticGeometric((a, b, c)))


# -- the theorems --


def theorem(name: str, ambient: tc.Recipe, premises: tuple[tc.Premise, ...], claim, statement: str, identities=(), **how) -> tc.Theorem:
    """A theorem of this paper."""
    return tc.Theorem(name, paper, ambient, premises, claim, statement, identities=identities, **how)


means = geometric_mean()
relu, identity_nets = fitted_of(0), fitted_of(4)
hm = r"k / \sum_i \lVert W_i \rVert / \lVert W_i \rVert_F"
cap = r"\sqrt{2} (B/\sqrt{2})^{k/k'} 2^{1/(2k')}"
any_net = theorem(
    "harmonic_rank_le_of_fitting", relu, (small_input, active), any_fit, hm + r"\le (\prod_i \lVert W_i \rVert_F)^{1/k}", (means,), tight=True
)
deeper = theorem("deepened_norm_le", relu, (active,), deepening, r"\lVert W_i \rVert_F = " + cap, tight=True)
least = theorem("harmonic_rank_le_of_least_norm", relu, (small_input, active, no_larger), least_norm, hm + r"\le " + cap, (means,), tight=True)
linear = theorem(
    "harmonic_rank_le_of_linear", identity_nets, (small_input, active, no_larger), least_norm, hm + r"\le B^{k/k'}", (means,), tight=True
)

THEOREMS = (any_net, deeper, least, linear)
FALSE = (
    any_net.claiming("input_of_norm_10", partial(any_fit, size=10.0)),
    any_net.claiming("arithmetic_mean", partial(any_fit, arithmetic=True)),
    any_net.claiming("factor_0_98", partial(any_fit, factor=0.98)),
    deeper.claiming("linear_bound", partial(deepening, linear=True)),
    deeper.claiming("factor_0_98", partial(deepening, factor=0.98)),
    least.claiming("any_network", partial(least_norm, of=heavy)),
    linear.claiming("factor_0_98", partial(least_norm, factor=0.98)),
)
