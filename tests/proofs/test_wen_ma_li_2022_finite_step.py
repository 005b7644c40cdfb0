"""The catalogue's numbers for SAM at a finite step size."""

import numpy as np

import theorycheck as tc
from tests.proofs.descents import TOY, descended, ode


def test_sam_in_the_toy_has_the_factor_of_a_finite_step():
    eta, rho, steps = 0.02, 0.05, 1000
    method = tc.GradientDescent(step=eta, gradient=tc.SharpnessAware(rho))
    end = descended(TOY, method, [0.6, 0.4, 0.005, 0.001], steps)[-1, :2]

    def velocity(s, power):
        return -0.5 * np.array([4 * s[0], 24 * s[1]]) * (1 - eta * (s[0] ** 2 + 6 * s[1] ** 2 + 8)) ** power

    plain, refined = (np.linalg.norm(end - ode(lambda s, p=p: velocity(s, p), [0.6, 0.4], eta * rho**2 * steps)) for p in (0, -2))
    assert plain > 10 * refined
    assert refined < 1e-2
