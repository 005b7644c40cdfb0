r"""Exact modes of deep linear networks (Saxe, McClelland & Ganguli 2014, arXiv:1312.6120).

Setting      Gradient flow on |W_L ... W_1 - C|²/2 (whitened inputs, Σ = I), C = U diag(s) Vᵀ; decoupled balanced start: every layer
             diagonal in the singular vectors of C, W(0) = U diag(a_0) Vᵀ.
Convention   Loss with 1/2 (c = 1/2 for R = (c/n)|Y - XWᵀ|²); with c = 1 every rate doubles.
Results      modes_are_logistic_of_two_layers   L = 2: W(t) = U diag(a(t)) Vᵀ, a(t) = s e^(2st)/(e^(2st) - 1 + s/a_0)
             learning_time_of_two_layers        a_0 -> a_f takes t = (1/2s) ln[a_f(s - a_0) / (a_0(s - a_f))]
             deep_mode_obeys_its_integral       depth L: t = F_L(a(t)) - F_L(a_0) with F_L' = 1/(L a^(2-2/L)(s - a)); closed form at L = 4
             unbalanced_mode_speed              ȧ = sqrt(c_0² + 4a²)(s - a), c_0 = w_2² - w_1² (conserved)
Not covered  Correlated inputs, saddle-to-saddle staircases.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp

import theorycheck as tc
from theorycheck.instances import FactoredNetwork, factored_networks

paper = tc.Source("Saxe, McClelland & Ganguli", 2014, arxiv="1312.6120", item="exact solutions of the learning dynamics")


@dataclass(frozen=True)
class Modes:
    """A network, the singular values of the target, the rotation of the target's right vectors, a time, input variances."""

    network: FactoredNetwork
    target: np.ndarray
    turn: np.ndarray
    time: float
    stretch: float

    @property
    def objective(self) -> tc.Objective:
        """|W - C|²/2 for inputs of covariance I; the first input is stretched."""
        n = self.network
        C = (n.left * self.target) @ (n.right.T @ self.turn.T)
        data = n.whitened_data(C)
        X = data.X * np.concatenate([[self.stretch], np.ones(n.widths[0] - 1)])
        return tc.Objective(n.model, tc.SquaredLoss(0.5), tc.Regression(X, X @ C.T if n.widths[-1] > 1 else X @ C[0]))


def modes_of(depth: tuple[int, int]) -> tc.Recipe:
    """Networks of the given depths with a target in their singular vectors, or turned; stretched inputs or not."""

    @tc.recipe
    def modes(draw):
        network = draw(factored_networks(depth=depth, width=(1, 3), outputs=(1, 3), largest=1.0, zeros=False))
        target = draw(tc.array(len(network.singular_values), 0.5, 2.0))
        turn = draw(tc.orthogonal(network.widths[0]))
        return Modes(network, target, turn, draw(tc.choice((1.0, 0.5, 2.0))), draw(tc.choice((1.0, 2.0))))

    return modes


@dataclass(frozen=True)
class Pair:
    """Two scalar layers and a target."""

    first: float
    second: float
    target: float


@tc.recipe
def pairs(draw):
    """Any two weights and a target."""
    return Pair(draw(tc.reals(-2, 2)), draw(tc.reals(-2, 2)), draw(tc.reals(-2, 2)))


# -- closed forms --


def logistic(m: Modes, rate: float = 2.0) -> np.ndarray:
    """a(t) = s e^(rate s t)/(e^(rate s t) - 1 + s/a_0), written so that nothing overflows."""
    s, a = m.target, m.network.singular_values
    return s / (1 + (s / a - 1) * np.exp(-rate * s * m.time))


def integral(a: tc.Measured, s: float) -> tc.Measured:
    """F_4(a) = [-2/(s√a) + s^(-3/2) ln((√s + √a)/|√s - √a|)]/4, the time a mode of depth 4 needs, up to a constant."""
    root, top = np.sqrt(a), np.sqrt(s)
    return (np.log((top + root) / np.abs(top - root)) / s**1.5 - 2 / (s * root)) / 4


# -- hypotheses --

aligned = tc.Premise(
    "aligned",
    "the start is diagonal in the singular vectors of C",
    lambda m: np.array_equal(m.turn, np.eye(len(m.turn))),
    enforce=lambda m: replace(m, turn=np.eye(len(m.turn))),
)
balanced = tc.Premise(
    "balanced", "all gauges are 1", lambda m: bool(np.all(m.network.gauges == 1)), enforce=lambda m: replace(m, network=m.network.balanced())
)
whitened = tc.Premise("whitened", "Σ = I", lambda m: m.stretch == 1.0, enforce=lambda m: replace(m, stretch=1.0))
apart = tc.Premise("apart", "|s - a_0| ≥ s/8 for the first mode", lambda m: abs(m.target[0] - m.network.singular_values[0]) >= m.target[0] / 8)


# -- claims --


def product_at(m: Modes) -> tc.Measured:
    """The end-to-end matrix of the flow at time t, as a vector."""
    flow, until = tc.GradientFlow(accuracy=1e-9), tc.Stop(time=m.time)
    run = tc.follow(m.objective, flow, m.network.theta, until, record=(tc.end_to_end,), save=tc.At((m.time,)))
    return run.records[tc.end_to_end][-1]


def logistic_modes(m: Modes, precision: tc.Precision, rate: float = 2.0) -> tc.Comparison:
    """W(t) = U diag(a(t)) Vᵀ."""
    return tc.equal("W(t) = U diag(a(t)) Vᵀ", product_at(m), ((m.network.left * logistic(m, rate)) @ m.network.right.T).ravel())


def time_to_reach(m: Modes, precision: tc.Precision, rate: float = 2.0) -> tc.Comparison:
    """The learning time of the value that the first mode is seen to have at time t."""
    n = m.network
    seen = product_at(m)
    weights = np.outer(n.left[:, 0], n.right[:, 0]).ravel()
    reached = (seen * weights).sum()
    s, a = float(m.target[0]), float(n.singular_values[0])
    time = np.log(reached * ((s - a) / a) / (s - reached)) / (rate * s)
    return tc.equal("t = (1/2s) ln[a_f(s - a_0)/(a_0(s - a_f))]", time, m.time, resolution=1e-5)


def deep_integral(m: Modes, precision: tc.Precision) -> tc.Comparison:
    """F_4(a(t)) - F_4(a_0) = t for the first mode."""
    n, s = m.network, float(m.target[0])
    reached = (product_at(m) * np.outer(n.left[:, 0], n.right[:, 0]).ravel()).sum()
    start = tc.Measured.of(float(n.singular_values[0]))
    return tc.equal("F_4(a(t)) - F_4(a_0) = t", integral(reached, s) - integral(start, s), m.time, resolution=1e-5)


def unbalanced_speed(p: Pair, precision: tc.Precision, conserved: float = 1.0) -> tc.Comparison:
    """ȧ along the flow against sqrt(c_0² + 4a²)(s - a)."""
    objective = tc.Objective(tc.DeepLinear((1, 1, 1)), tc.SquaredLoss(0.5), tc.Regression([[1.0]], [p.target]))
    theta = np.array([p.first, p.second])
    speed = -objective.model.kernels.tangent(theta, objective.gradient(theta))[0]
    a, c = p.first * p.second, p.second**2 - p.first**2
    return tc.equal("ȧ = sqrt(c_0² + 4a²)(s - a)", speed, np.sqrt(conserved * c**2 + 4 * a**2) * (p.target - a))


# -- what algebra settles --


def closed_forms() -> dict[str, tc.Identity]:
    """The logistic and F_4 (from below and from above s) solve their equations; the speed of an unbalanced mode."""
    s, a0, t, a, u, v = sp.symbols("s a_0 t a u v", positive=True)
    E = sp.exp(2 * s * t)
    mode = s * E / (E - 1 + s / a0)
    top, root = sp.sqrt(s), sp.sqrt(a)
    F = [(-2 / (s * root) + (sp.log(top + root) - sp.log(gap)) / s ** sp.Rational(3, 2)) / 4 for gap in (top - root, root - top)]
    below, above = (tc.Identity(sp.diff(branch, a), 1 / (4 * a ** sp.Rational(3, 2) * (s - a))) for branch in F)
    return {
        "logistic": tc.Identity(sp.diff(mode, t), 2 * mode * (s - mode)),
        "below": below,
        "above": above,
        "speed": tc.Identity((u**2 + v**2) ** 2, (v**2 - u**2) ** 2 + 4 * (u * v) ** 2),
    }


forms = closed_forms()
two, four = modes_of((2, 2)), modes_of((4, 4))
decoupled = (aligned, balanced, whitened)

logistic_form = r"a(t) = s e^{2st} / (e^{2st} - 1 + s/a_0)"
modes_are_logistic_of_two_layers = tc.Theorem(
    "modes_are_logistic_of_two_layers", paper, two, decoupled, logistic_modes, logistic_form, identities=(forms["logistic"],)
)
learning_time_of_two_layers = tc.Theorem(
    "learning_time_of_two_layers", paper, two, (*decoupled, apart), time_to_reach, r"t = \frac{1}{2s} \ln \frac{a_f (s - a_0)}{a_0 (s - a_f)}"
)
deep_mode_obeys_its_integral = tc.Theorem(
    "deep_mode_obeys_its_integral",
    paper,
    four,
    (*decoupled, apart),
    deep_integral,
    r"F_4(a(t)) - F_4(a_0) = t",
    identities=(forms["below"], forms["above"]),
)
unbalanced_mode_speed = tc.Theorem(
    "unbalanced_mode_speed", paper, pairs, (), unbalanced_speed, r"\dot a = \sqrt{c_0^2 + 4a^2}\,(s - a)", identities=(forms["speed"],)
)

THEOREMS = (modes_are_logistic_of_two_layers, learning_time_of_two_layers, deep_mode_obeys_its_integral, unbalanced_mode_speed)
FALSE = (
    modes_are_logistic_of_two_layers.without(aligned),
    modes_are_logistic_of_two_layers.without(balanced),
    modes_are_logistic_of_two_layers.without(whitened),
    modes_are_logistic_of_two_layers.claiming("rate_of_unhalved_loss", partial(logistic_modes, rate=4.0)),
    modes_are_logistic_of_two_layers.claiming("rate_2_0002", partial(logistic_modes, rate=2.0002)),
    replace(modes_are_logistic_of_two_layers.claiming("same_for_three_layers", logistic_modes), ambient=modes_of((3, 3))),
    learning_time_of_two_layers.claiming("rate_2_02", partial(time_to_reach, rate=2.02)),
    replace(deep_mode_obeys_its_integral.claiming("same_for_three_layers", deep_integral), ambient=modes_of((3, 3))),
    unbalanced_mode_speed.claiming("without_imbalance", partial(unbalanced_speed, conserved=0.0)),
)
