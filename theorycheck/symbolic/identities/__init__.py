"""Identities and inequalities that algebra settles: `Identity(left, right).prove()` gives a `Proof` or says where it got `Unproved`."""

from theorycheck.symbolic.identities.certificates import ArithmeticGeometric as ArithmeticGeometric
from theorycheck.symbolic.identities.certificates import CauchySchwarz as CauchySchwarz
from theorycheck.symbolic.identities.certificates import Certificate as Certificate
from theorycheck.symbolic.identities.certificates import NonNegativeTerms as NonNegativeTerms
from theorycheck.symbolic.identities.certificates import SumOfSquares as SumOfSquares
from theorycheck.symbolic.identities.certificates import Together as Together
from theorycheck.symbolic.identities.statements import Identity as Identity
from theorycheck.symbolic.identities.statements import Inequality as Inequality
from theorycheck.symbolic.identities.statements import Proof as Proof
from theorycheck.symbolic.identities.statements import Unproved as Unproved
