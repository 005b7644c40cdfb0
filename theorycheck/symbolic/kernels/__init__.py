"""Lowering: from a parametrization θ -> w(θ) to compiled code.

`maps` holds the same six functions (`MapKernels`) for every family of parametrizations, by two routes: `deep_linear` (products of matrices,
depth and widths at run time) and `entrywise` (any SymPy map of a few dozen parameters, compiled per shape). Whole runs of a method are
compiled too: `networks` (products of matrices, gradient descent on them), `flows` (gradient flow), `tapes` (any map of matrix words or
SymPy, by one machine), `runs` (stochastic methods). `micro` has the innermost loops.
"""

from theorycheck.symbolic.kernels.protocol import MapKernels as MapKernels
