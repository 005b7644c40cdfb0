r"""Formulas written by a reader, as SymPy expressions; nothing in them is ever evaluated as code.

The text goes through Python's parser only. The tree is walked by hand, and whatever is not a number, a declared parameter, ``pi``,
one of ``+ - * / **``, a parenthesis or a call of a function in `FUNCTIONS` is refused by name. Numbers are exact: 0.1 is 1/10.

What could take for ever later is bounded here: length and nesting of the text, digits of a number, the degree (powers of powers
multiply, products add), and what stands inside exp and its kin, since exact cross-checks evaluate the formula at rational points.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any

import sympy as sp

from theorycheck.errors import InvalidArgument, brief

LONGEST = 2_000  # characters
DEEPEST = 100  # levels of the syntax tree; a sum of n terms has n
HIGHEST = 64  # degree, and size of an exponent
WIDEST = 256  # bits of a number
MOST = 24  # expressions and parameters: the budget of the entrywise route
REACH = 8.0  # parameters at which exact checks evaluate are at most this large
LARGEST = 5_000.0  # value that may stand inside a function of FAST, and logarithm of any value, for parameters within REACH

FUNCTIONS: Mapping[str, Callable[[Any], sp.Expr]] = {
    name: getattr(sp, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan")
}
FAST = ("exp", "sin", "cos", "tan", "sinh", "cosh")  # they grow too fast, or need too many digits, at large arguments
ALLOWED = f"write numbers, parameters, pi, + - * / **, parentheses and {', '.join(FUNCTIONS)}"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,29}")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
_OPERATIONS: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_PIECES: Mapping[type[ast.AST], str] = {
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.Lambda: "a lambda",
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "a comprehension"),
    ast.JoinedStr: "a string",
    ast.Compare: "a comparison",
    ast.BoolOp: "a logical operation",
    ast.IfExp: "a condition",
    ast.NamedExpr: "an assignment",
    ast.Tuple: "a tuple",
    **dict.fromkeys((ast.List, ast.Set), "a list"),
    ast.Dict: "a dictionary",
    ast.Starred: "a star",
}


@dataclass(frozen=True)
class _Value:
    """An expression and what it may cost.

    `degree` bounds the powers; `size` is the logarithm of its largest value for parameters within `REACH`, where a quotient counts as
    a product; `called` says whether a function of `FUNCTIONS` other than sqrt stands in it.
    """

    expression: sp.Expr
    degree: int
    size: float
    called: bool = False


def parse_parameters(text: str) -> tuple[sp.Symbol, ...]:
    """Real symbols of a list of names.

    Raises
    ------
    InvalidArgument
        If a name is not a plain one, is taken by a function or a constant, or occurs twice.

    Examples
    --------
    >>> parse_parameters("u, v")
    (u, v)

    """
    if len(text) > LONGEST:
        raise InvalidArgument("parameters", text, f"has {len(text)} characters", f"pass at most {LONGEST}")
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not _NAME.fullmatch(name):
            remedy = "pass names such as u,v or u1,u2: a letter, then letters or digits"
            raise InvalidArgument("parameters", ascii(text)[1:-1], f"holds {brief(ascii(name), 40)}, which is not a name", remedy)
        if name in FUNCTIONS or name == "pi" or keyword.iskeyword(name):
            raise InvalidArgument("parameters", text, f"holds {name!r}, which means something else in a formula", "take another name")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidArgument("parameters", text, f"holds {', '.join(twice)} more than once", "name every parameter once")
    if len(names) > MOST:
        raise InvalidArgument("parameters", text, f"holds {len(names)} names", f"pass at most {MOST}")
    return tuple(sp.Symbol(name, real=True) for name in names)


def parse_expressions(text: str, symbols: Sequence[sp.Symbol], name: str = "expressions") -> tuple[sp.Expr, ...]:
    """The formulas in a list separated by commas, exact.

    Parameters
    ----------
    text : str
        What the reader wrote.
    symbols : sequence of Symbol
        The only names it may use, besides pi and the functions.
    name : str
        What the text is called in an error.

    Raises
    ------
    InvalidArgument
        Naming the piece that is refused.

    Examples
    --------
    >>> u, v = parse_parameters("u,v")
    >>> parse_expressions("u**2 - v**2, 0.1*u*v", (u, v))
    (u**2 - v**2, u*v/10)

    """
    reader = _Reader(text.strip(), {symbol.name: symbol for symbol in symbols}, name)
    tree = reader.tree()
    pieces = tree.elts if isinstance(tree, ast.Tuple) and tree.elts else [tree]
    if len(pieces) > MOST:
        raise reader.refused(f"holds {len(pieces)} expressions", f"pass at most {MOST}")
    return tuple(reader.expression(piece) for piece in pieces)


def parse_number(text: str, name: str) -> sp.Rational:
    """A rational number: 3, 0.25, 1/3.

    Raises
    ------
    InvalidArgument
        If the text is not one rational number.

    """
    values = parse_expressions(text, (), name)
    if len(values) != 1 or not values[0].is_Rational:
        raise InvalidArgument(name, text, "must be one rational number", "write it as 2, 0.5 or 1/3")
    return values[0]


@dataclass(frozen=True)
class _Reader:
    """The walk over one text."""

    text: str
    symbols: Mapping[str, sp.Symbol]
    name: str

    def refused(self, rule: str, remedy: str = ALLOWED) -> InvalidArgument:
        shown = self.text if self.text.isprintable() else ascii(self.text)[1:-1]
        return InvalidArgument(self.name, shown, rule, remedy)

    def tree(self) -> ast.expr:
        """Syntax tree of the text, parsed and never compiled."""
        if not self.text:
            raise self.refused("is empty")
        if len(self.text) > LONGEST:
            raise self.refused(f"has {len(self.text)} characters", f"pass at most {LONGEST}")
        odd = next((c for c in self.text if not " " <= c <= "~" or c in "#\\"), None)
        if odd is not None:
            raise self.refused(f"holds the character {odd!r} (U+{ord(odd):04X})", "use plain ASCII letters, digits and signs on one line")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the parser's remarks on style
                return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            raise self.refused(f"cannot be read at character {error.offset or 1}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError):
            raise self.refused("is nested too deeply", f"stay below {DEEPEST} levels") from None

    def expression(self, node: ast.expr) -> sp.Expr:
        """One formula; it must be a finite real number wherever that can be told."""
        expression = self.value(node, 0).expression
        if expression.has(sp.I) or (expression.is_number and expression.is_real is False):
            raise self.refused(f"holds {self.piece(node)}, which is not real")
        return expression

    def value(self, node: ast.expr, depth: int) -> _Value:
        if depth > DEEPEST:
            raise self.refused("is nested too deeply", f"stay below {DEEPEST} levels")
        match node:
            case ast.Constant():
                result = self.number(node)
            case ast.Name():
                result = self.symbol(node.id)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                inner = self.value(node.operand, depth + 1)
                result = replace(inner, expression=-inner.expression) if isinstance(node.op, ast.USub) else inner
            case ast.BinOp(op=ast.Pow()):
                result = self.power(node, self.value(node.left, depth + 1), self.value(node.right, depth + 1))
            case ast.BinOp() if type(node.op) in _OPERATIONS:
                result = self.operation(node, self.value(node.left, depth + 1), self.value(node.right, depth + 1))
            case ast.Call():
                result = self.call(node, depth)
            case _:
                raise self.not_allowed(node)
        return self.bounded(node, result)

    def number(self, node: ast.Constant) -> _Value:
        literal = ast.get_source_segment(self.text, node) or ""
        if isinstance(node.value, str | bytes):
            raise self.refused(f"holds a string, {brief(literal, 40)}")
        if not _NUMBER.fullmatch(literal):
            raise self.refused(f"holds {brief(literal, 40)}, which is not a plain decimal number", "write numbers as 2, 0.5 or 1e-3")
        number = sp.Rational(literal)
        return _Value(number, 0, log(max(number, 1)))

    def symbol(self, name: str) -> _Value:
        if name == "pi":
            return _Value(sp.pi, 1, log(4))
        if name in self.symbols:
            return _Value(self.symbols[name], 1, log(REACH))
        if name in FUNCTIONS:
            raise self.refused(f"holds the function {name} without an argument", f"write {name}(...)")
        known = f"the parameters are {', '.join(self.symbols)}" if self.symbols else "only numbers can stand here"
        raise self.refused(f"holds the unknown symbol {brief(name, 40)}", known)

    def operation(self, node: ast.BinOp, left: _Value, right: _Value) -> _Value:
        divides = isinstance(node.op, ast.Div)
        if divides and right.expression.is_zero:
            raise self.refused(f"divides by zero in {self.piece(node)}", "divide by something else")
        expression, called = _OPERATIONS[type(node.op)](left.expression, right.expression), left.called or right.called
        if divides or isinstance(node.op, ast.Mult):
            return _Value(expression, left.degree + right.degree, left.size + right.size, called)
        return _Value(expression, max(left.degree, right.degree), max(left.size, right.size) + log(2), called)

    def power(self, node: ast.BinOp, base: _Value, exponent: _Value) -> _Value:
        e = exponent.expression
        if not e.is_Rational:
            raise self.refused(f"holds the power {self.piece(node)}, whose exponent is not a rational number", "take a number as exponent")
        size = max(abs(e.p), e.q)
        if size > HIGHEST:
            raise self.refused(f"holds the power {self.piece(node)}, whose exponent is too large", f"stay within {HIGHEST}")
        if e < 0 and base.expression.is_zero:
            raise self.refused(f"divides by zero in {self.piece(node)}", "divide by something else")
        degree = base.degree * size
        if base.expression.is_Rational and _bits(base.expression) * abs(e) > WIDEST:
            raise self.too_large(node)
        if degree > HIGHEST:
            raise self.too_high(node)
        return _Value(base.expression**e, degree, base.size * max(abs(float(e)), 1.0), base.called)

    def call(self, node: ast.Call, depth: int) -> _Value:
        function = node.func.id if isinstance(node.func, ast.Name) else None
        if function is None or function not in FUNCTIONS:
            raise self.refused(f"calls {self.piece(node.func)}")
        if len(node.args) != 1 or node.keywords:
            raise self.refused(f"calls {function} with something other than one argument", f"write {function}(...)")
        argument = self.value(node.args[0], depth + 1)
        if function == "sqrt":
            return replace(argument, expression=sp.sqrt(argument.expression))
        size = min(argument.size, log(2 * LARGEST))
        if function in FAST:
            if argument.called or argument.size > log(LARGEST):
                limits = f"at most {LARGEST:.0f} for parameters of size {REACH:.0f}, and no further function but sqrt"
                raise self.refused(f"holds {self.piece(node)}, too large for an exact check", f"inside {function}, keep to values of {limits}")
            size = exp(size)
        return _Value(FUNCTIONS[function](argument.expression), 1, size, True)

    def bounded(self, node: ast.expr, value: _Value) -> _Value:
        if value.expression.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
            raise self.refused(f"holds {self.piece(node)}, which is not finite")
        if any(_bits(number) > WIDEST for number in value.expression.atoms(sp.Rational)):
            raise self.too_large(node)
        if value.degree > HIGHEST:
            raise self.too_high(node)
        if value.size > LARGEST:
            raise self.refused(f"holds {self.piece(node)}, too large for an exact check", "take lower powers of fast functions")
        return value if value.degree or value.expression.is_Rational else replace(value, degree=1)  # powers of irrational numbers stay as they are

    def too_large(self, node: ast.expr) -> InvalidArgument:
        return self.refused(f"holds {self.piece(node)}, a number too large", f"stay below 2**{WIDEST}")

    def too_high(self, node: ast.expr) -> InvalidArgument:
        return self.refused(f"holds {self.piece(node)}, whose degree is too high", f"stay within degree {HIGHEST}")

    def not_allowed(self, node: ast.expr) -> InvalidArgument:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return self.refused(f"holds {self.piece(node)}, where ^ is not a power", "write powers with **")
        what = _PIECES.get(type(node), "something that is no formula")
        return self.refused(f"holds {what}, {self.piece(node)}")

    def piece(self, node: ast.AST) -> str:
        return brief(ast.get_source_segment(self.text, node) or "", 40)


def _bits(number: sp.Rational) -> int:
    return int(max(abs(number.p).bit_length(), number.q.bit_length()))
