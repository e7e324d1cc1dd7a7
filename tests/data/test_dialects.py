"""The dialects of text tables: what is found by looking, what the user says, what is refused."""

import bz2
import gzip
import itertools

import pyarrow as pa
import pytest
from pyarrow import feather

from jaxmlp.data.dialects import Reading
from jaxmlp.data.gaps import MARKERS
from jaxmlp.data.headers import name_columns
from jaxmlp.data.numerals import numbers_of
from jaxmlp.data.readers import read_table
from jaxmlp.errors import InputError

NUMBERS = [1234.5, -0.25, 12.0, 1234567.125, 3.5, 0.0]
TEXTS = ["Zoë", "a b", "O'Neil", "x", "é, ü", "9b"]
MPG = b'18.0   8   307.0  3504.   70  1\t"chevrolet malibu"\n15.0   8   ?  3693.   70  1\t"buick"\n'


@pytest.fixture
def read(tmp_path):
    """Return a function that writes content to a file and reads it as a table."""

    def read(content, name="my.csv", **reading):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, Reading(**reading))

    return read


def in_dialect(delimiter, decimal, thousands, quote, header):
    """Write the table of NUMBERS and TEXTS in a dialect, with a column that counts the rows."""
    lines = [["row", "größe", "name"]] if header else []
    for row, (number, text) in enumerate(zip(NUMBERS, TEXTS, strict=True)):
        plain = f"{number:,}".replace(",", "_").replace(".", decimal).replace("_", thousands)
        lines.append([str(row % 3), plain, text])

    def quoted(cell):
        needed = any(mark in cell for mark in (delimiter, quote, " "))
        return quote + cell.replace(quote, 2 * quote) + quote if needed else cell

    return "".join(delimiter.join(map(quoted, line)) + "\r\n" for line in lines)


NOTATIONS = [
    (decimal, thousands)
    for decimal, thousands in itertools.product((".", ","), ("", ",", ".", "'", " ", "\u202f"))
    if decimal != thousands
]
AROUND = itertools.cycle(
    itertools.product(('"', "'"), ("utf-8", "utf-16", "cp1252", "utf-8-sig", "utf-16-le"))
)
DIALECTS = [
    (*case, *around)
    for case, around in zip(
        itertools.product((",", ";", "\t", "|", " "), NOTATIONS, (True, False)),
        AROUND,
        strict=False,
    )
    if case[1][1] != around[0] and not (case[1][1] == "\u202f" and around[1] == "cp1252")
]


def test_every_dialect_is_read_alike(read):
    """Each combination gives the same numbers and texts, and says what it is."""
    for delimiter, (decimal, thousands), header, quote, encoding in DIALECTS:
        text = in_dialect(delimiter, decimal, thousands, quote, header).encode(encoding)
        rows, reading = read(text)
        found = (reading.delimiter, reading.decimal, reading.thousands, reading.quote)
        assert found == (delimiter, decimal, thousands, quote)
        assert (reading.header, reading.encoding) == (header, encoding)
        names = ["row", "größe", "name"] if header else ["column1", "column2", "column3"]
        assert rows.column_names == names
        numbers = numbers_of(rows.column(1), reading.decimal, reading.thousands)
        assert numbers.to_pylist() == NUMBERS
        assert rows.column(2).to_pylist() == TEXTS
        assert read(text, **reading.to_dict()) == (rows, reading)


LAYOUTS = {  # content, names, number of rows, the last row
    "blanks after commas": (b"39, Gov, 5\n50, Own, 6\n39, Own, 5\n", None, 3, ["39", "Own", "5"]),
    "runs of blanks": (b"  1   2.5 3\n 14 5 6.5  \n7\t8 9\n", None, 3, ["7", "8", "9"]),
    "blanks and quotes": (MPG, None, 2, ["15.0", "8", "?", "3693.", "70", "1", "buick"]),
    "decimal commas by blanks": (b"a b\n1,5 2,5\n0,5 7\n", ["a", "b"], 2, ["0,5", "7"]),
    "quotes after blanks": (b'n, "b"\nx, "a, b"\nz, "c"\n', ["n", "b"], 2, ["z", "c"]),
    "comments": (b"# by me\n# today\na,b\n1,2\n# half\n3,4\n", ["a", "b"], 2, ["3", "4"]),
    "names in a comment": (b"# a,b\n1,2\n3,4\n", ["a", "b"], 2, ["3", "4"]),
    "a title": (b"Sales of 2024\n\na;b\n1;2\n3;4\n", ["a", "b"], 2, ["3", "4"]),
    "Excel's first line": (b"sep=;\na;b\n1;2\n3;4\n", ["a", "b"], 2, ["3", "4"]),
    "blank lines": (b"a,b\n\n1,2\n,\n3,4\n  \n\n", ["a", "b"], 2, ["3", "4"]),
    "delimiter at the end": (b"a;b;\n1;2;\n3;4;\n", ["a", "b"], 2, ["3", "4"]),
    "that of rows alone": (b"a;b\n1;2;\n3;4;\n", ["a", "b"], 2, ["3", "4"]),
    "that of the names alone": (b"a;b;\n1;2\n3;4\n", ["a", "b"], 2, ["3", "4"]),
    "several": (b"a;b;;\n1;2;;\n;;;\n", ["a", "b"], 1, ["1", "2"]),
    "years": (
        b"who,1960,1961,1962\nA,,2,3\nB,4,,2\n",
        ["who", "1960", "1961", "1962"],
        2,
        [*"B4", "", "2"],
    ),
    "years above rows that rise": (
        b",1940,1945,1950\nA,1,2,4\nB,4,5,9\n",
        ["column1", "1940", "1945", "1950"],
        2,
        [*"B459"],
    ),
    "names of rows": (b'"","x"\n"1",5\n"2",x\n', ["column1", "x"], 2, ["2", "x"]),
    "two columns of counts": (b"0,1\n1,3\n2,4\n", None, 3, ["2", "4"]),
    "two numbered columns": (b"0,1\n1.5,3\n2.5,4\n", ["0", "1"], 2, ["2.5", "4"]),
    "numbers that rise": (
        b"1,2,16.7,18.7\n1,2,17.6,18.7\n2,1,14.4,9\n",
        None,
        3,
        ["2", "1", "14.4", "9"],
    ),
    "some delimiters twice": (b"1\t2.5\t3\n4\t\t5\t6\n7\t8\t9\n" * 2, None, 6, list("789")),
    "a comma at the end of numbers": (b"a,b\n7, .01\n9, .02\n", ["a", "b"], 2, ["9", ".02"]),
    "ruled lines": (b"T\n===\na  b\n-----\n1  2\n3  4\n", ["a", "b"], 2, ["3", "4"]),
    "a header twice": (b"a,b\n1,2\na,b\n3,4\n5,6\n", ["a", "b"], 4, ["5", "6"]),
    "carets": (b"a^b\n1^2\n3^4\n", ["a", "b"], 2, ["3", "4"]),
    "UTF-32": ("a,b\n1,2\n3,4\n".encode("utf-32"), ["a", "b"], 2, ["3", "4"]),
    "bytes that Windows lacks": (b"a,b\n\x81,2\nx,4\n", ["a", "b"], 2, ["x", "4"]),
    "control characters": (b"a,b\n\x1b[1m,2\nx,4\n", ["a", "b"], 2, ["x", "4"]),
    "lines in a name": (b'"a\nb",c\n1,2\n3,4\n', ["a\nb", "c"], 2, ["3", "4"]),
    "row names of R": (b'"a" "b"\n"1" 5 6\n"2" 7 8\n', ["column1", "a", "b"], 2, ["2", "7", "8"]),
    "names": (b",a,a,\n0,1,2,3\n1,2,3,4\n", ["column1", "a", "a.1", "column4"], 2, list("1234")),
    "ends of old Macs": (b"a,b\r1,2\r3,4\r", ["a", "b"], 2, ["3", "4"]),
    "gzip": (gzip.compress(b"a,b\n1,2\n3,4"), ["a", "b"], 2, ["3", "4"]),
    "lines in cells": (b'a,b\n1,"two\nlines"\n2,x\n', ["a", "b"], 2, ["2", "x"]),
    "no rows": (b"a,b\n", ["a", "b"], 0, None),
    "clock times": (b"a,b\n10:30,x\n11:45,y\n", ["a", "b"], 2, ["11:45", "y"]),
    "names of texts": (b"who,what\nAda,x\nBob,y\nCy,x\n", ["who", "what"], 3, ["Cy", "x"]),
    "dates": (b"day,what\n2024-01-01,x\n2024-01-02,y\n", ["day", "what"], 2, ["2024-01-02", "y"]),
    "dates alone": (b"2024-01-01,x\n2024-01-02,y\n2024-01-03,x\n", None, 3, ["2024-01-03", "x"]),
    "a gap in the first row": (b"?,5,M\n3,6,F\n4,7,M\n", None, 3, ["4", "7", "M"]),
}


@pytest.mark.parametrize(("content", "names", "count", "last"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(read, content, names, count, last):
    """What lies around the cells is found, and no cell is lost."""
    rows, reading = read(content)
    assert reading.header == (names is not None)
    assert rows.column_names == (names or [f"column{i}" for i in range(1, len(last) + 1)])
    assert len(rows) == count
    assert not count or [*rows.to_pylist()[-1].values()] == last


GROUPS = {  # a column in a file of a delimiter, the decimal sign and that of thousands
    "commas in quotes": (",", ['"1,234"', "950", '"12,345"'], ".", ","),
    "Indian": (",", ['"1,23,456"', '"12,34,567.5"', "950"], ".", ","),
    "two groups": (";", ["1,234,567", "2,345,678"], ".", ","),
    "German": (";", ["1.234", "1,5", "0,25"], ",", "."),
    "another column decides": (";", ["1,234;0.5", "2,345;0.25"], ".", ","),
    "three digits": (",", ["1.234", "5.678"], ".", ""),
    "groups among short numbers": (";", ["1.234", *["2.345"] * 9, "950"], ",", "."),
    "years": (",", ["1999", "2001"], ".", ""),
    "exponents": (",", ["1.5e3", "2e-3"], ".", ""),
}


@pytest.mark.parametrize(
    ("delimiter", "cells", "decimal", "thousands"), GROUPS.values(), ids=GROUPS
)
def test_decimal_sign_and_thousands(read, delimiter, cells, decimal, thousands):
    lines = [f"{cell}{delimiter}x" for cell in cells]
    width = cells[0].count(delimiter) if delimiter == ";" else 0
    header = delimiter.join(["a", *["b"] * width, "c"])
    _, reading = read("\n".join([header, *lines]))
    assert (reading.decimal, reading.thousands) == (decimal, thousands)


REFUSED = {  # content, what the user says, the message
    "two ways": ("a;b\n1,234;x\n5,678;y\n", {}, "column 'a': 1,234 may be 1234 or 1.234: say wh"),
    "a note in the middle": ("a,b\n1,2\nsee below\n3,4\n", {}, "line 3: expected 2 cells as in"),
    "a gap in a short row": ('a; "b"\n1; "x"\n?\n2;3;4\n', {}, "line 4: expected 2 cells as in t"),
    "short row": ("a,b\n1,2\n\n3\n", {}, "line 4: expected 2 cells as in the other rows, got 1"),
    "long row": ('a b\n1 "2"\n3 4 5\n6 7\n8 9', {}, "line 3: expected 2 cells as in the other r"),
    "names too many": ("a,b,c,d\n1,2,3\n4,5,6\n", {}, "line 1: expected 3 cells as in the rows b"),
    "open quote": ('a,b\n1,"2\n3,4\n', {}, 'a quote " opens and does not close; its row is 1'),
    "wrong encoding": (b"a,b\n\xe9,2\n", {"encoding": "utf-8"}, "the file is not in utf-8: "),
    "compressed": (bz2.compress(b"a,b\n1,2\n"), {}, "expected a table of text, got bytes that are"),
    "blank": (b"\n \n", {}, "expected a table, got blank lines"),
}


@pytest.mark.parametrize(("content", "reading", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read(read, content, reading, message):
    with pytest.raises(InputError) as error:
        read(content, **reading)
    assert f"my.csv: {message}" in str(error.value)


def test_lines_outside_the_table_are_counted(read):
    """Each is left out, and the reading says how many there are."""
    rows, reading = read(
        "Sales\n\n# of 2024\na,b\n1,2\n# half\n3,4\n\n---\nSource: the shop\nend\n"
    )
    assert rows.to_pydict() == {"a": ["1", "3"], "b": ["2", "4"]}
    assert reading.skipped == 6
    assert reading.in_words().endswith("utf-8, without 6 lines outside the table")
    assert read("# a,b\n1,2\n3,4\n")[1].skipped is None
    assert read("5,x,y\n1,2\n3,4\n5,6\n")[1].skipped == 1


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"delimiter": "ab"}, "delimiter must be one character such as , or ;, or tab or blanks"),
        ({"decimal": "x"}, "decimal must be . or ,, got 'x'"),
        ({"thousands": "x"}, "thousands must be none, or one of"),
        ({"quote": "x"}, "quote must be"),
        ({"encoding": "x"}, "encoding must be an encoding of text"),
        ({"encoding": "hex"}, "encoding must be an encoding of text"),
        ({"delimiter": 3}, "delimiter must be a text, got 3"),
        ({"encoding": ["x"]}, "encoding must be a text, got"),
        ({"decimal": ",", "thousands": ","}, "thousands must be another character than decimal"),
    ],
)
def test_readings_that_cannot_be(reading, message):
    with pytest.raises(InputError, match="^" + message.replace(".", r"\.")):
        Reading.from_dict(reading)


def test_a_record_with_an_unknown_field():
    with pytest.raises(
        InputError, match=r"unknown field of a reading 'quotes'.*did you mean 'quote'"
    ):
        Reading.from_dict({"quotes": '"'})


def test_what_the_user_says_counts(read):
    """Each part of the reading is taken as it is given, in words too."""
    said = Reading(False, "tab", "comma", "none", "none", "latin1")
    assert said == Reading(False, "\t", ",", "", "", "iso8859-1")
    rows, reading = read(b'1,234\t"\xe9\n', **said.to_dict())
    assert rows.to_pylist() == [{"column1": "1,234", "column2": '"é'}]
    assert reading == said
    assert Reading.from_dict(reading.to_dict()) == reading
    words = "tab between cells, decimal comma, iso8859-1"
    assert reading.in_words() == words


def test_numbers_of_a_notation():
    """What is a number in another notation is none in this one."""
    cells = pa.chunked_array(
        [["1.234,5", "-7", "1.5", "12,34", "", "1e3", "+2", "inf", "1.23.456"]]
    )
    found = numbers_of(cells, ",", ".").to_pylist()
    assert found == [1234.5, -7, None, 12.34, None, 1000, 2, None, None]
    assert numbers_of(cells).to_pylist() == [None, -7, 1.5, None, None, 1000, 2, None, None]
    assert numbers_of(pa.chunked_array([["1", "2.5"]])).to_pylist() == [1, 2.5]
    assert numbers_of(pa.chunked_array([["1,23,456", "1,2"]]), ".", ",").to_pylist() == [
        123456,
        None,
    ]


def test_known_columns_are_read_as_numbers_at_once(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text("a,b\n1.5,x\nNA,y\n-2,z\n")
    rows, _ = read_table(path, numbers=("a",))
    assert rows.to_pydict() == {"a": [1.5, None, -2.0], "b": ["x", "y", "z"]}
    rows, _ = read_table(path, numbers=("a", "b"))
    assert rows.to_pydict() == {"a": ["1.5", "NA", "-2"], "b": ["x", "y", "z"]}


@pytest.mark.parametrize("name", ["my.feather", "my.arrow"])
def test_feather(tmp_path, name):
    table = pa.table({"a": [1.5, None], "b": pa.array(["x", "y"]).dictionary_encode()})
    table = table.append_column("day", pa.array([1, 2], pa.date32()))
    feather.write_feather(table, tmp_path / name)
    rows, reading = read_table(tmp_path / name)
    assert reading == Reading(header=True)
    assert rows.to_pydict() == table.to_pydict()
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{name}: the file cannot be read as a Feather table: "):
        read_table(tmp_path / name)


@pytest.mark.parametrize("marker", MARKERS)
def test_gaps_are_the_same_everywhere(tmp_path, marker):
    """A marker is a gap for the header, the decimal sign and the quick way of reading numbers."""
    path, cells = tmp_path / "my.csv", [marker.upper(), "1,5", *[marker] * 8, "2,5"]
    path.write_text("n;x\n" + "".join(f"{cell};u\n" for cell in cells))
    table, reading = read_table(path, numbers=("n",))
    assert (reading.header, reading.decimal) == (True, ",")
    assert table["n"].to_pylist() == [None, 1.5, *[None] * 8, 2.5]


def test_the_name_of_a_column_may_be_a_gap_s(read):
    """Beside other names; but a sign for nothing above numbers is a cell."""
    assert read("missing,none\n1,2\n3,4\n")[0].column_names == ["missing", "none"]
    assert read("missing,kind\n1,u\n3,v\n")[0].column_names == ["missing", "kind"]
    assert read("?,u\n3,v\n4,w\n")[1].header is False


def test_names_are_different():
    assert name_columns(["a", "a", "", "a.1", "a"]) == ["a", "a.2", "column3", "a.1", "a.3"]
