"""Models by the name and the arguments that a reader writes in words: one row a model.

Arguments arrive as text or whole numbers, and leave as a model; every mistake in them is one clear error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import sympy as sp

from theorycheck.errors import InvalidArgument, ShapeMismatch, TooLarge
from theorycheck.symbolic.derivations.entrywise import BUDGET
from theorycheck.symbolic.losses import ExponentialLoss, LogisticLoss, Loss, SquaredLoss
from theorycheck.symbolic.models import MatrixFactorization, ResidualLinear, SymmetricFactorization, WeightNormalized
from theorycheck.symbolic.parametrizations import DeepLinear, Diagonal, Entrywise, Hadamard, Parametrization, QuadraticForms
from theorycheck.symbolic.parsing import HIGHEST, parse_expressions, parse_number, parse_parameters
from theorycheck.symbolic.predictors import TwoLayerReLU

DEEPEST_CHECKED = 32  # layers up to which the cross-check of a deep linear network takes seconds
TERMS = 200  # of the map of a residual network, up to which it is derived in seconds
WIDTH = 2  # of an example, where the formulas hold for any


@dataclass(frozen=True)
class Argument:
    """An argument of a model: an option ``--name``, or a text in its place.

    Parameters
    ----------
    name : str
        As the builder takes it.
    help : str
        One sentence.
    kind : type
        int, str or bool (a switch).
    required : bool
        Whether it must be given.
    metavar : str
        How its value is shown in the help; of an argument in its place, its name.
    placed : bool
        Whether it stands without ``--name``.
    several : bool
        Whether it may stand more than once in its place.

    """

    name: str
    help: str = ""
    kind: type = int
    required: bool = False
    metavar: str | None = None
    placed: bool = False
    several: bool = False


@dataclass(frozen=True)
class Chosen:
    """A model, and whether the reader gave its sizes; else they are an example for formulas that hold at any size."""

    model: Parametrization | TwoLayerReLU
    sized: bool = True


@dataclass(frozen=True)
class NamedModel:
    """A row of the table: the model in words, a sentence on its arguments, what it takes, how it is built."""

    title: str
    hint: str
    arguments: tuple[Argument, ...]
    build: Callable[..., Chosen]

    @property
    def summary(self) -> str:
        """Title and hint as sentences."""
        return f"{self.title}. {self.hint}".strip()


def _deep_linear(depth: int | None, widths: str | None) -> Chosen:
    if widths is None:
        if depth is None:
            raise InvalidArgument("depth", depth, "is missing", "pass --depth 3, or --widths 3,2,1")
        return Chosen(DeepLinear((WIDTH,) * _layers(depth) + (1,)), sized=False)
    sizes = _widths(widths)
    _layers(len(sizes) - 1)
    if depth is not None and depth != len(sizes) - 1:
        raise InvalidArgument("widths", widths, f"are those of depth {len(sizes) - 1}, not {depth}", f"pass {max(depth, 1) + 1} widths d_0,...,d_L")
    return Chosen(DeepLinear(sizes))


def _diagonal(depth: int, dim: int | None, unsigned: bool) -> Chosen:
    if not 1 <= depth <= HIGHEST:
        raise InvalidArgument("depth", depth, f"must be from 1 to {HIGHEST}", "pass the power as --depth 2")
    return Chosen(Diagonal(_size("dim", dim), depth, signed=not unsigned), sized=dim is not None)


def _hadamard(dim: int | None) -> Chosen:
    return Chosen(Hadamard(_size("dim", dim)), sized=dim is not None)


def _weight_normalized(dim: int | None) -> Chosen:
    return Chosen(WeightNormalized(_size("dim", dim)))


def _residual(dim: int | None, depth: int, output: str | None) -> Chosen:
    width = _size("dim", dim)
    vector = (1.0,) * width if output is None else tuple(map(float, _rationals("output", output)))
    if len(vector) != width:
        raise ShapeMismatch("output", output, f"has {len(vector)} entries at dimension {width}", f"pass {width} numbers between commas")
    terms = width * (width + 1) ** _layers(depth)
    if terms > TERMS:
        raise TooLarge("depth", depth, f"gives a map of {terms} terms, more than the {TERMS} that can be written out", "pass smaller sizes")
    return Chosen(ResidualLinear(width, depth, vector))


def _factorization(rows: int | None, cols: int | None, rank: int | None) -> Chosen:
    sized = not rows is cols is rank is None
    return Chosen(MatrixFactorization(_size("rows", rows), _size("cols", cols), _size("rank", rank)), sized)


def _symmetric(dim: int | None, rank: int | None) -> Chosen:
    return Chosen(SymmetricFactorization(_size("dim", dim), _size("rank", rank)), sized=not dim is rank is None)


def _quadratic(matrices: tuple[str, ...]) -> Chosen:
    arrays = [_matrix(text) for text in matrices]
    for text, array in zip(matrices, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise ShapeMismatch("matrix", text, f"has {len(array)} rows, the first one has {len(arrays[0])}", "pass matrices of one size")
    return Chosen(QuadraticForms(arrays))


def _relu(inputs: int | None, hidden: int | None, slope: str | None) -> Chosen:
    below = 0.0 if slope is None else float(parse_number(slope, "slope"))
    return Chosen(TwoLayerReLU(_size("inputs", inputs), _size("hidden", hidden), below), sized=not inputs is hidden is None)


def _map(expressions: str, parameters: str) -> Chosen:
    symbols = parse_parameters(parameters)
    return Chosen(Entrywise(symbols, parse_expressions(expressions, symbols)))


DEPTH = Argument("depth", "Number of layers.", metavar="L")
DEPTH_NEEDED = replace(DEPTH, required=True)
DIM = Argument("dim", "Number of inputs.  [default: 2]", metavar="D")
RANK = Argument("rank", "Columns of the factors.", metavar="R")
MODELS: Mapping[str, NamedModel] = MappingProxyType(
    {
        "deep-linear": NamedModel(
            "Deep linear network W = W_L ... W_1",
            "Of any widths, unless they are given.",
            (DEPTH, Argument("widths", "All the widths, as 3,2,1: inputs first, outputs last.", kind=str, metavar="D0,...,DL")),
            _deep_linear,
        ),
        "diagonal": NamedModel(
            "Diagonal linear network",
            "w = u^L - v^L entry by entry, or u^L.",
            (Argument("depth", "The power.", required=True, metavar="L"), DIM, Argument("unsigned", "w = u^L, without v.", kind=bool)),
            _diagonal,
        ),
        "hadamard": NamedModel("Entrywise product w = u ⊙ v", "", (DIM,), _hadamard),
        "weight-normalized": NamedModel("Weight normalisation w = g v/|v|", "", (DIM,), _weight_normalized),
        "residual": NamedModel(
            "Residual linear network w = (I + V_1)ᵀ ... (I + V_L)ᵀ p",
            "p is (1, ..., 1), unless it is given.",
            (DIM, DEPTH_NEEDED, Argument("output", "The fixed vector p, as 1,0.", kind=str, metavar="P1,P2,...")),
            _residual,
        ),
        "factorization": NamedModel(
            "Matrix factorization W = U Vᵀ",
            "",
            (Argument("rows", "Rows of W.", metavar="N"), Argument("cols", "Columns of W.", metavar="M"), RANK),
            _factorization,
        ),
        "symmetric": NamedModel("Symmetric factorization W = U Uᵀ", "", (DIM, RANK), _symmetric),
        "quadratic": NamedModel(
            "Quadratic forms w_i = θᵀ A_i θ / 2",
            'Each A_i is symmetric; its rows stand between semicolons, as in "0,1;1,0".',
            (Argument("matrices", kind=str, required=True, metavar='"A_1"', placed=True, several=True),),
            _quadratic,
        ),
        "relu": NamedModel(
            "Two-layer ReLU network f(x) = Σ_j a_j σ(b_jᵀ x)",
            "Piece by piece: as long as no pre-activation changes its sign.",
            (
                Argument("inputs", "Number of inputs.  [default: 2]", metavar="D"),
                Argument("hidden", "Number of units.  [default: 2]", metavar="H"),
                Argument("slope", "Slope of σ below 0.  [default: 0]", kind=str, metavar="S"),
            ),
            _relu,
        ),
        "map": NamedModel(
            "A map θ -> w(θ) of your own",
            'The entries of w stand between commas, as in "u**2 - v**2, u*v".',
            (
                Argument("expressions", kind=str, required=True, metavar='"W_1, W_2, ..."', placed=True),
                Argument("parameters", "The names in θ, in order.", kind=str, required=True, metavar="U,V,..."),
            ),
            _map,
        ),
    }
)
LOSSES: Mapping[str, Callable[[], Loss]] = MappingProxyType({"squared": SquaredLoss, "logistic": LogisticLoss, "exponential": ExponentialLoss})


def named_loss(name: str, constant: str | None = None) -> Loss:
    """Loss of a name in `LOSSES`; the constant, a rational number, belongs to the squared one.

    Examples
    --------
    >>> named_loss("squared", "1/2")
    SquaredLoss(c=0.5)

    """
    if name not in LOSSES:
        raise InvalidArgument("loss", name, "is unknown", f"choose from {', '.join(LOSSES)}")
    if constant is None:
        return LOSSES[name]()
    if name != "squared":
        raise InvalidArgument("constant", constant, f"does not belong to the {name} loss", "leave it out, or take the squared loss")
    return SquaredLoss(float(parse_number(constant, "constant")))


ANY_SIZE = (DeepLinear, MatrixFactorization, SymmetricFactorization)


def named_model(name: str, arguments: Mapping[str, Any]) -> Chosen:
    """Model of a name in `MODELS`.

    Examples
    --------
    >>> named_model("deep-linear", {"depth": None, "widths": "3,2,1"}).model
    DeepLinear(widths=(3, 2, 1))

    """
    if name not in MODELS:
        raise InvalidArgument("model", name, "is unknown", f"choose from {', '.join(MODELS)}")
    chosen = MODELS[name].build(**arguments)
    if chosen.model.parameters > BUDGET and not isinstance(chosen.model, ANY_SIZE):
        raise TooLarge("parameters", chosen.model.parameters, f"are more than the {BUDGET} that can be written out", "pass smaller sizes")
    return chosen


def _layers(depth: int) -> int:
    if depth < 1:
        raise InvalidArgument("depth", depth, "must be at least 1", "pass the number of layers as --depth 3")
    if depth > DEEPEST_CHECKED:
        remedy = f"pass at most {DEEPEST_CHECKED}: the general forms are the same at every depth"
        raise TooLarge("depth", depth, "is too large for the cross-check", remedy)
    return depth


def _size(name: str, size: int | None) -> int:
    if size is not None and size < 1:
        raise InvalidArgument(name, size, "must be at least 1", f"pass a positive whole number as --{name} 3")
    return WIDTH if size is None else size


def _widths(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and len(part) < 7 and int(part) for part in parts):
        rule = "must be positive whole numbers below a million, between commas"
        raise InvalidArgument("widths", ascii(text)[1:-1], rule, "pass the widths d_0,...,d_L as --widths 3,2,1")
    return tuple(map(int, parts))


def _matrix(text: str) -> list[list[float]]:
    rows = [[float(entry) for entry in _rationals("matrix", row)] for row in text.split(";")]
    if any(len(row) != len(rows) for row in rows):
        sizes = f"has {len(rows)} rows of {', '.join(str(len(row)) for row in rows)} entries"
        raise InvalidArgument("matrix", text, sizes, "write a square matrix row by row, as 0,1;1,0")
    return rows


def _rationals(name: str, text: str) -> tuple[sp.Rational, ...]:
    values = parse_expressions(text, (), name)
    if not all(value.is_Rational for value in values):
        raise InvalidArgument(name, text, "must hold rational numbers", "write numbers as 2, 0.5 or 1/3")
    return values
