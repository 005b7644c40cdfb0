"""What happens along a run: quantities against time with their thresholds and events, and the spectrum of the Hessian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from theorycheck.dynamics.quantities import Quantity
from theorycheck.dynamics.risks import SmoothRisk
from theorycheck.dynamics.trajectories import Ending, Trajectory
from theorycheck.errors import InvalidArgument
from theorycheck.measured import Measured
from theorycheck.report.figures.style import BLUE, INK, MUTED, VERMILION, logarithmic, series, sheet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LANES = 7  # drawn one by one; of more, the median and the middle 80 %
_STATES = 200  # whose Hessians are decomposed
_DECADES = 100.0  # largest over smallest, from where an axis is logarithmic

# what needs saying about how a run ended
_ENDINGS = {
    Ending.EVENT: ("o", "event"),
    Ending.GRADIENT_SMALL: ("o", "gradient small"),
    Ending.DIVERGED: ("X", "diverged"),
    Ending.ROUNDING_LIMIT: ("s", "rounding limit"),
    Ending.BUDGET_EXHAUSTED: ("s", "budget exhausted"),
}


def trajectory(
    run: Trajectory,
    quantity: Quantity | None = None,
    *,
    thresholds: Mapping[str, float] | None = None,
    events: Mapping[str, float] | None = None,
    names: tuple[str, ...] = (),
    log: bool | None = None,
) -> Figure:
    """A recorded quantity against time, lane by lane, with its error bars as bands.

    Up to seven lanes are drawn one by one, of more the median and the middle 80 %. Horizontal lines are thresholds (2/step, say),
    vertical ones events; where a lane ended otherwise than by its time or steps, a marker says how.

    Parameters
    ----------
    run : Trajectory
        With ``record=(quantity,)``, and states kept along the way.
    quantity : quantity, optional
        One of those recorded; the first unless given.
    thresholds, events : mapping of str to float, optional
        Names and values; times for events.
    names : tuple of str
        Of the lanes, for the legend.
    log : bool, optional
        A logarithmic axis of values; where they are positive over two decades, unless given.

    Raises
    ------
    InvalidArgument
        If nothing was recorded, or not the quantity asked for, or `names` are not one a lane.

    """
    quantity, times, found = _recorded(run, quantity)
    lanes = len(times)
    if names and len(names) != lanes:
        raise InvalidArgument("names", names, f"must be one for each of {lanes} lanes", "pass a name a lane, or none")
    with sheet() as (figure, axes):
        if lanes <= _LANES:
            for lane in range(lanes):
                _draw_lane(axes, lane, times[lane], found[lane], names[lane] if names else f"lane {lane}" if lanes > 1 else _name(quantity))
        else:
            _draw_spread(axes, times, found, _name(quantity))
        _draw_endings(axes, run.ending.ravel(), times, found)
        if log if log is not None else _spans_decades(found.value):
            logarithmic(axes, "y")
        _draw_lines(axes, thresholds or {}, events or {})
        axes.set_xlabel("time")
        axes.set_ylabel(_name(quantity))
        _draw_legend(axes)
        titled(axes, f"{_name(quantity)} along the run" if lanes == 1 else f"{_name(quantity)} along {lanes} runs")
    return figure


def hessian_spectrum(
    objective: SmoothRisk, run: Trajectory, *, lane: tuple[int, ...] | int = (), thresholds: Mapping[str, float] | None = None
) -> Figure:
    """Every eigenvalue of ∇²R at the states kept along a run, the largest and the smallest set off.

    The axis is linear near zero and logarithmic beyond, since most eigenvalues of an over-parametrised model are small. At most 200
    states, evenly chosen, are decomposed.

    Parameters
    ----------
    objective : SmoothRisk
        Of one data set.
    run : Trajectory
    lane : tuple of int
        Which run, where there are several.
    thresholds : mapping of str to float, optional

    Raises
    ------
    InvalidArgument
        If `lane` does not choose one run.

    """
    times, states = np.asarray(run.times[lane]), np.asarray(run.states[lane])
    if states.ndim != 2:
        raise InvalidArgument("lane", lane, f"must choose one run of the leading shape {run.ending.shape}", "pass lane=(0,)")
    kept = np.unique(np.linspace(0, len(times) - 1, min(len(times), _STATES)).round().astype(int))
    times, values = times[kept], np.linalg.eigvalsh(objective.hessian(states[kept]))
    with sheet() as (figure, axes):
        axes.plot(times, values[:, 1:-1], color=MUTED, linewidth=0.8, alpha=0.7)
        if values.shape[1] > 2:
            axes.lines[0].set_label(f"the other {values.shape[1] - 2}")
        axes.plot(times, values[:, -1], color=BLUE, linewidth=2.0, label="largest eigenvalue")
        axes.plot(times, values[:, 0], color=VERMILION, linewidth=2.0, linestyle="--", label="smallest")
        top = float(np.max(np.abs(values)))
        if top > 0 and np.median(np.abs(values)) < top / _DECADES:
            axes.set_yscale("symlog", linthresh=top * 1e-3)
            _signed_ticks(axes)
        axes.axhline(0.0, color=INK, linewidth=0.7)
        _draw_lines(axes, thresholds or {}, {})
        axes.set_xlabel("time")
        axes.set_ylabel("eigenvalues of ∇²R")
        _draw_legend(axes)
        titled(axes, "Hessian spectrum along the run", f"{values.shape[1]} eigenvalues at {len(times)} states")
    return figure


def _recorded(run: Trajectory, quantity: Quantity | None) -> tuple[Quantity, np.ndarray, Measured]:
    """The quantity, times (lanes, T) and what was measured, (lanes, T)."""
    recorded = ", ".join(map(_name, run.records)) or "nothing"
    chosen = next(iter(run.records), None) if quantity is None else quantity
    if chosen is None or chosen not in run.records:
        raise InvalidArgument("quantity", _name(chosen), f"was not recorded: {recorded} was", "pass record=(quantity,) to follow")
    found, count = run.records[chosen], run.times.shape[-1]
    if found.shape != run.times.shape:
        raise InvalidArgument("quantity", _name(chosen), f"has the shape {found.shape}, not one number a state", "record a scalar quantity")
    return chosen, run.times.reshape(-1, count), found.reshape(-1, count)


def _name(quantity: Any) -> str:
    name = getattr(quantity, "__name__", None) or getattr(getattr(quantity, "func", None), "__name__", None) or str(quantity)
    return str(name).replace("_", " ")


def _draw_lane(axes: Axes, lane: int, times: np.ndarray, found: Measured, name: str) -> None:
    look = series(lane)
    marks: dict[str, Any] = {"marker": look.marker, "markevery": max(1, len(times) // 12)} if lane or len(times) <= 24 else {}
    axes.plot(times, found.value, color=look.color, linestyle=look.line, label=name, **marks)
    bars = np.where(np.isfinite(found.error), found.error, 0.0)
    axes.fill_between(times, found.value - bars, found.value + bars, color=look.color, alpha=0.2, linewidth=0)


def _draw_spread(axes: Axes, times: np.ndarray, found: Measured, name: str) -> None:
    if not np.allclose(times, times[:1]):
        raise InvalidArgument("run.times", times, "differ between the lanes", "save at common times, or draw at most seven lanes")
    low, middle, high = np.nanquantile(found.value, (0.1, 0.5, 0.9), axis=0)
    axes.fill_between(times[0], low, high, color=BLUE, alpha=0.2, linewidth=0, label=f"middle 80 % of {len(times)} lanes")
    axes.plot(times[0], middle, color=BLUE, label=f"median {name}")


def _draw_endings(axes: Axes, endings: np.ndarray, times: np.ndarray, found: Measured) -> None:
    """A marker where a lane ended by something that happened to it."""
    said: set[str] = set()
    for lane, ending in enumerate(endings if len(times) <= _LANES else ()):
        if ending in _ENDINGS:
            marker, word = _ENDINGS[ending]
            look: dict[str, Any] = {"mfc": "white", "mec": INK, "mew": 1.4, "ms": 8, "linestyle": "none", "zorder": 4}
            axes.plot(times[lane, -1], found.value[lane, -1], marker, label=None if word in said else word, **look)
            said.add(word)


def _draw_lines(axes: Axes, thresholds: Mapping[str, float], events: Mapping[str, float]) -> None:
    for name, value in thresholds.items():
        axes.axhline(value, color=INK, linestyle=":", linewidth=1.1)
        axes.annotate(name, (1.0, value), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center", fontsize=9)
    for name, time in events.items():
        axes.axvline(time, color=MUTED, linestyle="--", linewidth=0.9)
        axes.annotate(name, (time, 0.0), (3, 4), xycoords=("data", "axes fraction"), textcoords="offset points", va="bottom", fontsize=9, rotation=90)


def _draw_legend(axes: Axes) -> None:
    if len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(loc="best")


def _signed_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter

    from theorycheck.report.figures.style import power_of_ten

    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: ("−" if v < 0 else "") + power_of_ten(abs(v))))


def _spans_decades(values: np.ndarray) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > _DECADES * finite.min())
