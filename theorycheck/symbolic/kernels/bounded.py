"""How large the rounding errors of a lowered map are.

A map of sums and products, evaluated with every sign made positive, bounds its own rounding error: a computed value is off by at
most ``roundings · eps`` times that *majorant*, to first order in eps, in any rounding mode, where `roundings` counts the
roundings on the longest path from an input to the result (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).
The functions of `MapKernels` are linear in G, curvature and v, so an error bar on those goes in by the same door.
"""

from __future__ import annotations

from typing import Protocol

from theorycheck.symbolic.kernels.protocol import MapKernels


class BoundedKernels(MapKernels, Protocol):
    """A lowered map that knows how large its rounding errors are."""

    @property
    def majorant(self) -> MapKernels:
        """The same functions with every sign made positive; takes the same arguments, of any sign."""

    @property
    def roundings(self) -> int:
        """Roundings on the longest path through any of the functions."""
