"""What a flow cost, and what did the work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Integrator(Enum):
    """The method that finished a lane; the value is its sentence."""

    EXPLICIT = "Dormand and Prince's explicit method of order 8"
    IMPLICIT = "extrapolated linearly implicit Euler steps with the exact Hessian"


class Coordinates(Enum):
    """What was integrated."""

    PARAMETERS = "the parameters"
    MIRROR = "mirror coordinates, half as many, in which conservation laws hold exactly"


class Clock(Enum):
    """The variable of integration."""

    TIME = "time"
    LOSS = "the time of the loss, ds = R dt, in which margin problems are smooth"


@dataclass(frozen=True, eq=False)
class FlowCost:
    """Work of a flow, all its runs together, and which way the policy of `integrators.plans` went.

    Parameters
    ----------
    evaluations, steps, rejected : ndarray of int, shape (...,)
        Gradient evaluations (without those of interpolants), accepted and rejected steps.
    integrator : ndarray of Integrator, shape (...,)
        What finished each lane.
    coordinates : Coordinates
        The same for all lanes.
    clock : Clock
        The same for all lanes.

    """

    evaluations: np.ndarray
    steps: np.ndarray
    rejected: np.ndarray
    integrator: np.ndarray
    coordinates: Coordinates
    clock: Clock
