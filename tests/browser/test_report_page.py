"""The report in a real headless Chromium: sorted by a click, linked, quiet, and deaf to what was planted in it.

Needs Playwright for Python and a Chromium of the system: ``make test-browser``. Without them these tests are skipped, and say so; where
THEORYCHECK_BROWSER is set they fail instead.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import theorycheck as tc
from theorycheck.cli.checking import Outputs
from theorycheck.search.reports import Planted, Report
from theorycheck.search.verdicts import Tally

REQUIRED = bool(os.environ.get("THEORYCHECK_BROWSER"))
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PLANTED = "<script>document.title = 'owned'</script>"


def missing() -> str | None:
    """What a browser test lacks here."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed: make test-browser installs it"
    return None if CHROMIUM else "there is no Chromium: apt-get install chromium"


LACKING = missing()
pytestmark = pytest.mark.skipif(LACKING is not None and not REQUIRED, reason=f"NO BROWSER TEST WAS RUN: {LACKING}")


@tc.recipe
def numbers(draw):
    return draw(tc.reals(-4, 4))


def theorem(name: str, gap: float, statement: str = r"x^2 \ge 0") -> tc.Theorem:
    """x² + gap ≥ 0."""
    return tc.Theorem(name, tc.CONJECTURE, numbers, (), lambda x, precision: tc.at_least(f"x² + {gap:g} ≥ 0", x**2 + gap, 0.0), statement)


THEOREMS = (
    theorem("bravo", 1.0, rf"x^2 \ge 0 {PLANTED}"),
    theorem("alpha", -1.0),
    theorem("delta", 2.0, PLANTED),
    theorem(f"charlie {PLANTED}", 0.5),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of four theorems, one of them refuted, one with a planted falsehood."""
    path = tmp_path_factory.mktemp("report") / "out.html"
    outputs, reports = Outputs(None, str(path)), []
    for k, each in enumerate(THEOREMS):
        verdict = tc.check(each, instances=40)
        fell = tc.check(each.claiming("too_much", lambda x, precision: tc.at_least("x² ≥ 2", x**2, 2.0)), instances=40)
        planted = () if k else (Planted(fell.theorem, fell.outcome, Tally(tried=fell.tried, admitted=fell.admitted), fell.counterexample),)
        reports.append(Report("mine", each, verdict, planted, seconds=10.0 / (k + 1)))
    outputs.finish(reports)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    assert LACKING is None, LACKING
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *QUIET] if os.geteuid() == 0 else list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def opened(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[tuple[Any, list[str]]]:
    """The page, and everything that its console and the network say."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: said.append(f"request {request.url}") if not request.url.startswith("file:") else None)
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.goto(report.as_uri())
    yield page, said
    context.close()


def column(page: Any, place: int) -> list[str]:
    """The cells of one column, from the top."""
    return [cell.inner_text().split("\n")[0] for cell in page.locator(f"#summary tbody tr td:nth-child({place})").all()]


def names(page: Any) -> list[str]:
    return [link.inner_text().split()[0] for link in page.locator("#summary tbody td.name a").all()]


def test_a_click_on_a_header_sorts_and_a_second_one_turns_round(opened: tuple[Any, list[str]]) -> None:
    page, said = opened
    assert names(page) == ["bravo", "alpha", "delta", "charlie"]
    page.get_by_role("button", name="theorem").click()
    assert names(page) == ["alpha", "bravo", "charlie", "delta"]
    page.get_by_role("button", name="theorem").click()
    assert names(page) == ["delta", "charlie", "bravo", "alpha"]
    assert page.locator("#summary th").first.get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="time").click()
    assert names(page) == ["charlie", "delta", "alpha", "bravo"]  # 2.5, 3.3, 5 and 10 seconds: as numbers, not as text
    page.get_by_role("button", name="outcome").click()
    assert names(page)[0] == "alpha"  # the refuted one
    assert said == []


def test_what_has_no_value_stays_last(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    for _ in range(2):
        page.get_by_role("button", name="power").click()
        assert names(page)[0] == "bravo"  # the only one with falsehoods


def test_a_link_leads_to_its_section_and_has_an_address(opened: tuple[Any, list[str]]) -> None:
    page, said = opened
    page.get_by_role("link", name="delta").first.click()
    assert page.url.endswith("#mine.delta")
    assert page.evaluate("document.querySelector(':target h3').innerText").startswith("delta")
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(page.locator(":target h3")).to_be_in_viewport()
    assert said == []


def test_a_planted_script_stays_text(opened: tuple[Any, list[str]]) -> None:
    page, said = opened
    assert page.title() == "theorycheck report"
    assert page.locator("script").count() == 1  # the page's own
    assert page.locator("body").inner_text().count(PLANTED) >= 3  # in the statements and in the name
    assert said == []


def test_a_statement_is_set_as_mathematics_and_one_that_cannot_be_is_text(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    assert page.locator("#mine\\.alpha math msup").count() == 1
    height = page.evaluate("document.querySelector('math msup').getBoundingClientRect().height")
    assert height > 10


def test_figures_are_drawn_inside_the_page(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    assert page.locator("#mine\\.alpha figure svg").count() == 3  # sides, slacks, counterexample
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # nothing sticks out sideways


def test_the_witness_is_saved_by_its_link(opened: tuple[Any, list[str]], tmp_path: Path) -> None:
    page, _ = opened
    with page.expect_download() as waiting:
        page.locator("#mine\\.alpha a[download]").first.click()
    waiting.value.save_as(tmp_path / "witness.json")
    assert tc.replay(tmp_path / "witness.json", THEOREMS).standing is tc.Standing.VIOLATED


def test_printing_opens_what_is_folded(opened: tuple[Any, list[str]]) -> None:
    page, _ = opened
    assert page.locator("details[open]").count() == 0
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".counterexample pre").first.is_visible()
