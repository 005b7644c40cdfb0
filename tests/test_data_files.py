"""CSV files of readers: what is read, and one sentence for each thing that cannot be."""

from pathlib import Path

import numpy as np
import pytest

from theorycheck.data_files import read_data
from theorycheck.errors import DataError

DIABETES = Path(__file__).resolve().parents[1] / "data" / "diabetes.csv"


def read(tmp_path: Path, text: str | bytes, target: str = "y") -> tuple[list, list]:
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    X, y = read_data(path, target)
    return X.tolist(), y.tolist()


@pytest.mark.parametrize(
    ("text", "X", "y"),
    [
        ("a,y\n1,2\n3,4\n", [[1], [3]], [2, 4]),
        ("y,a,b\n1,2,3\n", [[2, 3]], [1]),
        ("a,y\r\n1,2\r\n", [[1]], [2]),
        ("\ufeffa,y\n1,2", [[1]], [2]),
        (' a , "y"\n 1 , -2e-3 \n', [[1]], [-0.002]),
        ("a,y\n1,2\n\n3,4\n\n", [[1], [3]], [2, 4]),
        ('"a,b",y\n1,2\n', [[1]], [2]),
    ],
)
def test_columns_but_the_target_are_inputs_in_order(text: str, X: list, y: list, tmp_path: Path) -> None:
    assert read(tmp_path, text) == (X, y)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is an empty file; write a header"),
        ("\n\n", "is an empty file"),
        ("a,y\n", "has a header (line 1) and no rows; add one line of numbers a sample"),
        ("a,y\n1,2\n3\n", "has 1 of 2 entries in line 3"),
        ("a,y\n1,2,3\n", "has 3 of 2 entries in line 2"),
        ("a,a,y\n1,2,3\n", "has 2 columns named `a` (line 1); rename all but one"),
        ("a,,y\n1,2,3\n", "has no name for column 2 (line 1)"),
        ("a;y\n1;2\n", "is not a column of {path}; separate the columns by commas, not by ';'"),
        ("b,c\n1,2\n", "`target=y` is not a column of {path}; choose among b, c"),
        ("y\n1\n", "has no column besides the target `y`"),
        ("1,2\n3,4\n", "has numbers in line 1, where the names of the columns belong"),
        ("a,y\n1,red\n", "has the text 'red' in line 2, column `y`; encode it as a number, or delete the column"),
        ("a,y\n1,2\n1_000,2\n", "has the text '1_000' in line 3, column `a`"),
        ('"a\nb",y\n1,2\n1,red\n', "in line 4, column `y`"),
        ("a,y\n1,2\n\n1,\n", "has an empty entry in line 4, column `y`; fill it in, or delete the line"),
        ("a,y\n,\n", "has an empty entry in line 2, column `a`"),
        ("a,y\n1,nan\n", "has nan in line 2, column `y`, which is not finite"),
        ("a,y\n-inf,1\n", "has -inf in line 2, column `a`, which is not finite"),
        ("a,y\n1e999,1\n", "has 1e999 in line 2, column `a`, which is not finite"),
        ('a,y\n1,"2\n', "is not a CSV file: line 2"),
        (b"a,y\n\xff,2\n", "is not text in UTF-8 (byte 4)"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(text: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as found:
        read(tmp_path, text)
    message = str(found.value)
    path = tmp_path / "table.csv"
    shown = str(path) if len(str(path)) <= 70 else ".../table.csv"
    assert said.format(path=shown) in message
    assert shown in message
    assert "\n" not in message


def test_places_that_are_no_files(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.csv", "does not exist; pass the path of a CSV file"), (tmp_path, "cannot be read (Is a directory)")):
        with pytest.raises(DataError, match="data=") as found:
            read_data(path, "y")
        assert said in str(found.value)


def test_the_columns_of_a_wide_file_are_not_all_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError) as found:
        read(tmp_path, ",".join(f"x{i}" for i in range(1000)) + "\n", "y")
    assert len(str(found.value)) < 400


def test_the_shipped_data_agree_with_numpy() -> None:
    X, y = read_data(DIABETES, "target")
    table = np.loadtxt(DIABETES, delimiter=",", skiprows=1)
    assert np.array_equal(np.column_stack([X, y]), table)
