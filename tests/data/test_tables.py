"""A user's own tables: the data sets made of them, and one line for every mistake."""

import csv
import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxmlp.data import Columns, Reading, TableOptions, load
from jaxmlp.data.user_files import load_user_file
from jaxmlp.errors import InputError

CSV = """age,colour,smoker,label
31,red,true,yes
42,green,false,no
53.5,red,false,yes
64,blue,true,no
75,green,true,no
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a text as a file and returns its path as text."""

    def write(text, name="my.csv"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def inputs_of(dataset):
    """Return the names of the inputs."""
    return list(Columns.from_dict(dataset.columns).input_names)


def table_of(column, name="target"):
    """Return a table as CSV: a column that counts the rows, and the given column."""
    return f"x,{name}\n" + "".join(f"{i},{value}\n" for i, value in enumerate(column))


def test_csv(write, by_first_input):
    path = write(CSV)
    dataset = load(path)
    assert dataset.name == path
    assert dataset.task == "binary"
    assert dataset.classes == ("no", "yes")
    assert (len(dataset.x_train), len(dataset.x_test)) == (4, 1)
    x, y = by_first_input(dataset)
    assert x.dtype == np.float64
    assert x.tolist() == [  # age; blue, green, red; not a smoker, a smoker
        [31, 0, 0, 1, 0, 1],
        [42, 0, 1, 0, 1, 0],
        [53.5, 0, 0, 1, 1, 0],
        [64, 1, 0, 0, 0, 1],
        [75, 0, 1, 0, 0, 1],
    ]
    assert y.dtype == np.int32
    assert y.tolist() == [1, 0, 1, 0, 0]
    assert Columns.from_dict(dataset.columns).input_names == (
        *("age", "colour=blue", "colour=green", "colour=red"),
        *("smoker=false", "smoker=true"),
    )
    assert dataset.columns["target"] == ["label"]
    assert dataset.provenance["decisions"] == []
    assert dataset.provenance["files"] == [path]
    assert dataset.provenance["version"] == f"sha256:{hashlib.sha256(CSV.encode()).hexdigest()}"
    assert dataset.provenance["split"] == {"test": 0.2, "seed": 0, "stratified": True}


def test_parquet_gives_the_same(write, tmp_path):
    from pyarrow import csv

    path = tmp_path / "my.parquet"
    table = csv.read_csv(write(CSV))
    colours = pa.chunked_array([table["colour"].combine_chunks().dictionary_encode()])
    table = table.set_column(1, "colour", colours)  # as pandas stores a categorical
    table = table.set_column(3, "label", table["label"].cast(pa.large_string()))
    pq.write_table(table, path)
    expected, got = load(tmp_path / "my.csv"), load(path)
    assert got.columns == expected.columns | {"reading": {"header": True}}
    assert got.classes == expected.classes
    assert got.provenance["checksum"] == expected.provenance["checksum"]


TARGETS = {  # the cells of the target column, then task, classes and targets
    "two integers": ([0, 1, 1, 0], "binary", ("0", "1"), [0, 1, 1, 0]),
    "integers in order": ([10, 9, 2] * 2, "multiclass", ("2", "9", "10"), [2, 1, 0] * 2),
    "counted from 1": ([1, 2, 3, 1], "multiclass", ("1", "2", "3"), [0, 1, 2, 0]),
    "salaries": ([*range(30, 60, 2)], "regression", ("target",), [[i] for i in range(30, 60, 2)]),
    "all different": ([0, 1, 2], "regression", ("target",), [[0], [1], [2]]),
    "zero and one": (["0.0", "1.0", "0.0"], "binary", ("0", "1"), [0, 1, 0]),
    "two zeros and one": (["0.0", "-0.0", "1.0"], "binary", ("0", "1"), [0, 0, 1]),
    "negative": ([-1, 1, 1, -1], "binary", ("-1", "1"), [0, 1, 1, 0]),
    "text": (["b", "a", "c", "b"], "multiclass", ("a", "b", "c"), [1, 0, 2, 1]),
    "booleans": (["true", "false", "true"], "binary", ("false", "true"), [1, 0, 1]),
    "floats": ([1.0, 2.5, 1.0], "regression", ("target",), [[1.0], [2.5], [1.0]]),
    "whole floats": (["1.0", "2.0", "1.0"], "regression", ("target",), [[1], [2], [1]]),
    "20 integers": ([*range(20)] * 2, "multiclass", None, [*range(20)] * 2),
    "21 integers": ([*range(21)] * 2, "regression", ("target",), [[i] for i in range(21)] * 2),
}


@pytest.mark.parametrize(("cells", "task", "classes", "y"), TARGETS.values(), ids=TARGETS)
def test_target_decides_the_task(write, cells, task, classes, y, by_first_input):
    dataset = load(write(table_of(cells)))
    assert dataset.task == task
    assert classes in (None, dataset.classes)
    assert by_first_input(dataset)[1].tolist() == y
    assert dataset.provenance["split"]["stratified"] == (task != "regression")


@pytest.mark.parametrize(
    ("header", "target", "expected"),
    [
        ("a,b,c", None, ["c"]),
        ("Class,b,c", None, ["Class"]),
        ("a,LABEL,c", None, ["LABEL"]),
        ("y,b,c", None, ["y"]),
        ("y,b,class", "b", ["b"]),
        ("a,b,c", "a", ["a"]),
        ("a,b,c", "c, a", ["c", "a"]),
        ('"a,b",b,a', "a,b", ["a,b"]),
    ],
)
def test_choice_of_the_target(write, header, target, expected):
    path = write(f"{header}\n1,0.5,3\n2,1.5,7\n3,2.5,3\n")
    assert load(path, options=TableOptions(target=target)).columns["target"] == expected


def test_whole_numbers_written_as_texts_are_labels(tmp_path):
    """As OpenML writes its classes."""
    labels = [str(i % 10) for i in range(40)]
    pq.write_table(pa.table({"x": range(40), "y": labels}), tmp_path / "my.parquet")
    dataset = load(tmp_path / "my.parquet")
    assert (dataset.task, dataset.classes) == ("multiclass", tuple("0123456789"))


def test_several_targets_of_zeros_and_ones_are_labels(write, by_first_input):
    """Lecture row E3: cat and dog at once."""
    dataset = load(
        write("x,cat,dog\n1,0,1\n2,1,1\n3,0,0\n"), options=TableOptions(target="cat,dog")
    )
    assert dataset.task == "multilabel"
    assert dataset.classes == ("cat", "dog")
    assert by_first_input(dataset)[1].tolist() == [[0, 1], [1, 1], [0, 0]]
    assert dataset.y_train.dtype == np.float32


def test_several_other_targets_are_values(write):
    dataset = load(write("x,u,v\n1,0,1\n2,1,1\n3,0,2\n"), options=TableOptions(target="u,v"))
    assert dataset.task == "regression"
    assert dataset.classes == ("u", "v")


def test_type_of_a_column_is_decided_by_all_of_it(write):
    """The first two MB hold whole numbers; a fraction and a text follow."""
    rows = 200_000
    lines = [f"{i},{i % 9},{i % 2}\n" for i in range(rows)]
    dataset = load(write("a,b,y\n" + "".join(lines) + "0.5,1,1\n"))
    assert (dataset.x_train == 0.5).sum() + (dataset.x_test == 0.5).sum() == 1
    with pytest.raises(InputError, match=f"column 'b', row {rows + 1}: expected a number, got 'x'"):
        load(write("a,b,y\n" + "".join(lines) + "0.5,x,1\n"))


def test_text_may_run_over_several_lines(write):
    dataset = load(write("a,b,y\n" + '1,"two\nlines",0\n2,one,1\n' * 100_000))
    assert inputs_of(dataset) == ["a", "b=one", "b=two\nlines"]
    assert len(dataset.x_train) + len(dataset.x_test) == 200_000


@pytest.mark.parametrize(
    "header", ["0,1,2,target", "400.5,401.5,402.5,target", "5.1,b,c,target", '"a b",ü,x=1,target']
)
def test_column_names_may_be_numbers_that_ascend(write, header):
    dataset = load(write(f"{header}\n1,2,3,0\n4,5,6,1\n"))
    assert inputs_of(dataset) == next(csv.reader([header]))[:3]


HEADERS = {  # text, whether its first line names the columns when nobody says so
    "words": ("age,zone,sold\n1,a,no\n2,b,yes\n", True),
    "numbers": ("5.1,3.5,1.4,setosa\n4.9,3.0,1.4,setosa\n4.7,3.2,1.3,other\n", False),
    "a row of words": ("red,small,yes\nblue,large,no\nred,large,no\nred,small,yes\n", False),
    "words and a number": ("3,red,yes\n4,blue,no\n3,red,no\n", False),
    "ascending numbers that stand below": ("1,2.5,7\n1,2.5,9\n2,2.5,7\n", False),
    "ascending numbers": ("400.5,401.5,y\n1,2,0\n4,5,1\n", True),
    "counted from 0": ("0,1,2,3\n0,1,2,0\n1,1,2,1\n", True),
    "truth": ("true,5,a\nfalse,6,b\ntrue,5,a\n", False),
}


@pytest.mark.parametrize(("text", "found"), HEADERS.values(), ids=HEADERS)
def test_header_is_found_by_looking(write, text, found):
    """A first line that looks like a row is a row; what was taken is recorded."""
    dataset = load(write(text))
    assert dataset.columns["reading"]["header"] == found
    rows = len(dataset.x_train) + len(dataset.x_test)
    assert rows == len(text.splitlines()) - found
    names = text.split("\n")[0].split(",")
    numbered = [f"column{i}" for i in range(1, len(names) + 1)]
    assert dataset.columns["names"] == (names if found else numbered)


@pytest.mark.parametrize("header", [True, False])
def test_header_is_what_the_user_says(write, header):
    """The user's word counts, whatever the first line looks like."""
    for text in ("5.1,3.5,a\n4.9,3.0,b\n4.7,3.2,a\n5.1,3.2,b\n", "p,q,r\nb,c,a\nd,c,b\nb,e,a\n"):
        dataset = load(write(text), reading=Reading(header=header))
        assert dataset.columns["reading"]["header"] == header
        assert len(dataset.x_train) + len(dataset.x_test) == 4 - header


TABLES = {  # text, then the message after the path of the file
    "empty": ("", ": the file is empty"),
    "header only": ("a,b\n", ": expected at least 2 rows, got 0"),
    "one row": ("a,b\n1,2\n", ": expected at least 2 rows, got 1"),
    "short row": (
        "a,b\n1,2\n3\n",
        ": line 3: expected 2 cells as in the other rows, got 1",
    ),
    "blank lines": ("\n\n", ": expected a table, got blank lines"),
    "target only": ("a\n0\n1\n", ": expected at least one column beside the target 'a', got none"),
    "two targets": (
        "class,label,a\n0,1,1\n1,0,1\n",
        ": expected only one column named target, label, class or y, got class and label",
    ),
    "one class": (
        "a,y\n1,no\n2,no\n",
        ": column 'y': expected at least two classes, got only 'no'",
    ),
    "bad cell": (
        "age,y\n1,0\n2,1\nabc,1\n4,0\n",
        ": column 'age', row 3: expected a number, got 'abc'",
    ),
    "half numbers": ("a,y\n1,0\nb,1\n", ": column 'a', row 2: expected a number, got 'b'"),
    "bad target": ("a,y\n1,0.5\n2,1.5\n3,x\n", ": column 'y', row 3: expected a number, got 'x'"),
    "no target": ("a,y\n1,\n2,NA\n", ": expected a target in some rows, got none in the column"),
    "infinite": (
        "a,y\n1,0\ninf,1\n3,1\n",
        ": column 'a', row 2: expected a finite number, got 'inf'",
    ),
    "overflow": (
        "a,y\n1,0.5\n2,1e999\n",
        ": column 'y', row 2: expected a finite number, got '1e999'",
    ),
    "names": (
        "who,y\n" + "".join(f"name{i},{i % 2}\n" for i in range(100)),
        ": expected at least one input, but left out who (an identifier, with another value in",
    ),
}


@pytest.mark.parametrize(("text", "message"), TABLES.values(), ids=TABLES)
def test_csv_mistakes(write, text, message):
    path = write(text)
    with pytest.raises(InputError) as error:
        load(path)
    assert str(error.value).startswith(path + message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("lable", "the target 'lable' is not a column; the nearest is 'label'"),
        ("age,lable", "the target 'lable' is not a column; the nearest is 'label'"),
        ("label,label", "expected each target column once, got 'label,label'"),
        ("age,colour", "column 'colour', row 1: expected a number, got 'red'"),
        ("age,colour,smoker,label", "expected at least one column beside the target"),
    ],
)
def test_target_mistakes(write, target, message):
    with pytest.raises(InputError) as error:
        load(write(CSV), options=TableOptions(target=target))
    assert message in str(error.value)


def test_reading_is_for_text():
    for name in ("iris", "my.parquet", "my.npz"):
        with pytest.raises(InputError, match=f"header, quote applies only to tables of.*'{name}'"):
            load(name, reading=Reading(header=False, quote="'"))


def test_damaged_parquet(write):
    with pytest.raises(
        InputError, match=r"my\.parquet: the file cannot be read as a Parquet table: "
    ):
        load(write("no parquet at all", "my.parquet"))


def test_other_files_are_rejected():
    with pytest.raises(InputError, match=r"path must be a table or a \.npz file, got 'my\.xlsx'"):
        load_user_file("my.xlsx")


def test_a_numeric_text_column_of_a_parquet_file_is_numbers(tmp_path, by_first_input):
    path = tmp_path / "my.parquet"
    pq.write_table(pa.table({"a": ["1", " +2e1 ", ".5"], "y": [0.5, 1, 2]}), path)
    assert by_first_input(load(path))[0].tolist() == [[0.5], [1], [20]]
