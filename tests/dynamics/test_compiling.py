"""What is compiled ahead of time is what checks call: every case runs, and is known by its docstring."""

import pytest

from theorycheck.dynamics.compiling import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_case_runs_to_its_end(case):
    assert case.__doc__
    case()
