"""What derivations in matrix words share: formulas per matrix of θ, and their values at a point."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from theorycheck.symbolic.derivations.base import Derivation, layer_values
from theorycheck.symbolic.formulas import words_text
from theorycheck.symbolic.matrix_words import KroneckerSum, MapDerivatives, Point, WordSum


@dataclass(frozen=True, repr=False)
class DerivationInWords(Derivation):
    """Derivation in words, at any sizes: `gradient` is one sum of words a matrix of θ, `hessian` the blocks, `hvp` one sum a matrix.

    Parameters
    ----------
    words : MapDerivatives
        Gradient, Hessian-vector product and blocks; the sizes are symbols.

    """

    words: MapDerivatives

    @property
    @abstractmethod
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the matrices in the order of θ."""

    @property
    def gradient(self) -> tuple[WordSum, ...]:
        return self.words.gradient

    @property
    def gradient_lines(self) -> tuple[str, ...]:
        names = (words_text(layer) for layer in self.words.layers)
        return tuple(f"∇_({name}) R = {words_text(words)}" for name, words in zip(names, self.gradient, strict=True))

    @property
    def letters(self) -> str:
        return "G = ∇_W R"

    @property
    def hessian(self) -> tuple[tuple[KroneckerSum, ...], ...]:
        return self.words.hessian

    @property
    def hvp(self) -> tuple[WordSum, ...]:
        """Hessian times a direction of each matrix."""
        return self.words.hvp

    def gradient_at(self, theta: Any, G: Any) -> np.ndarray:
        point = Point(self._values(theta, G))
        return np.concatenate([point.evaluate(words).reshape(-1) for words in self.gradient])

    def hessian_at(self, theta: Any, G: Any, curvature: Any) -> np.ndarray:
        point = Point(self._values(theta, G, curvature))
        return np.block([[point.evaluate(block) for block in row] for row in self.hessian])

    def hvp_at(self, theta: Any, G: Any, curvature: Any, v: Any) -> np.ndarray:
        directions = dict(zip(self.words.directions, layer_values(v, self.shapes), strict=True))
        point = Point({**self._values(theta, G, curvature), **directions})
        return np.concatenate([point.evaluate(words).reshape(-1) for words in self.hvp])

    def _values(self, theta: Any, G: Any, curvature: Any = None) -> dict[Any, Any]:
        values = dict(zip(self.words.layers, layer_values(theta, self.shapes), strict=True))
        w_shape = self.model.shape if len(self.model.shape) == 2 else (1, *self.model.shape)
        values[self.words.gradient_in_w] = np.asarray(G).reshape(w_shape)
        if curvature is not None:
            curvature, kappa = np.asarray(curvature), self.words.curvature
            scale = float(kappa) if curvature.dtype.kind == "f" else Fraction(int(kappa.p), int(kappa.q))
            values[self.words.covariance] = curvature if scale == 1 else curvature / scale
        return values
