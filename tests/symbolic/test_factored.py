"""Factorizations above the entrywise budget: derived in words, equal to the kernels and to the entries at every size."""

import numpy as np
import pytest

import theorycheck as tc
from theorycheck.symbolic.derivations import EntrywiseDerivation, FactoredDerivation, derive_factored

LARGE = [tc.MatrixFactorization(7, 5, 3), tc.MatrixFactorization(30, 20, 4), tc.SymmetricFactorization(9, 4), tc.SymmetricFactorization(40, 3)]
SMALL = [tc.MatrixFactorization(2, 3, 1), tc.MatrixFactorization(1, 2, 2), tc.SymmetricFactorization(3, 2), tc.SymmetricFactorization(1, 1)]


def regression(model, rng, samples=6):
    rows, cols = model.shape
    return tc.Regression(rng.normal(size=(samples, cols)), rng.normal(size=(samples, rows)), several_outputs=True)


@pytest.mark.parametrize("model", LARGE, ids=str)
def test_words_equal_the_kernels_and_the_source(model):
    rng = np.random.default_rng(5)
    loss, data = tc.SquaredLoss(0.5), regression(model, rng)
    derivation, objective = tc.derive(model, loss), tc.Objective(model, loss, data)
    assert isinstance(derivation, FactoredDerivation)
    assert [statement.split(":")[0] for statement in derivation.checked[-2:]] == ["exact", "numeric"]
    theta, v = rng.normal(size=(2, model.parameters))
    G = 2 * 0.5 * (model.w(theta) @ data.X.T - data.y.T) @ data.X / len(data.X)
    curvature = data.X.T @ data.X / len(data.X)
    np.testing.assert_allclose(derivation.gradient_at(theta, G), objective.gradient(theta), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(derivation.hvp_at(theta, G, curvature, v), objective.hvp(theta, v), rtol=1e-9, atol=1e-9)
    if model.parameters < 80:
        np.testing.assert_allclose(derivation.hessian_at(theta, G, curvature), objective.hessian(theta), rtol=1e-9, atol=1e-9)
    source: dict = {}
    exec(derivation.python(), source)
    np.testing.assert_allclose(source["risk"](theta, data.X, data.y), objective.risk(theta), rtol=1e-12)
    np.testing.assert_allclose(source["gradient"](theta, data.X, data.y), objective.gradient(theta), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(source["hvp"](theta, data.X, data.y, v), objective.hvp(theta, v), rtol=1e-9, atol=1e-9)
    assert derivation.latex().startswith("\\begin{aligned}")


@pytest.mark.parametrize("model", SMALL, ids=str)
def test_words_equal_the_entries_exactly(model):
    rng, loss = np.random.default_rng(2), tc.SquaredLoss()
    words, entries = derive_factored(model, loss), tc.derive(model, loss)
    assert isinstance(entries, EntrywiseDerivation)
    theta, G, root = (rng.integers(-5, 6, size).astype(object) for size in (model.parameters, model.shape, (model.shape[1],) * 2))
    assert np.all(words.gradient_at(theta, G) == entries.gradient_at(theta, G))
    assert np.all(words.hessian_at(theta, G, 2 * (root + root.T)) == entries.hessian_at(theta, G, 2 * (root + root.T)))


def test_losses_with_a_curvature_for_each_output_are_refused():
    with pytest.raises(tc.InvalidArgument, match="output"):
        tc.derive(tc.MatrixFactorization(7, 5, 3), tc.LogisticLoss())
