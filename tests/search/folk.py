"""Folk wisdom: gradient descent that settles ends where the sharpness is at most 2/step. It falls twice."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

import theorycheck as tc


@dataclass(frozen=True)
class Run:
    """Gradient descent on (1/n)|y - X w_2 w_1|² with one sample and one input."""

    x: float
    y: float
    start: np.ndarray
    step: float

    @property
    def objective(self):
        return tc.Objective(tc.DeepLinear((1, 1, 1)), tc.SquaredLoss(), tc.Regression(np.array([[self.x]]), np.array([self.y])))

    @cached_property
    def path(self):
        return tc.follow(self.objective, tc.GradientDescent(step=self.step), self.start, tc.Stop(steps=2000, gradient_norm=1e-12))


@tc.recipe
def runs(draw):
    return Run(draw(tc.reals(0.5, 2)), draw(tc.reals(-2, 2)), draw(tc.array(2, -3, 3)), draw(tc.reals(0.03125, 1)))


settles = tc.Premise("settles", "∇R(θ_k) → 0", lambda r: r.path.ending == tc.Ending.GRADIENT_SMALL)
starts_elsewhere = tc.Premise("starts_elsewhere", "|∇R(θ_0)| ≥ 1/8", lambda r: float(np.linalg.norm(r.objective.gradient(r.start))) >= 0.125)
lands_slowly = tc.Premise("lands_slowly", "100 steps or more", lambda r: int(r.path.cost) >= 100)


def below_two_over_step(r, precision):
    return tc.at_most("S(θ_end) ≤ 2/step", tc.sharpness(r.objective, r.path.final), 2 / r.step)


settled_sharpness = tc.Theorem("settled_sharpness", tc.CONJECTURE, runs, (settles,), below_two_over_step)
settled_sharpness_of_moving = tc.Theorem("settled_sharpness_of_moving", tc.CONJECTURE, runs, (settles, starts_elsewhere), below_two_over_step)
settled_sharpness_of_slow = tc.Theorem("settled_sharpness_of_slow", tc.CONJECTURE, runs, (settles, lands_slowly), below_two_over_step, tight=True)
THEOREMS = (settled_sharpness_of_slow,)
FALSE = (settled_sharpness, settled_sharpness_of_moving)
