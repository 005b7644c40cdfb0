"""Lowering: from a parametrization θ -> w(θ) to compiled code.

Two routes, the same six functions (`MapKernels`): `deep_linear` (products of matrices, depth and widths at run time) and
`entrywise` (any SymPy map of a few dozen parameters, compiled per shape).
"""

from theorycheck.symbolic.kernels.protocol import MapKernels as MapKernels
