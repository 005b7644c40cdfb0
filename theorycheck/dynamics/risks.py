"""What flows, methods and quantities ask of a risk in θ, and what risks of a model and data have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np


class SmoothRisk(Protocol):
    """What flows, methods and quantities ask for: any model of its own may offer it.

    θ and v are ``(..., P)``. Each `..._error` bounds, to first order in eps, what rounding did to the value of that name.
    """

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading axes of its own, those of its data."""

    @property
    def along_times(self) -> Self:
        """The same, for states of shape ``(..., T, P)`` behind the present leading axes."""

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> Self:
        """Restriction to the lanes where `mask`, of shape `lanes`, is true."""

    def risk(self, theta: np.ndarray) -> np.ndarray:
        """R(θ), shape ``(...)``."""

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """∇R(θ), shape ``(..., P)``."""

    def hessian(self, theta: np.ndarray) -> np.ndarray:
        """∇²R(θ), shape ``(..., P, P)``."""

    def hvp(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²R(θ) v, shape ``(..., P)``."""

    def risk_error(self, theta: np.ndarray) -> np.ndarray:
        """Shape ``(...)``."""

    def gradient_error(self, theta: np.ndarray) -> np.ndarray:
        """In the Euclidean norm, shape ``(...)``."""

    def hessian_error(self, theta: np.ndarray) -> np.ndarray:
        """In the spectral norm, and of a product with a vector of norm 1, shape ``(...)``."""


class OfModelAndData:
    """What objectives of a model and data have in common; a frozen dataclass with these two fields inherits it."""

    model: Any
    data: Any

    @property
    def parameters(self) -> int:
        """P, the number of entries of θ."""
        return self.model.parameters

    @property
    def lanes(self) -> tuple[int, ...]:
        """Leading axes of the data."""
        return self.data.lanes

    @property
    def along_times(self) -> Self:
        """The same, for states of shape ``(..., T, P)``."""
        return replace(self, data=self.data.along_times)  # type: ignore[type-var]

    def chosen(self, lanes: tuple[int, ...], mask: np.ndarray) -> Self:
        """The objective of the lanes where `mask`, of shape `lanes`, is true."""
        return replace(self, data=self.data.chosen(lanes, mask))  # type: ignore[type-var]
