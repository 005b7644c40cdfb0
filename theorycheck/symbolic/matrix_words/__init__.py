"""Differential calculus on sums of products of matrices, for any depth and any widths.

`words` is the algebra, `calculus` the product rule and the reading of gradients and Hessian blocks, `chains` the derivatives of a
risk through a map and the deep linear network, `evaluation` the values (floats or exact), `printing` LaTeX and NumPy source.
"""

from theorycheck.symbolic.matrix_words.calculus import KroneckerSum as KroneckerSum
from theorycheck.symbolic.matrix_words.calculus import KroneckerTerm as KroneckerTerm
from theorycheck.symbolic.matrix_words.calculus import differential as differential
from theorycheck.symbolic.matrix_words.calculus import matrix_of as matrix_of
from theorycheck.symbolic.matrix_words.calculus import read_gradient as read_gradient
from theorycheck.symbolic.matrix_words.calculus import substitute as substitute
from theorycheck.symbolic.matrix_words.chains import Chain as Chain
from theorycheck.symbolic.matrix_words.chains import MapDerivatives as MapDerivatives
from theorycheck.symbolic.matrix_words.chains import NamedForms as NamedForms
from theorycheck.symbolic.matrix_words.evaluation import Point as Point
from theorycheck.symbolic.matrix_words.evaluation import evaluate as evaluate
from theorycheck.symbolic.matrix_words.printing import latex as latex
from theorycheck.symbolic.matrix_words.printing import numpy_source as numpy_source
from theorycheck.symbolic.matrix_words.words import Algebra as Algebra
from theorycheck.symbolic.matrix_words.words import Factor as Factor
from theorycheck.symbolic.matrix_words.words import Word as Word
from theorycheck.symbolic.matrix_words.words import WordSum as WordSum
from theorycheck.symbolic.matrix_words.words import as_sum as as_sum
from theorycheck.symbolic.matrix_words.words import identity as identity
from theorycheck.symbolic.matrix_words.words import product as product
from theorycheck.symbolic.matrix_words.words import zero as zero
