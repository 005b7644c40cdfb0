"""Answers in a notebook: small tables of text, whatever the text holds."""

import re
from functools import partial

import pytest

import theorycheck as tc
from theorycheck.search.reports import Certified, CertifiedShare, Planted, Report, Settled
from theorycheck.search.verdicts import Tally

PLANTED = "<script>alert('x ≥ 0')</script>"


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


positive = tc.Premise("positive", "x ≥ 0", lambda x: x >= 0)


def claim(x: float, precision: tc.Precision, bound: float = 1.0) -> tc.Comparison:
    """x + 1 ≥ bound."""
    return tc.at_least(f"x + 1 ≥ {bound:g}{PLANTED}", x + 1, bound)


theorem = tc.Theorem(f"above{PLANTED}", tc.CONJECTURE, numbers, (positive,), claim, tight=True)
verdict, ablation = tc.check(theorem, 60), tc.ablate(theorem, 60)
tightness = tc.tighten(theorem, [theorem.claiming("sharper", partial(claim, bound=2.0))], instances=40, budget=20)
refuted = tc.check(theorem.without(positive), 60)
fell = Planted(refuted.theorem, refuted.outcome, Tally(tried=1), refuted.counterexample)
report = Report("paper", theorem, verdict, (fell,), (Settled("a = a", True, ""), Settled("a = b", False, "")), notes=(PLANTED,))
certified = Report("paper", theorem, verdict, share=CertifiedShare(10, 9, 8), certificate=Certified(True, "certified"))

# answer -> what its table must say
CASES = {
    "verdict": (verdict, ["CORROBORATED", f"{verdict.admitted} of 60 satisfy the hypotheses, positive rejected", "tightest slack"]),
    "refuted": (refuted, ["REFUTED", "counterexample", "left 0, right 1", "first violated at instance"]),
    "counterexample": (refuted.counterexample, ["counterexample", "left 0, right 1"]),
    "report": (report, ["paper/above", "1 of 1", "identities proved", "1 of 2"]),
    "certified": (certified, ["8 of 9 that hold"]),
    "skipped": (Report("paper", theorem, skipped="takes no data"), ["not run", "takes no data"]),
    "ablation": (ablation, ["CORROBORATED as it stands", "positive", "NEEDED", "tries outside"]),
    "tightness": (tightness, ["largest share used", "attained", "sharper", "falls"]),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_a_table_that_says_what_matters(name: str) -> None:
    answer, said = CASES[name]
    html = answer._repr_html_()
    assert html.startswith("<table>")
    assert html.endswith("</table>")
    assert [text for text in said if text not in html] == []


@pytest.mark.parametrize("name", CASES)
def test_what_was_planted_stays_text(name: str) -> None:
    html = CASES[name][0]._repr_html_()
    assert "&lt;script&gt;" in html
    assert set(re.findall(r"</?(\w+)", html)) <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
