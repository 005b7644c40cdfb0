"""Recipes: functions that draw an instance, and what they may draw.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Start:
...     x: float
...     depth: int
>>> @recipe
... def starts(draw):
...     return Start(x=draw(reals(-3, 3)), depth=draw(integers(1, 4)))
>>> starts.replay((1, 0)).value
Start(x=1.0, depth=1)
>>> starts.sample(seed=0, index=5) == starts.sample(seed=0, index=5)
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, overload

import numpy as np
from hypothesis import strategies as st

from theorycheck.dynamics.certificates.arrays import enclosed, exact
from theorycheck.errors import CannotBindData, InvalidArgument, require_finite, require_whole
from theorycheck.instances.choices import Answers, Given, Group, Regrouped, Sampled, Shrinkable
from theorycheck.instances.tables import IntegerTable, KeyTable, NormalTable, OptionTable, RealTable, SignTable, Table
from theorycheck.measured import in_balls


@dataclass(frozen=True)
class Draw:
    """An instance and the choices it is.

    ``choices`` is the flat sequence; ``groups`` the same, request by request, with tables and shapes.
    """

    value: Any = field(compare=False)
    choices: tuple[int, ...]
    groups: tuple[Group, ...] = field(repr=False, compare=False)


class Drawer:
    """The ``draw`` a recipe is called with: ``draw(what)`` returns a value of that kind."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def __call__(self, what: Drawable) -> Any:
        if not isinstance(what, Drawable):
            raise InvalidArgument("what", what, "cannot be drawn", "pass tc.reals(...), tc.integers(...), tc.array(...) or another recipe")
        return what.drawn(self.answers)


class Drawable:
    """Anything ``draw`` accepts."""

    def drawn(self, answers: Answers) -> Any:
        """The value made from the answers."""
        raise NotImplementedError


@dataclass(frozen=True)
class Recipe(Drawable):
    """A distribution over instances that can be sampled, replayed and shrunk.

    Parameters
    ----------
    function : callable
        Takes ``draw`` and returns any frozen dataclass of numbers, strings, arrays and tuples.
    bind : callable or None
        Takes the reader's ``(X, y)`` and returns the recipe on that data; None where data of one's own makes no sense.

    """

    function: Callable[[Drawer], Any]
    bind: Callable[[np.ndarray, np.ndarray], Recipe] | None = None

    @property
    def name(self) -> str:
        """Name of the function."""
        return str(getattr(self.function, "__name__", self.function))

    def sample(self, seed: int, index: int) -> Draw:
        """Instance `index` of seed `seed`."""
        return self._drawn(Sampled(seed, index))

    def replay(self, choices: Iterable[int], fresh: int = 0) -> Draw:
        """The instance of these choices; tolerant: any sequence of whole numbers gives one.

        `fresh` renews addressable noise and nothing else.
        """
        return self._drawn(Given(choices, fresh))

    def replay_groups(self, groups: Sequence[Group]) -> Draw:
        """The instance of these groups, each serving one request, reshaped where the request has another shape."""
        return self._drawn(Regrouped(groups))

    def strategy(self) -> st.SearchStrategy[Any]:
        """A Hypothesis strategy for the instances; simpler choices are simpler examples."""
        return self.draws().map(lambda draw: draw.value)

    def draws(self) -> st.SearchStrategy[Draw]:
        """A Hypothesis strategy for the draws, choices included."""

        @st.composite
        def strategy(draw: st.DrawFn) -> Draw:
            return self._drawn(Shrinkable(lambda top: draw(st.integers(0, top))))

        return strategy()

    def on(self, X: np.ndarray, y: np.ndarray) -> Recipe:
        """The recipe on the reader's data: X of shape (n, d), y of shape (n,)."""
        if self.bind is None:
            raise CannotBindData("recipe", self.name, "takes no data of your own", "use a theorem whose recipe is about data (X, y)")
        return self.bind(X, y)

    def drawn(self, answers: Answers) -> Any:
        return self.function(Drawer(answers))

    def _drawn(self, answers: Answers) -> Draw:
        value = self.drawn(answers)
        return Draw(value, tuple(i for g in answers.groups for i in g.indices), tuple(answers.groups))


@overload
def recipe(function: Callable[[Drawer], Any]) -> Recipe: ...
@overload
def recipe(*, bind: Callable[[np.ndarray, np.ndarray], Recipe]) -> Callable[[Callable[[Drawer], Any]], Recipe]: ...
def recipe(
    function: Callable[[Drawer], Any] | None = None, *, bind: Callable[[np.ndarray, np.ndarray], Recipe] | None = None
) -> Recipe | Callable[[Callable[[Drawer], Any]], Recipe]:
    """Make a `Recipe` of a function of ``draw``; ``@recipe`` or ``@recipe(bind=...)``."""
    if function is None:
        return lambda f: Recipe(f, bind)
    return Recipe(function, bind)


@dataclass(frozen=True)
class Numbers(Drawable):
    """An array of entries of one table; a plain number where the shape is ()."""

    table: Table
    shape: tuple[int, ...] = ()

    def drawn(self, answers: Answers) -> Any:
        values = self.table.values(answers.take(self.table, self.shape))
        if not self.table.is_size:
            values = as_drawn(values)
        return values.item() if self.shape == () else values


def as_drawn(values: np.ndarray) -> np.ndarray:
    """Drawn floats as they are; in the scope of balls, as the rational numbers they are."""
    return exact(values) if in_balls() else values


@dataclass(frozen=True)
class OneOf(Drawable):
    """One of the given values, the first the simplest."""

    options: tuple[Any, ...]

    def drawn(self, answers: Answers) -> Any:
        option = self.options[int(answers.take(OptionTable(len(self.options))))]
        return enclosed(option) if in_balls() and isinstance(option, float | np.ndarray) else option


@dataclass(frozen=True)
class Orthogonal(Drawable):
    """Orthogonal n x n matrix of Haar's law, as a product of Householder reflections (Stewart 1980); identity is simplest."""

    n: int

    def drawn(self, answers: Answers) -> np.ndarray:
        table, Q = NormalTable(), as_drawn(np.eye(self.n))
        for k in range(self.n - 1, -1, -1):
            x = as_drawn(table.values(answers.take(table, (self.n - k,))))
            size = np.sqrt(x @ x)
            if size == 0.0:
                continue
            sign = 1.0 if x[0] >= 0 else -1.0
            v = x.copy()
            v[0] += sign * size
            # H = -sign (I - 2 v v^T / v^T v) maps x onto +size e_1
            block = Q[k:, k:] - np.outer(v, (2.0 / (v @ v)) * (v @ Q[k:, k:]))
            Q[k:, k:] = -sign * block
        return Q


@dataclass(frozen=True)
class WithSpectrum(Drawable):
    """Symmetric matrix Q diag(values) Qᵀ with Q of Haar's law; the diagonal matrix is simplest."""

    spectrum: tuple[float, ...]

    def drawn(self, answers: Answers) -> np.ndarray:
        Q = Orthogonal(len(self.spectrum)).drawn(answers)
        M = (Q * as_drawn(np.array(self.spectrum))) @ Q.T
        return (M + M.T) / 2


@dataclass(frozen=True)
class Noise:
    """Addressable randomness: the same address gives the same stream, confirmation another epoch."""

    key: int
    fresh: int = 0

    def generator(self, *address: int) -> np.random.Generator:
        """The random stream at `address`."""
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self.key, self.fresh, *address])))


@dataclass(frozen=True)
class NoiseSource(Drawable):
    """Draws a `Noise`."""

    def drawn(self, answers: Answers) -> Noise:
        return Noise(int(answers.take(KeyTable())), answers.fresh)


_reals = lru_cache(maxsize=256)(RealTable)


def reals(low: float = -4, high: float = 4) -> Drawable:
    """A number in [low, high]: 0, 1, -1, 2, -2, 1/2, ... favoured, then the dyadic grid."""
    return Numbers(_reals(float(low), float(high)))


def integers(low: int, high: int) -> Drawable:
    """A whole number in low .. high; the one nearest to zero is simplest."""
    return Numbers(IntegerTable(low, high))


def array(shape: int | Sequence[int], low: float = -2, high: float = 2) -> Drawable:
    """An array of `reals` of the given shape."""
    return Numbers(_reals(float(low), float(high)), _shape(shape))


def normals(shape: int | Sequence[int]) -> Drawable:
    """An array of independent standard normals: the exact law (to 2^-32); simple values only when contracting."""
    return Numbers(NormalTable(), _shape(shape))


def signs(shape: int | Sequence[int]) -> Drawable:
    """An array of independent fair signs ±1."""
    return Numbers(SignTable(), _shape(shape))


def choice(values: Sequence[Any]) -> Drawable:
    """One of `values`; the first is simplest."""
    if len(values) == 0:
        raise InvalidArgument("values", values, "must not be empty", "pass at least one value")
    return OneOf(tuple(values))


def orthogonal(n: int) -> Drawable:
    """An orthogonal matrix of shape (n, n), Haar's law."""
    require_whole("n", n, 1, 3)
    return Orthogonal(int(n))


def with_spectrum(values: Sequence[float]) -> Drawable:
    """A symmetric matrix with the given eigenvalues."""
    spectrum = require_finite("values", values)
    if spectrum.ndim != 1 or not spectrum.size:
        raise InvalidArgument("values", values, "must be a list of eigenvalues", "pass with_spectrum([2.0, 1.0, 0.5])")
    return WithSpectrum(tuple(spectrum.tolist()))


def noise() -> Drawable:
    """A `Noise`: an addressable source of randomness for stochastic claims, fresh on confirmation."""
    return NoiseSource()


def _shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    for size in sizes:
        require_whole("shape", size, 0, 3)
    return tuple(int(s) for s in sizes)
