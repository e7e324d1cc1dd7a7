"""Inputs of `predict`: arrays and tables in every accepted form; everything else is rejected."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxmlp.data import Columns, load, read_inputs
from jaxmlp.data.column import Column
from jaxmlp.errors import InputError

SHAPE = (4, 3, 1)
BATCH = np.arange(5 * 12).reshape(5, *SHAPE).astype(np.uint8)


@pytest.mark.parametrize(
    ("x", "n"),
    [
        (BATCH, 5),
        (BATCH[..., 0], 5),
        (BATCH.reshape(5, 12), 5),
        (BATCH[0], 1),
        (BATCH[0, ..., 0], 1),
        (BATCH[0].reshape(12), 1),
    ],
)
def test_npy_of_every_accepted_shape(tmp_path, x, n):
    np.save(tmp_path / "x.npy", x)
    inputs = read_inputs(tmp_path / "x.npy", SHAPE)
    assert inputs.x.dtype == np.uint8
    assert np.array_equal(inputs.x, BATCH[:n])
    assert inputs.names == [f"row {i}" for i in range(n)]
    assert inputs.notes == []


def test_vectors(tmp_path):
    x = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "x.npy", x)
    assert np.array_equal(read_inputs(str(tmp_path / "x.npy"), (3,)).x, x)


@pytest.mark.parametrize(
    "arrays", [{"x": BATCH}, {"x_test": BATCH}, {"other": BATCH}, {"x": BATCH, "y": [1]}]
)
def test_npz_of_every_accepted_key(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    assert np.array_equal(read_inputs(tmp_path / "x.npz", SHAPE).x, BATCH)


BAD_ARRAYS = {
    "shape": (BATCH[:, :3], "expected examples of shape (4, 3, 1), got an array of shape (5, 3, 3"),
    "transposed": (BATCH.reshape(12, 5), "got an array of shape (12, 5)"),
    "nothing": (BATCH[:0], "got an array of shape (0, 4, 3, 1)"),
    "text": (np.array(["a"]), "expected numbers, got <U1 of shape (1,)"),
    "complex": (BATCH * 1j, "expected numbers, got complex128"),
    "NaN": (np.full((2, 12), np.nan), "expected finite numbers, got nan at row 0"),
}


@pytest.mark.parametrize(("x", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_do_not_fit(tmp_path, x, message):
    path = tmp_path / "x.npy"
    np.save(path, x)
    with pytest.raises(InputError) as error:
        read_inputs(path, SHAPE)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_npz_with_nothing_to_choose_by(tmp_path):
    np.savez(tmp_path / "x.npz", a=BATCH, b=BATCH)
    with pytest.raises(
        InputError, match="expected an array x or x_test, or a single array, got a, b"
    ):
        read_inputs(tmp_path / "x.npz", SHAPE)


@pytest.mark.parametrize("suffix", ["npy", "npz", "csv", "parquet", "png"])
@pytest.mark.parametrize("content", [None, b"", b"\x93garbage\x00\xff"])
def test_missing_empty_and_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"x.{suffix}"
    if content is not None:
        path.write_bytes(content)
    message = {None: "no such file", b"": "the file is empty"}.get(content, "")
    with pytest.raises(InputError) as error:
        read_inputs(path, SHAPE)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


AGE = Column("age", "number", fill=(50.0,))
COLOUR = Column("colour", "category", categories=("07", "blue", "red"))
COLUMNS = Columns((AGE, COLOUR), ("label",), ("age", "colour", "label")).to_dict()


@pytest.mark.parametrize("labelled", [True, False])
def test_csv_by_the_columns_of_the_training_table(tmp_path, labelled):
    table = pa.table({"colour": ["red", "07"], "age": [30, 40]})
    table = table.append_column("label", [["x", "y"]]) if labelled else table
    from pyarrow import csv

    csv.write_csv(table, tmp_path / "x.csv")
    pq.write_table(table, tmp_path / "x.parquet")
    for name in ("x.csv", "x.parquet"):
        inputs = read_inputs(tmp_path / name, (4,), COLUMNS)
        assert inputs.x.tolist() == [[30, 0, 0, 1], [40, 1, 0, 0]]
        assert inputs.names == ["row 1", "row 2"]


def test_category_that_looks_like_a_number_stays_text(tmp_path):
    (tmp_path / "x.csv").write_text("age,colour\n30,07\n")  # alone, a column of integers
    assert read_inputs(tmp_path / "x.csv", (4,), COLUMNS).x.tolist() == [[30, 1, 0, 0]]


def test_rows_with_further_columns_gaps_and_unseen_categories(tmp_path):
    """They are encoded, and a line counts what is missing and what training has not seen."""
    (tmp_path / "x.csv").write_text("note,colour,age\na,green,30\nb,red,NA\nc,?,20\n")
    inputs = read_inputs(tmp_path / "x.csv", (4,), COLUMNS)
    assert inputs.x.tolist() == [[30, 0, 0, 0], [50, 0, 0, 1], [20, 0, 0, 0]]
    assert [note.partition(": ")[2][:20] for note in inputs.notes] == [
        "2 missing cells (age",
        "1 cell of categories",
    ]
    assert inputs.rows["note"].to_pylist() == ["a", "b", "c"]


def test_csv_by_the_columns_of_a_loaded_set(tmp_path):
    dataset = load("iris")
    header = ",".join(reversed(dataset.columns["names"][:-1]))
    (tmp_path / "x.csv").write_text(f"{header}\n0.2,1.4,3.5,5.1\n")
    inputs = read_inputs(tmp_path / "x.csv", dataset.input_shape, dataset.columns)
    assert inputs.x.tolist() == [[5.1, 3.5, 1.4, 0.2]]


def test_csv_of_plain_numbers(tmp_path):
    header = ",".join(f"pixel{i}" for i in range(12))
    (tmp_path / "x.csv").write_text(header + "\n" + ",".join(map(str, range(12))) + "\n")
    assert np.array_equal(read_inputs(tmp_path / "x.csv", SHAPE).x, BATCH[:1])


BAD_TABLES = {
    "bad cell": ("age,colour\n1,red\nx,red\n", COLUMNS, "column 'age', row 2: expected a number"),
    "missing column": ("age\n1\n", COLUMNS, "expected the column 'colour', got no such column"),
    "no rows": ("age,colour\n", COLUMNS, "expected at least one row, got none"),
    "too few": ("a,b\n1,2\n", None, "expected 4 columns of numbers, got 2"),
    "text": ("a,b,c,d\n1,2,3,x\n", None, "column 'd', row 1: expected a number, got 'x'"),
}


@pytest.mark.parametrize(("text", "columns", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_tables_that_do_not_fit(tmp_path, text, columns, message):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_inputs(path, (4,), columns)
    assert str(error.value).startswith(f"{path}: {message}")
