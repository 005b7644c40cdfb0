"""Formulas of readers: what is read, exactly; what is refused, by name, at once and without evaluating anything."""

import builtins

import pytest
import sympy as sp

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.parsing import DEEPEST, HIGHEST, LONGEST, MOST, parse_expressions, parse_number, parse_parameters

u, v, w = SYMBOLS = parse_parameters("u, v,w")
THIRD = sp.Rational(1, 3)

READ = [
    ("u**2 - v**2, u*v", (u**2 - v**2, u * v)),
    ("-u**2", (-(u**2),)),
    ("+u - -v", (u + v,)),
    ("0.1*u", (u / 10,)),
    (".5 + 1.", (sp.Rational(3, 2),)),
    ("1e-3*u + 2E2", (u / 1000 + 200,)),
    ("0.30000000000000000001", (sp.Rational("0.30000000000000000001"),)),
    ("u/3", (THIRD * u,)),
    ("2*u**(1/3)", (2 * u**THIRD,)),
    ("1/u**2", (u**-2,)),
    ("2**3**2", (sp.Integer(512),)),
    ("sqrt(4)*pi", (2 * sp.pi,)),
    ("log(1 + exp(-u*v))", (sp.log(1 + sp.exp(-u * v)),)),
    ("tanh(u)*sin(v) + cos(w)/cosh(u)", (sp.tanh(u) * sp.sin(v) + sp.cos(w) / sp.cosh(u),)),
    ("atan(u) + sinh(v) + tan(w)", (sp.atan(u) + sp.sinh(v) + sp.tan(w),)),
    ("exp(-sqrt(u**2 + 1))", (sp.exp(-sp.sqrt(u**2 + 1)),)),
    ("((((u))))", (u,)),
    ("  u ,v,  ", (u, v)),
    (f"u**{HIGHEST}", (u**HIGHEST,)),
    ("+".join("u" * DEEPEST), (DEEPEST * u,)),
    ("u - u", (sp.S.Zero,)),
]

REFUSED = [
    ("", "is empty"),
    ("   ", "is empty"),
    ('__import__("os")', "calls __import__"),
    ('__import__("os").system("true")', r"calls __import__\(.*system"),
    ("u.__class__", "an attribute, u.__class__"),
    ("().__class__.__bases__[0]", "a subscript"),
    ("lambda: 1", "a lambda"),
    ("(lambda x: x)(u)", "calls lambda"),
    ("[u for u in v]", "a comprehension"),
    ("{u for u in v}", "a comprehension"),
    ("exp(u for u in v)", "a comprehension"),
    ("u[0]", r"a subscript, u\[0\]"),
    ('"u"', "a string"),
    ("b'u'", "a string"),
    ('f"{u}"', "a string"),
    ("print(u)", "calls print"),
    ("eval(u)", "calls eval"),
    ("exp(u, v)", "calls exp with something other than one argument"),
    ("exp(x=u)", "calls exp with something other than one argument"),
    ("exp(*u)", "a star"),
    ("exp(**u)", "calls exp with something other than one argument"),
    ("exp", "the function exp without an argument"),
    ("u if v else w", "a condition"),
    ("u < v", "a comparison"),
    ("u and v", "a logical operation"),
    ("not u", "something that is no formula"),
    ("(u := 1)", "an assignment"),
    ("(u, v), w", r"a tuple, \(u, v\)"),
    ("()", "a tuple"),
    ("[u]", "a list"),
    ("{u: v}", "a dictionary"),
    ("(yield)", "something that is no formula, yield"),
    ("u @ v", "something that is no formula, u @ v"),
    ("u // v", "something that is no formula"),
    ("u % v", "something that is no formula"),
    ("u ^ 2", r"write powers with \*\*"),
    ("u = 2", "cannot be read"),
    ("u v", "cannot be read at character 3"),
    ("2u", "cannot be read"),
    ("u,,v", "cannot be read"),
    ("(u", "cannot be read"),
    ("u; v", "cannot be read"),
    ("import os", "cannot be read"),
    ("u # v", "the character '#'"),
    ("u\nv", "U\\+000A"),
    ("u\x00", "U\\+0000"),
    ("u\\\nv", "the character"),
    ("\x1b[2Ju", "U\\+001B"),
    ("ｕ", r"'ｕ' \(U\+FF55\)"),
    ("υ", r"U\+03C5"),  # a Greek upsilon
    ("u−v", r"U\+2212"),  # a minus sign that is no hyphen
    ("x + 1", "the unknown symbol x"),
    ("__builtins__", "the unknown symbol __builtins__"),
    ("E", "the unknown symbol E"),
    ("True", "holds True"),
    ("None", "holds None"),
    ("...", "holds ..."),
    ("2j", "holds 2j"),
    ("0x10", "holds 0x10"),
    ("1_000", "holds 1_000"),
    ("1e999999999", "holds 1e999999999"),
    ("9" * 90, "a number too large"),
    ("9**9**9**9", r"the power 9\*\*9\*\*9, whose exponent is too large"),
    ("u**1000", "whose exponent is too large"),
    ("u**-1000", "whose exponent is too large"),
    ("u**(1/1000)", "whose exponent is too large"),
    ("((u**9)**9)**9", "whose degree is too high"),
    ("(((u + 1)**9 + 1)**9 + 1)**9", "whose degree is too high"),
    ("sqrt((u**60 + 1)*u**5)", "whose degree is too high"),
    ("((9**60)**60)**60", "a number too large"),
    ("((1 + sqrt(2))**60)**60", "whose degree is too high"),
    ("u**v", "whose exponent is not a rational number"),
    ("u**pi", "whose exponent is not a rational number"),
    ("exp(exp(u))", "too large for an exact check"),
    ("exp(2**60*u)", "too large for an exact check"),
    ("exp(60*log(u))", "too large for an exact check"),
    ("sin(u**64)", "too large for an exact check"),
    ("exp((64 + u)**4)", "too large for an exact check"),
    ("cosh(u**4)**64", "take lower powers of fast functions"),
    ("1/0", "divides by zero in 1/0"),
    ("u/(v - v)", "divides by zero"),
    ("0**-1", "divides by zero"),
    ("(u - u)**(-1/2)", "divides by zero"),
    ("log(0)", "which is not finite"),
    ("tan(pi/2)", "which is not finite"),
    ("sqrt(-1)", "which is not real"),
    ("u*sqrt(-2)", "which is not real"),
    ("(-1)**(1/3)", "which is not real"),
    ("log(-1)", "which is not real"),
    ("(" * 150 + "u" + ")" * 150 + "**1000", "whose exponent is too large"),
    ("(" * 900 + "u" + ")" * 900, "too many nested parentheses"),
    ("(" * 10_000 + "u" + ")" * 10_000, "has 20001 characters"),
    ("-" * 150 + "u", "is nested too deeply"),
    ("-" * (LONGEST - 1) + "u", "is nested too deeply"),
    ("+".join("u" * (DEEPEST + 2)), "is nested too deeply"),
    ("exp(" * 150 + "u" + ")" * 150, "is nested too deeply"),
    ("u" * (LONGEST + 1), f"has {LONGEST + 1} characters"),
    (",".join("u" * (MOST + 1)), f"holds {MOST + 1} expressions"),
]


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text[:40] for text, _ in READ])
def test_formulas_are_read_exactly(text: str, expected: tuple[sp.Expr, ...]) -> None:
    assert parse_expressions(text, SYMBOLS) == expected


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[ascii(text[:40]) for text, _ in REFUSED])
def test_everything_else_is_one_clear_error_at_once(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        parse_expressions(text, SYMBOLS)
    assert str(caught.value).startswith("`expressions=")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_no_code_is_compiled_or_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the parser's own call of `compile`, which asks for the tree alone, is let through."""
    real = compile

    def tree_only(source, filename, mode, flags=0, *rest, **more):
        assert flags & 0x400, "compiled to code"  # PyCF_ONLY_AST
        return real(source, filename, mode, flags, *rest, **more)

    def never(*arguments, **options):
        raise AssertionError("code was run")

    cases = [text for text, _ in (*READ, *REFUSED)]
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "compile", tree_only)
        patched.setattr(builtins, "eval", never)
        patched.setattr(builtins, "exec", never)
        read = 0
        for text in cases:
            try:
                read += bool(parse_expressions(text, SYMBOLS))
            except InvalidArgument:
                continue
    assert read == len(READ)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "which is not a name"),
        ("u,", "which is not a name"),
        ("u v", "'u v', which is not a name"),
        ("2u", "which is not a name"),
        ("_u", "which is not a name"),
        ("u.v", "which is not a name"),
        ("θ", "which is not a name"),
        ("u\x1b[2J", "which is not a name"),
        ("a" * 31, "which is not a name"),
        ("exp", "means something else"),
        ("pi", "means something else"),
        ("lambda", "means something else"),
        ("u,v,u", "holds u more than once"),
        (",".join(f"u{i}" for i in range(MOST + 1)), f"holds {MOST + 1} names"),
        ("u," * LONGEST, "characters"),
    ],
)
def test_parameters_are_plain_names(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        parse_parameters(text)
    assert str(caught.value).isprintable()


def test_parameters_are_real() -> None:
    assert [symbol.is_real for symbol in SYMBOLS] == [True] * 3


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("-0.25", -sp.Rational(1, 4)), ("1/3", THIRD), (" 2**3 ", 8)])
def test_numbers_are_exact(text: str, value: sp.Rational) -> None:
    assert parse_number(text, "constant") == value


@pytest.mark.parametrize("text", ["", "u", "1,2", "sqrt(2)", "pi", "1/0", "nan", "inf", "one"])
def test_what_is_no_rational_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="`constant="):
        parse_number(text, "constant")
