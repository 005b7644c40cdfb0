"""The chains of the library are proved and no better constant is, every hypothesis is needed, and each is told step by step."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sympy as sp

from tests.symbolic.chain_numbers import ABOVE, BELOW
from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.identities import Proof, Unproved
from theorycheck.symbolic.identities.chains import (
    ChainFamily,
    Given,
    Matrices,
    NonZero,
    ProofChain,
    any_depth,
    exact_sharpness,
    flat_minima,
    hessian_traces,
    matrix_outputs,
    told,
)
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words import Chain, Factor, as_sum
from theorycheck.symbolic.parametrizations import DeepLinear

# the chain of a depth, and what makes its constant 1 % better
CHAINS: list[tuple[Callable[..., ProofChain], sp.Rational]] = [
    (flat_minima.energy_chain, ABOVE),
    (flat_minima.lower_chain, ABOVE),
    (flat_minima.top_target_chain, ABOVE),
    (flat_minima.rescaled_chain, ABOVE),
    (exact_sharpness.least_chain, ABOVE),
    (exact_sharpness.attained_chain, BELOW),
    (exact_sharpness.balanced_chain, BELOW),
    (exact_sharpness.sum_chain, BELOW),
    (exact_sharpness.upper_chain, BELOW),
    (exact_sharpness.top_balanced_chain, BELOW),
    (matrix_outputs.minimal_sharpness_chain, ABOVE),
    (hessian_traces.least_trace_chain, ABOVE),
]
NAMES = [build.__name__ for build, _ in CHAINS]


@pytest.mark.parametrize(("build", "factor"), CHAINS, ids=NAMES)
def test_a_chain_is_proved_and_not_with_a_constant_one_percent_better(build: Callable[..., ProofChain], factor: sp.Rational) -> None:
    for depth in (2, 3):
        answer = build(depth).prove()
        assert isinstance(answer, Proof), str(answer)
        better = build(depth, factor).prove()
        assert isinstance(better, Unproved)
        assert better.stuck.reason.startswith("conclusion: the steps lead to")


@pytest.mark.parametrize("build", [build for build, _ in CHAINS], ids=NAMES)
def test_no_hypothesis_of_a_chain_can_be_left_out(build: Callable[..., ProofChain]) -> None:
    chain = build(3)
    for hypothesis in chain.given:
        answer = chain.without(hypothesis.name).prove()
        assert isinstance(answer, Unproved), hypothesis.name
        assert answer.stuck.reason.startswith(("step ", "conclusion: "))


def test_the_lower_bounds_for_every_depth_by_induction() -> None:
    assert isinstance(any_depth.lower.prove(), Proof)
    better_step = any_depth.any_depth(step=lambda: any_depth.step_chain(ABOVE)).prove()
    assert better_step.stuck.reason.startswith("from k to k + 1: conclusion")
    better_end = any_depth.any_depth(last=lambda: any_depth.last_chain(ABOVE)).prove()
    assert better_end.stuck.reason.startswith("b ≥ a: conclusion")
    for part in any_depth.lower.parts:
        for hypothesis in part.given:
            assert isinstance(part.without(hypothesis.name).prove(), Unproved), (part.claim, hypothesis.name)
    assert sum("λ_max" in line for line in told(any_depth.lower)) >= 3


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_general_blocks_of_the_induction_are_the_derived_ones(depth: int) -> None:
    derivation = derive(DeepLinear((1,) * (depth + 1)), SquaredLoss())
    assert any_depth.FORMS.curvature == derivation.words.curvature
    assert Chain(depth).named_forms_hold(derivation.words)


def test_imbalances_are_conserved_for_every_depth() -> None:
    assert isinstance(matrix_outputs.conservation.prove(), Proof)
    wrong = matrix_outputs.conservation_chain(3)
    moved = replace(wrong, end=Matrices((as_sum(Factor("Z", *wrong.end.words[0].shape)), wrong.end.words[1])))
    assert isinstance(moved.prove(), Unproved)


def test_a_chain_starts_at_the_derived_hessian_and_is_told_step_by_step() -> None:
    lines = told(flat_minima.lower)
    assert any("derive(DeepLinear, SquaredLoss(c=1.0)) at depth 3" in line for line in lines)
    assert "V_2ᵀ W_3ᵀ G + W_2ᵀ V_3ᵀ G + 2 W_2ᵀ W_3ᵀ V_3 W_2 W_1 Σ" in "\n".join(lines)
    assert [line for line in lines if line.startswith("≥")] == [
        "≥ 2 c_2 t_2/e + 2 c_3/e + 2 g t_1/e",
        "≥ 2 c_3/e + 2 e t_2/t_1 + 2 g t_1/e",
        "≥ 2 e/t_2 + 2 e t_2/t_1 + 2 g t_1/e",
        "≥ 6 e^(1/3) g^(1/3)",
        "≥ 6 e/m^(1/3)",
    ]
    assert told(flat_minima.lower_chain(3, ABOVE))[0].startswith("not proved: conclusion")
    answer = flat_minima.lower_chain(2).prove()
    assert answer.latex().count("{") == answer.latex().count("}")
    assert "K* K and K K* have the same non-zero spectrum" in str(answer)


def test_a_family_names_the_depth_that_fails_and_hypotheses_that_are_not_needed() -> None:
    broken = ChainFamily("broken at 3", lambda depth: flat_minima.lower_chain(depth, ABOVE if depth == 3 else sp.S.One), (2, 3))
    assert broken.prove().stuck.reason.startswith("depth 3: conclusion")
    spare = Given("spare", Factor("U", 2, 2), Factor("V", 2, 2))
    chain = flat_minima.lower_chain(2)
    assert replace(chain, given=(*chain.given, spare)).prove().stuck.reason == "hypotheses: spare not used"
    doubled = replace(chain, given=(*chain.given, NonZero("again", flat_minima.ScalarNetwork(2).z)))
    assert "not used" in doubled.prove().stuck.reason
    with pytest.raises(InvalidArgument):
        replace(chain, given=(*chain.given, chain.given[0]))
    with pytest.raises(InvalidArgument):
        chain.without("spare")
