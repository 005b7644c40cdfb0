"""HTML elements as text that is escaped where it is made: what is not `Markup` is text, and stays text."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

_VOID = frozenset({"meta", "br", "col"})


class Markup(str):
    """HTML that is made of elements and escaped text only."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element.

    Parameters
    ----------
    name : str
    children : str, Markup, iterables of them, or None
        Text is escaped; None and empty iterables are nothing.
    attributes
        ``class_`` is class, ``data_sort`` is data-sort; True is a bare attribute, None and False are none.

    Examples
    --------
    >>> tag("p", "1 < 2 ", tag("b", "so"), class_="note")
    '<p class="note">1 &lt; 2 <b>so</b></p>'

    """
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Child) -> Markup:
    """Children one after the other, text escaped."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(escape(children, quote=False))
    return Markup("".join(joined(child) for child in children))


def identifier(*names: str) -> str:
    """Names as one identifier of an element; different names give different ones, whatever they hold.

    >>> identifier("saxe_2014", "unbalanced:speed")
    'saxe_2014.unbalanced-3aspeed'

    """
    return ".".join("".join(c if c.isascii() and (c.isalnum() or c == "_") else f"-{ord(c):x}" for c in name) for name in names)


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
