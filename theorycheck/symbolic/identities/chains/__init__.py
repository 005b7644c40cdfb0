"""Chains of checked steps from a derived expression to a bound; those of the library are in modules by subject.

A chain is a value: `ProofChain(claim, start, relation, end, links, given)`. `prove()` derives the start, goes through the links and
compares with the end; a link recomputes everything it claims in words of matrices (any width) or in exact algebra. A new way of
reasoning is one class with `applied` in `links` (quadratic forms) or `bounds` (numbers).
"""

from theorycheck.symbolic.identities.chains import any_depth as any_depth
from theorycheck.symbolic.identities.chains import exact_sharpness as exact_sharpness
from theorycheck.symbolic.identities.chains import flat_minima as flat_minima
from theorycheck.symbolic.identities.chains import hessian_traces as hessian_traces
from theorycheck.symbolic.identities.chains import matrix_outputs as matrix_outputs
from theorycheck.symbolic.identities.chains.bounds import Bounded as Bounded
from theorycheck.symbolic.identities.chains.bounds import ByGap as ByGap
from theorycheck.symbolic.identities.chains.bounds import Energy as Energy
from theorycheck.symbolic.identities.chains.bounds import Equal as Equal
from theorycheck.symbolic.identities.chains.bounds import InnerProduct as InnerProduct
from theorycheck.symbolic.identities.chains.bounds import NormIs as NormIs
from theorycheck.symbolic.identities.chains.bounds import RayleighQuotient as RayleighQuotient
from theorycheck.symbolic.identities.chains.bounds import Replaced as Replaced
from theorycheck.symbolic.identities.chains.chain import Argument as Argument
from theorycheck.symbolic.identities.chains.chain import ChainFamily as ChainFamily
from theorycheck.symbolic.identities.chains.chain import ProofChain as ProofChain
from theorycheck.symbolic.identities.chains.hypotheses import Given as Given
from theorycheck.symbolic.identities.chains.hypotheses import NonZero as NonZero
from theorycheck.symbolic.identities.chains.hypotheses import PositiveSemidefinite as PositiveSemidefinite
from theorycheck.symbolic.identities.chains.hypotheses import SquaredNorm as SquaredNorm
from theorycheck.symbolic.identities.chains.links import Assumed as Assumed
from theorycheck.symbolic.identities.chains.links import Gram as Gram
from theorycheck.symbolic.identities.chains.links import GramSwap as GramSwap
from theorycheck.symbolic.identities.chains.links import GramVanishes as GramVanishes
from theorycheck.symbolic.identities.chains.links import LeastOver as LeastOver
from theorycheck.symbolic.identities.chains.links import LoewnerCauchySchwarz as LoewnerCauchySchwarz
from theorycheck.symbolic.identities.chains.links import LoewnerOrder as LoewnerOrder
from theorycheck.symbolic.identities.chains.links import Named as Named
from theorycheck.symbolic.identities.chains.links import OnIdentity as OnIdentity
from theorycheck.symbolic.identities.chains.links import TakeTrace as TakeTrace
from theorycheck.symbolic.identities.chains.links import Using as Using
from theorycheck.symbolic.identities.chains.networks import DerivedSharpness as DerivedSharpness
from theorycheck.symbolic.identities.chains.networks import ScalarNetwork as ScalarNetwork
from theorycheck.symbolic.identities.chains.quantities import Least as Least
from theorycheck.symbolic.identities.chains.quantities import Matrices as Matrices
from theorycheck.symbolic.identities.chains.quantities import QuadraticForm as QuadraticForm
from theorycheck.symbolic.identities.chains.quantities import Relation as Relation
from theorycheck.symbolic.identities.chains.quantities import TopEigenvalue as TopEigenvalue
from theorycheck.symbolic.identities.chains.quantities import TraceOf as TraceOf
from theorycheck.symbolic.identities.chains.text import told as told
