"""`derive`: closed forms of a named model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from theorycheck.cli.common import plainly

if TYPE_CHECKING:
    from theorycheck.symbolic.named_models import Argument


class _Models(click.Group):
    """One command a row of the table of named models."""

    def list_commands(self, context: click.Context) -> list[str]:
        from theorycheck.symbolic.named_models import MODELS

        return list(MODELS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        from theorycheck.symbolic.named_models import LOSSES, MODELS

        if name not in MODELS:
            return context.fail(f"unknown model {name!r}; choose from {', '.join(MODELS)}")
        row = MODELS[name]
        more = [
            click.Option(["--loss"], type=click.Choice(list(LOSSES)), default="squared", show_default=True, help="Loss of the predictions."),
            click.Option(["--constant"], metavar="C", help="c in (c/n) |y - f|² of the squared loss: 1 unless given."),
            click.Option(["--latex"], is_flag=True, help="Print LaTeX only."),
            click.Option(["--python"], is_flag=True, help="Print self-contained NumPy source only."),
        ]
        # a formula may begin with a minus sign: it is no option, and no letter in it asks for help
        settings = {"ignore_unknown_options": True, "help_option_names": ["--help"]} if any(a.placed for a in row.arguments) else {}
        callback = partial(plainly(derive_model), name)
        return click.Command(name, settings, callback, [*map(_parameter, row.arguments), *more], help=row.summary, short_help=row.title)


def _parameter(argument: Argument) -> click.Parameter:
    if argument.placed:
        return click.Argument([argument.name], required=argument.required, metavar=argument.metavar, nargs=-1 if argument.several else 1)
    if argument.kind is bool:
        return click.Option([f"--{argument.name}"], is_flag=True, help=argument.help)
    return click.Option([f"--{argument.name}"], type=argument.kind, required=argument.required, metavar=argument.metavar, help=argument.help)


@click.group(
    "derive", cls=_Models, subcommand_metavar="MODEL [ARGS]... [--latex | --python]", short_help="Derive the gradient and the Hessian of a model."
)
def derive() -> None:
    """Derive the gradient and the Hessian of the risk of MODEL in closed form, and cross-check them.

    `theorycheck derive MODEL --help` says what MODEL takes.
    """


def derive_model(name: str, /, loss: str, constant: str | None, latex: bool, python: bool, **arguments: Any) -> None:
    """Print the derivation of a named model: a page, LaTeX or NumPy source."""
    if latex and python:
        raise click.UsageError("pass one of --latex and --python")
    from theorycheck.report.consoles import console_for
    from theorycheck.report.derivations import print_derivation, print_latex, print_python
    from theorycheck.symbolic.derivations import derive as derivation_of
    from theorycheck.symbolic.named_models import MODELS, named_loss, named_model

    chosen = named_model(name, arguments)
    derivation, console = derivation_of(chosen.model, named_loss(loss, constant)), console_for()
    if latex:
        print_latex(console, derivation, chosen.sized)
    elif python:
        print_python(console, derivation, chosen.sized)
    else:
        print_derivation(console, derivation, MODELS[name].title, chosen.sized)
