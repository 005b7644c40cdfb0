"""The page is escaped wherever others wrote: no element, identifier or link of theirs."""

import re

import pytest

from tests.report.hostile_reports import PLANTED, RECORDS, Reader
from theorycheck.report.html import Contents, page
from theorycheck.report.html.elements import Markup, identifier, tag


def test_nothing_that_others_wrote_is_an_element(whole: Reader) -> None:
    assert len(whole.of("script")) == 1
    assert whole.of("img") == []
    assert [a for _, a in whole.elements if any(name.startswith("on") for name in a)] == []
    assert "".join(whole.words).count("<script>alert(1)</script>") >= 10  # wherever it was planted, it is text


def test_every_element_is_closed_and_every_identifier_is_its_own(whole: Reader) -> None:
    assert whole.open == []
    ids = [a["id"] for _, a in whole.elements if "id" in a]
    assert len(ids) == len(set(ids)) > 2


def test_figures_keep_identifiers_apart_and_text_as_text() -> None:
    drawn = Reader(page(Contents(tuple(RECORDS)), figures=True))
    assert len(drawn.of("svg")) == 2 + 3  # sides and slacks of both, and the counterexample to the second
    assert len(drawn.of("script")) == 1
    assert drawn.of("img") == []
    ids = [a["id"] for _, a in drawn.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched(text: str) -> None:
    links = re.findall(r'(?:href|src|xlink:href|action)="([^"]*)"', text)
    assert {"#", "data:application/json;"} <= {link[: len(start)] for link in links for start in ("#", "data:application/json;")}
    assert [link for link in links if not link.startswith(("#", "data:application/json;"))] == []
    assert "url(" not in text.replace("url(#", "")
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (tag("p", "1 < 2 & so"), "<p>1 &lt; 2 &amp; so</p>"),
        (tag("p", ["a", tag("b", "c"), None]), "<p>a<b>c</b></p>"),
        (tag("a", "x", title='"quoted" & <b>'), '<a title="&quot;quoted&quot; &amp; &lt;b&gt;">x</a>'),
        (tag("details", open=True, hidden=False, id=None), "<details open></details>"),
        (tag("meta", charset="utf-8"), '<meta charset="utf-8">'),
        (tag("p", Markup("<i>") + "<b>"), "<p>&lt;i&gt;&lt;b&gt;</p>"),  # a sum is text again
    ],
)
def test_elements(markup: str, expected: str) -> None:
    assert markup == expected


def test_identifiers_tell_names_apart() -> None:
    names = ["a b", "a-b", "a.b", "a_b", "a/b", "ä", PLANTED]
    found = {identifier("p", name) for name in names}
    assert len(found) == len(names)
    assert all(re.fullmatch(r"[\w.-]+", each, re.ASCII) for each in found)
