"""Maps with one entry for the tests of Legendre potentials: the letters they are written in, their starts, and their sums of powers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp
import sympy as sp

from theorycheck.symbolic.parametrizations import Diagonal, Entrywise, Hadamard, Parametrization

x, y, u, v = sp.symbols("x y u v", real=True)


@dataclass(frozen=True)
class Scalar:
    """A map with one entry, as a sum of powers Σ a m^D in orthonormal coordinates."""

    model: Parametrization
    start: Callable[[float], list[float]]
    terms: Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]
    sides: tuple[int, ...] = (1, -1)
    scales: tuple[float, ...] = (1.0, 1e-8, 1e-60)


def difference(depth: int) -> Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]:
    return lambda t: [(mp.mpf(1), depth, abs(t[0])), (mp.mpf(-1), depth, abs(t[1]))]


def product(a: float) -> Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]:
    return lambda t: [(mp.mpf(a) / 2, 2, (t[0] + t[1]) / mp.sqrt(2)), (-mp.mpf(a) / 2, 2, (t[0] - t[1]) / mp.sqrt(2))]


def power(a: float, depth: int) -> Callable[[list[mp.mpf]], list[tuple[mp.mpf, int, mp.mpf]]]:
    return lambda t: [(mp.mpf(a), depth, abs(t[0]))]


SCALARS: dict[str, Scalar] = {
    "u²": Scalar(Diagonal(1, 2, signed=False), lambda s: [-1.3 * s], power(1, 2), (1,)),
    "x²/4": Scalar(Entrywise((x,), (x**2 / 4,)), lambda s: [0.7 * s], power(0.25, 2), (1,)),
    "-3x²": Scalar(Entrywise((x,), (-3 * x**2,)), lambda s: [0.7 * s], power(-3, 2), (-1,)),
    "u² - v² balanced": Scalar(Diagonal(1, 2), lambda s: [s, s], difference(2)),
    "u² - v²": Scalar(Diagonal(1, 2), lambda s: [0.3 * s, -20 * s], difference(2)),
    "u² - v², v = 0": Scalar(Diagonal(1, 2), lambda s: [0.3 * s, 0.0], difference(2), (1,)),
    "u² - v², u = 0": Scalar(Diagonal(1, 2), lambda s: [0.0, 2 * s], difference(2), (-1,)),
    "v² - u²": Scalar(Entrywise((u, v), (v**2 - u**2,)), lambda s: [0.3 * s, 2 * s], lambda t: difference(2)(t[::-1])),
    "u v": Scalar(Hadamard(1), lambda s: [0.3 * s, -0.7 * s], product(1)),
    "-2uv": Scalar(Entrywise((u, v), (-2 * u * v,)), lambda s: [3 * s, 0.7 * s], product(-2)),
    "u v, u = v": Scalar(Hadamard(1), lambda s: [-0.3 * s, -0.3 * s], product(1), (1,)),
    "u v, u = -v": Scalar(Hadamard(1), lambda s: [0.3 * s, -0.3 * s], product(1), (-1,)),
    "-2uv, u = v": Scalar(Entrywise((u, v), (-2 * u * v,)), lambda s: [3 * s, 3 * s], product(-2), (-1,)),
    "u³": Scalar(Diagonal(1, 3, signed=False), lambda s: [0.7 * s], power(1, 3), (1,)),
    "-x⁴/2": Scalar(Entrywise((x,), (-(x**4) / 2,)), lambda s: [-0.7 * s], power(-0.5, 4), (-1,)),
    "u³ - v³ balanced": Scalar(Diagonal(1, 3), lambda s: [s, s], difference(3)),
    "u³ - v³": Scalar(Diagonal(1, 3), lambda s: [0.3 * s, 5 * s], difference(3)),
    "u⁴ - v⁴": Scalar(Diagonal(1, 4), lambda s: [-7 * s, 0.5 * s], difference(4)),
    "u⁶ - v⁶ balanced": Scalar(Diagonal(1, 6), lambda s: [s, s], difference(6)),
    "u⁶ - v⁶": Scalar(Diagonal(1, 6), lambda s: [s, 1.5 * s], difference(6), scales=(1.0, 1e-8, 1e-40)),
}
