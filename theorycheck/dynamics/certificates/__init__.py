"""Certificates: numbers that are exact or enclosed in balls, and what is computed with them (`Precision.balls` is their scope)."""

from theorycheck.dynamics.certificates.arrays import Balls as Balls
from theorycheck.dynamics.certificates.arrays import balls as balls
from theorycheck.dynamics.certificates.arrays import exact as exact
from theorycheck.dynamics.certificates.balls import Ball as Ball
from theorycheck.dynamics.certificates.reals import OutsideBalls as OutsideBalls
from theorycheck.dynamics.certificates.reals import Undecided as Undecided
