"""The wheel stands alone: installed away from the checkout it finds its theorems and runs its command."""

import os
import runpy
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROOFS = sorted((ROOT / "proofs").glob("*.py"))


@dataclass(frozen=True)
class Installed:
    """A fresh environment that holds the wheel, and borrows the dependencies of the running one."""

    bin: Path
    site: Path
    cwd: Path

    def run(self, program: str, *arguments: str) -> str:
        done = subprocess.run([self.bin / program, *arguments], cwd=self.cwd, env=clean_environment(), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def clean_environment() -> Mapping[str, str]:
    """The environment less what could lead Python back to the checkout; wide lines, so that no table cuts a name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return kept | {"COLUMNS": "400", "NO_COLOR": "1"}


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ".")
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A plain line in a .pth file is searched last, and the .pth files behind it (the editable install) are not read."""
    home = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
    python = home / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    site = home / "venv" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (site / "zz_dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (home / "elsewhere").mkdir()
    return Installed(python.parent, site, home / "elsewhere")


def test_the_wheel_holds_the_package_and_every_theorem_file(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert PROOFS
    assert {f"theorycheck/_proofs/{path.name}" for path in PROOFS} <= set(names)
    assert "theorycheck/py.typed" in names
    assert folders == {"theorycheck", "theorycheck-0.1.0.dist-info"}
    assert [name for name in names if "tests" in name.split("/")] == []
    assert {Path(name).suffix for name in names if name.startswith("theorycheck/")} == {".py", ".typed", ".css", ".js"}


def test_the_installed_package_is_not_the_checkout(installed: Installed) -> None:
    place = installed.run("python", "-c", "import theorycheck; print(theorycheck.__file__)").strip()
    assert Path(place).is_relative_to(installed.site)


def test_the_installed_command_lists_every_theorem(installed: Installed) -> None:
    listing = installed.run("theorycheck", "list")
    names = [theorem.name for path in PROOFS for theorem in runpy.run_path(str(path))["THEOREMS"]]
    assert names
    assert [name for name in names if name not in listing] == []
