"""The coefficients of Dormand and Prince's method of order 8(5,3), as SciPy publishes them.

Source: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, II.5 and the code DOP853. SciPy keeps them in a
private module; a test holds it to the order conditions.
"""

from __future__ import annotations

from scipy.integrate._ivp import dop853_coefficients as published

from theorycheck.symbolic.kernels.flow_steps import Tableau

DORMAND_PRINCE = Tableau.of(published.A, published.B, published.E3, published.E5, published.D)
NODES = published.C
