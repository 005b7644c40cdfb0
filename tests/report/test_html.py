"""The page: escaped wherever others wrote, complete, and made only from results that are what was written."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import theorycheck as tc
from theorycheck.cli import cli
from theorycheck.report.ablations import ablation_record
from theorycheck.report.details import environment
from theorycheck.report.html import BadResults, Contents, page, read_results
from theorycheck.report.html.counterexamples import python_of, replay_line, witness_name
from theorycheck.report.html.elements import Markup, identifier, tag
from theorycheck.report.html.mathml import Unreadable, mathml
from theorycheck.report.html.results_file import mismatch
from theorycheck.report.results import record_of, results_checksum, write_records
from theorycheck.report.tightnesses import tightness_record
from theorycheck.search.reports import CertifiedShare, Planted, Report, Settled
from theorycheck.search.verdicts import Tally

PLANTED = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
HEAD = '''"""A file of one's own."""

import theorycheck as tc


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


positive = tc.Premise("positive", "x ≥ 0", lambda x: x >= 0)


def claim(x, precision, bound=1.0):
    return tc.at_least(f"x + 1 ≥ {bound:g}", x + 1, bound)


theorem = tc.Theorem("above", tc.CONJECTURE, numbers, (positive,), claim, r"x + 1 \\\\ge 1", tight=True)
'''


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


positive = tc.Premise("positive", f"x ≥ 0 {PLANTED}", lambda x: x >= 0)


def claim(x: float, precision: tc.Precision) -> tc.Comparison:
    return tc.at_least(f"x + 1 ≥ 1 {PLANTED}", x + 1, 1.0)


source = tc.Source(f"An author {PLANTED}", 2020)
theorem = tc.Theorem("above", source, numbers, (positive,), claim, rf"x + 1 \ge 1 {PLANTED}", tight=True)
named = replace(theorem, name=f"above{PLANTED}", statement=r"x^{1/2} \ge \odd", tight=False)
verdict, refuted = tc.check(theorem, 60), tc.check(replace(named, premises=()), 60)
false = tc.check(theorem.without(positive), 60)
fell = Planted(false.theorem, false.outcome, Tally(tried=3), false.counterexample)
stood = Planted(replace(theorem, name=f"above:odd{PLANTED}"), tc.Outcome.CORROBORATED, Tally(tried=5, admitted=4), None, (PLANTED,))
settled = (Settled(f"a = a {PLANTED}", True, ""), Settled("a = b", False, f"stuck {PLANTED}"))
REPORTS = (
    Report("paper", theorem, verdict, (fell, stood), settled, notes=(PLANTED,), seconds=2.0, share=CertifiedShare(10, 9, 8)),
    Report("paper", named, refuted, seconds=0.5),
)
RECORDS = [record_of(report) for report in REPORTS]


class Reader(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for element, attributes in self.elements if element == name]


@pytest.fixture(scope="module")
def text() -> str:
    return page(Contents(tuple(RECORDS)), figures=False)


@pytest.fixture(scope="module")
def whole(text: str) -> Reader:
    return Reader(text)


# -- escaping --


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


# -- what stands in it --


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


def test_pasted_python_finds_the_counterexample_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "paper.py").write_text(HEAD.replace("\\\\", "\\") + "THEOREMS = (theorem,)\nFALSE = (theorem.without(positive),)\n")
    monkeypatch.chdir(tmp_path)
    found = RECORDS[0]["details"]["falsehoods"][0]["counterexample"]
    exec(python_of(found, RECORDS[0]), {})
    assert "above:without_positive: violated" in capsys.readouterr().out
    assert replay_line(found, RECORDS[0]).split() == ["theorycheck", "replay", "above-without_positive.json", "--from", "paper.py"]
    (tmp_path / witness_name(found["theorem"])).write_text(found["witness"])
    assert run(*replay_line(found, RECORDS[0]).split()[1:]).exit_code == 0  # the falsehood still falls


BOUND = '''"""A claim that any data refute."""

import theorycheck as tc
from theorycheck.instances import deep_linear_fits


def zero(f, precision):
    return tc.at_most("R ≤ 0", tc.risk(f.objective, f.theta), 0.0)


THEOREMS = (tc.Theorem("no_risk", tc.CONJECTURE, deep_linear_fits(depth=(2, 2), width=(1, 1)), (), zero),)
'''


@pytest.mark.usefixtures("elsewhere")
def test_pasted_python_of_a_theorem_bound_to_data_reads_the_data(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "bound.py").write_text(BOUND)
    (tmp_path / "three.csv").write_text("x,y\n1,2\n2,1\n3,5\n")
    done = run("check", "bound.py", "--jobs", 1, "--instances", 20, "--data", "three.csv", "--target", "y", "--json", "out.json")
    assert done.exit_code == 1, done.output
    (result,) = read_results(["out.json"]).results
    exec(python_of(result["details"]["counterexample"], result), {})
    assert "no_risk: violated" in capsys.readouterr().out
    assert "theorycheck replay" not in page(Contents((result,)), figures=False)


def test_a_name_in_pasted_python_is_data() -> None:
    found = RECORDS[1]["details"]["counterexample"] | {"theorem": "x'); import os #\n"}
    tree = compile(python_of(found, RECORDS[1] | {"paper": "p'); evil("}), "pasted", "exec")
    assert "evil" not in tree.co_names
    assert "os" not in tree.co_names


# -- formulas --


@pytest.mark.parametrize(
    ("latex", "inside"),
    [
        (r"a_0", "<msub><mi>a</mi><mn>0</mn></msub>"),
        (r"w^{2-2/L}", "<msup><mi>w</mi><mrow><mn>2</mn><mo>−</mo><mn>2</mn>"),
        (r"x_i''", "<msubsup><mi>x</mi><mi>i</mi><mrow><mo>′</mo><mo>′</mo></mrow></msubsup>"),
        (r"x^2_1", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\frac1n", "<mfrac><mn>1</mn><mi>n</mi></mfrac>"),
        (r"\tfrac{a}{b}", '<mstyle displaystyle="false"><mfrac><mi>a</mi><mi>b</mi></mfrac></mstyle>'),
        (r"\sqrt[3]{x}", "<mroot><mi>x</mi><mrow><mn>3</mn></mrow></mroot>"),
        (r"\sum_{k<n} a", "<munder><mo>∑</mo><mrow><mi>k</mi><mo>&lt;</mo><mi>n</mi></mrow></munder>"),
        (r"\lambda_{\max}", '<msub><mi>λ</mi><mrow><mi mathvariant="normal">max</mi></mrow></msub>'),
        (
            r"\left(x\right)^2",
            '<msup><mrow><mo fence="true" stretchy="true">(</mo><mi>x</mi><mo fence="true" stretchy="true">)</mo></mrow><mn>2</mn></msup>',
        ),
        (r"S_{\mathrm{bal}}", '<msub><mi>S</mi><mi mathvariant="normal">bal</mi></msub>'),
        (r"\text{ for } x", "<mtext>\u00a0for\u00a0</mtext><mi>x</mi>"),
        (r"\dot W", '<mover accent="true"><mi>W</mi><mo stretchy="false">˙</mo></mover>'),
        (r"W^\top", "<msup><mi>W</mi><mi>⊤</mi></msup>"),
        (r"12.5", "<mn>12.5</mn>"),
    ],
)
def test_latex_is_set(latex: str, inside: str) -> None:
    assert inside in mathml(latex)


@pytest.mark.parametrize(
    "latex", [r"\odd", "{x", "x}", r"\left(x", "x__2", "x & y", r"\frac1", r"\sqrt[3", r"\mathbb{}", r"\left\alpha x\right)", "{" * 99]
)
def test_what_cannot_be_set_is_said_so(latex: str) -> None:
    with pytest.raises(Unreadable):
        mathml(latex)


def test_every_statement_of_the_library_is_set() -> None:
    from theorycheck.library import papers

    statements = [t.statement for paper in papers() for t in (*paper.theorems, *paper.false) if t.statement]
    assert len(statements) > 50
    assert all(mathml(statement).startswith("<math") for statement in statements)


# -- reading results --


def write(path: Path, records: list[Any]) -> Path:
    write_records(path, records)
    return path


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    contents = read_results([write(tmp_path / "out.json", RECORDS)])
    assert list(contents.results) == json.loads(json.dumps(RECORDS))


def signed(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    changed = {key: value for key, value in (record | changes).items() if key != "checksum"}
    return changed | {"checksum": results_checksum(changed)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda t: "", "is empty"),
        (lambda t: t[: len(t) // 2], "is cut short: its end is missing; copy it again"),
        (lambda t: "theorem,outcome\n", "is not JSON; pass a file that `theorycheck check --json FILE` has written"),
        (lambda t: '{"a": 1}', "is JSON, but not the results of theorycheck"),
        (lambda t: "[1, 2]", "is JSON, but not the results of theorycheck"),
        (lambda t: "[]", "holds no result of a check"),
        (lambda t: t.replace("CORROBORATED", "REFUTED", 1), "was changed after it was written .*above"),
        (lambda t: t.replace('"tried": 60', '"tried": 6000', 1), "was changed after it was written"),
        (lambda t: json.dumps([signed(RECORDS[0], tried="many")]), "was not written by this theorycheck: `tried` is not int"),
        (lambda t: json.dumps([signed(RECORDS[0], tried=True)]), "`tried` is not int"),
        (lambda t: json.dumps([signed(RECORDS[0], outcome="TRUE")]), "`outcome` is none of CORROBORATED"),
        (lambda t: json.dumps([{k: v for k, v in RECORDS[0].items() if k != "details"}]), "is of another version of theorycheck"),
        (lambda t: t.replace('"version": 1', '"version": 2'), "is of another version of theorycheck"),
        (lambda t: json.dumps([signed(RECORDS[0], details=RECORDS[0]["details"] | {"notes": {}})]), "`details.notes` is no list"),
        (lambda t: t.replace('"tried": 60', '"tried": NaN', 1), "is not JSON"),
        (lambda t: "[" * 100_000, "is cut short|is not JSON"),
    ],
)
def test_a_file_that_is_no_results_has_one_clear_message(content: Callable[[str], str], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "out.json", RECORDS)
    path.write_text(content(path.read_text()))
    with pytest.raises(BadResults, match=message):
        read_results([path])
    result = run("report", path)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: `results=")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out.html").exists()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name, message in (("none.json", "does not exist"), (".", "cannot be read"), ("bytes.json", "is not text")):
        with pytest.raises(BadResults, match=message):
            read_results([tmp_path / name])


@pytest.mark.parametrize(
    ("value", "shape", "wrong"),
    [
        ([1, "a"], ("row", int, str), None),
        ([1], ("row", int, str), "`` is no list of 2"),
        ({"a": None}, {"a": int}, "`a` is not int"),
        ({}, {"a": int}, "`a` is missing"),
        ([[1.0], ["x"]], [[(int, float)]], "`[1][0]` is not int or float"),
    ],
)
def test_shapes(value: Any, shape: Any, wrong: str | None) -> None:
    assert mismatch(value, shape) == wrong


# -- the command --


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


@pytest.mark.usefixtures("elsewhere")
def test_check_writes_a_page_and_report_the_same_one_again(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD.replace("\\\\", "\\") + "THEOREMS = (theorem,)\nFALSE = (theorem.without(positive),)\n")
    done = run("check", "mine.py", "--jobs", 1, "--instances", 40, "--json", "out.json", "--report", "out.html")
    assert done.exit_code == 0, done.output
    again = run("report", "out.json", "-o", "again.html")
    assert (again.exit_code, again.stdout) == (0, "again.html: 1 theorem\n")
    first, second = (re.sub(r"Page written on [^.]*", "", (tmp_path / name).read_text()) for name in ("out.html", "again.html"))
    assert first == second
    assert Reader(first).of("svg")
    assert run("report", "out.json", "--no-figures").exit_code == 0
    assert Reader((tmp_path / "out.html").read_text()).of("svg") == []


@pytest.mark.usefixtures("elsewhere")
def test_without_matplotlib_there_is_a_page_without_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("report", write(tmp_path / "out.json", RECORDS)).exit_code == 0
    assert "No figures: Matplotlib is not installed here" in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize("place", ["no_such_folder/out.html", "."])
def test_a_page_that_cannot_be_written_is_known_before_the_work(place: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD + "THEOREMS = (theorem,)\n")
    result = run("check", tmp_path / "mine.py", "--report", tmp_path / place)
    assert result.exit_code == 2
    assert "`report=" in result.stderr
    assert result.stdout == ""
