"""Kernels of any map given by matrix words, played from tapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from math import prod

import numpy as np

from theorycheck.symbolic.kernels.exact import together
from theorycheck.symbolic.kernels.networks.descent import SEGMENT, FoldedData
from theorycheck.symbolic.kernels.tapes import descent as tape_descent
from theorycheck.symbolic.kernels.tapes import interpreter as machine
from theorycheck.symbolic.kernels.tapes import lowering as lowering
from theorycheck.symbolic.kernels.tapes.assembly import assembled, descent
from theorycheck.symbolic.kernels.tapes.exact import evaluated
from theorycheck.symbolic.kernels.tapes.lowering import Lowering, WordMap
from theorycheck.symbolic.kernels.tapes.program import Array, Program
from theorycheck.symbolic.kernels.tapes.tape import Tape

_EMPTY = np.empty((1, 0))


@dataclass(frozen=True)
class Kind:
    """What is lowered: the program, the arrays it takes beside θ, how many directions, and the assembly."""

    build: Callable[[Lowering], Program]
    used: tuple[Array, ...] = ()
    directions: int = 1
    assemble: Callable[[Program, Mapping[Array, int]], Tape] = assembled


MAP, GRADIENT = Kind(lowering.map_program), Kind(lowering.gradient_program, (Array.SLOPE,))
TANGENT, SECOND = Kind(lowering.tangent_program, (Array.DIRECTION,)), Kind(lowering.second_program, (Array.DIRECTION,), directions=2)
HVP = Kind(lowering.hvp_program, (Array.SLOPE, Array.CURVATURE, Array.DIRECTION))
STEP = Kind(lowering.step_program, (Array.SLOPE, Array.CURVATURE))
DESCENT = Kind(lowering.step_program, (Array.SLOPE, Array.CURVATURE), assemble=descent)


@dataclass(frozen=True, eq=False)
class Playable:
    """A program and its tape, called with one row an instance, or one row for all."""

    program: Program
    tape: Tape

    def __call__(
        self, constants: np.ndarray, theta: np.ndarray, G: np.ndarray = _EMPTY, K: np.ndarray = _EMPTY, directions: np.ndarray = _EMPTY
    ) -> np.ndarray:
        """Outputs, shape ``(B, m)``."""
        if "O" in (theta.dtype.char, G.dtype.char, K.dtype.char, directions.dtype.char):
            whole = np.array([[int(x) if x.is_integer() else x for x in constants.tolist()]], dtype=object)
            return evaluated(self.program, dict(zip(Array, (theta, G, K, directions, whole), strict=True)))
        tape = self.tape
        out, numbers = np.empty((theta.shape[0], tape.outputs)), self.numbers(constants) if constants.size else tape.numbers
        machine.evaluations(tape.code, numbers, tape.room, theta, G, K, directions, out)
        return out

    def numbers(self, constants: np.ndarray) -> np.ndarray:
        """The numbers of the instructions, and the constants behind them."""
        return np.concatenate([self.tape.numbers, constants])


@lru_cache(maxsize=2048)
def playable(source: WordMap, kind: Kind, flattened: bool) -> Playable:
    """The cheapest program of a kind, and its tape."""
    program, (rows, cols) = lowering.cheapest(kind.build, source, flattened=flattened), source.shape(source.derivatives.w)
    side = rows * cols if flattened else cols
    lengths = {Array.SLOPE: rows * cols, Array.CURVATURE: side**2, Array.DIRECTION: kind.directions * source.parameters}
    given = {Array.THETA: source.parameters, Array.CONSTANT: source.entries(source.constants)}
    return Playable(program, kind.assemble(program, given | {array: lengths[array] for array in kind.used}))


@dataclass(frozen=True, eq=False)
class TapeKernels:
    """The map θ -> w(θ) given by matrix words, and its derivatives; all tapes are made at their first use.

    The result for one instance does not depend on the others in the call, to the last bit.

    Parameters
    ----------
    source : WordMap
        The words and their sizes.
    shape : tuple of int
        Shape of w: that of the words, or their entries row by row where they make a row or a column.
    flattened : bool
        Take w as the vector of its entries row by row, with a curvature of shape ``(..., m, m)``; `shape` is then ``(m,)``.
    constants : ndarray, one axis
        Entries of the constant matrices of the words, row by row, one matrix after the other.

    """

    source: WordMap
    shape: tuple[int, ...]
    flattened: bool = False
    constants: np.ndarray = field(default_factory=partial(np.empty, 0))

    @cached_property
    def parameters(self) -> int:
        """P, the number of entries of θ."""
        return self.source.parameters

    @property
    def entries(self) -> int:
        """m, the number of entries of w."""
        return prod(self.shape)

    @property
    def flat(self) -> TapeKernels:
        """The same map as a vector of entries, with any curvature."""
        return TapeKernels(self.source, (self.entries,), True, self.constants)

    def w(self, theta: np.ndarray) -> np.ndarray:
        leading, (rows,) = together((theta, 1))
        return self._map(self.constants, rows).reshape(*leading, *self.shape)

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        units = np.eye(self.entries).reshape(self.entries, *self.shape)
        return self.gradient(np.asanyarray(theta)[..., None, :], units)

    def gradient(self, theta: np.ndarray, G: np.ndarray) -> np.ndarray:
        leading, (rows, slopes) = together((theta, 1), (G, len(self.shape)))
        return self._gradient(self.constants, rows, slopes).reshape(*leading, self.parameters)

    def tangent(self, theta: np.ndarray, v: np.ndarray) -> np.ndarray:
        leading, (rows, directions) = together((theta, 1), (v, 1))
        return self._tangent(self.constants, rows, directions=directions).reshape(*leading, *self.shape)

    def second(self, theta: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """D²w(θ)[u, v], the second differential of the map as a bilinear form, the shape of w."""
        leading, (rows, *both) = together((theta, 1), (u, 1), (v, 1))
        return self._second(self.constants, rows, directions=np.concatenate(both, axis=-1)).reshape(*leading, *self.shape)

    def hvp(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        leading, (rows, slopes, curvatures, directions) = together((theta, 1), (G, len(self.shape)), (curvature, 2), (v, 1))
        return self._hvp(self.constants, rows, slopes, curvatures, directions).reshape(*leading, self.parameters)

    def hessian(self, theta: np.ndarray, G: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """One Hessian-vector product a parameter; a model whose blocks are known does better."""
        theta, G, K = (np.asanyarray(a) for a in (theta, G, curvature))
        G = np.expand_dims(G, -1 - len(self.shape))
        return self.hvp(theta[..., None, :], G, K[..., None, :, :], np.eye(self.parameters))

    def steps(self, theta: np.ndarray, correlation: np.ndarray, covariance: np.ndarray, count: int) -> np.ndarray:
        """Steps of gradient descent on the squared loss, θ -= Jᵀ (w S - C), inside compiled code.

        Parameters
        ----------
        theta : ndarray, shape (..., P)
            Starts.
        correlation : ndarray, the shape of w, or broadcasting
            C = 2cη times the correlation.
        covariance : ndarray, shape (..., d_in, d_in)
            S = 2cη Σ; for a flattened map of shape ``(..., m, m)``.
        count : int
            How many.

        """
        leading, (rows, G, K) = together((theta, 1), (correlation, len(self.shape)), (covariance, 2))
        states, tape = np.array(rows), self._descent.tape
        machine.steps(tape.code, self._descent.numbers(self.constants), tape.room, states, G, K, int(count))
        return states.reshape(*leading, self.parameters)

    def descend(
        self, theta: np.ndarray, data: FoldedData, counts: np.ndarray, threshold: np.ndarray, kick: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradient descent on the squared loss, a whole run inside compiled code: see `DeepLinearKernels.descend`."""
        states, S, C = (np.array(a, dtype=float, order="C") for a in (theta, *data))
        taken, ending = np.zeros(len(states), dtype=np.int64), np.zeros(len(states), dtype=np.int64)
        small = np.where(threshold < 0, -1.0, np.square(threshold))
        tapes = [part for p in (self._descent, self._step) for part in (p.tape.code, p.numbers(self.constants), p.tape.room)]
        tape_descent.descend(*tapes, states, S, C, SEGMENT, np.array(counts, dtype=np.int64), small, taken, ending, kick)
        return states, taken, ending

    @cached_property
    def _map(self) -> Playable:
        return playable(self.source, MAP, self.flattened)

    @cached_property
    def _gradient(self) -> Playable:
        return playable(self.source, GRADIENT, self.flattened)

    @cached_property
    def _tangent(self) -> Playable:
        return playable(self.source, TANGENT, self.flattened)

    @cached_property
    def _second(self) -> Playable:
        return playable(self.source, SECOND, self.flattened)

    @cached_property
    def _hvp(self) -> Playable:
        return playable(self.source, HVP, self.flattened)

    @cached_property
    def _step(self) -> Playable:
        return playable(self.source, STEP, self.flattened)

    @cached_property
    def _descent(self) -> Playable:
        return playable(self.source, DESCENT, self.flattened)
