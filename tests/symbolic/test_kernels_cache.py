"""The cache of compiled code on disk: kept, made anew when a kernel that is called changes, and done without."""

import subprocess
import sys
from pathlib import Path

from theorycheck.symbolic.kernels.compiled import watched
from theorycheck.symbolic.kernels.networks import descent

HEAD = "from theorycheck.symbolic.kernels.compiled import compiled\n"
INNER = HEAD + "@compiled\ndef inner(x):\n    return x * {factor}\n"
OUTER = HEAD + "from kern.inner import inner\n@compiled\ndef outer(x):\n    return inner(x) + 1.0\n"
CALL = "from kern.outer import outer; print(outer(3.0), sum(outer.stats.cache_hits.values()))"


def run(folder: Path, **environment: str) -> list[str]:
    root = Path(__file__).resolve().parents[2]
    base = {"PYTHONPATH": f"{folder}:{root}", "PATH": "", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", CALL], env=base | environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def package(folder: Path) -> Path:
    (folder / "kern").mkdir()
    (folder / "kern" / "__init__.py").touch()
    (folder / "kern" / "inner.py").write_text(INNER.format(factor=2.0))
    (folder / "kern" / "outer.py").write_text(OUTER)
    return folder


def test_cache_sees_changes_in_the_kernels_a_kernel_calls(tmp_path):
    folder = package(tmp_path)
    assert run(folder) == ["7.0", "0"]
    assert run(folder) == ["7.0", "1"]
    (folder / "kern" / "inner.py").write_text(INNER.format(factor=5.0))
    assert run(folder) == ["16.0", "0"]
    for file in (folder / "kern" / "__pycache__").glob("*.nb?"):
        file.write_bytes(b"damaged")
    assert run(folder) == ["16.0", "0"]


def test_no_place_for_a_cache_costs_a_compile_only(tmp_path):
    folder = package(tmp_path)
    (folder / "kern" / "__pycache__").touch()  # a file where the directory would be
    (folder / "blocked").touch()
    assert run(folder, XDG_CACHE_HOME=str(folder / "blocked" / "cache")) == ["7.0", "0"]


def test_watched_sources_follow_the_imports():
    names = {path.stem for path in watched(descent.__name__)}
    assert {"descent", "steps", "lanes", "compiled"} <= names
    assert "dense" not in names
