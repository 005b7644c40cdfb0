"""A run over many theorems: the same reports for any number of workers, whatever happens to one of them."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from theorycheck.errors import CannotBindData, InvalidArgument
from theorycheck.library import Address, Paper, Selection, load
from theorycheck.report.results import record_of
from theorycheck.report.terminal import print_results, summary_line
from theorycheck.search.check import check
from theorycheck.search.reports import Certified, CertifiedShare, Report, Running
from theorycheck.search.session import Plan, run
from theorycheck.search.verdicts import Outcome
from theorycheck.search.workers import Workers

FILE = """
import os
from functools import partial
from pathlib import Path
import numpy as np
import theorycheck as tc

HERE = Path(__file__).parent

def on_data(X, y):
    @tc.recipe
    def bound(draw):
        return (draw(tc.reals(-3, 3)), float(np.sum(X)), float(np.sum(y)))
    return bound

@tc.recipe(bind=on_data)
def triples(draw):
    return (draw(tc.reals(-3, 3)), 1.0, draw(tc.reals(-3, 3)))

@tc.recipe
def numbers(draw):
    return draw(tc.reals(-3, 3))

def square(x, precision, least=0.0):
    return tc.at_least("x² + 1 ≥ c", x**2 + 1, least)

def product(t, precision, factor=1.0):
    return tc.at_most("2xz ≤ x² + z²", factor * 2 * t[0] * t[2], t[0]**2 + t[2]**2 + 1e-3)

def dies(x, precision):
    os._exit(9)

def dies_once(x, precision):
    marker = HERE / "died"
    if x == 1.5 and not marker.exists():
        marker.touch()
        os._exit(9)
    return square(x, precision)

make = lambda name, claim, ambient=numbers: tc.Theorem(name, tc.CONJECTURE, ambient, (), claim)
squares_ge = make("squares_ge_zero", square)
wrong = make("squares_ge_two", partial(square, least=2.0))
products = make("products_le", product, triples)
deadly = make("deadly", dies)
once = make("deadly_once", dies_once)
THEOREMS = (squares_ge, wrong, products)
FALSE = (
    squares_ge.claiming("two", partial(square, least=2.0)),
    squares_ge.claiming("minus", partial(square, least=-1.0)),
    products.claiming("factor_1_02", partial(product, factor=1.02)),
    squares_ge.claiming("dies", dies),
)
"""


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    path = tmp_path / "someone_2024.py"
    path.write_text(FILE, encoding="utf-8")
    whole = load(path)
    return replace(whole, false=whole.false[:3])


def listed(paper: Paper, *lines: str) -> Paper:
    """The paper with more lines at the end of its file."""
    paper.path.write_text(FILE + "\n".join(lines) + "\n", encoding="utf-8")
    return load(paper.path)


def comparable(reports: list[Report]) -> list[tuple]:
    """What law 6 promises to be equal for any number of jobs."""
    return [
        (
            r.theorem.name,
            r.skipped,
            None if r.verdict is None else (r.verdict.outcome, r.verdict.tried, r.verdict.admitted, r.verdict.tightest, r.verdict.problems),
            None if r.verdict is None or r.verdict.counterexample is None else (r.verdict.counterexample.choices, r.verdict.counterexample.index),
            [
                (p.theorem.name, p.outcome, p.tally, p.problems, p.counterexample and (p.counterexample.choices, p.counterexample.exhausted))
                for p in r.planted
            ],
            r.identities,
        )
        for r in reports
    ]


def test_reports_do_not_depend_on_jobs(paper: Paper) -> None:
    plan = Plan(Selection((paper,)), instances=200, budget=300)
    alone, together = (comparable(list(run(replace(plan, jobs=jobs)))) for jobs in (1, 2))
    assert alone == together
    assert [(name, verdict[0]) for name, _, verdict, *_ in alone] == [
        ("squares_ge_zero", Outcome.CORROBORATED),
        ("squares_ge_two", Outcome.REFUTED),
        ("products_le", Outcome.CORROBORATED),
    ]


def test_verdicts_are_those_of_check(paper: Paper) -> None:
    for report in run(Plan(Selection((replace(paper, false=()),)), instances=200, seed=3)):
        assert report.verdict is not None
        alone = check(report.theorem, instances=200, seed=3)
        assert comparable([report]) == comparable([replace(report, verdict=alone)])


def test_falsehoods_fall_or_survive_their_own_budget(paper: Paper) -> None:
    reports = {r.theorem.name: r for r in run(Plan(Selection((paper,)), instances=20, budget=300))}
    two, minus = reports["squares_ge_zero"].planted
    assert (two.refuted, two.survived, two.counterexample and two.counterexample.instance) == (True, False, 0.0)
    assert (minus.refuted, minus.survived, minus.tally.tried) == (False, True, 300)
    assert reports["squares_ge_two"].planted == ()


def test_a_falsehood_asked_for_by_name_runs_without_its_theorem(paper: Paper) -> None:
    selection = Selection((Paper(paper.name, paper.path, (), (paper.false[0], paper.false[2])),))
    reports = list(run(Plan(selection)))
    assert [(r.theorem.name, r.verdict, [p.refuted for p in r.planted]) for r in reports] == [
        ("squares_ge_zero", None, [True]),
        ("products_le", None, [True]),
    ]


def test_progress_ends_with_everything_done(paper: Paper) -> None:
    seen: list[Running] = []
    list(run(Plan(Selection((paper,)), instances=200, budget=100), seen.append))
    assert seen[-1].tasks == (15, 15)  # three falsehoods, and four ranges a theorem
    assert [r.tasks[0] for r in seen] == sorted(r.tasks[0] for r in seen)
    assert {r.theorem.name: r.tally.tried for r in seen} == {"squares_ge_zero": 200, "squares_ge_two": 3, "products_le": 200}


# -- data --


@pytest.mark.parametrize("jobs", [1, 2])
def test_data_reach_the_workers_and_falsehoods_stay_away(jobs: int, paper: Paper) -> None:
    data = (np.array([[2.0], [3.0]]), np.array([0.5, 1.5]))
    reports = list(run(Plan(Selection((paper,)), instances=70, data=data, jobs=jobs)))
    assert [(r.theorem.name, bool(r.skipped)) for r in reports] == [("squares_ge_zero", True), ("squares_ge_two", True), ("products_le", False)]
    assert "`recipe=numbers` takes no data of your own" in reports[0].skipped
    assert reports[2].planted == ()
    assert reports[2].verdict is not None
    assert reports[2].verdict.admitted == 70
    assert comparable(reports[2:])[0][2][3].slack < 1e-2  # z is the sum of y: the minimum of (x - z)² is near 0


def test_check_takes_the_address_of_a_bound_theorem(paper: Paper) -> None:
    data = (np.array([[2.0]]), np.array([2.0]))
    bound = paper.theorems[2].on(*data)
    address = Address(str(paper.path), "products_le", data)
    one, two = check(bound, instances=100), check(bound, instances=100, jobs=2, address=address)
    assert (one.tightest, one.outcome) == (two.tightest, two.outcome)
    with pytest.raises(InvalidArgument, match="pass jobs=1, or say address="):
        check(bound, instances=100, jobs=2)


def test_data_for_nothing(paper: Paper) -> None:
    with pytest.raises(CannotBindData, match="suits none of the theorems"):
        next(run(Plan(Selection((replace(paper, theorems=paper.theorems[:2]),)), data=(np.eye(2), np.ones(2)))))


# -- workers that die --


def test_a_worker_that_dies_once_changes_nothing(paper: Paper, tmp_path: Path) -> None:
    whole = listed(paper, "THEOREMS = (once, squares_ge)", "FALSE = FALSE[:2]")
    plan = Plan(Selection((whole,)), instances=300, budget=100, jobs=2)
    disturbed = comparable(list(run(plan)))
    assert (tmp_path / "died").exists()
    assert disturbed == comparable(list(run(replace(plan, jobs=1))))


def test_only_what_kills_its_worker_again_is_lost(paper: Paper) -> None:
    whole = listed(paper, "THEOREMS = (deadly, squares_ge)", "FALSE = FALSE[::3]")
    lost, kept = run(Plan(Selection((whole,)), instances=200, budget=100, jobs=2))
    assert lost.verdict is not None
    assert kept.verdict is not None
    assert (lost.verdict.outcome, lost.verdict.tried, lost.verdict.undefined) == (Outcome.INCONCLUSIVE, 3, 3)
    assert lost.verdict.problems == (
        "3 instances were lost with their worker; those after instance 2 of seed 0 were not tried",
        "instance 0 of seed 0 (and 2 more): the worker process died twice (killed, or out of memory)",
    )
    assert kept.verdict.outcome is Outcome.CORROBORATED
    assert [(p.theorem.name, p.refuted, p.survived) for p in kept.planted] == [
        ("squares_ge_zero:two", True, False),
        ("squares_ge_zero:dies", False, False),
    ]
    alone = check(whole.theorems[0], instances=10, jobs=2)
    assert (alone.outcome, alone.undefined, alone.problems) == (Outcome.INCONCLUSIVE, 3, lost.verdict.problems)


def test_a_check_with_workers_has_a_time_limit(paper: Paper) -> None:
    whole = listed(paper, "def hangs(x, p):", "    while x == 1.0:", "        pass", "    return square(x, p)", "THEOREMS = (make('hangs', hangs),)")
    verdict = check(whole.theorems[0], instances=40, jobs=2, time_limit=0.5)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert 0 < verdict.undefined <= 3
    assert verdict.problems[-1].endswith(": no answer within 0.5 s")


# -- certification --


def test_a_run_certifies_counterexamples_and_instances(paper: Paper) -> None:
    whole = listed(
        paper, "root = make('root', lambda x, p: tc.at_least('x² + 1 ≥ 0', float(x) ** 2 + abs(np.sinc(x)), 0.0))", "THEOREMS = (*THEOREMS[:2], root)"
    )
    plan = Plan(Selection((replace(whole, false=whole.false[:2]),)), instances=150, budget=100, certify=True)
    squares, wrong, root = run(plan)
    two, minus = squares.planted
    assert squares.share == CertifiedShare(100, 100, 100)
    assert two.certificate is not None
    assert two.certificate.certified
    assert two.certificate.sentence == "certified in 128 bits: x² + 1 ≥ c fails; left 1, right 2"
    assert two.certificate.record["choices"] == [0]
    assert minus.certificate is None
    assert wrong.certificate is not None
    assert wrong.certificate.certified
    assert wrong.share is None  # closed before
    assert root.share is not None
    assert (root.share.held, root.share.certified) == (8, 0)
    assert "root" not in root.share.problem
    assert record_of(squares)["certified"] == {"tried": 100, "held": 100, "certified": 100, "reasons": {}}
    assert [(c["falsehood"], c["certified"]) for c in record_of(squares)["power"]["certificates"]] == [("squares_ge_zero:two", True)]
    assert record_of(wrong)["certificate"]["left"] == "1"
    assert json.loads(json.dumps([record_of(r) for r in (squares, wrong, root)]))
    said = printed([squares, wrong, root])
    assert "100/100" in said
    assert "left 1, right 2  (certified)" in said
    assert "NOT CERTIFIED someone_2024/root: 8 of 8 instances that hold: " in said
    assert "2 of 2 counterexamples certified" in summary_line([squares, wrong, root])
    assert comparable([squares, wrong, root]) == comparable(list(run(replace(plan, certify=False))))


def test_a_certification_that_is_lost_costs_itself(paper: Paper) -> None:
    lines = ["def balky(x, p):", "    if not isinstance(x, float):", "        os._exit(9)", "    return square(x, p, 2.0)"]
    whole = listed(paper, *lines, "THEOREMS = (make('balky', balky), squares_ge)")
    balky, _ = run(Plan(Selection((replace(whole, false=()),)), instances=100, certify=True))
    assert balky.verdict is not None
    assert balky.verdict.outcome is Outcome.REFUTED
    assert balky.certificate == Certified(False, "not certified: the worker process died twice (killed, or out of memory)")


def printed(reports: list[Report]) -> str:
    out = io.StringIO()
    print_results(Console(file=out, width=200, markup=False, highlight=False), reports)
    return out.getvalue()


def test_workers_answer_in_order_and_stop_asking() -> None:
    asked: list[int] = []

    def tasks():
        for k in range(100):
            asked.append(k)
            yield (k,)

    with Workers(2) as workers:
        answers = workers.in_order(abs, tasks())
        assert [next(answers) for _ in range(10)] == list(range(10))
        assert len(asked) < 20


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"instances": 0}, {"budget": -1}])
def test_a_plan_says_what_is_wrong(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(InvalidArgument, match=f"`{name}={value}` must be at least 1; pass {name} >= 1"):
        Plan(Selection(()), **wrong)
