"""Top eigenvalues of Hessians, with bars: dense, by a small matrix at minimisers, by Lanczos in the range of the Hessian or beyond.

For a computed pair (λ, v) of a symmetric H with ‖v‖ = 1, some eigenvalue of H lies within ‖Hv − λv‖ of λ. That it is the
*largest* one rests on the backward stability of the dense solver (error at most about P · eps · ‖H‖), or, for Lanczos, on its
convergence from a fixed start. The bar adds to these what rounding did to H itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from theorycheck.dynamics.certificates import stacks
from theorycheck.dynamics.objectives import Objective, SmoothRisk
from theorycheck.errors import ShapeMismatch, require_real
from theorycheck.measured import EPS, Measured, in_balls
from theorycheck.symbolic.kernels.bounded import euclidean
from theorycheck.symbolic.kernels.compiled import together
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.deep_linear_errors import PartialNorms
from theorycheck.symbolic.kernels.networks import ranged
from theorycheck.symbolic.losses import SquaredLoss
from theorycheck.symbolic.parametrizations import DeepLinear

DENSE_PARAMETERS = 2000  # above, the Hessian is not formed
STACKED_PARAMETERS = 48  # above, one pair a matrix is quicker than all pairs of a stack
NEAR = 0.05  # of its size: a state this close to the one before starts from its eigenvector
RESIDUAL = 1e-10  # asked of Lanczos in the range, relative to the size of the Hessian
CHUNK_BYTES = 2**26  # of Hessians held at a time
HOPELESS = 1e-6  # second term, relative to the first, from which a small matrix is not made
TINY = float(np.finfo(float).tiny)


def top_eigenvalue(H: np.ndarray, error: np.ndarray | float = 0.0) -> Measured:
    """Largest eigenvalue of symmetric matrices, as `top_eigenpair` without the vector."""
    if in_balls():
        return stacks.top_eigenvalue(H)
    return top_eigenpair(H, error)[0]


def top_eigenpair(H: np.ndarray, error: np.ndarray | float = 0.0) -> tuple[Measured, np.ndarray]:
    """Largest eigenvalue of symmetric matrices and a unit eigenvector.

    Parameters
    ----------
    H : ndarray, shape (..., m, m)
        Symmetric up to rounding; the lower triangle counts.
    error : ndarray, shape (...)
        Bound on the spectral norm of the error of H itself.

    Returns
    -------
    value : Measured, shape (...)
        NaN where H is not finite.
    vector : ndarray, shape (..., m)

    """
    if in_balls():
        return stacks.top_eigenpair(H)
    H = require_real("H", H)
    if H.ndim < 2 or H.shape[-1] != H.shape[-2]:
        raise ShapeMismatch("H.shape", H.shape, "must be (..., m, m)", "pass a symmetric matrix")
    with np.errstate(all="ignore"):
        lost = ~np.all(np.isfinite(H), axis=(-2, -1))
        H = np.where(lost[..., None, None], 0.0, H)
        value, vector = _pairs(H)
        lower = np.tril(H)
        symmetric = lower + np.swapaxes(np.tril(H, -1), -1, -2)
        residual = np.linalg.norm((symmetric @ vector[..., None])[..., 0] - value[..., None] * vector, axis=-1)
        bar = residual + 2 * H.shape[-1] * EPS * np.linalg.norm(symmetric, axis=(-2, -1)) + error
    return Measured(np.where(lost, np.nan, value), np.where(lost, np.nan, np.maximum(bar, TINY))), vector


def _pairs(H: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The top eigenpair of every matrix of a stack, by its lower triangle."""
    m = H.shape[-1]
    if m <= STACKED_PARAMETERS:
        values, vectors = np.linalg.eigh(H, UPLO="L")
        return values[..., -1], vectors[..., -1]
    leading, flat = H.shape[:-2], H.reshape(-1, m, m)
    pairs = [scipy.linalg.eigh(one, subset_by_index=[m - 1, m - 1], check_finite=False) for one in flat]
    values, vectors = np.array([w[0] for w, _ in pairs]), np.array([v[:, 0] for _, v in pairs])
    return values.reshape(leading), vectors.reshape(*leading, m)


def dense_top(objective: SmoothRisk, theta: np.ndarray) -> Measured:
    """Largest eigenvalue of the Hessian, formed: θ ``(B, P)`` with the objective's lanes ``(B,)`` or ``()``."""
    return top_eigenvalue(objective.hessian(theta), objective.hessian_error(theta))


def lanczos_top(objective: SmoothRisk, theta: np.ndarray) -> Measured:
    """Largest *algebraic* eigenvalue of the Hessian, through Hessian-vector products: θ ``(P,)``.

    The bar holds for some eigenvalue near the value; that none is larger rests on the convergence of Lanczos from a fixed
    random start. Where it did not converge, the residual says so.
    """
    P = objective.parameters
    vector: np.ndarray = np.random.Generator(np.random.Philox(P)).standard_normal(P)
    operator = scipy.sparse.linalg.LinearOperator((P, P), matvec=lambda v: objective.hvp(theta, np.ravel(v)), dtype=float)
    with np.errstate(all="ignore"):
        image = objective.hvp(theta, vector)
        if not np.all(np.isfinite(image)):
            return Measured(np.nan, np.nan)
        if np.any(image):
            try:
                vectors = scipy.sparse.linalg.eigsh(operator, k=1, which="LA", v0=vector)[1]
            except scipy.sparse.linalg.ArpackNoConvergence as stopped:
                vectors = stopped.eigenvectors
            vector = vectors[:, -1] if vectors.shape[1] else vector
        vector = vector / np.linalg.norm(vector)
        image = objective.hvp(theta, vector)
        value = float(vector @ image)
        residual = np.linalg.norm(image - value * vector)
        return Measured(value, max(float(residual + objective.hessian_error(theta)) + P * EPS * abs(value), TINY))


def has_short_range(objective: SmoothRisk) -> bool:
    """Whether the Hessian is one of a product of matrices with one output, whose range `ranged_top` works in, and large enough for that to pay."""
    deep = isinstance(objective, Objective) and isinstance(objective.model, DeepLinear) and objective.model.widths[-1] == 1
    return deep and objective.parameters > STACKED_PARAMETERS


def ranged_top(objective: Objective, theta: np.ndarray, residual: float = RESIDUAL) -> Measured:
    """Largest *algebraic* eigenvalue of the Hessian of a product of matrices with one output; the bar is the residual of its vector.

    Lanczos in the range (`kernels.ranged`). A state near the one before it, as along a run, starts from the eigenvector found there and a part
    of a fixed random vector; any other from the random vector. The bar does not contain what rounding did to the Hessian
    (`Objective.hessian_error`).

    Parameters
    ----------
    objective : Objective
        Of a `DeepLinear` model with one output.
    theta : ndarray, shape (..., P)
        The last of the leading axes is the one along which states may be near each other.
    residual : float
        Asked for, relative to the size of the Hessian.

    """
    widths = np.array(objective.model.widths, dtype=np.int64)  # type: ignore[attr-defined]
    size, dimension = int(np.sum(widths[1:] + widths[:-1])), int(np.sum(widths[1:] + widths[:-1] - 1))
    leading, (points, G, K) = together((theta, 1), (objective.gradient_in_w(theta), 1), (objective.curvature(theta), 2))
    change = np.linalg.norm(np.diff(points, axis=0), axis=-1) <= NEAR * np.linalg.norm(points[1:], axis=-1)
    warm = np.concatenate([[0], change & np.all(K[1:] == K[:-1], axis=-1)]).astype(np.int64)
    random = np.random.Generator(np.random.Philox(size)).standard_normal(size) / np.sqrt(size)
    value, error = np.empty(len(points)), np.empty(len(points))
    ranged.tops(widths, points, G, K, warm, random, residual, value, error)
    if dimension < objective.parameters:  # what is outside the range has the eigenvalue 0
        value = np.where(value < 0, 0.0, value)
    return Measured(value.reshape(leading), np.maximum(error, TINY).reshape(leading))


@dataclass(frozen=True)
class FirstTerm:
    """The first term Jᵀ(I ⊗ 2cΣ)J of the Hessian of a deep linear network under the squared loss, as a small matrix.

    2c (I ⊗ F) J Jᵀ (I ⊗ F)ᵀ with FᵀF = Σ is d_L min(n, d_0) square and has the same non-zero spectrum and the same trace. At a
    minimiser the second term of the Hessian vanishes.
    """

    model: DeepLinear
    loss: SquaredLoss
    objective: Objective

    @classmethod
    def of(cls, objective: SmoothRisk) -> FirstTerm | None:
        """None where the model is not deep linear or the loss not squared."""
        if not isinstance(objective, Objective) or not isinstance(objective.model, DeepLinear) or not isinstance(objective.loss, SquaredLoss):
            return None
        return cls(objective.model, objective.loss, objective)

    @property
    def kernels(self) -> DeepLinearKernels:
        """The compiled map."""
        return DeepLinearKernels(self.model.widths)

    def matrix(self, theta: np.ndarray, norms: PartialNorms | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The small matrix, and a bound on the norm and on the trace of its error; `norms` are those at θ, where they are at hand."""
        data, c = self.objective.data, self.loss.c
        matrix = self.kernels.gauss_newton(theta, data.factor)
        lost = (data.samples + data.inputs + matrix.shape[-1]) * EPS
        return 2 * c * matrix, 2 * c * (norms or self.kernels.norms(theta)).gauss_newton(euclidean(data.factor, 2), lost)

    def hopeless(self, theta: np.ndarray) -> np.ndarray:
        """Where the second term is plainly not negligible, shape ``(...)``: a part of `neglected` above `HOPELESS` times a bound on the value.

        Both need no norms of products between layers, which are most of the work.
        """
        norms = PartialNorms.of(self.kernels.sizes, theta, between_layers=False)
        G, F = euclidean(self.objective.gradient_in_w(theta), len(self.model.shape)), euclidean(self.objective.data.factor, 2)
        neighbours = np.sqrt(2 * np.sum((norms.outer[..., 1:] * norms.inner[..., :-1]) ** 2, axis=-1))
        return np.asarray(G * neighbours > HOPELESS * 2 * self.loss.c * F**2 * np.sum((norms.outer * norms.inner) ** 2, axis=-1))

    def neglected(self, theta: np.ndarray, norms: PartialNorms | None = None) -> np.ndarray:
        """Bound on the spectral norm of the second term, shape ``(...)``.

        By blocks: ‖A_k‖ ‖G‖ ‖B_j‖ ‖M_kj‖. A sharper form of elkabetz-cohen-2021/lemma-curvature, which has products of ‖W_i‖.
        """
        G, error = self.objective.gradient_in_w_and_error(theta)
        return (norms or self.kernels.norms(theta)).second_term(euclidean(G, len(self.model.shape)) + error)


def chunks(lanes: tuple[int, ...], parameters: int) -> Iterator[np.ndarray]:
    """Masks of shape `lanes`, each true where Hessians of `parameters` columns fit into `CHUNK_BYTES` together."""
    size, count = max(1, CHUNK_BYTES // (8 * parameters**2)), prod(lanes)
    for first in range(0, count, size):
        mask = np.zeros(count, dtype=bool)
        mask[first : first + size] = True
        yield mask.reshape(lanes)
