r"""LaTeX of statements as MathML, which browsers set by themselves.

The part of LaTeX that statements use: letters and numbers, Greek, relations and operators, sub- and superscripts, fractions, roots,
accents, functions with limits, ``\left`` and ``\right``, ``\mathrm``, ``\text``, spaces. What is beyond it is `Unreadable`, and shown as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from theorycheck.report.html import latex_symbols as known
from theorycheck.report.html.elements import Markup, tag

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_DEEPEST = 40  # groups inside groups


class Unreadable(ValueError):
    """LaTeX beyond what is set here."""


def mathml(latex: str) -> Markup:
    """A formula of its own, with its LaTeX for readers who copy it.

    Raises
    ------
    Unreadable
        If it holds anything unknown.

    """
    reader = _Reader(list(_TOKEN.findall(latex)))
    row = reader.row()
    if reader.tokens:
        raise Unreadable(f"nothing opened {reader.tokens[0]}")
    source = tag("annotation", latex, encoding="application/x-tex")
    return tag("math", tag("semantics", tag("mrow", row), source), display="block")


@dataclass(frozen=True)
class _Atom:
    """An element, and whether scripts stand below and above it."""

    markup: Markup
    limits: bool = False


@dataclass
class _Reader:
    """What is left of a formula."""

    tokens: list[str]
    depth: int = field(default=0)

    def next(self) -> str:
        while self.tokens and self.tokens[0].isspace():
            self.tokens.pop(0)
        if not self.tokens:
            raise Unreadable("the formula ends too early")
        return self.tokens.pop(0)

    def peek(self) -> str:
        return next((token for token in self.tokens if not token.isspace()), "")

    def row(self) -> list[Markup]:
        """Atoms with their scripts, up to what closes the group."""
        found: list[Markup] = []
        while (token := self.peek()) and token not in ("}", "\\right"):
            if token in ("&", "\\\\", "#", "$", "%", "~"):
                raise Unreadable(f"{token} is not set here")
            atom = self.atom()
            if atom is not None:
                found.append(self.scripted(atom))
        return found

    def group(self) -> Markup:
        """What one argument is: a group in braces, or one atom."""
        if self.peek() != "{":
            atom = self.atom()
            return atom.markup if atom is not None else self.group()
        self.next()
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable("groups are nested too deeply")
        row = self.row()
        if self.next() != "}":
            raise Unreadable("a group is not closed")
        self.depth -= 1
        return row[0] if len(row) == 1 else tag("mrow", row)

    def words(self) -> str:
        """The plain text of an argument in braces."""
        if self.next() != "{":
            raise Unreadable("text needs braces")
        out = []
        while self.tokens and (token := self.tokens.pop(0)) != "}":
            if token in ("{", "$") or (token.startswith("\\") and token not in ("\\,", "\\ ", "\\_")):
                raise Unreadable(f"{token} inside text")
            out.append(" " if token in ("\\,", "\\ ") else token.removeprefix("\\"))
        return "".join(out)

    def scripted(self, atom: _Atom) -> Markup:
        """The atom with its sub- and superscripts."""
        below: Markup | None = None
        above: list[Markup] = []
        while (mark := self.peek()) in ("_", "^", "'"):
            self.next()
            if mark == "'":
                above.append(tag("mo", "′"))
            elif mark == "_" and below is None:
                below = self.group()
            elif mark == "^":
                above.append(self.group())
            else:
                raise Unreadable("two subscripts")
        upper = tag("mrow", above) if len(above) > 1 else above[0] if above else None
        if below is None and upper is None:
            return atom.markup
        names = ("munder", "mover", "munderover") if atom.limits else ("msub", "msup", "msubsup")
        if below is None:
            return tag(names[1], atom.markup, upper)
        return tag(names[0], atom.markup, below) if upper is None else tag(names[2], atom.markup, below, upper)

    def atom(self) -> _Atom | None:
        """One atom; None for what only sets the style."""
        token = self.next()
        if token == "{":
            self.tokens.insert(0, "{")
            return _Atom(self.group())
        if token.startswith("\\"):
            return self.command(token[1:])
        if token in "_^'":
            return self._orphan(token)
        if token[0].isdigit():
            return _Atom(tag("mn", token))
        if token.isalpha():
            return _Atom(tag("mi", token))
        return _Atom(_operator("−" if token == "-" else token))

    def _orphan(self, token: str) -> _Atom:
        self.tokens.insert(0, token)
        return _Atom(tag("mrow"))

    def command(self, name: str) -> _Atom | None:
        """What a command stands for."""
        if name in known.IGNORED:
            return None
        if name in known.GREEK or name in known.IDENTIFIERS:
            return _Atom(tag("mi", known.GREEK.get(name) or known.IDENTIFIERS[name]))
        if name in known.CAPITALS:
            return _Atom(tag("mi", known.CAPITALS[name], mathvariant="normal"))
        if name in known.OPERATORS or name in known.FENCES:
            return _Atom(_operator(known.OPERATORS.get(name) or known.FENCES[name]))
        if name in known.LARGE:
            return _Atom(tag("mo", known.LARGE[name]), limits=name != "int")
        if name in known.FUNCTIONS:
            word = tag("mi", known.WRITTEN.get(name, name), mathvariant="normal")
            return _Atom(tag("mrow", word, None if name in known.LIMITS else tag("mspace", width="0.17em")), limits=name in known.LIMITS)
        if name in known.SPACES:
            return _Atom(tag("mspace", width=f"{known.SPACES[name]}em"))
        return self.construct(name)

    def construct(self, name: str) -> _Atom:
        """A command with arguments."""
        if name in ("frac", "tfrac", "dfrac"):
            above, below = self.group(), self.group()
            fraction = tag("mfrac", above, below)
            return _Atom(tag("mstyle", fraction, displaystyle="false") if name == "tfrac" else fraction)
        if name == "sqrt":
            return _Atom(self.root())
        if name in known.ACCENTS:
            wide = "true" if name.startswith(("wide", "over")) else "false"
            return _Atom(tag("mover", self.group(), tag("mo", known.ACCENTS[name], stretchy=wide), accent="true"))
        if name in ("mathrm", "operatorname", "mathbf", "mathit", "mathsf"):
            return _Atom(tag("mi", self.words(), mathvariant="normal"))
        if name in ("text", "textrm", "mbox"):
            return _Atom(tag("mtext", self.words().replace(" ", "\u00a0")))
        if name in ("mathbb", "mathcal"):
            letter, letters = self.words(), known.DOUBLE if name == "mathbb" else known.SCRIPT
            if letter in letters:
                return _Atom(tag("mi", letters[letter]))
        if name == "left":
            return _Atom(self.fenced())
        raise Unreadable(f"\\{name} is not set here")

    def root(self) -> Markup:
        """A square root, or one of another degree."""
        if self.peek() != "[":
            return tag("msqrt", self.group())
        self.next()
        degree = []
        while self.peek() not in ("]", ""):
            atom = self.atom()
            degree += [atom.markup] if atom is not None else []
        self.next()
        return tag("mroot", self.group(), tag("mrow", degree))

    def fenced(self) -> Markup:
        r"""What stands between \left and \right."""
        opening = self.delimiter()
        row = self.row()
        if self.next() != "\\right":
            raise Unreadable("\\left without \\right")
        return tag("mrow", opening, row, self.delimiter())

    def delimiter(self) -> Markup | None:
        """A fence that grows with what it holds; None for a dot."""
        token = self.next()
        if token == ".":
            return None
        if token.startswith("\\") and token[1:] not in known.FENCES:
            raise Unreadable(f"{token} is no fence")
        return tag("mo", known.FENCES.get(token[1:], token) if token.startswith("\\") else token, fence="true", stretchy="true")


def _operator(sign: str) -> Markup:
    """A sign that keeps its size; bars and slashes stand close, since nothing says which of them open."""
    tight = "0" if sign in "|‖/∣" else None
    return tag("mo", sign, stretchy="false" if sign in "()[]{}|‖⟨⟩" else None, lspace=tight, rspace=tight)
