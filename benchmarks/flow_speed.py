"""Speed of flows, bars included, beside SciPy's DOP853: ``python benchmarks/flow_speed.py`` prints a table.

Times are CPU times of one process, the best of three; quote ratios from one run, since absolute times drift. True errors are against
Taylor series in extended precision (`taylor`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from flow_bars import SEED, Flows, decoupled, deep
from scipy.integrate import solve_ivp

import theorycheck as tc
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import Diagonal


def seconds(work: Callable[[], object]) -> float:
    best = np.inf
    for _ in range(3):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return float(best)


def row(name: str, lanes: int, cost: float, error: np.ndarray, evaluations: np.ndarray) -> None:
    print(f"| {name} | {lanes} | {cost:.3f} | {np.median(error):.1e} | {np.max(error):.1e} | {np.mean(evaluations):.0f} |")


def ours(name: str, flows: Flows, accuracy: float) -> None:
    lanes = len(flows.start)

    def run() -> tc.Trajectory:
        return tc.follow(flows.objective, tc.GradientFlow(accuracy=accuracy), flows.start, tc.Stop(time=flows.time))

    found = run()
    error = np.linalg.norm((found.final.astype(np.longdouble) - flows.end).astype(float), axis=-1)
    cost = 1e3 * seconds(run) / lanes
    row(f"{name}, accuracy {accuracy:.0e}", lanes, cost, error, found.cost.evaluations)


def scipy_dop853(name: str, flows: Flows, tolerance: float) -> None:
    data, model = flows.objective.data, flows.objective.model
    covariance, correlation, error, evaluations = data.covariance, data.correlation, [], []
    shapes, lanes = model.layer_shapes, 8
    ends = np.cumsum([0, *(a * b for a, b in shapes)])

    def slope(lane: int) -> Callable[[float, np.ndarray], np.ndarray]:
        def field(_: float, theta: np.ndarray) -> np.ndarray:
            W = [theta[low:high].reshape(shape) for low, high, shape in zip(ends, ends[1:], shapes, strict=False)]
            above = [np.ones(1)]
            for layer in reversed(W):
                above.append(above[-1] @ layer)
            below = [2 * (correlation[lane] - covariance[lane] @ above[-1])]
            for layer in W[:-1]:
                below.append(layer @ below[-1])
            return np.concatenate([np.outer(a, b).ravel() for a, b in zip(above[-2::-1], below, strict=True)])

        return field

    def run() -> None:
        error.clear()
        for lane in range(lanes):
            found = solve_ivp(slope(lane), (0.0, flows.time[lane]), flows.start[lane], method="DOP853", rtol=tolerance, atol=tolerance / 100)
            error.append(np.linalg.norm((found.y[:, -1] - flows.end[lane]).astype(float)))
            evaluations.append(found.nfev)

    cost = 1e3 * seconds(run) / lanes
    row(f"{name}, SciPy DOP853 {tolerance:.0e}, no bar", 1, cost, np.array(error), np.array(evaluations))


def stiff(lanes: int) -> Flows:
    """u² - v² with curvatures 1e4 .. 1e-2 to t = 200."""
    rng, root = np.random.default_rng(SEED), np.sqrt(7 * 10.0 ** np.arange(4, -3, -1))
    X, y = np.tile(np.diag(root), (lanes, 1, 1)), rng.normal(size=(lanes, 7)) * root
    start, time = rng.uniform(0.1, 1.0, size=(lanes, 14)), np.full(lanes, 200.0)
    return Flows(tc.Objective(Diagonal(7, 2), SquaredLoss(0.5), tc.Regression(X, y)), start, time, decoupled(X, y, start, time))


def main() -> None:
    print("| flow | lanes in a call | ms a trajectory | median error | largest | evaluations |\n|---|---|---|---|---|---|")
    widths, rng = (4, 4, 4, 1), np.random.default_rng(SEED)
    for lanes in (256, 1):
        flows = deep(rng, widths, np.full((3, lanes), 0.7), np.full(lanes, 20.0))
        for accuracy in (1e-6, 1e-8, 1e-10):
            ours("depth 3, width 4, t = 20", flows, accuracy)
        if lanes == 256:
            scipy_dop853("depth 3, width 4, t = 20", flows, 1e-10)
    for lanes in (64, 1):
        for accuracy in (1e-3, 1e-5):
            ours("stiff u² - v², t = 200", stiff(lanes), accuracy)


if __name__ == "__main__":
    main()
