"""The dialect of a text table: what stands between cells, around them, and inside numbers."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from jaxmlp.data.numerals import GROUPS
from jaxmlp.errors import check, unknown

WORDS = {"tab": "\t", "\\t": "\t", "blanks": " ", "blank": " ", "space": " ", "none": ""}
WORDS |= {
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "colon": ":",
    "point": ".",
    "apostrophe": "'",
}
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
BOMS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # begins as that of UTF-32


@dataclass(frozen=True)
class Reading:
    r"""How a table is read; `None` stands for what is found by looking at the file.

    Attributes:
      header: whether the first line names the columns.
      delimiter: what stands between two cells: one character; a blank means any number of blanks
        and tabs. Words are `tab`, `blanks`, `comma`, `semicolon`, `pipe` and `colon`.
      decimal: the decimal sign of numbers, `.` or `,`.
      thousands: what groups the digits of long numbers, such as `,` or `'`; empty or `none` for
        nothing.
      quote: what stands around a cell that holds a delimiter, `"` or `'`; empty or `none` for
        nothing.
      encoding: the encoding of the letters, such as `utf-8` or `latin-1`.
      skipped: the number of lines outside the table that were left out: a title, comments, notes.

    Raises:
      InputError: if a value cannot be one of a table.
    """

    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    quote: str | None = None
    encoding: str | None = None
    skipped: int | None = None

    def __post_init__(self) -> None:
        for name in ("delimiter", "decimal", "thousands", "quote", "encoding"):
            given = getattr(self, name)
            check(given is None or isinstance(given, str), name, "a text", given)
            if given is not None and name != "encoding":
                object.__setattr__(self, name, WORDS.get(given, given))
        _check_one_of(self, "decimal", (".", ","), ". or ,")
        _check_one_of(self, "thousands", ("", *GROUPS), "none, or one of , . ' and a blank")
        _check_one_of(self, "quote", ("", '"', "'"), "\", ' or none")
        if self.delimiter is not None:
            good = len(self.delimiter) == 1 and not re.match(r"[\w\"'.\n\r+-]", self.delimiter)
            check(
                good, "delimiter", "one character such as , or ;, or tab or blanks", self.delimiter
            )
        if self.decimal is not None:
            words = f"another character than decimal, {self.decimal!r}"
            check(self.thousands != self.decimal, "thousands", words, self.thousands)
        if self.encoding is not None:
            object.__setattr__(self, "encoding", _encoding_name(self.encoding))

    def to_dict(self) -> dict[str, Any]:
        """Return what is decided, for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Rebuild a reading from its record.

        Args:
          record: the result of `to_dict`.

        Returns:
          The reading.

        Raises:
          InputError: if the record has an unknown field, or a value that cannot be one.
        """
        known = [field.name for field in fields(cls)]
        for name in record:
            if name not in known:
                raise unknown("field of a reading", name, known)
        return cls(**record)

    def header_in_words(self) -> str:
        """Say, for people, where the names of the columns come from."""
        if self.delimiter is None:
            return "named in the file"
        return "named in the first line" if self.header else "numbered, as there is no header line"

    def in_words(self) -> str:
        """Describe what is decided, for people."""
        if self.delimiter is None:
            return "typed columns"
        names = {value: word for word, value in reversed(WORDS.items())}
        cells = names.get(self.delimiter, self.delimiter) + " between cells"
        parts = [cells, f"decimal {names.get(self.decimal or '.', self.decimal)}"]
        if self.thousands:
            parts.append(f"thousands by {names.get(self.thousands, repr(self.thousands))}")
        if self.quote:
            parts.append(f"quotes {self.quote}")
        parts.append(str(self.encoding))
        if self.skipped:
            parts.append(f"without {self.skipped} line{'s' * (self.skipped > 1)} outside the table")
        return ", ".join(parts)


def _check_one_of(reading: Reading, name: str, known: Sequence[str], words: str) -> None:
    value = getattr(reading, name)
    check(value is None or value in known, name, words, value)


def _encoding_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(name)  # a LookupError where it is an encoding of bytes
    except (LookupError, ValueError):
        name = ""
    check(bool(name), "encoding", "an encoding of text, such as utf-8, utf-16 or latin-1", encoding)
    return name


def find_encoding(content: bytes) -> str | None:
    """Find the encoding of a text: UTF-8 if it can be, then UTF-16, then that of Windows.

    Args:
      content: the whole text.

    Returns:
      The name that Python has for the encoding, or `None` if these bytes are no text.
    """
    for mark, name in BOMS.items():
        if content.startswith(mark):
            return name
    start = content[: 1 << 16]
    zeros = [start[i::2].count(0) for i in (0, 1)]
    if max(zeros) > 0.4 * (len(start) // 2) and min(zeros) <= 0.01 * len(start):
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    if b"\0" in start:
        return None
    if _decodes(content, "utf-8"):
        return "utf-8"
    if re.search(rb"[\1-\x08\x0e-\x1f]", start):
        return None
    return "cp1252" if _decodes(content, "cp1252") else "iso8859-1"


def _decodes(content: bytes, encoding: str) -> bool:
    if content.isascii():
        return True
    decoder, step = codecs.getincrementaldecoder(encoding)(), 1 << 20
    try:
        for start in range(0, len(content), step):
            decoder.decode(content[start : start + step])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
