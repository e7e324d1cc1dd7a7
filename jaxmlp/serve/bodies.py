"""Bodies of requests: read within limits, and turned into inputs of a network.

What comes from outside is never trusted: a body is JSON or a picture, of few enough bytes and rows,
and its values are numbers and texts. A text is never taken for the name of a file.
"""

import math
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.cli.extras import need
from jaxmlp.data import Columns
from jaxmlp.data.in_memory import NAME
from jaxmlp.errors import InputError, Shown, check, listed, shown
from jaxmlp.files import parse_json

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from jaxmlp.runs.network import Network

MULTIPART = "multipart/form-data"
JSON = "application/json"
PICTURES = "image/"
BODY, PICTURE = "the body", "the picture"  # what they are called in messages


class Limits(NamedTuple):
    """What a request may take.

    Attributes:
      size: bytes of a body.
      rows: examples in a request.
      seconds: until the body has come, and again until the answer is there.
    """

    size: int
    rows: int
    seconds: float


class Refused(Exception):
    """A request that is not answered.

    Args:
      status: the status of HTTP, from 400 to 499.
      reason: in one line.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Examples(NamedTuple):
    """What a request asks about.

    Attributes:
      x: inputs in the form of the data set, `(N, *input_shape)`.
      names: of the examples, counted as `jaxmlp.predict` counts them.
      notes: what was done to them.
    """

    x: np.ndarray
    names: list[str]
    notes: list[str]


async def read_body(stream: AsyncIterator[bytes], headers: "Headers", limits: Limits) -> bytes:
    """Return a body.

    Args:
      stream: its pieces, as they come.
      headers: of the request.
      limits: the most bytes.

    Returns:
      The whole body.

    Raises:
      Refused: with status 413 if the body is too large, also before it has come; with 400 if its
        length is none.
    """
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise Refused(400, f"content-length must be a number, got {shown(length)}")
    body, too_large = bytearray(), Refused(413, f"{BODY} must have at most {limits.size} bytes")
    if len(length) > 18 or int(length) > limits.size:
        raise too_large
    async for piece in stream:
        body += piece
        if len(body) > limits.size:
            raise too_large
    return bytes(body)


async def parts_of(body: bytes, headers: "Headers", limits: Limits) -> list[bytes]:
    """Return the pictures of a body: itself, or the files of a form.

    Args:
      body: the body.
      headers: of the request.
      limits: the most files.

    Returns:
      The bytes of each picture.

    Raises:
      Refused: if a form is broken or has no files.
    """
    if _kind(headers) != MULTIPART:
        return [body]
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def whole() -> Any:
        yield body

    parser = MultiPartParser(headers, whole(), max_files=limits.rows, max_fields=limits.rows)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused(400, f"{BODY} is not a whole form: {error}") from None
    files = [value for _, value in form.multi_items() if not isinstance(value, str)]
    contents = [await file.read() for file in files]
    await form.close()
    if not contents:
        raise Refused(400, "a form must have a file, a picture, got none")
    return contents


def kind_of(headers: "Headers", network: "Network") -> str:
    """Return what a body is: `application/json`, `image/`, or `multipart/form-data`.

    Args:
      headers: of the request.
      network: takes pictures or not.

    Returns:
      The kind.

    Raises:
      Refused: with status 415 if the network does not take it.
    """
    kind = _kind(headers)
    kind = PICTURES if kind.startswith(PICTURES) else kind
    known = (JSON, PICTURES, MULTIPART) if takes_pictures(network) else (JSON,)
    if kind not in known:
        raise Refused(415, f"content-type must be {' or '.join(known)}, got {shown(kind or None)}")
    if kind == MULTIPART:
        try:
            need(("python_multipart",), "serve", "a form")
        except InputError as error:
            raise Refused(415, str(error)) from None
    return kind


def _kind(headers: "Headers") -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def takes_pictures(network: "Network") -> bool:
    """Return whether the examples of a network are pictures that a file can hold."""
    shape = network.signature.input_shape
    return len(shape) == 3 and shape[-1] in (1, 3)


def examples_from_pictures(network: "Network", pictures: list[bytes]) -> Examples:
    """Return pictures as inputs, read as `jaxmlp.predict` reads their files.

    Args:
      network: the network.
      pictures: the content of a file each.

    Returns:
      The inputs, and what was done to them.

    Raises:
      InputError: if one is no picture, damaged or too large.
    """
    read = []
    with TemporaryDirectory(prefix="jaxmlp-") as folder:
        file = Path(folder) / "picture.png"  # a picture is known by its content
        for content in pictures:
            file.write_bytes(content)
            try:
                read.append(network.read(file))
            except InputError as error:
                raise InputError(str(error).replace(str(file), PICTURE)) from None
    notes = [note.replace(str(file), PICTURE) for inputs in read for note in inputs.notes]
    names = [f"picture {number}" for number in range(1, len(read) + 1)]
    return Examples(np.concatenate([inputs.x for inputs in read]), names, notes)


def examples_from_json(network: "Network", body: bytes, limits: Limits) -> Examples:
    """Return the inputs that a JSON text holds.

    Args:
      network: the network.
      body: rows of a table, each an object of cells by the names of columns; or examples, each a
        list of numbers in the shape of an input. A single one needs no list around it.
      limits: the most rows.

    Returns:
      The inputs.

    Raises:
      Refused: if the text is no JSON, or has too many rows.
      InputError: if its values do not fit the network.
    """
    try:
        given = parse_json(body.decode(), BODY)
    except UnicodeDecodeError:
        raise Refused(400, f"{BODY} must be JSON in UTF-8") from None
    except InputError as error:
        raise Refused(400, str(error)) from None
    make = _array if network.signature.columns is None else _rows
    try:
        found = make(network, given, limits)
    except InputError as error:
        raise InputError(str(error).replace(NAME, BODY)) from None
    return found._replace(notes=[note.replace(NAME, BODY) for note in found.notes])


def _rows(network: "Network", given: Any, limits: Limits) -> Examples:
    rows = [given] if isinstance(given, dict) else given
    good = isinstance(rows, list) and len(rows) > 0 and all(isinstance(r, dict) for r in rows)
    if not good:
        raise InputError(f"{BODY} must be rows, a list of objects, got {_in_words(given)}")
    _check_rows(len(rows), limits)
    signature = network.signature
    names = [column.name for column in Columns.from_dict(signature.columns or {}).inputs]
    for number, row in enumerate(rows, 1):
        absent = [name for name in names if name not in row]
        if absent:
            columns = listed([repr(name) for name in absent], 5)
            raise InputError(f"row {number} must have every column, null where a value is missing;"
                             f" it lacks {columns}")  # fmt: skip
        for name, cell in row.items():
            _check_cell(cell, f"row {number}, column {shown(name)}")
    inputs = network.inputs_of(rows)
    return Examples(inputs.x, [f"row {number}" for number in range(1, len(rows) + 1)], inputs.notes)


def _check_cell(cell: Any, where: str) -> None:
    good = cell is None or isinstance(cell, str | bool | int | float)
    check(good, where, "a number, a text, true, false or null", Shown(_in_words(cell)))
    if isinstance(cell, int | float):
        check(_is_double(cell), where, "a number that fits float64", Shown("one too large"))


def _is_double(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


def _array(network: "Network", given: Any, limits: Limits) -> Examples:
    """Return nested lists of numbers as an array: one example, or several."""
    shape = network.signature.input_shape
    if not isinstance(given, list):
        expected = f"examples of shape {shape}, lists of numbers"
        raise InputError(f"{BODY} must be {expected}, got {_in_words(given)}")
    try:
        x = np.array(given)
        x = x.astype(np.float64) if x.dtype == object else x  # whole numbers beyond 64 bits
    except (ValueError, TypeError, OverflowError):
        words = "lists of the same lengths with numbers that fit float64"
        raise InputError(f"{BODY} must be {words}") from None
    check(x.dtype.kind in "biuf", BODY, "lists of numbers", Shown(f"values of type {x.dtype}"))
    check(bool(np.isfinite(x).all()), BODY, "numbers that fit float64", Shown("one too large"))
    _check_rows(1 if x.ndim <= 1 or x.shape == shape else len(x), limits)
    inputs = network.inputs_of(x)
    return Examples(inputs.x, [f"row {number}" for number in range(len(inputs.x))], inputs.notes)


def _check_rows(count: int, limits: Limits) -> None:
    if count > limits.rows:
        raise Refused(413, f"a request may have at most {limits.rows} rows, got {count}")


def _in_words(value: Any) -> str:
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}
    return "null" if value is None else kinds.get(type(value), "a number")
