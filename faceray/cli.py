"""The command line: `faceray annotate …`, `faceray show PHOTO`. Bad input is one line and exit code 2."""

import os
import re
import sys
from argparse import ArgumentError
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, get_type_hints

from jsonargparse import ArgumentParser
from tabulate import tabulate

from faceray import __version__
from faceray.errors import UserError

Options = TypeVar("Options")
Command = Callable[[list[str]], int | None]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # in messages of native libraries


def parse(kind: type[Options], arguments: list[str], command: str) -> Options:
    """Options from the command line and `--config FILE.yaml`; an unknown name or a value out of range is an error.

    Raises:
        UserError: in one line.
    """
    parser = ArgumentParser(
        prog=f"faceray {command}", exit_on_error=False, allow_abbrev=False, description=_summary(kind)
    )
    parser.add_argument("--config", action="config", help="YAML file with the same names; the command line wins")
    parser.add_class_arguments(kind, as_group=False)
    try:
        parsed = parser.instantiate(parser.parse_args(_spelled(arguments, kind)))
    except (ArgumentError, TypeError, ValueError) as error:
        raise UserError(_first_words(error)) from error
    return kind(**{name: value for name, value in vars(parsed).items() if name != "config"})


def _summary(kind: type[Any]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def _spelled(arguments: list[str], kind: type[Any]) -> list[str]:
    """`--dry-run` as the parser wants it: `--dry_run=true`; `--set X`, which may be repeated, as `--set+ X`."""
    hints = get_type_hints(kind)
    flags = {name for name, hint in hints.items() if hint is bool}
    lists = {name for name, hint in hints.items() if hint == list[str]}
    spelled = []
    for argument, following in zip(arguments, [*arguments, "--"][1:], strict=True):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            name = name.replace("-", "_")
            if name in flags and not equals and following.startswith("-"):
                equals, value = "=", "true"
            argument = f"--{name}{'+' if name in lists else ''}{equals}{value}"
        spelled.append(argument)
    return spelled


def _first_words(error: Exception) -> str:
    """jsonargparse explains at length; the lines that say what is wrong are enough."""
    text = error.message if isinstance(error, ArgumentError) else str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return "; ".join(lines[:3])


def usage() -> str:
    """What there is to call."""
    from faceray.commands import COMMANDS

    rows = [(f"faceray {name}", (command.__doc__ or "").strip()) for name, command in COMMANDS.items()]
    return f"faceray {__version__}\n\n{tabulate(rows, tablefmt='plain')}\n\nfaceray COMMAND --help tells its options"


def run(command: Command, arguments: list[str]) -> int:
    """Exit code: 0 done or what the command says, 2 the user can mend it, 3 too many errors, 130 stopped."""
    try:
        return command(arguments) or 0
    except UserError as error:
        print(f"faceray: {' '.join(_COLOURS.sub('', str(error)).split())}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("faceray: stopped; what was committed stays, the next run goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart: threads of native libraries sometimes abort it then."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """The `faceray` command."""
    from faceray.commands import COMMANDS

    name, *arguments = sys.argv[1:] or ["--help"]
    if name in COMMANDS:
        leave(run(COMMANDS[name], arguments))
    if name in ("--help", "-h", "help"):
        print(usage())
        sys.exit(0)
    if name == "--version":
        print(__version__)
        sys.exit(0)
    print(f"faceray: no command {name!r}, only {', '.join(COMMANDS)}", file=sys.stderr)
    sys.exit(2)
