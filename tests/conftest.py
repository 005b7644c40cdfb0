"""One thread a process, and the same Hypothesis examples on every machine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # read when NumPy and numba are first imported, after this file

# A slow machine is no failure: neither a deadline nor the health check of drawing speed depends on the code alone.
settings.register_profile("house", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory of its own: the command keeps counterexamples there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Writes a reader's theorem file: the HEAD of the test module, then the text given."""

    def written(text: str, name: str = "mine") -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(request.module.HEAD + text + "\n", encoding="utf-8")
        return path

    return written
