"""Arithmetic that several files of this folder are tested in."""

from collections.abc import Iterator

import pytest

import theorycheck as tc

BITS = 128


@pytest.fixture
def in_balls() -> Iterator[None]:
    """A whole test in balls."""
    with tc.Precision.balls(BITS).scope():
        yield
