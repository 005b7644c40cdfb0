"""How fast something tends to its limit: a log-log plot with the slope and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from theorycheck.errors import InvalidArgument
from theorycheck.measured import Measured
from theorycheck.report.figures.style import BLUE, INK, VERMILION, logarithmic, sheet, titled
from theorycheck.search.tightness import Tightness
from theorycheck.statements.rates import rate_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def convergence_rate(xs: Any, ys: Any, exponent: float | None = None, *, names: tuple[str, str] = ("x", "y")) -> Figure:
    """Values against scales in logarithms, with the slope and the interval of the slopes between neighbours, as `rate_of` gives them.

    Parameters
    ----------
    xs : array_like, shape (k,), k ≥ 3
        Positive, monotone; the last is nearest to the limit.
    ys : Measured or array_like, shape (k,)
        Positive.
    exponent : float, optional
        The slope that is claimed, drawn through the last value.
    names : (str, str)
        Of both axes.

    Raises
    ------
    InvalidArgument, ShapeMismatch
        As `rate_of`; also where a value is not positive, or the values are not one a scale.

    """
    found, scales = Measured.of(ys), np.asarray(xs, dtype=float)
    slope = rate_of(scales, found)
    if found.ndim != 1:
        raise InvalidArgument("ys.shape", found.shape, "must be one value a scale", "draw one sequence")
    if np.any(found.value <= 0):
        raise InvalidArgument("ys", found.value, "must be positive", "pass absolute values, and leave out exact zeros")
    known = bool(np.isfinite(slope.error))
    low, high = (float(slope.value - slope.error / 2), float(slope.value + slope.error / 2)) if known else (np.nan, np.nan)
    with sheet(5.6, 4.2) as (figure, axes):
        if known:
            ends = [found.value[-1] * (scales / scales[-1]) ** s for s in (low, high)]
            label = f"slope {float(slope.value):.3g}, between neighbours {low:.3g} to {high:.3g}"
            axes.fill_between(scales, *ends, color=BLUE, alpha=0.15, linewidth=0)
            axes.plot(scales, found.value[-1] * (scales / scales[-1]) ** float(slope.value), color=BLUE, linewidth=1.2, label=label)
        _draw_points(axes, scales, found)
        if exponent is not None:
            claimed = found.value[-1] * (scales / scales[-1]) ** exponent
            axes.plot(scales, claimed, color=VERMILION, linestyle="--", linewidth=1.4, label=f"claimed slope {exponent:g}")
        for axis in ("x", "y"):
            logarithmic(axes, axis)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.legend(loc="best")
        titled(axes, f"{names[1]} against {names[0]}", f"{len(scales)} scales; the band holds every slope seen between neighbours", 62)
    return figure


def ratio_by_feature(tightness: Tightness, feature: str, label: str | None = None) -> Figure:
    """The largest share of a bound that is used, by a feature of the instances; with the fitted power where there is one.

    Parameters
    ----------
    tightness : Tightness
    feature : str
        "depth", "width", "condition_number", ...
    label : str, optional
        Which inequality; the first that is broken down by the feature, unless given.

    Raises
    ------
    InvalidArgument
        If no inequality of that name is broken down by the feature.

    """
    bounds = [b for b in tightness.bounds if feature in b.rows and label in (None, b.label)]
    if not bounds:
        known = sorted({name for b in tightness.bounds for name in b.rows})
        raise InvalidArgument("feature, label", (feature, label), "are not a breakdown that was made", f"choose among {', '.join(known) or 'none'}")
    bound, rows = bounds[0], bounds[0].rows[feature]
    fit = next((e for e in bound.exponents if e.feature == feature), None)
    at, ratios = np.array([row.at for row in rows]), np.array([row.ratio for row in rows])
    with sheet(5.6, 3.8) as (figure, axes):
        axes.plot(at, ratios, "o-", color=BLUE, label="largest ratio found")
        for row, x, y in zip(rows, at, ratios, strict=True):
            axes.annotate(f"{row.count}", (x, y), (0, 6), textcoords="offset points", ha="center", fontsize=8, color=INK)
        if fit is not None and np.all(at > 0) and np.all(ratios > 0):
            through = np.exp(np.mean(np.log(ratios) - fit.value * np.log(at)))
            label_of = f"power {fit.value:.2f}, 95 % interval {fit.low:.2f} to {fit.high:.2f}"
            axes.plot(at, through * at**fit.value, color=VERMILION, linestyle="--", label=label_of)
        if np.all(at > 0) and at.max() > 50 * at.min():
            logarithmic(axes, "x")
        elif np.all(at == np.round(at)):
            axes.set_xticks(at, [f"{value:g}" for value in at])
        axes.axhline(1.0, color=INK, linewidth=0.8, linestyle=":")
        axes.set_ylim(0, max(1.12, 1.12 * float(ratios[np.isfinite(ratios)].max(initial=0.0))))
        axes.set_xlabel(feature.replace("_", " "))
        axes.set_ylabel("share of the bound that is used")
        axes.legend(loc="lower left")
        titled(axes, bound.label, f"{tightness.theorem.name}; numbers: instances seen", 62)
    return figure


def _draw_points(axes: Axes, scales: np.ndarray, found: Measured) -> None:
    bars = np.where(np.isfinite(found.error), np.minimum(found.error, found.value * (1 - 1e-9)), 0.0)
    axes.errorbar(scales, found.value, bars, fmt="o", color=INK, ms=5.5, label="measured")
