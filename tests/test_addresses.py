"""Theorems by their addresses, in the library and in files of the reader's own."""

import pytest

import theorycheck as tc
from theorycheck.library import papers, shelf

SAXE = "saxe_2014/unbalanced_mode_speed"


def test_everything_listed_is_found_at_its_address():
    for paper in papers():
        for listed in (*paper.theorems, *paper.false, *paper.candidates):
            assert tc.theorem(f"{paper.name}/{listed.name}") is listed
    assert tc.theorem(f"{shelf()}/{SAXE.replace('/', '.py/')}") is tc.theorem(SAXE)


UNKNOWN = [
    ("saxe_2014/unbalanced_mode", f"`address=saxe_2014/unbalanced_mode` is not paper/theorem .*; near it are {SAXE}, "),
    ("unbalanced_mode_speed", f"near it are {SAXE}$"),
    ("saxe/unbalanced_mode_speed", f"near it are {SAXE}$"),
    ("saxe_2014", "near it are saxe_2014/"),
    (f"{shelf()}/saxe_2014.py/speed", "near it are .*/saxe_2014.py/"),
    ("xyz", "`theorycheck list` shows the library"),
]


@pytest.mark.parametrize(("address", "message"), UNKNOWN)
def test_an_unknown_address_names_those_near_it(address, message):
    with pytest.raises(tc.UnknownTheorem, match=message):
        tc.theorem(address)


def test_a_file_that_is_not_there():
    with pytest.raises(tc.InvalidArgument, match=r"`file=no_such_file\.py` does not exist"):
        tc.theorem("no_such_file.py/name")
