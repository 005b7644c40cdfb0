"""theorycheck: statements about how parametrised models are trained, as objects that can be checked.

Every public name is re-exported here; ``import theorycheck as tc``.
"""

from theorycheck.errors import CannotBindData as CannotBindData
from theorycheck.errors import DataError as DataError
from theorycheck.errors import EnforcementConflict as EnforcementConflict
from theorycheck.errors import InvalidArgument as InvalidArgument
from theorycheck.errors import NotFinite as NotFinite
from theorycheck.errors import ShapeMismatch as ShapeMismatch
from theorycheck.errors import TheorycheckError as TheorycheckError
from theorycheck.errors import TooLarge as TooLarge
from theorycheck.errors import UnknownTheorem as UnknownTheorem
from theorycheck.errors import WorkerLost as WorkerLost
from theorycheck.instances.recipes import Draw as Draw
from theorycheck.instances.recipes import Recipe as Recipe
from theorycheck.instances.recipes import array as array
from theorycheck.instances.recipes import choice as choice
from theorycheck.instances.recipes import integers as integers
from theorycheck.instances.recipes import noise as noise
from theorycheck.instances.recipes import normals as normals
from theorycheck.instances.recipes import orthogonal as orthogonal
from theorycheck.instances.recipes import reals as reals
from theorycheck.instances.recipes import recipe as recipe
from theorycheck.instances.recipes import signs as signs
from theorycheck.instances.recipes import with_spectrum as with_spectrum
from theorycheck.measured import Measured as Measured
from theorycheck.measured import Precision as Precision
from theorycheck.search.check import check as check
from theorycheck.search.examine import Examination as Examination
from theorycheck.search.examine import examine as examine
from theorycheck.search.verdicts import Counterexample as Counterexample
from theorycheck.search.verdicts import Outcome as Outcome
from theorycheck.search.verdicts import Verdict as Verdict
from theorycheck.statements.comparisons import Comparison as Comparison
from theorycheck.statements.comparisons import Standing as Standing
from theorycheck.statements.comparisons import all_of as all_of
from theorycheck.statements.comparisons import at_least as at_least
from theorycheck.statements.comparisons import at_most as at_most
from theorycheck.statements.comparisons import equal as equal
from theorycheck.statements.sources import CONJECTURE as CONJECTURE
from theorycheck.statements.sources import Source as Source
from theorycheck.statements.theorems import Premise as Premise
from theorycheck.statements.theorems import Theorem as Theorem
