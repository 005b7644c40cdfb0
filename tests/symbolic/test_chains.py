"""Chains: the library's are proved and no better constant is, every hypothesis is needed, and no step accepts what is false."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from rich.console import Console

from theorycheck.errors import InvalidArgument
from theorycheck.library import Paper
from theorycheck.report.catalogue import print_page
from theorycheck.search.rounding import OTHERS, rounded
from theorycheck.statements.comparisons import at_most
from theorycheck.statements.sources import CONJECTURE
from theorycheck.statements.theorems import Theorem
from theorycheck.symbolic.derivations import derive
from theorycheck.symbolic.identities import ArithmeticGeometric, Identity, Proof, Unproved
from theorycheck.symbolic.identities.chains import (
    Assumed,
    Bounded,
    ByGap,
    ChainFamily,
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
    Matrices,
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
    any_depth,
    exact_sharpness,
    flat_minima,
    hessian_traces,
    matrix_outputs,
    told,
)
from theorycheck.symbolic.identities.chains.quantities import Quantity
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.matrix_words import Chain, Factor, Point, WordSum, as_sum, identity, zero
from theorycheck.symbolic.parametrizations import DeepLinear

ABOVE, BELOW = sp.Rational(101, 100), sp.Rational(99, 100)

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


# -- a slow twin: every quantity of a chain, evaluated at random networks that satisfy its hypotheses --


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


# -- wrong steps, each refused for its own reason --

n, d = sp.symbols("n d", integer=True, positive=True)
x, y, t = sp.symbols("x y t", positive=True)
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


# -- proofs that used to fail where they were written out --


def test_the_conditions_of_a_fractional_power_are_found() -> None:
    """SymPy's factor_list raises on a**(3/2) for positive a; the proof was found and could not be printed."""
    s, a = sp.symbols("s a", positive=True)
    F = (-2 / (s * sp.sqrt(a)) + (sp.log(sp.sqrt(s) + sp.sqrt(a)) - sp.log(sp.sqrt(s) - sp.sqrt(a))) / s ** sp.Rational(3, 2)) / 4
    answer = Identity(sp.diff(F, a), 1 / (4 * a ** sp.Rational(3, 2) * (s - a))).prove()
    assert isinstance(answer, Proof)
    assert set(answer.conditions) == {s - a, sp.sqrt(a) - sp.sqrt(s)}
    assert str(answer).endswith("≠ 0")
    for mode in OTHERS:  # a claim may leave SymPy's caches filled under another rounding mode
        with rounded(mode):
            assert str(Identity(answer.statement.left, answer.statement.right).prove()) == str(answer)


def test_proofs_are_written_in_latex() -> None:
    for statement in (matrix_outputs.conservation, flat_minima.lower_chain(2)):
        text = statement.prove().latex()
        assert text.startswith(r"\begin{aligned}")
        assert not set("λ∇Σ≥⪰↦²ᵀ") & set(text)
        assert r"W\_\{j+1\}" in text or r"$\lambda$\_max" in text


def test_show_prints_the_chain_of_a_theorem() -> None:
    theorem = Theorem("t", CONJECTURE, None, (), lambda x, precision: at_most("0 ≤ x", 0, x), identities=(flat_minima.lower, Identity(x, x)))
    text = StringIO()
    source = Path(__file__)
    print_page(Console(file=text, width=200), Paper("paper", source, (theorem,), ()), theorem)
    lines = [line.strip() for line in text.getvalue().splitlines()]
    at = lines.index(str(flat_minima.lower))
    assert lines[at + 1] == "shown at depth 3:"
    assert "≥ 6 e/m^(1/3)" in lines
    assert "x = x" in lines
