"""One parametrised test runs every theorem of the library, one refutes every falsehood, one proves every identity."""

import pytest

import theorycheck as tc
from theorycheck.library import papers

THEOREMS = [pytest.param(t, id=f"{p.name}/{t.name}") for p in papers() for t in p.theorems]
FALSE = [pytest.param(t, id=f"{p.name}/{t.name}") for p in papers() for t in p.false]
IDENTITIES = [pytest.param(i, id=f"{p.name}/{t.name}/{k}") for p in papers() for t in p.theorems for k, i in enumerate(t.identities)]


@pytest.mark.parametrize("theorem", THEOREMS)
def test_theorem_is_corroborated(theorem):
    verdict = tc.check(theorem, instances=120, seed=1)
    assert verdict.outcome is tc.Outcome.CORROBORATED, str(verdict)


@pytest.mark.parametrize("falsehood", FALSE)
def test_falsehood_is_refuted(falsehood):
    verdict = tc.check(falsehood, instances=20_000, seed=1)
    assert verdict.outcome is tc.Outcome.REFUTED, str(verdict)
    found = verdict.counterexample
    assert len(found.choices) <= len(found.first)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_identity_is_proved(identity):
    proof = identity.prove()
    assert isinstance(proof, tc.Proof), str(proof)
