"""Command lines from dataclasses, with errors of one line and exit status 2.

This uses `argparse` and not `tyro`, because `tyro` lacks three properties: an error is a single
line with the nearest known name; the result shows which options were given, even if their values
are the defaults (`--resume` needs this); and the help is printed without importing JAX.
"""

import argparse
import dataclasses
import difflib
import os
import sys
import traceback
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jaxmlp.cli.compile_cache import remember_compilations
from jaxmlp.cli.interrupt import interrupted_status, signal_of
from jaxmlp.errors import InputError, Shown, check, shortened
from jaxmlp.memory import MEMORY_VARIABLE, parse_memory

if sys.platform != "win32":
    import resource

ADDRESS_SPACE = 1900 << 20  # bytes, with which JAX surely starts on two cores
MACHINE = (  # how the errors begin with which JAX or Python says that the machine lacks something
    *("RESOURCE_EXHAUSTED", "can't start new thread", "Could not determine home directory"),
)


def program_name(command: str) -> str:
    """Return the words that run a command: `jaxmlp train` or `python -m jaxmlp.train`."""
    by_script = Path(sys.argv[0]).stem == "jaxmlp"
    return f"jaxmlp {command}" if by_script else f"python -m jaxmlp.{command}"


class Parser(argparse.ArgumentParser):
    """An argument parser whose error is one line, with the nearest known option."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings
        )
        self._data_argument: argparse.Action | None = None
        self.add_argument(
            "--no-compilation-cache",
            action="store_true",
            help="compile everything again, and keep no compiled programs for the next run",
        )
        self.add_argument(
            "--memory",
            metavar="SIZE",
            help="the most memory for a file's content or a network, such as 4G; default a third of"
            f" what is free; it sets {MEMORY_VARIABLE}",
        )

    def add_data_argument(self) -> None:
        """Add the argument `DATA`, which is the same as the option `--dataset`."""
        self._data_argument = self.add_argument(
            "data", metavar="DATA", nargs="?", help="the same as --dataset DATA"
        )

    def add_parts_arguments(self, changed: bool = True) -> None:
        """Add `--parts`, and where a trained network is opened `--changed-parts`."""
        text = "file with parts of your own that a run was made with; may be given several times"
        self.add_argument("--parts", metavar="FILE", action="append", default=[], help=text)
        if changed:
            text = "take these files also if they have changed since the run"
            self.add_argument("--changed-parts", action="store_true", help=text)

    def _take_data(self, found: argparse.Namespace, extra: list[str]) -> list[str]:
        """Take the argument `DATA` for the option `--dataset`; return the arguments left over.

        Where it stands behind options, `argparse` leaves an argument over that need not be there.
        """
        if found.data is None and extra and not extra[0].startswith("-"):
            found.data, *extra = extra
        if found.data is not None:
            if getattr(found, "dataset", found.data) != found.data and not extra:
                self.error(f"the data are given twice: {found.data} and --dataset {found.dataset}")
            found.dataset = found.data
        del found.data
        return extra

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {shortened(message)}\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments, and let JAX keep compiled programs unless the user declines.

        An option that does not exist is an error that names the nearest one.
        """
        found, extra = self.parse_known_args(args, namespace)
        if self._data_argument is not None:
            extra = self._take_data(found, extra)
        if extra:
            known = [name for action in self._actions for name in action.option_strings]
            near = difflib.get_close_matches(extra[0].split("=")[0], known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            kind = "option" if extra[0].startswith("-") else "argument"
            self.error(f"unknown {kind} {extra[0]}{hint}")
        _check_address_space()
        if not found.no_compilation_cache:
            remember_compilations()
        if found.memory is not None:
            parse_memory(found.memory, "--memory")
            os.environ[MEMORY_VARIABLE] = found.memory
        del found.no_compilation_cache, found.memory
        return found


class _StoreTuple(argparse.Action):
    """An action that stores several values as a tuple, the type of their field."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        setattr(namespace, self.dest, tuple(values))


def add_fields(parser: Parser, cls: Any, skip: Sequence[str] = ()) -> None:
    """Add an option for each field of a dataclass made with `jaxmlp.config.fields.option`.

    The parsed result has only the options that were given.

    Args:
      parser: the parser that gets the options.
      cls: the dataclass.
      skip: the names of fields that get no option.
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
                settings |= {"nargs": "*", "action": _StoreTuple}
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
        own = ", or FILE.py:NAME of your own" if field.metadata["own"] else ""
        parts.append("one of " + ", ".join(field.metadata["choices"]) + own)
    default = field.default
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    if default not in (None, "") and not isinstance(default, bool):
        parts.append(f"default {default}")
    return "; ".join(parts).replace("%", "%%")


def run_command(main: Callable[[list[str]], int], prog: str, arguments: list[str] | None) -> int:
    """Run a command, and print what stopped it as one line.

    Args:
      main: the command, a function from arguments to an exit status.
      prog: the name of the command, which starts the line.
      arguments: the arguments; `None` means those of the process.

    Returns:
      The exit status: that of the command; 2 for a mistake, or a machine that lacks what it needs;
      130 for Ctrl-C, 143 for SIGTERM.
    """
    try:
        return main(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt as signalled:
        print(f"{prog}: interrupted", file=sys.stderr)
        return interrupted_status([signal_of(type(signalled))])
    except (RuntimeError, AssertionError) as error:
        if not (str(error).startswith(MACHINE) or _is_of_backend(error)):
            raise
        words = str(error) or f"JAX cannot start: JAX_PLATFORMS is {os.environ['JAX_PLATFORMS']}"
        print(f"{prog}: error: {shortened(words)}", file=sys.stderr)
        return 2
    except (InputError, OSError, ImportError, MemoryError) as error:
        words = str(error) or type(error).__name__
        print(f"{prog}: error: {shortened(words)}", file=sys.stderr)
        return 2


def _is_of_backend(error: Exception) -> bool:
    """Return whether JAX did not find the device that the variable `JAX_PLATFORMS` names."""
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    return Path(last).name == "xla_bridge.py" and "JAX_PLATFORMS" in os.environ


def _check_address_space() -> None:
    """Reject a process whose address space is too small: JAX would end it without a word."""
    if sys.platform == "win32":
        return
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    known = most != resource.RLIM_INFINITY
    expected = f"at least {ADDRESS_SPACE >> 20} MiB for JAX"
    check(
        not known or most >= ADDRESS_SPACE,
        "the address space (ulimit -v)",
        expected,
        Shown(f"{most >> 20} MiB"),
    )
