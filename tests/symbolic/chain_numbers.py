"""Numbers that the tests of chains speak of: factors one percent off, and positive symbols."""

import sympy as sp

ABOVE, BELOW = sp.Rational(101, 100), sp.Rational(99, 100)
x, y, t = sp.symbols("x y t", positive=True)
