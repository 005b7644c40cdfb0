"""Witness files: exact round trips, replay on given and library theorems, one clear error for each kind of bad file."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import theorycheck as tc
from theorycheck.errors import InvalidArgument, UnknownTheorem
from theorycheck.library import load, shelf
from theorycheck.search.ablation import ablate
from theorycheck.search.verdicts import Counterexample
from theorycheck.search.witness_files import BadWitness, checksum_of, read_witness, save
from theorycheck.search.witnesses import keep, read_folder, replay
from theorycheck.statements.comparisons import Standing


@dataclass(frozen=True)
class Pair:
    x: float
    y: float


@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))


@tc.recipe
def triples(draw):
    return (draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))


@tc.recipe
def numbers(draw):
    return Pair(draw(tc.reals(0.5, 0.75)), 1.0)


def summed(p, precision, most=7.0):
    return tc.at_most("2x + y ≤ 7", 2 * p.x + p.y, most)


distinct = tc.Premise("distinct", "x ≠ y", lambda p: p.x != p.y)
SUM = tc.Theorem("sum_le_seven", tc.CONJECTURE, pairs, (distinct,), summed)


def like(claim=summed, ambient=pairs, premises=(distinct,), name="sum_le_seven"):
    return tc.Theorem(name, tc.CONJECTURE, ambient, premises, claim)


@pytest.fixture(scope="module")
def found() -> Counterexample:
    counterexample = tc.check(SUM, instances=200).counterexample
    assert counterexample is not None
    return counterexample


@pytest.fixture
def place(found: Counterexample, tmp_path: Path) -> Path:
    save(found, tmp_path / "witness.json")
    return tmp_path / "witness.json"


# -- there and back --


def test_a_witness_comes_back_exactly(place: Path, found: Counterexample) -> None:
    witness = read_witness(place)
    assert (witness.choices, witness.first, witness.seed, witness.index) == (found.choices, found.first, found.seed, found.index)
    assert (witness.theorem, witness.paper, witness.recipe, witness.instance) == ("sum_le_seven", None, "pairs", "Pair(x=3, y=2)")
    assert (witness.claim["left"], witness.claim["right"]) == (8.0, 7.0)
    comparison = replay(place, [SUM])
    assert (comparison.standing, comparison.worst.left, comparison.slack) == (Standing.VIOLATED, 8.0, found.entry.slack)


def test_choices_beyond_the_floats_are_exact(tmp_path: Path, found: Counterexample) -> None:
    odd = 2**53 + 1
    save(Counterexample(SUM, (odd, 3), found.instance, found.entry, 2**64 - 1, None, (odd,)), tmp_path / "big.json")
    witness = read_witness(tmp_path / "big.json")
    assert (witness.choices, witness.seed, witness.index, witness.first) == ((odd, 3), 2**64 - 1, None, (odd,))


def test_a_theorem_that_was_mended_is_no_longer_violated(place: Path) -> None:
    assert replay(place, [like(claim=lambda p, precision: summed(p, precision, most=9.0))]).standing is Standing.HOLDS


def test_falsehoods_of_the_library_are_found_by_name(tmp_path: Path) -> None:
    paper = load(shelf() / "marion_chizat_2024.py")
    falsehood = next(f for f in paper.false if f.name == "sharpness_ge_of_minimiser:without_at_minimiser")
    save(tc.check(falsehood, instances=100).counterexample, tmp_path / "w.json")
    assert read_witness(tmp_path / "w.json").paper == "marion_chizat_2024"
    assert replay(tmp_path / "w.json").standing is Standing.VIOLATED


def test_a_dropped_premise_is_found_through_its_theorem(tmp_path: Path) -> None:
    positive = tc.Premise("positive", "x > 0", lambda p: p.x > 0)
    theorem = like(claim=lambda p, precision: tc.at_least("x ≥ -1/8", p.x, -0.125), premises=(positive, distinct))
    (dropped, _) = ablate(theorem, instances=100).dropped
    save(dropped.counterexample, tmp_path / "w.json")
    assert read_witness(tmp_path / "w.json").theorem == "sum_le_seven:without_positive"
    assert replay(tmp_path / "w.json", [theorem]).standing is Standing.VIOLATED


# -- files that are no witness, or of something else --


def changed(**values: Any) -> Callable[[dict], dict]:
    """Another content under a checksum of its own."""

    def change(record: dict) -> dict:
        record = {key: value for key, value in (record | values).items() if value != "gone"}
        return record | {"checksum": checksum_of(record)}

    return change


TEXTS = {
    "empty": (lambda text: "", "is cut short"),
    "half": (lambda text: text[: len(text) // 2], "is cut short: its end is missing"),
    "all but the last brace": (lambda text: text.rstrip()[:-1], "is cut short"),
    "tampered": (lambda text: text.replace('"left": 8.0', '"left": 8.5'), "was changed after it was written"),
    "tampered choices": (lambda text: text.replace('"choices": [7, 3]', '"choices": [0, 0]'), "was changed after it was written"),
    "prose": (lambda text: "Dear reader,", "is not JSON (line 1)"),
    "python": (lambda text: "import os\nos.remove('x')\n", "is not JSON (line 1)"),
    "results of a check": (lambda text: '[{"theorem": "a"}]', "is not a witness file"),
    "a number": (lambda text: "3", "is not a witness file"),
    "not a number": (lambda text: '{"kind": NaN}', "is not JSON"),
    "too deep": (lambda text: "[" * 100_000, "is not JSON"),
    "too many digits": (lambda text: '{"seed": ' + "9" * 5000 + "}", "is not JSON"),
}
RECORDS = {
    "another version": (changed(version=2), "has the version 2; this is theorycheck for version 1"),
    "no choices": (changed(choices="gone"), "lacks `choices`, or has it of another kind"),
    "choices that are no numbers": (changed(choices=["__import__('os')"]), "lacks `choices`"),
    "flags for choices": (changed(choices=[True]), "lacks `choices`"),
    "fractions for choices": (changed(first=[0.5]), "lacks `first`"),
    "a claim without sides": (changed(claim={"label": "x"}), "lacks `claim`"),
    "a theorem that is no name": (changed(theorem=3), "lacks `theorem`"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_bad_text_is_one_error(name: str, place: Path) -> None:
    change, said = TEXTS[name]
    place.write_text(change(place.read_text()))
    with pytest.raises(BadWitness) as error:
        replay(place, [SUM])
    assert said in str(error.value)
    assert "; " in str(error.value)  # and what to do


@pytest.mark.parametrize("name", RECORDS)
def test_a_bad_record_is_one_error(name: str, place: Path) -> None:
    change, said = RECORDS[name]
    place.write_text(json.dumps(change(json.loads(place.read_text()))))
    with pytest.raises(BadWitness) as error:
        replay(place, [SUM])
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("theorem", "said"),
    [
        (like(ambient=triples), "holds choices that are not an instance of sum_le_seven"),
        (like(ambient=numbers), "holds choices that are not an instance of sum_le_seven"),
        (like(premises=(tc.Premise("small", "x < 1", lambda p: p.x < 1),)), "outside the premises of sum_le_seven: `small` rejects it"),
        (like(claim=lambda p, precision: 1 / 0), "sum_le_seven is undefined: ZeroDivisionError"),
    ],
)
def test_a_witness_of_a_theorem_that_has_changed_says_so(theorem: tc.Theorem, said: str, place: Path) -> None:
    with pytest.raises(BadWitness) as error:
        replay(place, [theorem])
    assert said in str(error.value)
    assert "check it again" in str(error.value)


@pytest.mark.parametrize("theorems", [None, [], [like(name="another")]])
def test_a_theorem_that_is_not_known(theorems: list | None, place: Path) -> None:
    with pytest.raises(UnknownTheorem, match="`theorem=sum_le_seven` is what"):
        replay(place, theorems)


def test_files_that_cannot_be_read(tmp_path: Path, found: Counterexample) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name, said in (("missing.json", "does not exist"), ("", "cannot be read (Is a directory)"), ("binary.json", "is not text")):
        with pytest.raises(BadWitness) as error:
            read_witness(tmp_path / name)
        assert said in str(error.value)
    with pytest.raises(InvalidArgument, match="cannot be written"):
        save(found, tmp_path / "no_such_folder" / "w.json")
    with pytest.raises(InvalidArgument, match=r"is no Counterexample; pass `verdict[.]counterexample`"):
        save(found.theorem, tmp_path / "w.json")  # type: ignore[arg-type]


# -- the folder --


def test_a_folder_of_witnesses_is_read_past_what_is_none(place: Path, found: Counterexample) -> None:
    folder = place.parent
    kept = keep(found, folder / "kept")
    assert isinstance(kept, Path)
    (folder / "broken.json").write_text("{")
    witnesses, complaints = read_folder(folder)
    assert [w.place for w in witnesses] == [str(place)]
    (complaint,) = complaints
    assert "broken.json` is not JSON" in complaint
    assert complaint.endswith("the check goes on without it")
    assert read_folder(folder / "no_such_folder") == ((), ())
    assert [w.choices for w in read_folder(folder / "kept")[0]] == [found.choices]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, found: Counterexample) -> None:
    (tmp_path / "file").write_text("")
    complaint = keep(found, tmp_path / "file" / "witnesses")
    assert isinstance(complaint, str)
    assert "counterexamples cannot be kept in" in complaint
