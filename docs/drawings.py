"""Draws the three figures of the README beside this file: ``.venv/bin/python docs/drawings.py``."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import theorycheck as tc
from theorycheck.instances import DeepLinearFit, deep_linear_fits
from theorycheck.library import papers

HERE = Path(__file__).parent
STEP = 0.04


def bound() -> Figure:
    """The sharpness of minimisers against its lower bound."""
    (paper,) = (p for p in papers() if p.name == "marion_chizat_2024")
    (theorem,) = (t for t in paper.theorems if t.name == "sharpness_ge_of_minimiser")
    return tc.figures.observed_against_bound(tc.check(theorem, instances=300))


def counterexample() -> Figure:
    """The network that refutes the conjecture of the README."""

    def balanced(f: DeepLinearFit) -> DeepLinearFit:
        return f.aligned([np.linalg.norm(f.w_star) ** (1 / f.depth)] * f.depth)

    def flattest(f: DeepLinearFit, precision: tc.Precision) -> tc.Comparison:
        return tc.at_least("S(θ) ≥ S(balanced)", tc.sharpness(f.objective, f.theta), tc.sharpness(f.objective, balanced(f).theta))

    def fitted(f: DeepLinearFit) -> tc.Comparison:
        return tc.equal("X w(θ) = X w*", tc.predictions(f.objective, f.theta), f.X @ f.w_star)

    target = tc.Premise("target_nonzero", "w* ≠ 0", lambda f: f.data.has_signal)
    minimiser = tc.Premise("at_minimiser", "X w(θ) = X w*", fitted, enforce=DeepLinearFit.moved_onto_minimisers)
    verdict = tc.check(tc.Theorem("balanced_is_flattest", tc.CONJECTURE, deep_linear_fits(depth=(2, 4)), (target, minimiser), flattest), 300)
    assert verdict.counterexample is not None
    return tc.figures.counterexample(verdict.counterexample)


def trajectory() -> Figure:
    """Gradient descent from a sharp place: the sharpness falls until the step is stable."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 4))
    objective = tc.Objective(tc.DeepLinear((4, 4, 4, 1)), tc.SquaredLoss(), tc.Regression(X, X @ np.array([1.0, -2.0, 0.5, 1.0])))
    start = 0.75 * rng.normal(size=objective.parameters)
    run = tc.follow(objective, tc.GradientDescent(step=STEP), start, tc.Stop(steps=80), record=(tc.sharpness, tc.risk), save=tc.Every(1))
    return tc.figures.trajectory(run, tc.sharpness, thresholds={"2/step": 2 / STEP})


def main() -> None:
    """Write all three."""
    for draw in (bound, counterexample, trajectory):
        draw().savefig(HERE / f"{draw.__name__}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
