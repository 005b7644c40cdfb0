"""No step of a chain accepts what is false: wrong steps, each refused for its own reason."""

from dataclasses import dataclass, replace

import pytest
import sympy as sp

from tests.symbolic.chain_numbers import ABOVE, t, x, y
from theorycheck.symbolic.identities import ArithmeticGeometric, Proof, Unproved
from theorycheck.symbolic.identities.chains import (
    Assumed,
    Bounded,
    ByGap,
    Energy,
    Equal,
    Given,
    Gram,
    GramSwap,
    GramVanishes,
    InnerProduct,
    Least,
    LeastOver,
    LoewnerCauchySchwarz,
    LoewnerOrder,
    Named,
    NonZero,
    NormIs,
    OnIdentity,
    PositiveSemidefinite,
    ProofChain,
    QuadraticForm,
    RayleighQuotient,
    Relation,
    Replaced,
    SquaredNorm,
    TakeTrace,
    TopEigenvalue,
    TraceOf,
    Using,
)
from theorycheck.symbolic.identities.chains.quantities import Quantity
from theorycheck.symbolic.matrix_words import Factor, WordSum, as_sum, identity, zero

n, d = sp.symbols("n d", integer=True, positive=True)
r = sp.Symbol("r", real=True)
A, B, S, v = Factor("A", n, d), Factor("B", n, d), Factor("S", n, n, symmetric=True), Factor("v", n, 1)
U = Factor("U", n, n)
ROW = Factor("q", 1, n)
TWO_MEANS = ArithmeticGeometric((x, y), factor=sp.Integer(2))


@dataclass(frozen=True)
class Fixed:
    """A start given by hand."""

    value: Quantity

    def quantity(self) -> Quantity:
        return self.value


def chain_of(start: Quantity, *links, end: Quantity = sp.S.Zero, relation=Relation.AT_LEAST, given=()) -> ProofChain:
    return ProofChain("claim", Fixed(start), relation, end, links, given)


def top(operator: WordSum) -> TopEigenvalue:
    return TopEigenvalue.of(operator)


def test_the_steps_that_are_spoilt_below_are_right() -> None:
    unit = Given("unit", v.T @ v, identity(1))
    psd = PositiveSemidefinite("S_psd", S)
    right = [
        chain_of(x + y, Bounded(2 * sp.sqrt(x * y), TWO_MEANS), end=2 * sp.sqrt(x * y)),
        chain_of(top(A @ A.T + S), LoewnerOrder(A @ A.T, (Assumed("S_psd"),)), end=top(A @ A.T), given=(psd,)),
        chain_of(top(A @ A.T + B @ B.T), LoewnerOrder(A @ A.T, (Gram(B),)), end=top(A @ A.T)),
        chain_of(top(2 * identity(n)), Using(("unit",)), RayleighQuotient((as_sum(v),)), OnIdentity(), end=sp.Integer(2), given=(unit,)),
        chain_of(top(2 * identity(n)), OnIdentity(), end=sp.Integer(2), relation=Relation.EQUAL),
        chain_of(TraceOf(QuadraticForm((A,), (as_sum(A),))), TakeTrace(), end=n * d, relation=Relation.EQUAL),
    ]
    answers = [chain.prove() for chain in right]
    assert [type(answer) for answer in answers] == [Proof, Proof, Proof, Unproved, Proof, Proof]  # the fourth takes λ_max of a number
    assert "step 3, OnIdentity" in str(answers[3])


def cauchy_schwarz(bound: sp.Expr, P: WordSum = A.T @ v, Q: WordSum = B.T @ v) -> tuple:
    """|Aᵀv|² = x, |Bᵀv|² = y and vᵀABᵀv = r: y ≥ r²/x."""
    inner = Given("inner", v.T @ A @ B.T @ v, r * identity(1))
    names = Named((SquaredNorm(x, v.T @ A), SquaredNorm(y, v.T @ B)))
    nonzero = (NonZero("a", v.T @ A), NonZero("b", v.T @ B))
    return (Using(("inner",)), names, Replaced(y, bound, InnerProduct(P, Q))), (inner, *nonzero)


def test_cauchy_schwarz_in_words_and_its_spoilt_forms() -> None:
    for bound in (r**2 / x + 1, (r**2 + 1) / x, x * (r**2 + 1), 1 / (x * (r**2 + 1))):
        links, given = cauchy_schwarz(bound)
        assert "is not a non-negative multiple of" in str(chain_of(y, *links, end=bound, given=given).prove())
    positive = sp.Symbol("p", positive=True)
    inner = Given("inner", v.T @ A @ B.T @ v, positive * identity(1))
    links, given = cauchy_schwarz(positive**2 / x)
    right = chain_of(y, *links, end=positive**2 / x, given=(inner, *given[1:]))
    assert isinstance(right.prove(), Proof), str(right.prove())
    upwards = replace(right, relation=Relation.AT_MOST)
    assert "gives ≥ where ≤ is wanted" in str(upwards.prove())
    reversed_sign = chain_of(-y, *links, end=-(positive**2) / x, given=(inner, *given[1:]))
    assert "gives ≤ where ≥ is wanted" in str(reversed_sign.prove())


PSD = PositiveSemidefinite("S_psd", S)
LINEAR = QuadraticForm((Factor("V", d, 1),), (as_sum(A).T @ A @ Factor("V", d, 1),))
WRONG = {
    "means_with_wrong_weights": (
        chain_of(x + y, Bounded(2 * sp.sqrt(x * y), ArithmeticGeometric((x, y), (sp.Rational(1, 3), sp.Rational(2, 3)), sp.Integer(2)))),
        "do not|differ",
    ),
    "means_reversed": (chain_of(2 * sp.sqrt(x * y), Bounded(x + y, TWO_MEANS)), "rational point violates"),
    "means_one_percent_better": (chain_of(x + y, Bounded(ABOVE * 2 * sp.sqrt(x * y), TWO_MEANS)), "rational point violates"),
    "loewner_without_certificate": (chain_of(top(A @ A.T), LoewnerOrder(B @ B.T, ())), "coefficient"),
    "loewner_without_psd_hypothesis": (chain_of(top(A @ A.T + S), LoewnerOrder(A @ A.T, (Assumed("S_psd"),))), "missing"),
    "loewner_the_other_way": (chain_of(top(A @ A.T), LoewnerOrder(A @ A.T + B @ B.T, (Gram(B),))), "coefficient"),
    "loewner_relation_the_other_way": (chain_of(top(A @ A.T), LoewnerOrder(A @ A.T + B @ B.T, (Gram(B),), Relation.AT_MOST)), "gives ≤"),
    "loewner_negative_coefficient": (chain_of(top(A @ A.T), LoewnerOrder(A @ A.T + B @ B.T, (Gram(B, sp.S.NegativeOne),))), "non-negative"),
    "loewner_coefficient_of_unknown_sign": (chain_of(top(r * (A @ A.T) + S), LoewnerOrder(S, (Gram(A, r),))), "non-negative"),
    "loewner_not_symmetric": (chain_of(top(as_sum(U)), LoewnerOrder(U - A @ A.T, (Gram(A),))), "not symmetric"),
    "loewner_cauchy_schwarz_of_a_matrix": (
        chain_of(top(A @ A.T), LoewnerOrder(zero(n, n), (LoewnerCauchySchwarz(A.T, A),))),
        "is not a row",
    ),
    "loewner_cauchy_schwarz_too_good": (
        chain_of(top(x * S @ S), LoewnerOrder(2 * (S @ ROW.T @ ROW @ S), (LoewnerCauchySchwarz(ROW, S),))),
        "coefficient",
    ),
    "rayleigh_not_symmetric": (chain_of(top(as_sum(U)), RayleighQuotient((as_sum(v),))), "not symmetric"),
    "rayleigh_at_zero": (chain_of(top(A @ A.T), RayleighQuotient((zero(n, 1),))), "may vanish"),
    "rayleigh_at_what_may_vanish": (chain_of(top(A @ A.T), RayleighQuotient((as_sum(v),))), "may vanish"),
    "rayleigh_of_another_shape": (chain_of(top(A @ A.T), RayleighQuotient((as_sum(A),))), "shapes"),
    "rayleigh_of_a_number": (chain_of(x, RayleighQuotient((as_sum(v),))), "for a largest eigenvalue"),
    "not_monotone": (chain_of(y + 1 / y, Replaced(y, x, InnerProduct(A, B))), "not known to be monotone"),
    "gram_swap_term_dropped": (
        chain_of(
            TopEigenvalue(replace(LINEAR, rows=(LINEAR.rows[0] + Factor("C", d, d, symmetric=True) @ LINEAR.directions[0],))),
            GramSwap(A @ LINEAR.directions[0], sp.S.One),
        ),
        "is not that of",
    ),
    "gram_swap_negative": (
        chain_of(TopEigenvalue(LINEAR.mapped(lambda row: -row)), GramSwap(A @ LINEAR.directions[0], sp.S.NegativeOne)),
        "positive",
    ),
    "gram_swap_not_linear": (chain_of(TopEigenvalue(LINEAR), GramSwap(A @ LINEAR.directions[0] + v, sp.S.One)), "not linear"),
    "gram_does_not_vanish": (chain_of(x, GramVanishes(A, B), end=x, relation=Relation.EQUAL), "not seen to vanish"),
    "gram_of_a_sum": (chain_of(x, GramVanishes(A + B, A + B), end=x, relation=Relation.EQUAL), "not a single word"),
    "trace_of_a_transposition": (
        chain_of(TraceOf(QuadraticForm((U,), (as_sum(U.T),))), TakeTrace(), end=sp.sympify(n), relation=Relation.EQUAL),
        "transposed",
    ),
    "not_on_the_identity": (chain_of(top(A @ A.T), OnIdentity()), "not a multiple"),
    "least_over_what_is_no_norm": (chain_of(top(x * S), LeastOver(x, t, ()), end=Least(t, top(t * S))), "positive squared norm"),
    "another_number": (chain_of(x + y, Equal(x)), "differ at a rational point"),
    "gap_of_a_missing_hypothesis": (chain_of(x, ByGap(x - 1, sp.S.One, Energy("S_psd", v))), "differ"),
    "gap_times_a_negative_number": (chain_of(x, ByGap(x - 1, sp.S.NegativeOne, Energy("S_psd", v)), given=(PSD,)), "non-negative"),
    "gap_is_not_the_excess": (chain_of(x, ByGap(x - 1, sp.S.One, Energy("S_psd", v)), given=(PSD,)), "differ"),
    "norm_is_something_else": (chain_of(x, NormIs(v, sp.Integer(2)), end=x, relation=Relation.EQUAL), "differ"),
    "hypothesis_missing": (chain_of(top(as_sum(S)), Using(("S_is_A",)), end=top(A @ A.T), relation=Relation.EQUAL), "missing"),
    "positive_without_reason": (chain_of(x, Named((SquaredNorm(y, A),)), end=x), "nothing says"),
    "norm_of_unknown_sign": (chain_of(x, Named((SquaredNorm(r, A),)), end=x), "declare it"),
    "two_names_for_one_norm": (
        chain_of(x, Named((SquaredNorm(sp.Symbol("a", nonnegative=True), A), SquaredNorm(sp.Symbol("b", nonnegative=True), A.T))), end=x),
        "clashes",
    ),
    "one_name_for_two_norms": (
        chain_of(x, Named((SquaredNorm(sp.Symbol("a", nonnegative=True), A), SquaredNorm(sp.Symbol("a", nonnegative=True), B))), end=x),
        "clashes",
    ),
    "hypothesis_about_a_direction": (
        chain_of(top(A @ A.T), Using(("no_direction",)), given=(Given("no_direction", Factor("Y", n, 1), zero(n, 1)),)),
        "arbitrary",
    ),
    "trace_of_another_size": (
        chain_of(TraceOf(QuadraticForm((A,), (as_sum(A),))), TakeTrace(), end=n * d + 1, relation=Relation.EQUAL),
        "conclusion",
    ),
    "ends_elsewhere": (chain_of(top(A @ A.T), end=top(B @ B.T), relation=Relation.EQUAL), "conclusion"),
    "ends_in_another_kind": (chain_of(top(A @ A.T), end=x, relation=Relation.EQUAL), "conclusion"),
    "equality_by_an_inequality": (
        chain_of(x + y, Bounded(2 * sp.sqrt(x * y), TWO_MEANS), end=2 * sp.sqrt(x * y), relation=Relation.EQUAL),
        "gives ≥",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_steps_are_refused(name: str) -> None:
    chain, reason = WRONG[name]
    answer = chain.prove()
    assert isinstance(answer, Unproved), str(answer)
    assert any(part in str(answer) for part in reason.split("|")), str(answer)


def test_least_over_wants_everything_else_to_be_free_of_the_parameters() -> None:
    W, F = Factor("W", d, d), Factor("F", n, d)
    norm = SquaredNorm(x, W)
    given = (NonZero("W", W),)
    start = top(x * (F @ F.T) + F @ W @ W.T @ F.T)
    answer = chain_of(start, Named((norm,)), LeastOver(x, t, (W,)), end=Least(t, start), given=given).prove()
    assert "depends on the parameters also through W" in str(answer)
    twice = top(x * t * (F @ F.T))
    assert "must be a new positive symbol" in str(chain_of(twice, Named((norm,)), LeastOver(x, t, (W,)), end=Least(t, twice), given=given).prove())
    alone = chain_of(top(x * (F @ F.T)), Named((norm,)), LeastOver(x, t, (W,)), end=Least(t, top(t * (F @ F.T))), given=given)
    assert isinstance(alone.prove(), Proof), str(alone.prove())


def test_two_traces_never_share_a_symbol() -> None:
    """W_1 by index and a matrix called W_1 print alike; they must not be taken for one."""
    first, second = Factor("W", n, n, (1,)), Factor("W_1", n, n)
    answer = chain_of(top(first @ first.T + second @ second.T), RayleighQuotient((as_sum(v),)), given=()).prove()
    assert isinstance(answer, Unproved)
    assert "two different traces" in str(answer)
