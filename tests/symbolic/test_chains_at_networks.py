"""A slow twin of chains: every quantity, evaluated at random networks that satisfy the hypotheses."""

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

from theorycheck.symbolic.identities.chains import Least, ProofChain, Relation, exact_sharpness, flat_minima
from theorycheck.symbolic.identities.chains.quantities import Quantity
from theorycheck.symbolic.matrix_words import Point


@pytest.mark.parametrize("build", [flat_minima.lower_chain, exact_sharpness.least_chain], ids=["lower", "least"])
def test_every_step_holds_at_random_minimisers(build: Callable[..., ProofChain]) -> None:
    chain, generator = build(3), np.random.default_rng(7)
    for _ in range(5):
        W = {k: generator.normal(size=shape) for k, shape in ((1, (2, 3)), (2, (4, 2)), (3, (1, 4)))}
        F, target = generator.normal(size=(5, 3)), W[3] @ W[2] @ W[1]
        net = flat_minima.ScalarNetwork(3)
        arrays = {**{f: W[int(f.index[0])] for f in net.layers}, net.root: F, net.target: target}
        scalars = {
            flat_minima.e: np.sum((F @ target.T) ** 2),
            flat_minima.g: np.sum((F.T @ F @ target.T) ** 2),
            flat_minima.m: np.sum(target**2),
            flat_minima.gain(1, 3): np.sum((W[3] @ W[2]) ** 2),
            flat_minima.gain(2, 3): np.sum(W[3] ** 2),
            flat_minima.reach(2): np.sum((W[1] @ F.T @ F @ target.T) ** 2),
            flat_minima.reach(3): np.sum((W[2] @ W[1] @ F.T @ F @ target.T) ** 2),
        }
        links = chain.prove().step.proofs
        values = [numeric(link.quantity, arrays, scalars) for link in links]
        for before, after, link in zip(values, values[1:], links[1:], strict=False):
            slack = before - after
            assert slack > -1e-9 * before if link.relation is Relation.AT_LEAST else abs(slack) < 1e-9 * before


def numeric(quantity: Quantity, arrays: dict, scalars: dict) -> float:
    if isinstance(quantity, sp.Expr):
        return float(quantity.subs(scalars))
    if isinstance(quantity, Least):
        ts = [*np.exp(np.linspace(-6, 6, 40)), scalars[flat_minima.gain(1, 3)]]
        return min(numeric(quantity.of, arrays, {**scalars, quantity.variable: t}) for t in ts)
    columns = []
    known = {f: a for f, a in arrays.items() if any(f in row.factors for row in quantity.form.rows)}
    sizes = {size: n for f, a in arrays.items() for size, n in zip(f.shape, a.shape, strict=True) if not isinstance(size, int)}
    shapes = [tuple(sizes.get(size, size) for size in v.shape) for v in quantity.form.directions]
    for i, shape in enumerate(shapes):
        for entry in range(shape[0] * shape[1]):
            V = [np.zeros(s) for s in shapes]
            V[i].flat[entry] = 1.0
            point = Point({**known, **dict(zip(quantity.form.directions, V, strict=True))}, scalars)
            columns.append(np.concatenate([point.evaluate(row).ravel() for row in quantity.form.rows]))
    return float(np.linalg.eigvalsh(np.array(columns))[-1])
