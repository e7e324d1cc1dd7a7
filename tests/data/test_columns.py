"""New rows of a table are encoded like the rows of the training table, or rejected."""

import json

import numpy as np
import pyarrow as pa
import pytest

from jaxmlp.data import Columns
from jaxmlp.data.columns import infer_columns
from jaxmlp.errors import InputError

CATEGORIES = {"colour": ("blue", "red"), "shape": ("flat", "round", "tall")}
COLUMNS = Columns(("age", "size"), CATEGORIES, ("label",))
ROWS = {
    "colour": ["red", "blue", "red"],
    "size": [1, 2, 3],
    "shape": ["tall", "flat", "round"],
    "age": [30.5, 40.0, 50.0],
}


def test_encode_goes_by_names_not_by_order():
    shapes = ("shape=flat", "shape=round", "shape=tall")
    assert COLUMNS.input_names == ("age", "size", "colour=blue", "colour=red", *shapes)
    expected = [[30.5, 1, 0, 1, 0, 0, 1], [40, 2, 1, 0, 1, 0, 0], [50, 3, 0, 1, 0, 1, 0]]
    assert COLUMNS.encode(pa.table(ROWS), "new").tolist() == expected
    assert COLUMNS.encode(pa.table(ROWS | {"label": ["?", None, "!"]}), "new").tolist() == expected


def test_describe_is_the_inverse_of_encode():
    table = pa.table(ROWS | {"label": ["yes", "no", "no"]})
    columns = infer_columns(table, ("label",), "new")
    assert columns == Columns(("size", "age"), CATEGORIES, ("label",))


def test_a_few_numbers_among_texts_are_texts():
    column = ["7", "low", "high", "low", "high"]
    columns = infer_columns(pa.table({"a": column, "y": range(5)}), ("y",), "new")
    assert columns.categorical == {"a": ("7", "high", "low")}


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2], pa.int8()),
        pa.array([1, 2], pa.uint64()),
        pa.array([1, 2], pa.float32()),
        pa.array([1, 2], pa.decimal128(5, 2)),
        pa.array(["1", "2"]),
    ],
)
def test_every_kind_of_number(values):
    assert Columns(("a",)).encode(pa.table({"a": values}), "new").tolist() == [[1], [2]]


def test_round_trip_through_json():
    assert Columns.from_dict(json.loads(json.dumps(COLUMNS.to_dict()))) == COLUMNS


BAD = {
    "missing column": ({"age": None}, "new: expected the column 'age', got no such column"),
    "extra column": (
        {"width": [1, 2, 3]},
        "new: expected no columns but those of the training table, got the column 'width'",
    ),
    "unknown category": (
        {"colour": ["red", "green", "red"]},
        "new: column 'colour', row 2: expected one of 'blue', 'red', got 'green'",
    ),
    "bad cell": ({"age": ["x", "3", "4"]}, "new: column 'age', row 1: expected a number, got 'x'"),
    "null": ({"size": [1, None, 3]}, "new: column 'size', row 2: the value is missing"),
    "NaN": ({"age": [np.nan, 1.0, 2.0]}, "new: column 'age', row 1: the value is missing"),
    "no category": (
        {"colour": ["red", None, None]},
        "new: column 'colour', row 2: the value is missing",
    ),
    "infinite": (
        {"age": [1, np.inf, 2]},
        "new: column 'age', row 2: expected a finite number, got inf",
    ),
    "list": (
        {"age": [[1], [2], [3]]},
        "new: column 'age': expected numbers or text, got the type list",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_encode_rejects(change, message):
    rows = {name: values for name, values in (ROWS | change).items() if values is not None}
    with pytest.raises(InputError) as error:
        COLUMNS.encode(pa.table(rows), "new")
    assert str(error.value).startswith(message)


def test_many_names_are_cut_short():
    columns = Columns(tuple(f"c{i}" for i in range(30)))
    with pytest.raises(
        InputError, match=r"expected the columns 'c0', .*'c9' and 20 more, got no such"
    ):
        columns.encode(pa.table({}), "new")
