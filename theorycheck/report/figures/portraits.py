"""Phase portraits of mirror flow in the plane of w."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import Trajectory
from theorycheck.errors import InvalidArgument, ShapeMismatch
from theorycheck.report.figures.style import FAINT, INK, MUTED, PALE, PURPLE, series, sheet, titled
from theorycheck.symbolic.potentials import Potential

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Limits = tuple[tuple[float, float], tuple[float, float]]

_GRID = 61
_LEVELS = 9
_SMALLEST = 1e-12  # singular values below this share of the largest count as zero


def mirror_flow_portrait(
    potential: Potential,
    objective: Objective,
    runs: Trajectory | ArrayLike | tuple[Trajectory | ArrayLike, ...] = (),
    *,
    points: Mapping[str, ArrayLike] | None = None,
    names: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> Figure:
    """The flow ẇ = -∇²R(w)⁻¹ ∇ℓ(w) in the plane, with level lines of the risk, the interpolators, and runs.

    Parameters
    ----------
    potential : Potential
        Of two entries of w.
    objective : Objective
        A risk of w(θ); its map gives the w of the states of a trajectory.
    runs : Trajectory or array_like of shape (..., T, 2), or a tuple of them
        Circles are starts, squares ends.
    points : mapping of str to array_like of shape (2,), optional
        Named points, such as a Bregman projection.
    names : tuple of str
        Of the runs, for the legend.
    limits : ((low, high), (low, high)), optional
        Of both entries of w; what holds the runs and the points, unless given.

    Raises
    ------
    ShapeMismatch
        If w has not two entries.
    InvalidArgument
        If there are neither runs, points nor limits, or there is more than one name a run.

    """
    if potential.entries != 2 or objective.model.shape != (2,):
        raise ShapeMismatch("w.shape", objective.model.shape, "must be (2,)", "a phase portrait is drawn in the plane")
    paths = _paths(objective, runs if isinstance(runs, tuple) else (runs,))
    marked = {name: np.asarray(point, dtype=float) for name, point in (points or {}).items()}
    if len(names) > len(paths):
        raise InvalidArgument("names", names, f"are more than the {len(paths)} runs", "pass a name a run")
    found = limits or _around([*paths, *(point[None] for point in marked.values())])
    with sheet(5.6, 5.0) as (figure, axes):
        axes.set_xlim(found[0])
        axes.set_ylim(found[1])
        _draw_field(axes, potential, objective, found)
        _draw_interpolators(axes, objective, found)
        for k, path in enumerate(paths):
            _draw_path(axes, path, k, names[k] if k < len(names) else "")
        for k, (name, point) in enumerate(marked.items()):
            axes.plot(*point, "*PhdX"[k % 5], ms=14, mfc="white", mec=INK, mew=1.3, zorder=6, linestyle="none", label=name)
        axes.set_xlabel("w₁")
        axes.set_ylabel("w₂")
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2)
        titled(axes, "Mirror flow in the plane of w", "lines with arrows: the flow; thin lines: level lines of the risk", 60)
    return figure


def _paths(objective: Objective, runs: tuple[Any, ...]) -> list[np.ndarray]:
    """The runs in w, each of shape (T, 2)."""
    paths: list[np.ndarray] = []
    for run in runs:
        w = objective.model.w(run.states) if isinstance(run, Trajectory) else np.asarray(run, dtype=float)
        if w.ndim < 2 or w.shape[-1] != 2:
            raise ShapeMismatch("runs.shape", w.shape, "must end with (T, 2)", "pass a Trajectory, or the values of w along a run")
        paths.extend(w.reshape(-1, *w.shape[-2:]))
    return paths


def _around(paths: list[np.ndarray]) -> Limits:
    if not paths:
        raise InvalidArgument("limits", None, "are needed where there is nothing to draw around", "pass limits=((-1, 1), (-1, 1)), runs or points")
    everything = np.concatenate(paths)
    low, high = np.nanmin(everything, axis=0), np.nanmax(everything, axis=0)
    middle, half = (low + high) / 2, 0.65 * max(float(np.max(high - low)), 1e-9)
    return (float(middle[0] - half), float(middle[0] + half)), (float(middle[1] - half), float(middle[1] + half))


def _draw_field(axes: Axes, potential: Potential, objective: Objective, limits: Limits) -> None:
    """Stream lines inside the domain of the potential, and level lines of the risk."""
    x, y = (np.linspace(*ends, _GRID) for ends in limits)
    w = np.stack(np.meshgrid(x, y), axis=-1)
    data, loss = objective.data, objective.loss
    predictions = data.predictions(w)
    y_there = np.broadcast_to(data.y, predictions.shape)
    gradient = data.pulled_back(loss.slope(predictions, y_there, sample_axis=data.sample_axis))
    risk = loss.risk(predictions, y_there, sample_axis=data.sample_axis)
    inside = potential.in_domain(w)
    velocity = np.full_like(w, np.nan)
    if inside.any():
        metric = potential.metric(w[inside])
        g = gradient[inside]
        velocity[inside] = -(metric * g if metric.shape == g.shape else np.einsum("...ij,...j->...i", metric, g))
    levels = np.unique(np.quantile(risk, np.linspace(0.02, 0.95, _LEVELS)))
    axes.contour(x, y, risk, levels=levels, colors=FAINT, linewidths=0.8)
    masked = np.ma.masked_invalid(velocity)
    axes.streamplot(x, y, masked[..., 0], masked[..., 1], color=MUTED, density=0.9, linewidth=0.6, arrowsize=0.8, zorder=1.5)
    if not inside.all():
        axes.contourf(x, y, inside.astype(float), levels=[-0.5, 0.5], colors=[PALE], hatches=["///"], alpha=0.6)
        axes.fill_between([], [], color=PALE, hatch="///", alpha=0.6, label="outside the domain of R")


def _draw_interpolators(axes: Axes, objective: Objective, limits: Limits) -> None:
    """The line X w = y, where the data leave one."""
    X, y = getattr(objective.data, "X", None), np.asarray(getattr(objective.data, "y", np.nan))
    if X is None or X.ndim != 2 or y.ndim != 1:
        return
    _, sizes, rows = np.linalg.svd(X)
    if np.sum(sizes > _SMALLEST * sizes[0]) != 1 or not np.allclose(X @ (np.linalg.pinv(X) @ y), y):
        return
    origin, reach = np.linalg.pinv(X) @ y, 4 * max(abs(end) for pair in limits for end in pair) + 4 * np.linalg.norm(y)
    ends = origin + np.array([[-1.0], [1.0]]) * reach * rows[1]
    axes.plot(*ends.T, color=PURPLE, linewidth=2.2, alpha=0.8, label="X w = y", zorder=1.8)


def _draw_path(axes: Axes, path: np.ndarray, k: int, name: str) -> None:
    look = series(k)
    axes.plot(*path.T, color=look.color, linestyle=look.line, linewidth=2.0, label=name or None, zorder=3)
    axes.plot(*path[0], "o", ms=7, mfc="white", mec=look.color, mew=1.6, zorder=4)
    axes.plot(*path[-1], "s", ms=6, color=look.color, zorder=4)
