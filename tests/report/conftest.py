"""The page of the hostile reports, as text and as elements."""

from typing import TYPE_CHECKING

import pytest

from theorycheck.report.html import Contents, page

if TYPE_CHECKING:
    from tests.report.hostile_reports import Reader


@pytest.fixture(scope="module")
def text() -> str:
    from tests.report.hostile_reports import RECORDS  # checks theorems: only where a page is asked for

    return page(Contents(tuple(RECORDS)), figures=False)


@pytest.fixture(scope="module")
def whole(text: str) -> "Reader":
    from tests.report.hostile_reports import Reader

    return Reader(text)
