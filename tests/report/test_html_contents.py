"""What stands in the page: the table, a section for each theorem, and nothing of the machine."""

import re
import sys
from html import unescape
from pathlib import Path

import theorycheck as tc
from tests.report.hostile_reports import RECORDS, Reader, claim, theorem, verdict, write
from theorycheck.report.ablations import ablation_record
from theorycheck.report.details import environment
from theorycheck.report.html import page, read_results
from theorycheck.report.tightnesses import tightness_record


def test_the_table_has_what_was_found(whole: Reader) -> None:
    labels = [a.get("data-label") for a in whole.of("td") if "data-sort" in a]
    assert labels[:8] == ["theorem", "outcome", "instances", "tightest slack", "power", "proved", "certified", "time"]
    keys = [a["data-sort"] for a in whole.of("td") if "data-sort" in a][:8]
    assert keys[:3] == ["paper/above", "3", f"{verdict.admitted}"]
    assert [float(key) for key in keys[3:]] == [verdict.tightest.slack, 0.5, 0.5, 8 / 9, 2.0]


def test_a_section_says_everything_of_its_theorem(text: str) -> None:
    shown = unescape(re.sub(r"<[^>]+>", "", text))
    for said in (
        f"{verdict.admitted}/60 (positive rejected {verdict.rejected['positive']})",
        "violated: a planted falsehood drops it and falls",
        "NOT REFUTED by 5 instances, 4 admitted",
        "UNPROVED: stuck",
        "1 corroborated, 1 refuted; 1 of 2 planted falsehoods refuted; 1 of 2 identities proved",
        "theorycheck replay above-without_positive.json --from paper.py",
        f"numpy {dict(environment())['numpy']}",
        "No figures",
    ):
        assert said in shown


def test_every_row_leads_to_its_section(whole: Reader) -> None:
    targets = [a["href"].removeprefix("#") for a in whole.of("a") if str(a.get("href", "")).startswith("#")]
    sections = [a["id"] for a in whole.of("section")]
    assert len(sections) == 2
    assert set(targets) == set(sections)


def test_no_path_of_the_machine_is_told(text: str) -> None:
    assert str(Path(tc.__file__).parents[1]) not in text
    assert sys.prefix not in text


def test_ablation_and_tightness_stand_with_their_theorem(tmp_path: Path) -> None:
    ablation, tightness = tc.ablate(theorem, 60), tc.tighten(theorem, [theorem.claiming("same", claim)], instances=40, budget=10)
    files = {"results": RECORDS, "ablations": [ablation_record("paper", ablation)], "tightnesses": [tightness_record("paper", tightness)]}
    contents = read_results([write(tmp_path / f"{name}.json", records) for name, records in files.items()])
    shown = unescape(re.sub(r"<[^>]+>", "", page(contents, figures=False)))
    assert "needed: without it the claim fails: -1, left 0, right 1" in shown
    assert "largest share used" in shown
