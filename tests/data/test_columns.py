"""New rows of a table are encoded like the rows of the training table, or rejected."""

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest

from jaxmlp.data.column import Column
from jaxmlp.data.columns import Columns, columns_of_numbers
from jaxmlp.errors import InputError

COLOUR = Column("colour", "category", categories=("blue", "red"))
SHAPE = Column("shape", "category", gaps=True, categories=("flat", "round", "tall"))
AGE = Column("age", "number", gaps=True, fill=(41.5,))
SIZE = Column("size", "number", fill=(2.0,))
SOLD = Column("sold", "time", fill=(2000.0, 6.0), parts=("year", "month"), form="%d.%m.%Y")
COLUMNS = Columns((AGE, SIZE, COLOUR, SHAPE, SOLD), ("label",), ("size", "label"))
ROWS = {
    "colour": ["red", "blue", "red"],
    "size": [1, 2, 3],
    "shape": ["tall", "flat", "round"],
    "age": [30.5, 40.0, 50.0],
    "sold": ["1.2.2003", "31.12.1999", "5.6.2007"],
}
NAMES = (
    *("age", "age is missing", "size", "colour=blue", "colour=red"),
    *("shape=flat", "shape=round", "shape=tall", "shape is missing", "sold (year)", "sold (month)"),
)
ENCODED = [
    [30.5, 0, 1, 0, 1, 0, 0, 1, 0, 2003, 2],
    [40, 0, 2, 1, 0, 1, 0, 0, 0, 1999, 12],
    [50, 0, 3, 0, 1, 0, 1, 0, 0, 2007, 6],
]


def test_encode_goes_by_names_not_by_order():
    """A further column is passed over, and so is the target."""
    assert COLUMNS.input_names == NAMES
    binary = [" is missing" in name or "=" in name for name in NAMES]
    assert COLUMNS.binary.tolist() == binary
    assert COLUMNS.encode(pa.table(ROWS), "new").x.tolist() == ENCODED
    more = {"label": ["?", None, "!"], "note": ["a", "b", "c"]}
    encoded = COLUMNS.encode(pa.table(more | ROWS), "new")
    assert (encoded.x.tolist(), encoded.notes) == (ENCODED, [])


def test_gaps_and_unseen_categories_are_counted():
    """A gap is the median, with an input that says so; an unseen category is 0 for all values."""
    change = {
        "age": ["?", "40", "nan"],
        "size": [None, 2, 3],
        "shape": ["", "flat", "NA"],
        "colour": ["green", None, "red"],
        "sold": ["-", "31.12.1999", ""],
    }
    encoded = COLUMNS.encode(pa.table(ROWS | change), "new")
    assert encoded.x.tolist() == [
        [41.5, 1, 2, 0, 0, 0, 0, 0, 1, 2000, 6],
        [40, 0, 2, 0, 0, 1, 0, 0, 0, 1999, 12],
        [41.5, 1, 3, 0, 1, 0, 0, 0, 1, 2000, 6],
    ]
    missing, unseen = encoded.notes
    assert missing.startswith("new: 8 missing cells (age 2, size 1, colour 1, shape 2, sold 2): ")
    assert unseen == "new: 1 cell of categories that training has not seen (colour: 'green')"


KINDS = {
    "int8": pa.array([1, 2], pa.int8()),
    "uint64": pa.array([1, 2], pa.uint64()),
    "float32": pa.array([1, 2], pa.float32()),
    "decimal": pa.array([1, 2], pa.decimal128(5, 2)),
    "text": pa.array(["1", " +2e0 "]),
    "durations": pa.array([datetime.timedelta(seconds=1), datetime.timedelta(seconds=2)]),
}


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_every_kind_of_number(values):
    columns = columns_of_numbers(["a"])
    assert columns.encode(pa.table({"a": values}), "new").x.tolist() == [[1], [2]]


WHEN = [datetime.datetime(2003, 2, 1, 12, 30), datetime.datetime(1969, 12, 31, 18)]
TIMES = {
    "timestamps": pa.array(WHEN, pa.timestamp("ms")),
    "with a zone": pa.array(WHEN, pa.timestamp("s", "UTC")),
    "text": pa.array(["2003-02-01 12:30", "1969-12-31T18:00:00"]),
}


@pytest.mark.parametrize("values", TIMES.values(), ids=TIMES)
def test_every_kind_of_time(values):
    """Days since 1970, the year, the month, the day of the week from Monday, and the hour."""
    parts = ("days", "year", "month", "weekday", "hour")
    columns = Columns((Column("t", "time", fill=(0.0,) * 5, parts=parts),))
    days = 33 * 365 + 8 + 31 + 12.5 / 24  # eight leap years from 1972 to 2000
    expected = [[days, 2003, 2, 5, 12.5], [-0.25, 1969, 12, 2, 18]]
    found = columns.encode(pa.table({"t": values}), "new").x
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_truth_is_the_same_in_every_spelling():
    columns = Columns((Column("a", "category", categories=("False", "True")),))
    for values in (pa.array([True, False]), pa.array(["True", "False"])):
        assert columns.encode(pa.table({"a": values}), "new").x.tolist() == [[0, 1], [1, 0]]


def test_round_trip_through_json():
    assert Columns.from_dict(json.loads(json.dumps(COLUMNS.to_dict()))) == COLUMNS


def test_a_record_of_an_earlier_version():
    record = {"numeric": ["a"], "categorical": [["b", ["u", "v"]]], "target": ["y"]}
    columns = Columns.from_dict(record)
    table = pa.table({"b": ["v", "u"], "a": [1.5, 2]})
    assert columns.encode(table, "new").x.tolist() == [[1.5, 0, 1], [2, 1, 0]]
    with pytest.raises(InputError, match="column 'a', row 2: the value is missing, and was in no"):
        columns.encode(pa.table({"b": ["v", "u"], "a": [1.5, None]}), "new")


BAD = {
    "missing column": ({"age": None}, "new: expected the column 'age', got no such column"),
    "bad cell": ({"age": ["x", "3", "4"]}, "new: column 'age', row 1: expected a number, got 'x'"),
    "infinite": (
        {"age": [1, np.inf, 2]},
        "new: column 'age', row 2: expected a finite number, got inf",
    ),
    "list": ({"age": [[1], [2], [3]]}, "new: column 'age': expected numbers, got the type list"),
    "no date": (
        {"sold": ["1.2.2003", "31.2.2003", "x"]},
        "new: column 'sold', row 2: expected a date or time in the form %d.%m.%Y, got '31.2.2003'",
    ),
    "number for a date": (
        {"sold": [1, 2, 3]},
        "new: column 'sold': expected dates or times, got the type int64",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_encode_rejects(change, message):
    rows = {name: values for name, values in (ROWS | change).items() if values is not None}
    with pytest.raises(InputError) as error:
        COLUMNS.encode(pa.table(rows), "new")
    assert str(error.value).startswith(message)


def test_many_names_are_cut_short():
    columns = columns_of_numbers(f"c{i}" for i in range(30))
    with pytest.raises(
        InputError, match=r"expected the columns 'c0', .*'c9' and 20 more, got no such"
    ):
        columns.encode(pa.table({}), "new")
