"""Products of matrices and their derivatives on arrays of exact or enclosed numbers: plain NumPy, for dtype object.

They serve certification, where instances are small and numbers must not be rounded; shapes as in `MapKernels`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce, wraps
from typing import Any

import numpy as np

from theorycheck.symbolic.kernels import compiled


def holds_objects(*arrays: Any) -> bool:
    """Whether an array has dtype object, as those of exact and enclosed numbers."""
    return any(isinstance(a, np.ndarray) and a.dtype == object for a in arrays)


def exactly_too(method: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """A compiled method that leaves arrays of dtype object to the method of its name of ``self.exact``."""

    @wraps(method)
    def either(self: Any, *arrays: Any) -> np.ndarray:
        return getattr(self.exact, method.__name__)(*arrays) if holds_objects(*arrays) else method(self, *arrays)

    return either


def together(*arguments: tuple[Any, int]) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Return what `compiled.together` does; arrays of dtype object keep it."""
    if not holds_objects(*(a for a, _ in arguments)):
        return compiled.together(*arguments)
    arrays = [(np.asanyarray(a), core) for a, core in arguments]
    lanes = np.broadcast_shapes(*(a.shape[: a.ndim - core] for a, core in arrays))
    rows = [np.broadcast_to(a, (*lanes, *a.shape[a.ndim - core :])).reshape(int(np.prod(lanes)), -1) for a, core in arrays]
    return lanes, rows


@dataclass(frozen=True)
class ExactProducts:
    """The map θ -> W_L ... W_1 and its derivatives, by partial products A_k = W_L ... W_{k+1} and B_k = W_{k-1} ... W_1."""

    widths: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of w."""
        return (self.widths[0],) if self.widths[-1] == 1 else (self.widths[-1], self.widths[0])

    def w(self, theta: np.ndarray) -> np.ndarray:
        """w(θ)."""
        return self._shaped(_product(self._layers(theta)[::-1], self.widths[0]))

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """J, shape ``(..., m, P)``: its block of layer k has the entries A_k[o, i] B_k[j, x]."""
        blocks = [np.einsum("...oi,...jx->...oxij", A, B) for A, B in self._partial(theta)]
        m = self.widths[0] * self.widths[-1]
        return np.concatenate([b.reshape(*b.shape[:-4], m, -1) for b in blocks], axis=-1)

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        """Jᵀ G: A_kᵀ G B_kᵀ layer by layer."""
        return _flat([_T(A) @ self._matrix(G) @ _T(B) for A, B in self._partial(theta)])

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        """J v: the sum of A_k V_k B_k."""
        terms = [A @ V @ B for (A, B), V in zip(self._partial(theta), self._layers(v), strict=True)]
        return self._shaped(reduce(np.add, terms))

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Jᵀ (I ⊗ curvature) J + Σ_i G_i ∇²w_i.

        For k > l the block of the second term is (A_kᵀ G B_lᵀ)[i, q] M[j, p] with M = W_{k-1} ... W_{l+1}.
        """
        J, d = self.jacobian(theta), self.widths[0]
        split = J.reshape(*J.shape[:-2], self.widths[-1], d, J.shape[-1])
        H = _T(J) @ (curvature[..., None, :, :] @ split).reshape(J.shape)
        layers, partial, ends = self._layers(theta), self._partial(theta), self._ends
        for k in range(1, len(layers)):
            for j in range(k):
                C = _T(partial[k][0]) @ self._matrix(G) @ _T(partial[j][1])
                M = _product(layers[k - 1 : j : -1], self.widths[j + 1])
                block = np.einsum("...iq,...jp->...ijpq", C, M)
                block = block.reshape(*block.shape[:-4], ends[k + 1] - ends[k], ends[j + 1] - ends[j])
                H[..., ends[k] : ends[k + 1], ends[j] : ends[j + 1]] += block
                H[..., ends[j] : ends[j + 1], ends[k] : ends[k + 1]] += _T(block)
        return H

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The same matrix times v."""
        return (self.hessian(theta, G, curvature) @ v[..., None])[..., 0]

    def gauss_newton(self, theta: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """(I ⊗ F) J Jᵀ (I ⊗ F)ᵀ for a factor F of shape ``(..., f, d_0)``."""
        J = self.jacobian(theta)
        split = J.reshape(*J.shape[:-2], self.widths[-1], self.widths[0], J.shape[-1])
        FJ = factor[..., None, :, :] @ split
        FJ = FJ.reshape(*FJ.shape[:-3], -1, FJ.shape[-1])
        return FJ @ _T(FJ)

    @property
    def _ends(self) -> list[int]:
        return [0, *np.cumsum([a * b for a, b in zip(self.widths[1:], self.widths[:-1], strict=True)]).tolist()]

    def _layers(self, theta: np.ndarray) -> list[np.ndarray]:
        theta, ends, shapes = np.asanyarray(theta), self._ends, zip(self.widths[1:], self.widths[:-1], strict=True)
        return [theta[..., a:b].reshape(*theta.shape[:-1], *s) for a, b, s in zip(ends[:-1], ends[1:], shapes, strict=True)]

    def _partial(self, theta: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """All (A_k, B_k)."""
        layers = self._layers(theta)
        after = [_product(layers[: k - 1 : -1] if k else layers[::-1], self.widths[k]) for k in range(1, len(layers) + 1)]
        before = [_product(layers[k - 1 :: -1] if k else [], self.widths[0]) for k in range(len(layers))]
        return list(zip(after, before, strict=True))

    def _matrix(self, w: np.ndarray) -> np.ndarray:
        """A vector w as the row that it is."""
        return np.asanyarray(w)[..., None, :] if len(self.shape) == 1 else np.asanyarray(w)

    def _shaped(self, w: np.ndarray) -> np.ndarray:
        return w[..., 0, :] if len(self.shape) == 1 else w


def _product(matrices: list[np.ndarray], size: int) -> np.ndarray:
    """Product of a chain; the identity of the given size for none."""
    return reduce(np.matmul, matrices) if matrices else np.eye(size, dtype=int).astype(object)


def _T(matrix: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrix, -1, -2)


def _flat(matrices: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([m.reshape(*m.shape[:-2], -1) for m in matrices], axis=-1)
