"""Shards: what is found in a folder, and what is refused, with the name of the file."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxmlp.data import TableOptions, load
from jaxmlp.data.shard_folders import find_shards
from jaxmlp.data.stream_open import open_stream
from jaxmlp.errors import InputError
from tests.data.shard_files import table, write_arrays, write_parquet

X, Y = np.arange(60.0).reshape(30, 2), np.arange(30) % 3


def parquet(change):
    def make(folder):
        write_parquet(folder, table(100), (60, 40))
        file = folder / "part-01.parquet"
        change(file, pq.read_table(file))

    return make


def arrays(change):
    def make(folder):
        write_arrays(folder, X, Y, (20, 10))
        change(folder)

    return make


def rewrite(name, cells):
    def change(file, rows):
        place = rows.column_names.index(name)
        pq.write_table(rows.set_column(place, name, cells(rows)), file)

    return change


def cut(file, many):
    file.write_bytes(file.read_bytes()[:-many])


def spoil_middle(file, _):
    raw = bytearray(file.read_bytes())
    raw[10:600] = bytes(590)
    file.write_bytes(raw)


BAD = {
    "a column is missing": (
        parquet(lambda file, rows: pq.write_table(rows.drop_columns(["few"]), file)),
        r"part-01\.parquet: expected the columns of .*part-00\.parquet, got no column 'few'",
    ),
    "a column more": (
        parquet(lambda file, rows: pq.write_table(rows.append_column("z", rows["few"]), file)),
        r"part-01\.parquet: .*got also the column 'z'",
    ),
    "another type": (
        parquet(rewrite("few", lambda rows: rows["few"].cast("string"))),
        r"part-01\.parquet: column 'few': expected the type int64, as in .*, got string",
    ),
    "a type that is none": (
        parquet(rewrite("few", lambda rows: pa.array([[1]] * len(rows)))),
        r"part-01\.parquet: .*column 'few': expected numbers or text",
    ),
    "a damaged footer": (
        parquet(lambda file, rows: cut(file, 7)),
        r"part-01\.parquet: the file cannot be read as a Parquet table",
    ),
    "an empty shard": (
        parquet(lambda file, rows: file.write_bytes(b"")),
        r"part-01\.parquet: the file is empty",
    ),
    "damaged pages": (parquet(spoil_middle), r"part-01\.parquet: .*cannot be read as"),
    "several kinds": (
        parquet(lambda file, rows: np.save(file.with_name("x.npy"), X)),
        r"expected shards of one kind, got \.npy, \.parquet files",
    ),
    "inputs without targets": (
        arrays(lambda folder: (folder / "y_1.npy").unlink()),
        r"in pairs, such as x_1\.npy and y_1\.npy, got x_1\.npy without y_1\.npy",
    ),
    "a file that is neither": (
        arrays(lambda folder: np.save(folder / "z_1.npy", X)),
        r"in pairs, .* got z_1\.npy",
    ),
    "another width": (
        arrays(lambda folder: np.save(folder / "x_1.npy", X[:10, :1])),
        r"x_1\.npy: expected an input like .*x_0\.npy, float64 of shape \(2,\), got float64 of"
        r" shape \(1,\)",
    ),
    "another type of numbers": (
        arrays(lambda folder: np.save(folder / "x_1.npy", X[:10].astype("f4"))),
        r"x_1\.npy: expected an input like .*float64 of shape \(2,\), got float32",
    ),
    "too few targets": (
        arrays(lambda folder: np.save(folder / "y_1.npy", Y[:9])),
        r"y_1\.npy: expected 10 targets, got 9",
    ),
    "a short file": (
        arrays(lambda folder: cut(folder / "x_1.npy", 8)),
        r"x_1\.npy: the file cannot be read as NumPy arrays",
    ),
    "not a number": (
        arrays(lambda folder: np.save(folder / "x_1.npy", np.full((10, 2), np.nan))),
        r"x_1\.npy.*expected finite numbers, got nan",
    ),
    "only a test part": (
        lambda folder: write_arrays(folder, X, Y, (20, 10), start_name="_test"),
        "expected x.*npy files for training, got only a test part",
    ),
    "archives without targets": (
        lambda folder: np.savez(folder / "a.npz", x=X, z=Y),
        r"a\.npz: expected the arrays x and y, got x, z",
    ),
    "pickled objects": (
        arrays(lambda folder: np.save(folder / "x_1.npy", np.array([{}] * 10), allow_pickle=True)),
        r"x_1\.npy: the file cannot be read as NumPy arrays",
    ),
    "one class": (
        lambda folder: write_arrays(folder, X, 0 * Y, (20, 10)),
        "expected at least two classes",
    ),
}


def read_all(folder):
    return list(open_stream(find_shards(str(folder)), TableOptions()).read_all())


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_with_its_file(tmp_path, case):
    """One line, by windows and as a whole."""
    make, message = case
    folder = tmp_path / "shards"
    folder.mkdir()
    make(folder)
    with pytest.raises(InputError, match=message) as error:
        read_all(folder)
    assert "\n" not in str(error.value)
    if "one class" not in message:
        with pytest.raises(InputError):
            load(folder)


def test_a_bad_cell_is_named_by_its_shard_and_its_row_there(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxmlp.data.shards.LEAST_BLOCK", 10)
    monkeypatch.setattr("jaxmlp.data.shards.FEWEST", 10)
    monkeypatch.setattr("jaxmlp.data.shards.MOST", 10)
    n = 100
    number = np.arange(n) / 7
    rows = pa.table({"a": number, "b": np.arange(n) % 9 / 2, "label": np.arange(n) % 2})
    folder = write_parquet(tmp_path / "t", rows, (50, 50), group=25)
    columns = open_stream(find_shards(str(folder)), TableOptions()).columns
    number[93] = np.inf
    write_parquet(folder, rows.set_column(0, "a", pa.array(number)), (50, 50), group=25)
    stream = open_stream(find_shards(str(folder)), TableOptions(), columns=columns)
    message = (
        r"part-01\.parquet, row group 1: column 'a', row 19: expected a finite number, got inf"
    )
    with pytest.raises(InputError, match=message):
        list(stream.read_all())


@pytest.mark.parametrize("name", ["x.npy", "X_07.npy"])
def test_one_file_of_arrays_has_its_targets_beside_it(tmp_path, name):
    np.save(tmp_path / name, X)
    with pytest.raises(InputError, match="without"):
        find_shards(str(tmp_path / name))
    np.save(tmp_path / name.replace("x", "y").replace("X", "Y"), Y)
    assert open_stream(find_shards(str(tmp_path / name)), TableOptions()).size(0) == 24
    with pytest.raises(InputError, match="in pairs"):
        find_shards(str(tmp_path / name.replace("x", "y").replace("X", "Y")))
    assert load(tmp_path / name).task == "multiclass"


def test_a_folder_without_shards_is_none_of_them(tmp_path):
    assert find_shards(str(tmp_path)) is None
    with pytest.raises(InputError):
        load(tmp_path)


def test_columns_may_stand_in_another_order_and_be_empty_in_a_shard(tmp_path):
    """Pandas writes a column of which a shard has no value with a type of its own."""
    rows = table(100)
    folder = write_parquet(tmp_path / "t", rows, (60, 40))
    names = rows.column_names[::-1]
    last = rows.slice(60).select(names)
    last = last.set_column(names.index("colour"), "colour", pa.nulls(40))
    pq.write_table(last, folder / "part-01.parquet")
    stream = open_stream(find_shards(str(folder)), TableOptions())
    assert sum(len(rows.x) for part in range(3) for rows in stream.read(part)) == 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "few"}, "group does not apply to data that are read window by window"),
        ({"time": "day"}, "time does not apply"),
        ({"target": "nothing"}, "the target 'nothing' is not a column"),
        ({"drop": ("labell",)}, "the nearest is 'label'"),
        ({"test_size": 100}, "test_size must be less than the 100"),
        ({"target": "note"}, "expected class labels"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, message):
    folder = write_parquet(tmp_path / "t", table(100), (60, 40))
    with pytest.raises(InputError, match=message):
        open_stream(find_shards(str(folder)), TableOptions(**options))


def test_options_of_tables_are_refused_for_arrays(tmp_path):
    folder = write_arrays(tmp_path, X, Y, (20, 10))
    with pytest.raises(InputError, match="target does not apply to arrays, whose target is y"):
        open_stream(find_shards(str(folder)), TableOptions(target="a"))


def test_a_test_part_must_be_of_the_same_kind(tmp_path):
    folder = write_parquet(tmp_path / "t", table(100), (100,))
    (tmp_path / "test.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"test must be \.parquet"):
        find_shards(str(folder), str(tmp_path / "test.csv"))


def test_the_checksum_changes_with_a_shard(tmp_path):
    folder = write_parquet(tmp_path / "t", table(100), (60, 40))
    sums = [find_shards(str(folder)).checksum]
    write_parquet(folder, table(100, seed=1), (60, 40))
    sums.append(find_shards(str(folder)).checksum)
    (folder / "part-00.parquet").rename(folder / "part-02.parquet")
    sums.append(find_shards(str(folder)).checksum)
    assert len({*sums}) == 3
