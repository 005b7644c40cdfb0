"""Flows against heyoka's Taylor integrator, which is right to machine precision; skipped where heyoka is not installed."""

import numpy as np
import pytest
import sympy as sp

from theorycheck.dynamics.data import Classification, Regression
from theorycheck.dynamics.flows import GradientFlow, MirrorFlow
from theorycheck.dynamics.objectives import Objective
from theorycheck.dynamics.trajectories import At, Ending, Stop, follow
from theorycheck.symbolic.losses import LogisticLoss, SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard
from theorycheck.symbolic.potentials import legendre_potential

heyoka = pytest.importorskip("heyoka", reason="the reference twin: install theorycheck[reference]")

TIMES = np.array([0.5, 2.0, 4.0])
MODELS = {
    "scalar output": DeepLinear((2, 3, 1)),
    "deep": DeepLinear((2, 2, 2, 1)),
    "matrix output": DeepLinear((2, 2, 2)),
    "squares": Diagonal(2, 2),
    "cubes": Diagonal(2, 3),
    "product": Hadamard(2),
    "own map": Entrywise(Diagonal(2, 2).symbols, Diagonal(2, 2).expressions),
}


def problem(model, loss):
    rng = np.random.default_rng(11)
    X, outputs = rng.normal(size=(5, 2)), model.shape[:-1]
    y = rng.normal(size=(5, *outputs))
    data = Regression(X, y) if isinstance(loss, SquaredLoss) else Classification(X, np.sign(y))
    return Objective(model, loss, data), rng.uniform(0.3, 0.9, size=model.parameters)


def reference(objective, start):
    """States of θ̇ = -Σ_i (∂ℓ/∂w_i) ∇w_i at the times, with ∇w_i by SymPy."""
    model, data = objective.model, objective.data
    names = [sp.Symbol(f"x{k}") for k in range(model.parameters)]
    renamed = [w.subs(dict(zip(model.symbols, names, strict=True)), simultaneous=True) for w in model.expressions]
    w = np.array([heyoka.from_sympy(entry) for entry in renamed], dtype=object).reshape(-1, data.X.shape[-1])
    y = data.y.reshape(len(data.X), -1)
    predictions = data.X @ w.T
    if isinstance(objective.loss, SquaredLoss):
        slopes = 2 * objective.loss.c / len(y) * (predictions - y)
    else:
        slopes = np.vectorize(lambda margin, label: -label / len(y) / (1.0 + heyoka.exp(margin)), otypes=[object])(predictions * y, y)
    by_w = (slopes.T @ data.X).ravel()
    system = []
    for name in names:
        terms = [slope * heyoka.from_sympy(d) for slope, d in zip(by_w, (sp.diff(entry, name) for entry in renamed), strict=True) if d != 0]
        system.append((heyoka.make_vars(name.name), -heyoka.sum(terms)))
    return heyoka.taylor_adaptive(system, list(start)).propagate_grid(np.concatenate([[0.0], TIMES]))[-1][1:]


LOSSES = {"squared": SquaredLoss(), "logistic": LogisticLoss()}
CASES = [(name, loss) for name in MODELS for loss in LOSSES if (name, loss) != ("matrix output", "logistic")]  # one label a sample


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_flows_agree_to_machine_precision(name, loss):
    model, loss = MODELS[name], LOSSES[loss]
    objective, start = problem(model, loss)
    flows = [GradientFlow(accuracy=1e-12)]
    if isinstance(model, Diagonal | Hadamard):
        flows.append(MirrorFlow(legendre_potential(model, start), accuracy=1e-12))
    truth = reference(objective, start)
    for flow in flows:
        run = follow(objective, flow, start, Stop(time=TIMES[-1]), save=At(TIMES))
        assert run.ending.item() is Ending.REACHED_TIME
        error = np.linalg.norm(run.states - truth, axis=-1)
        assert np.all(error <= 1e-12 * np.linalg.norm(truth, axis=-1)), error
        assert error[-1] <= run.error + 4e-15 * np.linalg.norm(start)
