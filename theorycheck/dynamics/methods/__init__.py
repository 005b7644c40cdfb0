"""Methods of optimisation: frozen values that `follow` runs (the contract is `stepping.Method`).

A method is what is done with a gradient; a `Gradient` is which one. Most names of the field are one of each:

| name in the field | here |
|---|---|
| gradient descent, any schedule | ``GradientDescent(step)``; a step may be a number, one number a lane, or a `Schedule` |
| normalised gradient descent | ``NormalizedGradientDescent(step)``; perturbed: ``Perturbed(..., size=1e-12, seed=0)`` |
| gradient descent on √(loss - min) | ``SqrtLossDescent(step, least=0.0)`` |
| heavy ball, Nesterov, Adam | ``HeavyBall(step, momentum)``, ``Nesterov(step, momentum)``, ``Adam(step)`` |
| mirror descent | ``MirrorDescent(potential, step)`` |
| SGD | ``GradientDescent(step, Minibatch(size=1, seed=0))`` |
| label-noise SGD | ``GradientDescent(step, LabelNoise(deviation=0.1, seed=0))`` |
| SGD with noise of a given covariance, Langevin | ``GradientDescent(step, GaussianNoise(factor, seed=0))`` |
| SAM, and unnormalised SAM | ``GradientDescent(step, SharpnessAware(rho))``, ``SharpnessAware(rho, normalized=False)`` |
| SAM with batches; an ascent a sample | ``SharpnessAware(rho, base=Minibatch(size=1, seed=0))``; ``per_example=True`` |
| descent on the ascent-direction and average-direction losses | ``AscentLoss(rho)``, ``AverageDirection(rho, seed=0)`` |
| weight decay, projected descent | ``WeightDecay(method, decay)``, ``Projected(method, Ball(1.0))``, `Sphere`, `Affine` |

Every `Gradient` goes with every method, but for `MirrorDescent` and `SqrtLossDescent`, which need one of a risk (`Whole`, `Minibatch`,
`LabelNoise`). Adding a method is one class here and one row in the table of ``tests/dynamics/test_methods.py``.
"""

from theorycheck.dynamics.methods.around import Affine as Affine
from theorycheck.dynamics.methods.around import Ball as Ball
from theorycheck.dynamics.methods.around import Constraint as Constraint
from theorycheck.dynamics.methods.around import Perturbed as Perturbed
from theorycheck.dynamics.methods.around import Projected as Projected
from theorycheck.dynamics.methods.around import Sphere as Sphere
from theorycheck.dynamics.methods.around import WeightDecay as WeightDecay
from theorycheck.dynamics.methods.descent import GradientDescent as GradientDescent
from theorycheck.dynamics.methods.descent import NormalizedGradientDescent as NormalizedGradientDescent
from theorycheck.dynamics.methods.descent import SqrtLossDescent as SqrtLossDescent
from theorycheck.dynamics.methods.gradients import GaussianNoise as GaussianNoise
from theorycheck.dynamics.methods.gradients import Gradient as Gradient
from theorycheck.dynamics.methods.gradients import LabelNoise as LabelNoise
from theorycheck.dynamics.methods.gradients import Minibatch as Minibatch
from theorycheck.dynamics.methods.gradients import Whole as Whole
from theorycheck.dynamics.methods.mirror import MirrorDescent as MirrorDescent
from theorycheck.dynamics.methods.momentum import Adam as Adam
from theorycheck.dynamics.methods.momentum import HeavyBall as HeavyBall
from theorycheck.dynamics.methods.momentum import Nesterov as Nesterov
from theorycheck.dynamics.methods.schedules import Schedule as Schedule
from theorycheck.dynamics.methods.sharpness_aware import AscentLoss as AscentLoss
from theorycheck.dynamics.methods.sharpness_aware import AverageDirection as AverageDirection
from theorycheck.dynamics.methods.sharpness_aware import SharpnessAware as SharpnessAware
