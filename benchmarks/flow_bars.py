"""Calibration of the error bars of flows: ``python benchmarks/flow_bars.py`` writes `results/flow_bars.md`.

Fresh flows of five families are run at several accuracies and compared with references far below the errors of float64: Taylor series
in extended precision (`taylor`), and closed forms for the stiffest. A bar covers if the true error of the final state is at
most the bar. Asked for: coverage of at least 99.5 %, median overestimation of at most 100.

easy                  deep linear networks from standard starts
saddle                the same from starts of scale 1e-3 .. 0.2, for times around the escape from the saddle at 0
unbalanced            the same with layers whose scales differ by up to 2.4 orders of magnitude
stiff, mirror         u² - v², curvature · time of 1e3 .. 1e6, in mirror coordinates
stiff, parameters     the same flows as a reader's own map, which runs in its parameters
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mpmath
import numpy as np
from taylor import DeepLinearTaylor, DifferenceOfSquaresTaylor, flowed

import theorycheck as tc
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise

ACCURACIES = (1e-4, 1e-6, 1e-8, 1e-10)
WIDTHS = ((3, 3, 1), (3, 3, 3, 1), (2, 2, 2))
RESULTS = Path(__file__).parent / "results" / "flow_bars.md"
SEED, LANES = 20240607, 70


@dataclass(frozen=True)
class Flows:
    """Flows with a reference: start (B, P), time (B,), end (B, P) in extended precision."""

    objective: tc.Objective
    start: np.ndarray
    time: np.ndarray
    end: np.ndarray

    @property
    def risk(self) -> np.ndarray:
        """R at the end in extended precision, shape (B,)."""
        data, loss, model = self.objective.data, self.objective.loss, self.objective.model
        X, y = data.X.astype(np.longdouble), data.y.astype(np.longdouble).reshape(*data.X.shape[:2], -1)
        if isinstance(model, DeepLinear):
            W = np.broadcast_to(np.eye(model.widths[0], dtype=np.longdouble), (len(X), model.widths[0], model.widths[0]))
            ends = np.cumsum([0, *(a * b for a, b in model.layer_shapes)])
            for (a, b), low, high in zip(model.layer_shapes, ends, ends[1:], strict=False):
                W = self.end[:, low:high].reshape(-1, a, b) @ W
        else:
            u, v = np.split(self.end, 2, axis=-1)
            W = (u**2 - v**2)[:, None, :]
        return loss.c / X.shape[1] * np.sum((X @ np.swapaxes(W, -1, -2) - y) ** 2, axis=(-1, -2))


def deep(rng: np.random.Generator, widths: tuple[int, ...], scales: np.ndarray, time: np.ndarray) -> Flows:
    """Deep linear networks whose layer k starts at `scales[k]`, shape (B,), times a standard normal over √width."""
    B, d, outputs, n = len(time), widths[0], widths[-1], 2 * widths[0] + 4
    X = rng.normal(size=(B, n, d))
    y = X @ rng.normal(size=(B, d, outputs)) + 0.3 * rng.normal(size=(B, n, outputs))
    shapes = zip(scales, widths[1:], widths[:-1], strict=True)
    start = np.concatenate([scale[:, None] * rng.normal(size=(B, a * b)) / np.sqrt(b) for scale, a, b in shapes], axis=-1)
    data = tc.Regression(X, y[..., 0] if outputs == 1 else y)
    end = flowed(DeepLinearTaylor(widths, X, y), start, time)
    return Flows(tc.Objective(DeepLinear(widths), SquaredLoss(), data), start, time, end)


def easy(rng: np.random.Generator) -> Iterator[Flows]:
    for widths in WIDTHS:
        yield deep(rng, widths, np.ones((len(widths) - 1, LANES)), rng.uniform(1, 10, LANES))


def saddle(rng: np.random.Generator) -> Iterator[Flows]:
    for widths in WIDTHS:
        two = len(widths) == 3
        scale = 10 ** (rng.uniform(-3, -1.3, LANES) if two else rng.uniform(-1.7, -0.7, LANES))
        time = rng.uniform(1, 4, LANES) * (2 - np.log(scale)) if two else rng.uniform(0.5, 3, LANES) / scale
        yield deep(rng, widths, np.tile(scale, (len(widths) - 1, 1)), time)


def unbalanced(rng: np.random.Generator) -> Iterator[Flows]:
    for widths in WIDTHS:
        scales = 10 ** rng.uniform(-1.2, 1.2, (len(widths) - 1, LANES))
        yield deep(rng, widths, scales / np.exp(np.mean(np.log(scales), axis=0)), rng.uniform(0.5, 3, LANES))


def stiff(rng: np.random.Generator) -> Iterator[Flows]:
    """u² - v² with (1/2n)|y - X w|² and curvatures 1 .. 1e-4: rotated, then decoupled with closed forms."""
    d, B = 4, 105
    curvature = 10 ** rng.uniform(-4, 0, size=(B, d))
    curvature[:, 0] = 1.0
    for rotated in (True, False):
        Q = np.linalg.qr(rng.normal(size=(B, d, d)))[0] if rotated else np.broadcast_to(np.eye(d), (B, d, d))
        X = np.sqrt(curvature * d)[:, :, None] * np.swapaxes(Q, -1, -2)
        y = (X @ rng.normal(size=(B, d, 1)))[..., 0]
        start, time = rng.uniform(0.1, 1.2, size=(B, 2 * d)), 10 ** rng.uniform(*((3, 3.7) if rotated else (3, 6)), size=B)
        objective = tc.Objective(Diagonal(d, 2), SquaredLoss(0.5), tc.Regression(X, y))
        end = flowed(DifferenceOfSquaresTaylor(X, y, 0.5), start, time) if rotated else decoupled(X, y, start, time)
        yield Flows(objective, start, time, end)


def decoupled(X: np.ndarray, y: np.ndarray, start: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The same with diagonal X, in closed form: with c = u v and e = exp(arcsinh(w/2c)), (e - a)/(e + 1/a) falls exponentially."""
    out = np.empty(start.shape, dtype=np.longdouble)
    d = X.shape[-1]
    with mpmath.workdps(40):
        for lane, i in np.ndindex(len(X), d):
            x, target, u, v, t = (mpmath.mpf(float(z)) for z in (X[lane, i, i], y[lane, i], start[lane, i], start[lane, d + i], time[lane]))
            c, rate = u * v, x**2 / d
            a, e = mpmath.exp(mpmath.asinh(target / x / (2 * c))), mpmath.exp(mpmath.asinh((u**2 - v**2) / (2 * c)))
            ratio = (e - a) / (e + 1 / a) * mpmath.exp(-4 * rate * c * (a + 1 / a) * t)
            e = (a + ratio / a) / (1 - ratio)
            out[lane, i], out[lane, d + i] = (np.longdouble(mpmath.nstr(mpmath.sqrt(z), 25)) for z in (c * e, c / e))
    return out


def by_hand(flows: Flows) -> Flows:
    """The same flows with the map written out by the reader, which keeps them in their parameters."""
    model = flows.objective.model
    return Flows(
        tc.Objective(Entrywise(model.symbols, model.expressions), SquaredLoss(0.5), flows.objective.data), flows.start, flows.time, flows.end
    )


def judged(flows: Flows, accuracy: float) -> np.ndarray:
    """Error, bar, size, error and bar of the risk, whether the accuracy was reached, evaluations: shape (B, 7)."""
    run = tc.follow(flows.objective, tc.GradientFlow(accuracy=accuracy), flows.start, tc.Stop(time=flows.time), record=(tc.risk,))
    error = np.linalg.norm((run.final.astype(np.longdouble) - flows.end).astype(float), axis=-1)
    size = np.maximum(np.linalg.norm(flows.end.astype(float), axis=-1), np.linalg.norm(flows.start, axis=-1))
    risk = run.records[tc.risk][:, -1]
    risk_error = np.abs((risk.value.astype(np.longdouble) - flows.risk).astype(float))
    reached = run.ended(tc.Ending.REACHED_TIME)
    return np.stack([error, run.error, size, risk_error, risk.error, reached, run.cost.evaluations], axis=-1)


def line(family: str, accuracy: str, rows: np.ndarray, asked: np.ndarray) -> str:
    error, bar, size, risk_error, risk_bar, reached, evaluations = rows.T
    ratio = np.median(bar / np.maximum(error, 1e-300))
    worst = np.max(error / bar)
    cells = (
        family,
        accuracy,
        f"{len(rows)}",
        f"{100 * np.mean(error <= bar):.2f} %",
        f"{ratio:.0f}",
        f"{worst:.2f}",
        f"{np.median(error / size / asked):.1e}",
        f"{np.max(error / size / asked):.1e}",
        f"{100 * np.mean(risk_error <= risk_bar):.2f} %",
        f"{np.median(risk_bar / np.maximum(risk_error, 1e-300)):.0f}",
        f"{100 * np.mean(reached):.1f} %",
        f"{np.mean(evaluations):.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    titles = (
        "family",
        "accuracy",
        "flows",
        "covered",
        "median bar/error",
        "worst error/bar",
        "median error/asked",
        "worst",
        "risk covered",
        "median",
        "reached",
        "evaluations",
    )
    table = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    made = list(stiff(np.random.default_rng((SEED, 3))))
    families = {
        name: list(make(np.random.default_rng((SEED, k))))
        for k, (name, make) in enumerate({"easy": easy, "saddle": saddle, "unbalanced": unbalanced}.items())
    }
    families |= {"stiff, mirror": made, "stiff, parameters": [by_hand(flows) for flows in made]}
    for name, members in families.items():
        found = {accuracy: np.concatenate([judged(flows, accuracy) for flows in members]) for accuracy in ACCURACIES}
        table += [line(name, f"{accuracy:.0e}", rows, np.array(accuracy)) for accuracy, rows in found.items()]
        asked = np.repeat(ACCURACIES, [len(rows) for rows in found.values()])
        table.append(line(f"**{name}**", "all", np.concatenate(list(found.values())), asked))
        print("\n".join(table[-len(ACCURACIES) - 1 :]), flush=True)
    text = (__doc__ or "").split("\n", 1)[1].strip()
    RESULTS.write_text(f"# Error bars of flows\n\nWritten by `benchmarks/flow_bars.py`.\n\n```\n{text}\n```\n\n" + "\n".join(table) + "\n")


if __name__ == "__main__":
    main()
