"""Command lines from dataclasses, with errors of one line and exit status 2.

Built on `argparse` and not on `tyro`, for three contracts that the latter does not keep: an error
is a single line with the nearest known name, what was not given can be told from what was given
with its default value (`--resume` needs that), and nothing is imported to print the help.
"""

import argparse
import dataclasses
import difflib
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jaxmlp.cli.compile_cache import remember_compilations
from jaxmlp.errors import InputError


def program_name(command: str) -> str:
    """Return what a user typed to run a command, `jaxmlp train` or `python -m jaxmlp.train`."""
    by_script = Path(sys.argv[0]).stem == "jaxmlp"
    return f"jaxmlp {command}" if by_script else f"python -m jaxmlp.{command}"


class Parser(argparse.ArgumentParser):
    """An argument parser that tells a mistake in one line, with the nearest known option."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings
        )
        self.add_argument(
            "--no-compilation-cache",
            action="store_true",
            help="compile everything anew instead of keeping compiled programs between runs",
        )

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, name the nearest option to one that does not exist, and set the cache up."""
        found, extra = self.parse_known_args(args, namespace)
        if extra:
            known = [name for action in self._actions for name in action.option_strings]
            near = difflib.get_close_matches(extra[0].split("=")[0], known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            kind = "option" if extra[0].startswith("-") else "argument"
            self.error(f"unknown {kind} {extra[0]}{hint}")
        if not found.no_compilation_cache:
            remember_compilations()
        del found.no_compilation_cache
        return found


class _Several(argparse.Action):
    """Keeps the values of an option as a tuple, as the fields that hold several do."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        setattr(namespace, self.dest, tuple(values))


def add_fields(parser: Parser, cls: Any, skip: Sequence[str] = ()) -> None:
    """Add an option for each field of a dataclass made with `jaxmlp.config.options.option`.

    Options that are not given do not appear in the parsed result.

    Args:
      parser: gains the options.
      cls: the dataclass.
      skip: fields to leave out.
    """
    hints = typing.get_type_hints(cls)
    group: Any = parser
    for field in dataclasses.fields(cls):
        if field.metadata["group"]:
            group = parser.add_argument_group(field.metadata["group"])
        if field.name in skip:
            continue
        settings: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS}
        convert, many = _converter(hints[field.name])
        if convert is bool:
            settings["action"] = argparse.BooleanOptionalAction
        else:
            settings |= {"type": convert, "metavar": _metavar(field, convert)}
            if many:
                settings |= {"nargs": "*", "action": _Several}
        group.add_argument(_flag(field.name), help=_help(field), **settings)


def _converter(hint: Any) -> tuple[Callable[[str], Any], bool]:
    """Return the element type of a field, and whether it holds several."""
    if isinstance(hint, types.UnionType):
        hint = next(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _metavar(field: Any, convert: Any) -> str:
    return "NAME" if field.metadata["choices"] else {int: "N", float: "X"}.get(convert, "TEXT")


def _help(field: Any) -> str:
    parts = [field.metadata["help"]]
    if field.metadata["choices"]:
        parts.append("one of " + ", ".join(field.metadata["choices"]))
    default = field.default
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    if default not in (None, "") and not isinstance(default, bool):
        parts.append(f"default {default}")
    return "; ".join(parts).replace("%", "%%")


def run_command(main: Callable[[list[str]], int], prog: str, arguments: list[str] | None) -> int:
    """Run a command, turning a user's mistake into one line and status 2.

    Args:
      main: the command, from its arguments to its exit status.
      prog: its name, for the line.
      arguments: the arguments; `None` takes those of the process.

    Returns:
      The exit status.
    """
    try:
        return main(sys.argv[1:] if arguments is None else arguments)
    except InputError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in "... | head"
        sys.stderr.close()
        return 1
    except OSError as error:  # a full disk, a folder that is not ours, a name too long
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 2
