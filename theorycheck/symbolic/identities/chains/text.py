"""Chains told line by line: the hypotheses, the derived expression, and every step with its reason."""

from __future__ import annotations

import re

import sympy as sp

from theorycheck.symbolic.identities.chains.chain import Argument, ChainFamily, Joined, Linked, ProofChain
from theorycheck.symbolic.identities.chains.quantities import Least, Matrices, Quantity, TraceOf
from theorycheck.symbolic.identities.statements import Unproved

GREEK = {"Sigma": "Σ", "Lambda": "Λ", "sigma": "σ", "tau": "τ"}


def told(statement: ProofChain | ChainFamily | Argument) -> list[str]:
    """The lines of a chain, of one chain of a family, or of all parts of an argument; where it is not proved, what fails.

    Deriving and checking is done anew: what is printed is what was proved.
    """
    if isinstance(statement, Argument):
        parts = (line for part in statement.parts for line in (f"{part.claim}:", *(f"  {line}" for line in told(part))))
        return [f"by {statement.argument}; the parts are checked, this sentence is not:", *parts]
    chain = statement.shown if isinstance(statement, ChainFamily) else statement
    answer = chain.prove()
    if isinstance(answer, Unproved):
        return [f"not proved: {answer.stuck.reason}"]
    assert isinstance(answer.step, Joined)
    lines = [*(f"given {hypothesis}" for hypothesis in chain.given), f"{answer.step.title}:", *_shown("", chain.start.quantity())]
    before = str(chain.start.quantity())
    for link in answer.step.proofs:
        assert isinstance(link, Linked)
        after = str(link.quantity)
        if after != before:
            lines += _shown(f"{link.relation.value} ", link.quantity)
        lines.append(f"    {link.why}")
        before = after
    return [_readable(line) for line in lines]


def _shown(relation: str, quantity: Quantity) -> list[str]:
    if isinstance(quantity, sp.Expr):
        return [f"{relation}{sp.sstr(quantity, order='lex')}"]
    if isinstance(quantity, Least):
        return [f"{relation}{quantity}"]
    if isinstance(quantity, Matrices):
        head, rows = relation, list(map(str, quantity.words))
    else:
        head, rows = f"{relation}{'tr' if isinstance(quantity, TraceOf) else 'λ_max'} of ", quantity.form.lines()
    return [head + rows[0], *(" " * len(head) + row for row in rows[1:])]


def _readable(line: str) -> str:
    for name, letter in GREEK.items():
        line = re.sub(rf"\b{name}(?=\b|_)", letter, line)
    return re.sub(r"(?<=[\w)}])\*(?=[\w(])(?!ᵀ)", " ", line.replace("**", "^"))
