"""What a flow cost, and what did the work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Integrator(Enum):
    """What integrated a lane; the value is its sentence."""

    EXPLICIT = "Dormand and Prince's explicit method of order 8, in the parameters"
    IMPLICIT = "extrapolated linearly implicit Euler steps with the exact Hessian, in the parameters"
    EXPLICIT_MIRROR = "Dormand and Prince's explicit method of order 8, in mirror coordinates"
    IMPLICIT_MIRROR = "extrapolated linearly implicit Euler steps with the exact Hessian, in mirror coordinates"


@dataclass(frozen=True, eq=False)
class FlowCost:
    """Work of a flow, all its runs together.

    Parameters
    ----------
    evaluations, steps, rejected : ndarray of int, shape (...,)
        Gradient evaluations, accepted and rejected steps.
    integrator : ndarray of Integrator, shape (...,)
        What finished each lane: which way the policy of `integrators.plans` went.

    """

    evaluations: np.ndarray
    steps: np.ndarray
    rejected: np.ndarray
    integrator: np.ndarray
