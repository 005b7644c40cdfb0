"""What gradient flow of every loss of w(θ) conserves: polynomial laws, and whether there can be others."""

from theorycheck.symbolic.conserved.counting import LawCount as LawCount
from theorycheck.symbolic.conserved.counting import independent_laws as independent_laws
from theorycheck.symbolic.conserved.laws import ConservedQuantity as ConservedQuantity
from theorycheck.symbolic.conserved.laws import conservation as conservation
from theorycheck.symbolic.conserved.laws import conserved_quantities as conserved_quantities
