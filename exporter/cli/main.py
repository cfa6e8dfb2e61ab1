"""The command line. Its verbs are the other files of this folder, found by their names.

A verb's module holds a function of the verb's name: its parameters are what can be typed, its
docstring is the help, what it returns is the exit code. A verb with sub-verbs has a tuple of such
functions, ``VERBS``, in its place. Beside it stand ``SUMMARY``, its line in
the overview, ``EXAMPLES``, and ``ORDER``, its place there. Only the verb that runs is imported:
``serve`` on a small machine does not pay for what draws charts.
"""

import importlib
import sys
from collections import UserDict
from types import ModuleType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from exporter import __version__
from exporter.cli._options import UsageError
from exporter.cli._shown import print_failure
from exporter.core import plugins
from exporter.core.errors import CarbonExporterError, ConfigError, MissingExtraError

FAILED: Final = 1
BAD_USAGE: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""

_PACKAGE: Final = "exporter.cli"


def verbs() -> tuple[str, ...]:
    """Return the names of all verbs in the order of the overview; imports all of them."""
    names = (name for name in plugins.kinds(_PACKAGE) if name != "main")
    return tuple(sorted(names, key=lambda name: (_module(name).ORDER, name)))


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"{_PACKAGE}.{verb}")


class _Commands(UserDict[str, Any]):
    """Commands by verb. The names are known from the start, a command is made when it is asked for.

    A dictionary, because typer looks for names alike to a mistyped one among its keys.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(n for n in plugins.kinds(_PACKAGE) if n != "main"))

    def __getitem__(self, verb: str) -> object:
        if self.data[verb] is None:
            self.data[verb] = _command(verb)
        return self.data[verb]


def _command(verb: str) -> object:
    module = _module(verb)
    lines = "".join(f"  {example}\n" for example in module.EXAMPLES)
    epilog = f"\b\nExamples:\n{lines}"
    if "VERBS" in vars(module):
        group = typer.Typer(
            add_completion=False,
            rich_markup_mode=None,
            no_args_is_help=True,
            name=verb,
            help=module.SUMMARY,
            epilog=epilog,
        )
        for each in module.VERBS:
            group.command()(each)
        return typer.main.get_command(group)
    # One command alone makes typer return it bare rather than as a group of one.
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(verb, short_help=module.SUMMARY, epilog=epilog)(getattr(module, verb))
    return typer.main.get_command(alone)


class VerbGroup(TyperGroup):
    """Finds the verbs, and turns the product's own errors into lines on stderr and an exit code."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 -- typer's own parameters
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 -- typer keeps its context class private
        """Return the verbs in the order of the overview."""
        del ctx
        return list(verbs())

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 -- typer keeps its context class private
        """Run a verb; never a traceback for what a user can mend."""
        try:
            code = super().invoke(ctx)
        except CarbonExporterError as error:
            for line in str(error).splitlines():
                print_failure(line)
            mistaken = isinstance(error, ConfigError | UsageError | MissingExtraError)
            raise typer.Exit(BAD_USAGE if mistaken else FAILED) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error
        raise typer.Exit(code)


cli = typer.Typer(
    cls=VerbGroup,
    name="carbon-exporter",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables, hence could show a secret
    rich_markup_mode=None,  # keeps the line breaks of the examples
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 -- typer's form of a callback
    if wanted:
        sys.stdout.write(f"carbon-exporter {__version__}\n")
        raise typer.Exit


@cli.callback(
    epilog="Start with `carbon-exporter demo`: no account, no configuration.\n\n"
    "Exit codes: 0 done, 1 ran and failed, 2 bad usage or configuration."
)
def main(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Live carbon observability of cloud infrastructure, for Prometheus."""
