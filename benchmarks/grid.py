"""Final sharpness against initial scale, the figure of marion-chizat-2024: ``python benchmarks/grid.py`` writes `results/grid.{json,png}`.

Setting      L = 10 layers of width d = 5, n = 50 samples, R = |y - Xw|²/n with |w*| = 1; all entries start as N(0, s²).
Runs         10 scales s in [0.25, 0.6]; step sizes with steps and repetitions as in `PLAN`: 13.2 million steps in one call.
Lines        2/step; with z = Σ^½ w*, a = w*ᵀΣw*, Λ = λ_max(Σ): the lower bound 2La, the exact least sharpness of minimisers
             min_t 2 λ_max(tΣ + (L-1) t^(-1/(L-1)) zzᵀ), the balanced minimiser 2 λ_max(Σ + (L-1) zzᵀ), and the upper bound on the least one,
             2 √((2L-1)Λ² + (L-1)²a²).
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from machine import stamp
from scipy.optimize import minimize_scalar

import theorycheck as tc

DEPTH, DIM, SAMPLES, SEED = 10, 5, 50, 20240513
WIDTHS = (DIM,) * DEPTH + (1,)
SCALES = np.linspace(0.25, 0.6, 10)
PLAN = ((0.005, 40_000, 20), (0.02, 10_000, 20), (0.07, 4_000, 20), (0.1, 4_000, 20), (0.2, 2_000, 80))  # step, steps, repetitions
STEPS = len(SCALES) * sum(steps * repetitions for _, steps, repetitions in PLAN)
RESULTS = Path(__file__).parent / "results"


@cache
def setting() -> tuple[tc.Objective, np.ndarray]:
    """The data, and w*."""
    rng = np.random.default_rng(SEED)
    X, w = rng.normal(size=(SAMPLES, DIM)), rng.normal(size=DIM)
    w /= np.linalg.norm(w)
    return tc.Objective(tc.DeepLinear(WIDTHS), tc.SquaredLoss(), tc.Regression(X, X @ w)), w


@cache
def starts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """θ, step size and steps of every run: by step size, scale and repetition."""
    rng, objective = np.random.default_rng(SEED + 1), setting()[0]
    theta = [s * rng.normal(size=(repetitions, objective.parameters)) for _, _, repetitions in PLAN for s in SCALES]
    steps = [np.full(len(SCALES) * repetitions, value) for _, value, repetitions in PLAN]
    sizes = [np.full(len(SCALES) * repetitions, value) for value, _, repetitions in PLAN]
    return np.concatenate(theta), np.concatenate(sizes), np.concatenate(steps)


@dataclass(frozen=True)
class Grid:
    """What the runs found, one entry a run; sharpness and distance are NaN where a run diverged."""

    final: np.ndarray
    sharpness: np.ndarray
    distance: np.ndarray
    diverged: np.ndarray

    @classmethod
    def run(cls) -> Grid:
        theta, step, steps = starts()
        objective, _ = setting()
        found = tc.follow(objective, tc.GradientDescent(step=step), theta, tc.Stop(steps=steps))
        diverged = found.ended(tc.Ending.DIVERGED)
        sharpness, distance = np.full(len(theta), np.nan), np.full(len(theta), np.nan)
        sharpness[~diverged] = tc.sharpness(objective, found.final[~diverged]).value
        distance[~diverged] = np.linalg.norm(found.final[~diverged] - theta[~diverged], axis=-1)
        return cls(found.final, sharpness, distance, diverged)

    def by_step(self) -> list[dict[str, np.ndarray | float]]:
        """Sharpness, distance and share diverged of each step size, shape ``(scales, repetitions)``."""
        out, end = [], 0
        for step, _, repetitions in PLAN:
            part, end = slice(end, end + len(SCALES) * repetitions), end + len(SCALES) * repetitions
            shape = (len(SCALES), repetitions)
            columns = {name: getattr(self, name)[part].reshape(shape) for name in ("sharpness", "distance", "diverged")}
            out.append({"step": step, **columns})
        return out


def bounds() -> dict[str, float]:
    """The horizontal lines."""
    objective, w = setting()
    S, a = objective.data.covariance, float(w @ objective.data.covariance @ w)
    values, vectors = np.linalg.eigh(S)
    z, most = vectors @ (np.sqrt(values) * (vectors.T @ w)), values[-1]

    def flattest(log: float) -> float:
        t = np.exp(log)
        return 2 * np.linalg.eigvalsh(t * S + (DEPTH - 1) * t ** (-1 / (DEPTH - 1)) * np.outer(z, z))[-1]

    return {
        "lower bound 2La": 2 * DEPTH * a,
        "least sharpness of minimisers": float(minimize_scalar(flattest, bounds=(-6, 6), method="bounded", options={"xatol": 1e-12}).fun),
        "balanced minimiser": float(2 * np.linalg.eigvalsh(S + (DEPTH - 1) * np.outer(z, z))[-1]),
        "upper bound on the least": float(2 * np.sqrt((2 * DEPTH - 1) * most**2 + (DEPTH - 1) ** 2 * a**2)),
    }


def means(values: np.ndarray) -> list[float | None]:
    """Means over the runs that did not diverge, None where all did."""
    return [float(np.nanmean(row)) if np.isfinite(row).any() else None for row in values]


def main() -> None:
    Grid.run()
    begin = time.process_time()
    grid = Grid.run()
    seconds = time.process_time() - begin
    found = {
        "machine": stamp(),
        "seconds": seconds,
        "steps": STEPS,
        "scales": SCALES.tolist(),
        "bounds": bounds(),
        "runs": [
            {
                "step": part["step"],
                "sharpness": means(part["sharpness"]),
                "distance": means(part["distance"]),
                "diverged": np.sum(part["diverged"], axis=1).tolist(),
            }
            for part in grid.by_step()
        ],
    }
    (RESULTS / "grid.json").write_text(json.dumps(found, indent=1) + "\n")
    from figures import sharpness_by_scale

    sharpness_by_scale(SCALES, grid.by_step(), bounds(), RESULTS / "grid.png")
    print(f"{STEPS:,} steps in {seconds:.2f} s of CPU time; {int(np.sum(grid.diverged))} of {len(grid.diverged)} runs diverged")


if __name__ == "__main__":
    main()
