"""The rows in symbols: flow, conjugate, potential and mirror map of one entry of w, and the identities that prove them.

Symbols      θ_0 is written u0, v0 (x1, x2, ... for affine entries, z1, z2, ... for forms), positive where the row asks for it; the row u v
             uses p0 = (u_0 + v_0)/2 and q0 = (u_0 - v_0)/2. Other signs of the start follow by reflection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from theorycheck.symbolic.formulas import expression_text
from theorycheck.symbolic.identities.statements import Identity

MU = sp.Symbol("mu", real=True)


@dataclass(frozen=True)
class ExactForm:
    """Closed forms of a row.

    Parameters
    ----------
    parameters : tuple of Symbol
        θ.
    outputs : tuple of Expr
        G(θ): one entry, or several for a joint row.
    duals, primals : tuple of Symbol
        μ and w, one for each entry.
    flow : tuple of Expr
        ψ(θ_0; μ), one expression for each parameter.
    conjugate : Expr
        Q(μ).
    value, mirror : Expr or None
        R(w) and R'(w) of a single entry, None where ∇Q has no elementary inverse; `value_along` is R(w(μ)) in any case.
    known : tuple of (Symbol, Expr)
        What the forms call parts of the start θ_0.

    """

    parameters: tuple[sp.Symbol, ...]
    outputs: tuple[sp.Expr, ...]
    duals: tuple[sp.Symbol, ...]
    primals: tuple[sp.Symbol, ...]
    flow: tuple[sp.Expr, ...]
    conjugate: sp.Expr
    value: sp.Expr | None = None
    mirror: sp.Expr | None = None
    known: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()

    @property
    def inverse(self) -> tuple[sp.Expr, ...]:
        """∇Q(μ) = G(ψ(θ_0; μ))."""
        return tuple(self._along(g) for g in self.outputs)

    @property
    def value_along(self) -> sp.Expr:
        """R at w = ∇Q(μ): ⟨μ, w⟩ - Q(μ)."""
        return sp.Add(*(mu * w for mu, w in zip(self.duals, self.inverse, strict=True))) - self.conjugate

    @property
    def identities(self) -> tuple[Identity, ...]:
        """What makes the row right, in μ: ∂ψ/∂μ = ∇G(ψ), ∇Q = G(ψ), R'(G(ψ(μ))) = μ and R'' (∂G∂Gᵀ) = 1 (as ∂G(ψ)/∂μ = ∂G∂Gᵀ)."""
        gradients = [[self._along(sp.diff(g, theta)) for theta in self.parameters] for g in self.outputs]
        metric = sp.Matrix(gradients) * sp.Matrix(gradients).T
        flow, inverse = sp.Matrix(self.flow), sp.Matrix(self.inverse)
        jacobian = inverse.jacobian(self.duals)
        value = sp.Matrix([self.value_along]).jacobian(self.duals)
        return (
            Identity(flow.jacobian(self.duals), sp.Matrix(gradients).T),
            Identity(sp.Matrix([self.conjugate]).jacobian(self.duals).T, inverse),
            Identity(value, sp.Matrix([self.duals]) * jacobian),
            Identity(jacobian, metric),
        )

    def latex(self) -> str:
        """The closed forms, as one ``aligned`` environment."""
        primal, dual = (", ".join(map(sp.latex, names)) for names in (self.primals, self.duals))
        lines = [("G", sp.Matrix(self.outputs)), (rf"\psi({dual})", sp.Matrix(self.flow)), (rf"Q({dual})", self.conjugate)]
        lines += [(rf"\nabla Q({dual})", sp.Matrix(self.inverse))]
        lines += [(rf"R({primal})", self.value), (rf"\nabla R({primal})", self.mirror)] if self.value is not None else []
        lines += [(rf"R(\nabla Q({dual}))", self.value_along)] if self.value is None else []
        lines += [(sp.latex(symbol), meaning) for symbol, meaning in self.known]
        body = " \\\\\n".join(f"{name} &= {sp.latex(value[0] if getattr(value, 'shape', None) == (1, 1) else value)}" for name, value in lines)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The closed forms in plain text: w, Q, ∇Q and, of a single entry, R and ∇R."""
        greek = {dual: sp.Symbol(dual.name.replace("mu", "μ"), real=True) for dual in self.duals}

        def text(*expressions: sp.Expr) -> str:
            return ", ".join(expression_text(e.xreplace(greek)) for e in expressions)

        primals, duals = text(*self.primals), text(*self.duals)
        named = {symbol for symbol, _ in self.known}
        of_start = sorted(s.name for s in {s for w in (*self.flow, *(m for _, m in self.known)) for s in w.free_symbols} - named - set(self.duals))
        if len(self.outputs) > 1 or "z1" in of_start:
            start = f" in a common eigenbasis, with a_ik the eigenvalues; {', '.join(name for name in of_start if name[0] == 'z')} at the start"
        else:
            start = "".join(f", {symbol} = {sp.sstr(meaning)}" for symbol, meaning in self.known)
            start += f" at the start {', '.join(of_start)}" if self.known else f", {', '.join(of_start)} at the start"
        shown = [f"{primals} = {text(*self.outputs)}{start}", f"Q({duals}) = {text(self.conjugate)}", f"∇Q({duals}) = {text(*self.inverse)}"]
        if self.value is not None and self.mirror is not None:
            shown += [f"R({primals}) = {text(self.value)}", f"∇R({primals}) = {text(self.mirror)}"]
        return tuple(shown)

    def _along(self, expression: sp.Expr) -> sp.Expr:
        return expression.subs(dict(zip(self.parameters, self.flow, strict=True)), simultaneous=True)


def affine_form(slopes: Sequence[sp.Expr], offset: sp.Expr) -> ExactForm:
    """w = Σ a_k θ_k + b."""
    parameters = sp.symbols(f"t1:{len(slopes) + 1}", real=True)
    start, w = sp.symbols(f"x1:{len(slopes) + 1}", real=True), sp.Symbol("w", real=True)
    speed, output = sp.Add(*(a**2 for a in slopes)), sp.Add(*(a * t for a, t in zip(slopes, parameters, strict=True))) + offset
    origin = output.subs(dict(zip(parameters, start, strict=True)))
    flow = tuple(x + a * MU for x, a in zip(start, slopes, strict=True))
    conjugate, mirror = origin * MU + speed * MU**2 / 2, (w - origin) / speed
    return ExactForm(parameters, (output,), (MU,), (w,), flow, conjugate, speed * mirror**2 / 2, mirror)


def power_form(coefficient: sp.Expr, depth: int) -> ExactForm:
    """w = a u^D."""
    u, u0 = sp.symbols("u u0", positive=True)
    w = sp.Symbol("w", positive=True) if coefficient > 0 else sp.Symbol("w", negative=True)
    moved = _moved(u0, coefficient, depth)
    if depth == 2:
        value, mirror = _entropy(w, coefficient * u0**2, 4 * coefficient)
    else:
        rate = coefficient * depth * (depth - 2)
        mirror = (u0 ** (2 - depth) - (w / coefficient) ** sp.Rational(2 - depth, depth)) / rate
        value = w * u0 ** (2 - depth) / rate - (w / coefficient) ** sp.Rational(2, depth) / (2 * (depth - 2))
    return ExactForm((u,), (coefficient * u**depth,), (MU,), (w,), (moved,), moved**2 / (2 * depth), value, mirror)


def difference_form(coefficient: sp.Expr, depth: int, frozen: int = 0) -> ExactForm:
    """w = a (u^D - v^D), a > 0; with `frozen` = ±1 for D = 2 and a start with v_0 = 0 or u_0 = 0, where the sign of w is frozen."""
    (u, v), (u0, v0) = sp.symbols("u v", real=True), sp.symbols("u0 v0", positive=True)
    w, value, mirror = sp.Symbol("w", real=True), None, None
    if frozen:
        w = sp.Symbol("w", positive=True) if frozen > 0 else sp.Symbol("w", negative=True)
        value, mirror = _entropy(w, frozen * coefficient * (u0 if frozen > 0 else v0) ** 2, frozen * 4 * coefficient)
    elif depth == 2:
        value, mirror = _hyperbolic(w, coefficient * u0 * v0, u0 / v0, 4 * coefficient)
    flow = _moved(u0, coefficient, depth) * int(frozen >= 0), _moved(v0, -coefficient, depth) * int(frozen <= 0)
    conjugate = (flow[0] ** 2 + flow[1] ** 2) / (2 * depth)
    return ExactForm((u, v), (coefficient * (u**depth - v**depth),), (MU,), (w,), flow, conjugate, value, mirror)


def product_form(coefficient: sp.Expr, frozen: int = 0) -> ExactForm:
    """w = a u v; with `frozen` = ±1 for a start with v_0 = ±u_0, where the sign of w is frozen."""
    (u, v), (p0, q0) = sp.symbols("u v", real=True), sp.symbols("p0 q0", positive=True)
    grow, shrink = p0 * sp.exp(coefficient * MU) * int(frozen >= 0), q0 * sp.exp(-coefficient * MU) * int(frozen <= 0)
    if frozen:
        side = frozen * coefficient
        w = sp.Symbol("w", positive=True) if side > 0 else sp.Symbol("w", negative=True)
        value, mirror = _entropy(w, side * (p0 if frozen > 0 else q0) ** 2, 2 * side)
    else:
        w, ratio = sp.Symbol("w", real=True), (p0 / q0) ** sp.sign(coefficient)
        value, mirror = _hyperbolic(w, sp.Abs(coefficient) * p0 * q0, ratio, 2 * sp.Abs(coefficient))
    flow = grow + shrink, grow - shrink
    u0, v0 = sp.symbols("u0 v0", real=True)
    halves = (p0, sp.factor((u0 + v0) / 2), frozen >= 0), (q0, sp.factor((u0 - v0) / 2), frozen <= 0)
    known = tuple((part, half) for part, half, stays in halves if stays)
    return ExactForm((u, v), (coefficient * u * v,), (MU,), (w,), flow, (grow**2 + shrink**2) / 2, value, mirror, known)


def forms_form(entries: int, modes: int) -> ExactForm:
    """w_i = Σ_k a_ik z_k²/2, in a common eigenbasis."""
    a = [[sp.Symbol(f"a{i}{k}", real=True) for k in range(1, modes + 1)] for i in range(1, entries + 1)]
    parameters, start = sp.symbols(f"t1:{modes + 1}", real=True), sp.symbols(f"z1:{modes + 1}", real=True)
    duals, primals = sp.symbols(f"mu1:{entries + 1}", real=True), sp.symbols(f"w1:{entries + 1}", real=True)
    outputs = tuple(sp.Add(*(c * t**2 for c, t in zip(row, parameters, strict=True))) / 2 for row in a)
    flow = tuple(z * sp.exp(sp.Add(*(mu * row[k] for mu, row in zip(duals, a, strict=True)))) for k, z in enumerate(start))
    return ExactForm(parameters, outputs, duals, primals, flow, sp.Add(*(psi**2 for psi in flow)) / 4)


def _moved(start: sp.Expr, coefficient: sp.Expr, depth: int) -> sp.Expr:
    """The mode a m^D after the flow by μ."""
    if depth == 2:
        return start * sp.exp(2 * coefficient * MU)
    return (start ** (2 - depth) - depth * (depth - 2) * coefficient * MU) ** sp.Rational(-1, depth - 2)


def _entropy(w: sp.Expr, origin: sp.Expr, rate: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """R and ∇R of an entry whose sign is frozen."""
    return (w * sp.log(w / origin) - w) / rate, sp.log(w / origin) / rate


def _hyperbolic(w: sp.Expr, level: sp.Expr, ratio: sp.Expr, rate: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """R and ∇R of a difference of squares of the given level c."""
    grown, tilt = sp.asinh(w / (2 * level)), sp.log(ratio)
    return (w * grown - sp.sqrt(w**2 + 4 * level**2) - w * tilt) / rate, (grown - tilt) / rate
