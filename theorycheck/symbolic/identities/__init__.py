"""Identities and inequalities that algebra settles: `Identity(left, right).prove()` gives a `Proof` or says where it got `Unproved`.

`chains` holds proofs that start at a derived expression and end at a theorem's bound.
"""

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric as ArithmeticGeometric
from theorycheck.symbolic.identities.certificates import CauchySchwarz as CauchySchwarz
from theorycheck.symbolic.identities.certificates import Certificate as Certificate
from theorycheck.symbolic.identities.certificates import Jensen as Jensen
from theorycheck.symbolic.identities.certificates import NonNegativeTerms as NonNegativeTerms
from theorycheck.symbolic.identities.certificates import SumOfSquares as SumOfSquares
from theorycheck.symbolic.identities.certificates import TangentLine as TangentLine
from theorycheck.symbolic.identities.certificates import Together as Together
from theorycheck.symbolic.identities.chains import ChainFamily as ChainFamily
from theorycheck.symbolic.identities.chains import ProofChain as ProofChain
from theorycheck.symbolic.identities.statements import Identity as Identity
from theorycheck.symbolic.identities.statements import Inequality as Inequality
from theorycheck.symbolic.identities.statements import Proof as Proof
from theorycheck.symbolic.identities.statements import Statement as Statement
from theorycheck.symbolic.identities.statements import Unproved as Unproved
