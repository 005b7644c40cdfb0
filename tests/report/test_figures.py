"""Figures carry the numbers they were given; Matplotlib is imported only when one is asked for."""

import subprocess
import sys
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.report import figures
from theorycheck.report.figures.bounds import Sides, of_label
from theorycheck.report.figures.canvas import svg_of
from theorycheck.report.figures.maps import bound_of
from theorycheck.report.figures.networks import entries_of, network_in, value_text
from theorycheck.report.figures.style import SERIES, power_of_ten
from theorycheck.statements.comparisons import Entry, Relation


@dataclass(frozen=True)
class Box:
    """Two sides and how many of them."""

    depth: int
    side: float
    other: float


@tc.recipe
def boxes(draw):
    return Box(draw(tc.integers(1, 3)), draw(tc.reals(0.5, 2)), draw(tc.reals(0.5, 2)))


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


def means(b: Box, precision: tc.Precision, factor: float = 1.0) -> tc.Comparison:
    """(a + b)/2 ≥ √(ab), and its square."""
    mean, root = tc.Measured.of(b.side + b.other) / 2, np.sqrt(tc.Measured.of(b.side) * b.other)
    return tc.all_of(tc.at_least("mean ≥ root", mean, factor * root), tc.at_most("1 ≤ 2 depth", 1.0, 2.0 * b.depth))


wide = tc.Premise("wide", "a ≥ 1", lambda b: b.side >= 1)
positive = tc.Premise("positive", "x ≥ 0", lambda x: x >= 0)
arithmetic = tc.Theorem("mean_ge_root", tc.CONJECTURE, boxes, (wide,), means, r"\frac{a+b}2 \ge \sqrt{ab}", tight=True)
square = tc.Theorem("square_expands", tc.CONJECTURE, numbers, (), lambda x, precision: tc.equal("(x+1)² = x²+2x+1", (x + 1) ** 2, x * x + 2 * x + 1))
root = tc.Theorem("x_ge_zero", tc.CONJECTURE, numbers, (positive,), lambda x, precision: tc.at_least("x + 1 ≥ 0", x + 1, 0.0))
false = arithmetic.claiming("factor_1_5", lambda b, precision: means(b, precision, 1.5))

held, refuted, equality = tc.check(arithmetic, 80), tc.check(false, 80), tc.check(square, 60)
tightness = tc.tighten(arithmetic, instances=60, budget=40)
ablation = tc.ablate(root, 80)


@dataclass(frozen=True, eq=False)
class Net:
    """A network with data, as the library's instances hold them."""

    widths: tuple[int, ...]
    theta: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Holder:
    """A network inside another value."""

    time: float
    net: Net


net = Net((2, 1, 1), np.array([1.0, -2.0, 0.5]), np.array([3.0]))


def texts(figure) -> list[str]:
    """Every piece of text of a figure, its legends included."""
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def line_of(axes, label: str):
    (found,) = [line for line in axes.lines if line.get_label().startswith(label)]
    return found


def run_of(values: np.ndarray, error: float = 0.0, ending: tc.Ending = tc.Ending.REACHED_STEPS) -> tc.Trajectory:
    """A trajectory whose records are the sharpness `values`, shape (lanes, T); states are diag entries."""
    lanes, count = values.shape
    times = np.tile(np.arange(count, dtype=float), (lanes, 1))
    states = np.stack([values, -values / 2, np.zeros_like(values)], axis=-1)
    endings = np.array([ending] * lanes, dtype=object)
    records = MappingProxyType({tc.sharpness: tc.Measured(values, error)})
    return tc.Trajectory(times, states, states[:, -1], records, endings, np.zeros(lanes), lambda: np.zeros(lanes))


class Diagonal:
    """Hessians diag(θ)."""

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        return theta[..., None] * np.eye(theta.shape[-1])


# -- both sides of a claim --


def test_a_point_for_every_instance_that_the_comparison_decided() -> None:
    axes = figures.observed_against_bound(held, "mean ≥ root").axes[0]
    drawn = [line for line in axes.lines if line.get_label().split(":")[0] in ("holds", "too close to call")]
    points = np.concatenate([line.get_xydata() for line in drawn])
    expected = np.array([(e.right, e.left) for e in held.sample if e.label == "mean ≥ root"])
    assert len(points) == len(expected) > 30
    assert np.array_equal(points[np.lexsort(points.T)], expected[np.lexsort(expected.T)])


def test_the_worst_instance_is_marked() -> None:
    axes = figures.observed_against_bound(held).axes[0]
    (star,) = line_of(axes, "worst").get_xydata()
    assert tuple(star) == (held.tightest.right, held.tightest.left)
    assert axes.get_title(loc="left") == held.tightest.label


def test_the_counterexample_is_marked_on_the_shaded_side() -> None:
    axes = figures.observed_against_bound(refuted).axes[0]
    entry = refuted.counterexample.entry
    (cross,) = line_of(axes, "counterexample").get_xydata()
    assert tuple(cross) == (entry.right, entry.left)
    (shaded,) = [c for c in axes.collections if c.get_label() == "would violate the claim"]
    assert any(path.contains_point((entry.right, entry.left)) for path in shaded.get_paths())


def test_slacks_and_bars_are_counted() -> None:
    axes = figures.slack_histogram(held, "mean ≥ root").axes[0]
    count = sum(e.label == "mean ≥ root" for e in held.sample)
    bars = sum(patch.get_height() for container in axes.containers for patch in container if hasattr(patch, "get_height"))
    assert bars == count
    assert any(text.startswith("holds: ") for text in texts(axes.figure))


def test_an_equality_shows_its_mismatch() -> None:
    axes = figures.slack_histogram(equality).axes[0]
    assert axes.get_xlabel().startswith("relative mismatch")
    assert list(figures.observed_against_bound(equality).axes[0].collections) == []  # no side of an equality is worse


@pytest.mark.parametrize("draw", [figures.observed_against_bound, figures.slack_histogram])
def test_a_comparison_that_decided_nothing_is_refused(draw) -> None:
    with pytest.raises(tc.InvalidArgument, match=r"decided no instance .* choose among 'mean ≥ root'"):
        draw(held, "no such claim")
    with pytest.raises(tc.InvalidArgument, match="holds no instance"):
        draw(replace(held, sample=()))


def test_a_verdict_keeps_the_first_admitted_instances_in_order() -> None:
    again = [tc.examine(arithmetic, arithmetic.ambient.sample(0, k).value) for k in range(80)]
    worst = [e.comparison.worst for e in again if e.admitted]
    assert [(e.label, e.left, e.right) for e in held.sample] == [(e.label, e.left, e.right) for e in worst]
    assert of_label(Sides.of(held), None)[0] == held.tightest.label


# -- runs --


def test_a_trajectory_with_thresholds_events_and_endings() -> None:
    values = np.array([[1.0, 4.0, 2.0]])
    figure = figures.trajectory(run_of(values, 0.5, tc.Ending.DIVERGED), tc.sharpness, thresholds={"2/step": 3.0}, events={"drop": 1.5})
    axes = figure.axes[0]
    assert np.array_equal(line_of(axes, "sharpness").get_xydata(), [(0, 1), (1, 4), (2, 2)])
    assert line_of(axes, "diverged").get_xydata().tolist() == [[2.0, 2.0]]
    assert {3.0} <= {y for line in axes.lines for y in np.atleast_1d(line.get_ydata())}
    assert {"2/step", "drop"} <= set(texts(figure))
    band = np.asarray(axes.collections[0].get_paths()[0].vertices)
    assert (band[:, 1].min(), band[:, 1].max()) == (0.5, 4.5)


def test_lanes_have_names_and_many_lanes_a_median() -> None:
    few = figures.trajectory(run_of(np.arange(1.0, 7.0).reshape(2, 3)), names=("small", "large"))
    assert [t.get_text() for t in few.axes[0].get_legend().get_texts()] == ["small", "large"]
    values = np.arange(1.0, 28.0).reshape(9, 3)
    many = figures.trajectory(run_of(values))
    assert np.array_equal(line_of(many.axes[0], "median").get_ydata(), np.median(values, axis=0))


def test_the_spectrum_is_that_of_every_state() -> None:
    values = np.array([[1.0, 4.0, 2.0]])
    axes = figures.hessian_spectrum(Diagonal(), run_of(values), lane=(0,)).axes[0]
    assert np.array_equal(line_of(axes, "largest").get_ydata(), values[0])
    assert np.array_equal(line_of(axes, "smallest").get_ydata(), -values[0] / 2)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.trajectory(run_of(np.ones((1, 3))), tc.risk), "`quantity=risk` was not recorded: sharpness was; pass record="),
        (lambda: figures.trajectory(run_of(np.ones((2, 3))), names=("one",)), "must be one for each of 2 lanes"),
        (lambda: figures.hessian_spectrum(Diagonal(), run_of(np.ones((2, 3)))), "must choose one run"),
        (lambda: figures.convergence_rate([1, 0.5, 0.25], [1.0, 0.0, 2.0]), "`ys=.*` must be positive"),
        (lambda: figures.ratio_by_feature(tightness, "colour"), "are not a breakdown that was made; choose among .*depth"),
        (lambda: figures.tightness_map(tightness, "colour"), "`x=colour` is not a feature of the instances; choose among depth"),
        (lambda: figures.tightness_map(tightness, label="colour"), "is no inequality of the claim; choose among 'mean ≥ root'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message: str) -> None:
    with pytest.raises(tc.InvalidArgument, match=message):
        draw()


# -- rates and tightness --


def test_the_slope_and_its_interval_are_those_of_rate_of() -> None:
    xs = 2.0 ** -np.arange(5)
    ys = xs**2 * (1 + xs)
    axes = figures.convergence_rate(xs, ys, 2.0).axes[0]
    slopes = np.diff(np.log(ys)) / np.diff(np.log(xs))
    label = f"slope {(slopes.min() + slopes.max()) / 2:.3g}, between neighbours {slopes.min():.3g} to {slopes.max():.3g}"
    assert label in [line.get_label() for line in axes.lines]
    assert np.allclose(line_of(axes, "claimed").get_ydata(), ys[-1] * (xs / xs[-1]) ** 2)
    band = axes.collections[0].get_paths()[0]
    assert all(band.contains_point(point, radius=1e-9) or band.contains_point(point, radius=-1e-9) for point in zip(xs[:-1], ys[:-1], strict=True))


def test_the_breakdown_is_drawn_row_by_row() -> None:
    axes = figures.ratio_by_feature(tightness, "depth", "1 ≤ 2 depth").axes[0]
    rows = bound_of(tightness, "1 ≤ 2 depth").rows["depth"]
    assert np.allclose(line_of(axes, "largest").get_xydata(), [(1, 1 / 2), (2, 1 / 4), (3, 1 / 6)])
    assert [str(row.count) for row in rows] == [t.get_text() for t in axes.texts if t.get_text().isdigit()]


def test_a_cell_holds_the_largest_ratio_and_its_count() -> None:
    axes = figures.tightness_map(tightness, "depth", "side", label="1 ≤ 2 depth").axes[0]
    shown = axes.images[0].get_array()
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns == ["1", "2", "3"]
    assert np.allclose(np.nanmax(np.ma.filled(shown, np.nan), axis=0), [1 / 2, 1 / 4, 1 / 6])
    counted = sum(int(t.get_text().split("(")[1].rstrip(")")) for t in axes.texts if "(" in t.get_text())
    assert counted == bound_of(tightness, "1 ≤ 2 depth").seen


# -- portraits --

hadamard = tc.Diagonal(2, 2, signed=False)
start = np.array([0.5, 0.5])
objective = tc.Objective(hadamard, tc.SquaredLoss(), tc.Regression([[1.0, 2.0]], [1.5]))
potential = tc.legendre_potential(hadamard, start)


def test_a_portrait_shows_runs_interpolators_and_points() -> None:
    path = np.array([[0.25, 0.25], [0.3, 0.6]])
    figure = figures.mirror_flow_portrait(potential, objective, path, points={"limit": [0.3, 0.6]}, names=("run",))
    axes = figure.axes[0]
    assert np.array_equal(line_of(axes, "run").get_xydata(), path)
    assert line_of(axes, "limit").get_xydata().tolist() == [[0.3, 0.6]]
    assert np.allclose(line_of(axes, "X w = y").get_xydata() @ [1.0, 2.0], 1.5)


def test_what_lies_outside_the_domain_is_shaded() -> None:
    figure = figures.mirror_flow_portrait(potential, objective, limits=((-1, 1), (-1, 1)))
    assert "outside the domain of R" in texts(figure)


def test_a_portrait_needs_a_plane_and_something_to_draw_around() -> None:
    three = tc.Diagonal(3, 2, signed=False)
    wide = tc.Objective(three, tc.SquaredLoss(), tc.Regression([[1.0, 2.0, 0.0]], [1.5]))
    with pytest.raises(tc.ShapeMismatch, match="a phase portrait is drawn in the plane"):
        figures.mirror_flow_portrait(tc.legendre_potential(three, np.full(3, 0.5)), wide)
    with pytest.raises(tc.InvalidArgument, match="are needed where there is nothing to draw around"):
        figures.mirror_flow_portrait(potential, objective)


# -- counterexamples and premises --


@pytest.mark.parametrize(("instance", "place"), [(net, ""), (Holder(1.0, net), "net.")])
def test_a_network_is_found_in_an_instance(instance: object, place: str) -> None:
    found = network_in(instance)
    assert found.place == place
    assert [W.tolist() for W in found.layers] == [[[1.0, -2.0]], [[0.5]]]


def test_a_counterexample_is_drawn_with_its_weights_and_sides() -> None:
    assert refuted.counterexample is not None
    found = replace(refuted.counterexample, instance=Holder(2.5, net))
    figure = figures.counterexample(found)
    shown = texts(figure)
    assert {"1", "−2", "0.5", "x₁", "x₂", "f", "W₁", "W₂", "time", "2.5", "net.y", "(3)"} <= set(shown)
    assert any(f"left {found.entry.left:.6g} < right {found.entry.right:.6g}" in text.replace("\n", " ") for text in shown)
    styles = {(line.get_linestyle(), line.get_color()) for line in figure.axes[0].lines if line.get_marker() == "None"}
    assert {style for style, _ in styles} == {"-", "--"}  # positive, negative


def test_any_other_counterexample_is_a_table() -> None:
    shown = texts(figures.counterexample(refuted.counterexample))
    assert {"depth", "side", "other", *(value_text(v) for _, v in entries_of(refuted.counterexample.instance))} <= set(shown)


def test_premises_stand_where_their_slacks_are() -> None:
    figure = figures.premises(ablation)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["as it stands", "without positive"]
    needed = line_of(axes, "needed").get_xydata()
    assert needed.tolist() == [[ablation.dropped[0].counterexample.entry.slack, 1.0]]
    assert needed[0, 0] < 0


# -- the style --


def test_matplotlib_is_imported_only_when_a_figure_is_asked_for() -> None:
    code = "import sys, theorycheck, theorycheck.report.figures; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_without_matplotlib_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(figures.NeedsMatplotlib, match=r"pip install 'theorycheck\[plot\]'"):
        figures.slack_histogram(held)


def test_the_settings_of_the_reader_are_left_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    with figures.sheet() as (_, axes):
        axes.set_title("costs $5 and $6")
        assert axes.title.get_parse_math() is False
    assert dict(matplotlib.rcParams) == before


def test_series_differ_in_grey_too() -> None:
    for looks in ([s.line for s in SERIES], [s.marker for s in SERIES], [s.color for s in SERIES]):
        assert len(set(map(str, looks))) == len(SERIES)


def test_a_figure_shows_itself_and_its_svg_is_the_same_each_time() -> None:
    assert figures.slack_histogram(held)._repr_png_().startswith(b"\x89PNG")
    one, two = (svg_of(figures.slack_histogram(held), "a") for _ in range(2))
    assert one == two
    assert one.startswith("<svg")
    assert "instances" in one  # text stays text
    assert "<script" not in one


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (1e4, "10⁴"), (1e-5, "10⁻⁵"), (3e-7, "3e-07"), (0.0, "0")])
def test_powers_of_ten(value: float, text: str) -> None:
    assert power_of_ten(value) == text


def entry(left: float, right: float, slack: float = 0.5, bar: float = 1e-12, relation: Relation = Relation.AT_LEAST) -> Entry:
    return Entry(tc.Standing.HOLDS, slack, bar, "a ≥ b", left, right, relation)


@pytest.mark.parametrize(
    "entries",
    [
        [entry(0.0, 0.0, 0.0, 0.0)],
        [entry(1.0, 1.0)] * 3,
        [entry(1e-90, 1e-100), entry(1e120, 1e-120)],
        [entry(-1e8, 1e-8, -1.0), entry(3.0, 0.0), entry(2.0, 1.0)],
        [entry(2.0, 1.0, 0.3, float("inf"))],
        [entry(2.0, 2.0, -1e-17, 1e-15, Relation.EQUAL)],
        [entry(-3.0, -4.0), entry(-300.0, -401.0)],
    ],
)
def test_odd_numbers_are_drawn_all_the_same(entries: list[Entry]) -> None:
    odd = replace(held, sample=tuple(entries), tightest=None)
    sides, slacks = figures.observed_against_bound(odd), figures.slack_histogram(odd)
    low, high = sides.axes[0].get_xlim()
    assert all(low <= value <= high for e in entries for value in (e.left, e.right))
    assert sum(patch.get_height() for patch in slacks.axes[0].containers[0]) == len(entries)
    assert svg_of(sides, "a").startswith("<svg")
    assert svg_of(slacks, "b").startswith("<svg")
