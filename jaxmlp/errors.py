"""The error for bad input, the warning for strange data, and the wording of messages.

Every part of the library may import this module; it imports none of them.
"""

import difflib
import shlex
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Number

LONGEST = 460  # letters of a message; with the name of a command before it, fewer than 500
LONG = 128  # bits of a whole number that is printed digit by digit
JOINERS = "\u200c\u200d"  # they shape letters of Persian and of India, and they are invisible


class InputError(ValueError):
    """The error for unusable input: an option, an argument or a file.

    Its text is one line that names what was expected and what came. A command prints this line and
    exits with status 2. In Python it is an ordinary `ValueError`. Whatever names and reasons the
    text is made of, it can be printed and read: see `shortened`.

    Args:
      message: the text.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(str(message)))


class DataWarning(UserWarning):
    """A warning that a score says less than it seems to, or that data look mistaken."""


def printable(text: str) -> str:
    r"""Return a text without characters that command a terminal or turn the direction of writing.

    Control characters, line ends, marks of direction, and bytes of a file name that are no letters
    become escapes such as `\x1b`. Letters of all languages stay, and so does every space.

    Args:
      text: the text, such as the name of a file, a column or a class.

    Returns:
      One line.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_harmless(letter) else _escaped(letter) for letter in text)


def _is_harmless(letter: str) -> bool:
    return letter.isprintable() or letter in JOINERS or unicodedata.category(letter) == "Zs"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text as one line that can be printed, as `printable` does, and is not too long.

    A long text loses its middle: the beginning names the file, and the end the remedy.

    Args:
      text: any text.
      longest: the number of letters to keep.

    Returns:
      The text.
    """
    if len(text) > 10 * longest:  # do not escape what is not shown
        text = text[: 5 * longest] + text[-5 * longest :]
    line = printable(text)
    end = (longest - 5) // 3
    return line if len(line) <= longest else f"{line[: longest - 5 - end]} ... {line[-end:]}"


class Shown(str):
    """A value as text for a message: `check` and `unknown` print it as it is."""


def shown(value: object) -> Shown:
    """Render a value for a message.

    - A string stands in quotes: `'adam'`.
    - A tuple or list of option values is written as in a shell: `relu tanh`.
    - `None` and an empty tuple or list are `none`.
    - A number is printed as it is, without the name of its type; a huge one as `about 2^1328`.
    - Anything else is printed as Python writes it.

    Args:
      value: the value, or a text that `shown` has returned.

    Returns:
      The text.
    """
    if isinstance(value, Shown):
        return value
    if isinstance(value, int) and value.bit_length() > LONG:
        return Shown(f"about {'-' if value < 0 else ''}2^{value.bit_length() - 1}")
    if isinstance(value, Number) or getattr(value, "shape", None) == ():
        return Shown(value)
    if isinstance(value, tuple | list) and all(isinstance(v, str | Number) for v in value):
        return Shown(shlex.join(map(str, value)) or "none")
    return Shown("none" if value is None else repr(value))


def listed(names: Sequence[str], most: int) -> str:
    """Join names with commas; of more than `most`, say how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def check(condition: bool, argument: str, expected: str, got: object) -> None:
    """Reject a value with the message "ARGUMENT must be EXPECTED, got GOT".

    A tuple of integers is printed as the shape of an array, `(28, 28, 1)`. Where it holds option
    values instead, the caller passes `shown(value)`. Every other value is printed by `shown`.

    Args:
      condition: whether the value is good.
      argument: the user's name for the value.
      expected: what the value must be; it follows "must be".
      got: the value that came.

    Raises:
      InputError: if the condition is false.
    """
    if not condition:
        shape = isinstance(got, tuple) and all(isinstance(n, int) for n in got)
        raise InputError(f"{argument} must be {expected}, got {got if shape else shown(got)}")


@contextmanager
def naming(where: object) -> Iterator[None]:
    """Put a file, or another place, in front of the message of an `InputError`.

    Args:
      where: the place.

    Raises:
      InputError: if the block raises one.
    """
    try:
        yield
    except InputError as error:
        text, place = str(error), str(where)
        named = text.startswith(place) and text[len(place) : len(place) + 1] in tuple(":,/ ")
        raise InputError(text if named else f"{place}: {text}") from None


def unknown(kind: str, name: object, known: Iterable[str]) -> InputError:
    """Make the error for a name that is not in a table; the message suggests the nearest one.

    Args:
      kind: what the table holds, in the singular, such as "optimizer".
      name: the name that came.
      known: the names in the table.

    Returns:
      The error. The caller raises it.
    """
    known = list(known)
    expected = f"expected one of {', '.join(map(str, known))}"
    return InputError(f"unknown {kind} {shown(name)}, {expected}{nearest(str(name), known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'NAME'?" with the nearest known name, or "" if none is near.

    Args:
      name: the name that came.
      known: the names that are known.

    Returns:
      The end of a message.
    """
    near = difflib.get_close_matches(name, [*map(str, known)], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
