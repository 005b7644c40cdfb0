"""Legendre potentials of commuting parametrizations: rows of closed forms, numeric and exact."""

from theorycheck.symbolic.potentials.exact import ExactForm as ExactForm
from theorycheck.symbolic.potentials.legendre import NoClosedForm as NoClosedForm
from theorycheck.symbolic.potentials.legendre import Potential as Potential
from theorycheck.symbolic.potentials.legendre import legendre_potential as legendre_potential
from theorycheck.symbolic.potentials.legendre import require_potential as require_potential
