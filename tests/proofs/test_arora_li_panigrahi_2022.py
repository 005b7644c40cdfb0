"""The catalogue's numbers for the flow of descent at the edge of stability, and how fast its distance to the flow shrinks with the step."""

import numpy as np
import pytest
import sympy as sp

import theorycheck as tc
from tests.proofs.descents import TUBE, admitted, descended, module, ode
from theorycheck.instances.valleys import edge_runs

x, y, z = sp.symbols("x y z", real=True)
CROSSING = tc.Landscape((x, y, z), ((2 + x) * y**2 + (2 - x) * z**2) / 2)


@pytest.mark.parametrize(("height", "end"), [(0.013, 1.179573), (0.0, 0.931645)])
def test_normalized_descent_follows_the_top_or_what_is_left_of_it(height, end):
    """From x = 1 over τ = 2: log F_1 generically, log F_2 from y = 0."""
    states = descended(TUBE, tc.NormalizedGradientDescent(step=0.04), [1.0, height, 0.011], 1250)
    assert states[-1, 0] == pytest.approx(end, abs=1e-3)


def test_root_descent_in_the_tube():
    start = descended(TUBE, tc.SqrtLossDescent(step=0.04), [1.4, 0.013, 0.003], 200)[-1]
    end = descended(TUBE, tc.SqrtLossDescent(step=0.04), start, 600)[-1, 0]
    assert end == pytest.approx(ode(lambda s: np.sin(s) / 8, start[0], 600 * 0.04**2), abs=2e-4)


def test_unperturbed_descent_runs_through_a_crossing():
    """Catalogue: x = -0.2678 at τ = 12, on the wrong eigenvalue; with kicks it stops near 0."""
    method = tc.NormalizedGradientDescent(step=0.0625)
    steps = int(12 / 0.0625**2)
    start = [1.0, 0.02, 0.01]
    states = descended(CROSSING, method, start, steps)
    assert states[-1, 0] == pytest.approx(-0.2678, abs=5e-3)
    assert np.abs(states[steps * 5 // 6, 2]) < 1e-300
    kicked = descended(CROSSING, tc.Perturbed(method, size=1e-6, seed=0), start, steps)
    assert abs(kicked[-1, 0]) < 0.1


@pytest.mark.parametrize(("name", "slope"), [("flow_of_normalized", 1.93), ("flow_of_root", 1.91)])
def test_rate_of_the_edge(name, slope):
    """The median distance to the flow over the valleys drawn, against η."""
    arora = module("arora_li_panigrahi_2022")
    theorem = getattr(arora, name)
    v, told = admitted(theorem, 1200), theorem.claim.keywords
    found = v.repeated.onto_minimisers(edge_runs(v, told["method"], arora.STEPS, arora.COUNTS, tc.Ends())[..., -1, :])
    end = tc.manifold_flow(v.objective, told["function"], v.origin, [arora.TIME], rate=told["rate"], steps=8)[..., 0, :].value
    rate = tc.rate_of(arora.STEPS, np.median(np.linalg.norm(found - end, axis=-1) / np.linalg.norm(end, axis=-1), axis=1))
    assert float(rate) == pytest.approx(slope, abs=0.3)
    assert float(rate) - float(rate.error) > 1.3
