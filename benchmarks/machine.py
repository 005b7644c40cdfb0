"""What a benchmark ran on, for the head of its table."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def processor() -> str:
    """Number and name of the processors."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return f"{os.cpu_count()} x {names[0] if names else platform.machine()}"


def stamp(*packages: str) -> str:
    """One line: processors, Python, and the versions of NumPy, SciPy, numba and the packages named."""
    versions = ", ".join(f"{package} {version(package)}" for package in ("numpy", "scipy", "numba", "sympy", *packages))
    return f"{processor()}; Python {platform.python_version()}, {versions}"
