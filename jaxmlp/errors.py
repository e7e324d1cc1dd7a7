"""The one kind of error a user can cause, and the words it is told in.

Every part of the library may import this module; it imports none of them.
"""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something given by the user is not usable: an option, an argument, a file.

    Its text is one line that names what was expected and what came. Commands print that line and
    end with status 2; in Python it is an ordinary `ValueError`.
    """


def check(condition: bool, argument: str, expected: str, got: object) -> None:
    """Reject a value in the project's one form of words.

    Args:
      condition: whether the value is good.
      argument: what it is called, as the user knows it.
      expected: what it must be, to follow "must be".
      got: the value that came.

    Raises:
      InputError: if the condition is false.
    """
    if not condition:
        raise InputError(f"{argument} must be {expected}, got {got!r}")


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not in a table, with the nearest that is.

    Args:
      kind: what the table holds, in the singular ("optimizer").
      name: the name that came.
      known: the names that exist.

    Returns:
      The error, to be raised by the caller.
    """
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {kind} {name!r}, expected one of {', '.join(known)}{hint}")
