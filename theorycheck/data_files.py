"""The reader's data: a CSV file with a header, one column of which is the target.

Numbers only, separated by commas, in UTF-8; blank lines are passed over. Whatever else the file holds is one `DataError`
that names the line, the column and the remedy.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

import numpy as np

from theorycheck.errors import DataError

Row = tuple[int, list[str]]

_LISTED = 40  # columns named in a message


def read_data(path: Path | str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of a CSV file.

    Parameters
    ----------
    path : path of the file
    target : str
        Name of the column to predict; all others are inputs, in the order of the file.

    Returns
    -------
    X : array of shape (n, d)
    y : array of shape (n,)

    Raises
    ------
    DataError
        If the file cannot be read, has no header or no rows, names a column twice, lacks the target, or holds an entry that
        is empty, no number or not finite.

    """
    path = str(path)
    rows = _rows(path)
    header = next(rows, None)
    if header is None:
        raise DataError("data", _short(path), "is an empty file", "write a header of column names, then one line of numbers a sample")
    names = _names(path, header)
    column = _column_of(path, names, target)
    table = np.array([_numbers(path, names, row) for row in rows], dtype=float)
    if not len(table):
        raise DataError("data", _short(path), f"has a header (line {header[0]}) and no rows", "add one line of numbers a sample")
    return np.delete(table, column, axis=1), table[:, column]


def _rows(path: str) -> Iterator[Row]:
    """Lines that are not blank, each with its number; a byte order mark is dropped."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True, skipinitialspace=True)
            yield from ((reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row) or len(row) > 1)
    except FileNotFoundError:
        raise DataError("data", _short(path), "does not exist", "pass the path of a CSV file") from None
    except OSError as error:
        raise DataError("data", _short(path), f"cannot be read ({error.strerror})", "pass the path of a CSV file") from None
    except UnicodeDecodeError as error:
        raise DataError("data", _short(path), f"is not text in UTF-8 (byte {error.start})", "save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError("data", _short(path), f"is not a CSV file: line {reader.line_num}: {error}", "save it as CSV, quotes closed") from None


def _names(path: str, header: Row) -> list[str]:
    line, names = header
    if all(_number(name) is not None for name in names):
        raise DataError("data", _short(path), f"has numbers in line {line}, where the names of the columns belong", "add a header, `x1,x2,y`")
    if "" in names:
        raise DataError("data", _short(path), f"has no name for column {names.index('') + 1} (line {line})", "name the column, or delete it")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError("data", _short(path), f"has {names.count(twice)} columns named `{twice}` (line {line})", "rename all but one")
    return names


def _column_of(path: str, names: list[str], target: str) -> int:
    if target not in names:
        separator = next((s for s in ";\t|" if len(names) == 1 and s in names[0]), None)
        listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
        remedy = f"choose among {listed}" if separator is None else f"separate the columns by commas, not by {separator!r}"
        raise DataError("target", target, f"is not a column of {_short(path)}", remedy)
    if len(names) == 1:
        raise DataError("data", _short(path), f"has no column besides the target `{target}`", "add the columns of inputs")
    return names.index(target)


def _numbers(path: str, names: list[str], row: Row) -> list[float]:
    line, cells = row
    if len(cells) != len(names):
        raise DataError("data", _short(path), f"has {len(cells)} of {len(names)} entries in line {line}", "give every line one entry a column")
    numbers = [_number(cell) for cell in cells]
    for name, cell, number in zip(names, cells, numbers, strict=True):
        where = f"in line {line}, column `{name}`"
        if cell == "":
            raise DataError("data", _short(path), f"has an empty entry {where}", "fill it in, or delete the line")
        if number is None:
            raise DataError("data", _short(path), f"has the text {cell!r} {where}", "encode it as a number, or delete the column")
        if not isfinite(number):
            raise DataError("data", _short(path), f"has {cell} {where}, which is not finite", "fill it in, or delete the line")
    return [number for number in numbers if number is not None]


def _short(path: str) -> str:
    """The path, or its last part where an error message would cut the path's end off."""
    return path if len(path) <= 70 else f".../{Path(path).name}"


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)  # Python reads 1_000 as a number, other readers as text
    except ValueError:
        return None
