"""The command as processes: interrupted, killed, its workers killed; and how lightly it starts."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINUX = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")

pytestmark = pytest.mark.usefixtures("elsewhere")

HEAD = """
import os, signal, time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import theorycheck as tc

@dataclass(frozen=True)
class Pair:
    x: float
    y: float

@tc.recipe
def pairs(draw):
    return Pair(draw(tc.reals(-3, 3)), draw(tc.reals(-3, 3)))

def theorem(name, claim, *premises):
    return tc.Theorem(name, tc.CONJECTURE, pairs, premises, claim)

def squares(p, precision, factor=1.0):
    return tc.at_least("x² + y² ≥ 2xy", p.x**2 + p.y**2, factor * 2 * p.x * p.y)

distinct = tc.Premise("distinct", "x ≠ y", lambda p: p.x != p.y)
GOOD = theorem("squares_ge_product", squares, distinct)
"""


def records(path: Path) -> list[dict]:
    return json.loads(path.read_text())


def environment() -> dict[str, str]:
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "theorycheck", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        preexec_fn=_heeding_interrupts,
    )


def _heeding_interrupts() -> None:
    """As in a terminal: a shell's background jobs, which the tests may be, ignore Ctrl-C and hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def pids_in(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir()]


SLOW = """
def slowly(p, precision, seconds=0.005):
    (Path({folder!r}) / str(os.getpid())).touch()
    time.sleep(seconds)
    return squares(p, precision)
THEOREMS = (GOOD, theorem("slow", slowly, distinct), theorem("slower", partial(slowly, seconds=0.05), distinct))
"""


@pytest.fixture
def slow(write, tmp_path) -> tuple[Path, Path]:
    """A file with a quick theorem and two slow ones, and the folder where the processes that run them leave their number."""
    folder = tmp_path / "pids"
    folder.mkdir()
    return write(SLOW.format(folder=str(folder)), "slow"), folder


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_keeps_what_was_decided(jobs: int, slow, tmp_path) -> None:
    path, pids = slow
    process = start("check", path, "--jobs", jobs, "--json", tmp_path / "out.json")
    wait_for(lambda: pids_in(pids))
    wait_for(lambda: records(tmp_path / "out.json"))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert [r["theorem"] for r in records(tmp_path / "out.json")] == ["squares_ge_product"]
    assert "INTERRUPTED: 1 of 3 theorems were decided" in out
    assert "CORROBORATED  slow/squares_ge_product" in out
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@LINUX
def test_a_worker_killed_from_outside_changes_nothing(slow, tmp_path) -> None:
    path, pids = slow
    arguments = ("check", f"{path}", "--jobs", 2, "--instances", 200, "--json")
    path.write_text(path.read_text() + "THEOREMS = THEOREMS[:2]\n")
    process = start(*arguments, tmp_path / "disturbed.json")
    wait_for(lambda: len(pids_in(pids)) == 2)
    os.kill(pids_in(pids)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, ""), out
    assert len(pids_in(pids)) > 2
    undisturbed = start(*arguments, tmp_path / "undisturbed.json")
    undisturbed.communicate(timeout=60)
    found = [[r | {"seconds": 0} for r in records(tmp_path / name)] for name in ("disturbed.json", "undisturbed.json")]
    assert found[0] == found[1]


@LINUX
def test_workers_do_not_outlive_a_killed_run(slow) -> None:
    path, pids = slow
    process = start("check", path, "--jobs", 2)
    wait_for(lambda: len(pids_in(pids)) == 2)
    workers = pids_in(pids)
    process.kill()
    process.communicate(timeout=20)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), seconds=10)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_theorem_that_kills_its_workers_is_inconclusive_and_the_others_stand(jobs: int, write, tmp_path) -> None:
    path = write("""
def deadly(p, precision):
    if p.x == 1.5:
        os.kill(os.getpid(), signal.SIGKILL)
    return squares(p, precision)
THEOREMS = (theorem("deadly", deadly, distinct), GOOD)
FALSE = (GOOD.claiming("factor_1_02", partial(squares, factor=1.02)),)""")
    process = start("check", path, "--jobs", jobs, "--json", tmp_path / "out.json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (3, ""), out
    assert {r["theorem"]: (r["outcome"], r["power"]["refuted"]) for r in records(tmp_path / "out.json")} == {
        "deadly": ("INCONCLUSIVE", 0),
        "squares_ge_product": ("CORROBORATED", 1),
    }
    assert re.search(r"instance \d+ of seed 0 \(and 2 more\): the worker process died twice \(killed, or out of memory\)", out), out
    assert "3 instances were lost with their worker" in out


def test_the_command_starts_light() -> None:
    """Help and bad usage pay for nothing beyond `import theorycheck` and the command-line library."""
    code = "import sys, theorycheck; before = set(sys.modules); import theorycheck.cli; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True)
    assert {"numba", "sympy", "rich", "flint", "hypothesis"} & {name.split(".")[0] for name in done.stdout.split()} == set()
    assert "click" in done.stdout


def test_python_m_is_the_command() -> None:
    process = start("check", "no_such_paper")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert "matches no theorem" in err
