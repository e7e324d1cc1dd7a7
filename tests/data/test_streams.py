"""Data that are larger than memory: found out and read by blocks as they would be in memory."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest

from jaxmlp.data import (
    Preprocessing,
    TableOptions,
    dealing,
    digest,
    load,
    moments,
    shards,
    with_task,
)
from jaxmlp.data import stream_targets as targets_module
from jaxmlp.data.columns import Columns
from jaxmlp.data.dealing import TEST, TRAIN, VALID, Deal
from jaxmlp.data.moments import Moments
from jaxmlp.data.shard_folders import find_shards
from jaxmlp.data.splits import quotas
from jaxmlp.data.stream_open import open_stream
from jaxmlp.errors import InputError
from tests.data.shard_files import table, write_arrays, write_parquet

SIZES = {"one": (700,), "three": (300, 1, 399), "many": (70,) * 10}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(shards, "LEAST_BLOCK", 40)
    monkeypatch.setattr(shards, "FEWEST", 16)
    monkeypatch.setattr(shards, "MOST", 16)


def opened(folder, task=None, test=None, **options):
    found = find_shards(str(folder), test)
    return open_stream(found, TableOptions(test=test, **options), task)


def rows_of(stream, part):
    found = list(stream.read(part))
    return np.concatenate([r.x for r in found]), np.concatenate([r.y for r in found])


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("rows", [100, 699])
def test_the_columns_are_those_of_the_table_in_memory(tmp_path, sizes, rows, monkeypatch):
    """Compare the doors, for every kind of column; whether the digest holds all rows or some."""
    monkeypatch.setattr(digest, "SAMPLE", 10**6 if rows == 100 else 300)
    monkeypatch.setattr("jaxmlp.data.stream_open.SAMPLE", digest.SAMPLE)
    monkeypatch.setattr(targets_module, "SAMPLE", digest.SAMPLE)
    whole = table()
    test = write_parquet(tmp_path / "test", table(60, seed=1), (60,))
    folder = write_parquet(tmp_path / "train", whole, sizes)
    stream = opened(folder, test=str(test))
    dataset = load(folder, options=TableOptions(test=str(test)))
    own, known = stream.columns, Columns.from_dict(dataset.columns)
    assert own.input_names == known.input_names
    assert own.left_out.keys() == known.left_out.keys()
    if rows == 100:
        assert own == known
    for a, b in zip(own.inputs, known.inputs, strict=True):
        assert replace(a, fill=()) == replace(b, fill=())
        np.testing.assert_allclose(a.fill, b.fill, rtol=0.1, atol=0.15)
    assert (stream.task, stream.classes) == (dataset.task, dataset.classes)
    x, y = rows_of(stream, TRAIN)
    np.testing.assert_array_equal(y, dataset.y_train)
    if rows == 100:
        np.testing.assert_array_equal(x, dataset.x_train)
        np.testing.assert_array_equal(rows_of(stream, TEST)[0], dataset.x_test)


def sorted_table():
    """Return a table whose every column is the same in most blocks."""
    n = 700
    kinds = np.sort(np.array([*["a"] * 650, *["b"] * 45, *["c"] * 5]))
    gaps = np.zeros(n, bool)
    gaps[n - 3] = True
    return pa.table(
        {
            "number": np.arange(n) // 600,
            "kind": kinds,
            "gappy": pa.array(np.r_[np.zeros(600), np.ones(100) / 3], mask=gaps),
            "label": np.where(np.arange(n) < 500, "no", "yes"),
        }
    )


@pytest.mark.parametrize("sample", [20, 10**6])
def test_no_category_gap_or_class_is_missed_in_a_sorted_table(tmp_path, sample, monkeypatch):
    for module in ("digest", "stream_open", "stream_targets"):
        monkeypatch.setattr(f"jaxmlp.data.{module}.SAMPLE", sample)
    folder = write_parquet(tmp_path / "sorted", sorted_table(), (350, 350))
    found = opened(folder, test_size=1)
    columns = {column.name: column for column in found.columns.inputs}
    assert columns["kind"].categories == ("a", "b", "c")
    assert columns["gappy"].gaps
    assert columns.keys() == {"number", "kind", "gappy"}
    assert found.classes == ("no", "yes")


@pytest.mark.parametrize("sample", [20, 10**6])
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_that_numbers_the_rows_is_no_input(tmp_path, sample, start, monkeypatch):
    monkeypatch.setattr("jaxmlp.data.digest.SAMPLE", sample)
    monkeypatch.setattr("jaxmlp.data.stream_open.SAMPLE", sample)
    n = 200
    rows = pa.table(
        {"place": np.arange(n) + start, "x": np.arange(n) % 7 / 3, "label": np.arange(n) % 2}
    )
    stream = opened(write_parquet(tmp_path / "counted", rows, (90, 110)))
    assert [column.name for column in stream.columns.inputs] == ["x"]


def test_the_parts_do_not_depend_on_the_blocks(tmp_path):
    """The same rows for the same seed, whatever the shards; every class in proportion."""
    whole, found = table(), []
    for name, sizes in SIZES.items():
        folder = write_parquet(tmp_path / name, whole, sizes)
        stream = opened(folder, keep=("row",)).with_valid(60, 3)
        place = stream.columns.input_names.index("row")
        parts = [rows_of(stream, part) for part in (TRAIN, VALID, TEST)]
        found.append([x[:, place].tolist() for x, _ in parts])
        assert [len(y) for _, y in parts] == [500, 60, 140]
        assert stream.counts.sum(axis=0).tolist() == [500, 60, 140]
        share = np.mean([*parts[0][1], *parts[1][1], *parts[2][1]])
        for _, y in parts[1:]:
            assert abs(y.sum() - share * len(y)) <= 1
    assert found[0] == found[1] == found[2]
    assert sorted(chain(*found[0])) == list(range(700))
    other = stream.with_valid(60, 4)
    assert rows_of(other, VALID)[0][:, place].tolist() != found[0][1]
    assert rows_of(other, TEST)[0][:, place].tolist() == found[0][2]


RANGES = {
    "all": [(0, 500)],
    "from a row on": [(250, 500)],
    "the last row": [(499, 500)],
    "rows of windows": [(0, 13), (26, 39), (52, 65), (470, 491)],
    "rows of one block": [(3, 4), (5, 9)],
    "one after another": [(10, 60), (60, 160)],
    "none": [(7, 7)],
    "none among others": [(7, 7), (100, 130), (130, 130), (400, 401)],
}


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
def test_ranges_of_rows_are_read_in_any_order_of_blocks(tmp_path, ranges, monkeypatch):
    """And no block that has none of them, and each block once."""
    stream = opened(write_parquet(tmp_path / "t", table(), SIZES["three"])).with_valid(60, 3)
    order = np.random.default_rng(0).permutation(len(stream.blocks))
    whole = np.concatenate([r.x for r in stream.read(TRAIN, order)])
    ends = np.cumsum(stream.counts[order, TRAIN])
    wanted = np.concatenate([np.arange(start, stop) for start, stop in ranges])
    needed = order[np.unique(np.searchsorted(ends, wanted, "right"))].tolist()
    known, opening = [], stream.shards.pieces

    def pieces(block, columns=None):
        known.append(stream.blocks.index(block))
        return opening(block, columns)

    monkeypatch.setattr(stream.shards, "pieces", pieces)
    found = [r.x for r in stream.read(TRAIN, order, np.array(ranges))]
    np.testing.assert_array_equal(np.concatenate([whole[:0], *found]), whole[wanted])
    assert sorted(known) == sorted(needed)


def test_dealing_holds_out_as_many_of_each_class_as_in_memory():
    rng = np.random.default_rng(0)
    codes = rng.choice(4, 997, p=[0.7, 0.2, 0.09, 0.01])
    totals = np.bincount(codes)
    test = quotas(totals, 200)
    valid = quotas(totals - test, 81)
    deal, zero = Deal(totals, test, valid, 0, 5), np.zeros(4, int)
    parts = deal.parts(codes, zero)
    for part, many in ((TEST, test), (VALID, valid)):
        assert np.bincount(codes[parts == part], minlength=4).tolist() == many.tolist()
    pieces, before = [], zero.copy()
    for start in range(0, 997, 41):
        counts = [(parts[:start] == part).sum() for part in (TRAIN, VALID, TEST)]
        assert deal.counts_before(before).tolist() == counts
        pieces.append(deal.parts(codes[start : start + 41], before))
        before += np.bincount(codes[start : start + 41], minlength=4)
    np.testing.assert_array_equal(np.concatenate(pieces), parts)


@pytest.mark.parametrize(("total", "size"), [(1, 0), (1, 1), (7, 3), (1000, 999), (1000, 1000)])
def test_rows_are_chosen_evenly_and_as_many_as_asked(total, size):
    found = dealing.are_chosen(np.arange(total), total, size, 9)
    assert found.sum() == size
    if 0 < size < total // 2:
        runs = np.array_split(found, size)
        assert all(run.sum() <= 2 for run in runs)


def test_hashes_are_spread_over_all_numbers():
    """As many of each remainder, and half of the bits differ between neighbours."""
    numbers = dealing.hashed(np.arange(64_000), 1, 2)
    counts = np.bincount((numbers % 64).astype(int))
    assert abs(counts - 1000).max() < 160  # five deviations of a binomial count
    bits = np.bitwise_count(numbers[1:] ^ numbers[:-1]) if hasattr(np, "bitwise_count") else None
    assert bits is None or abs(bits.mean() - 32) < 0.2


@pytest.mark.parametrize("kind", ["none", "scale", "zscore", "minmax", "robust"])
@pytest.mark.parametrize("shape", [(3,), (4, 5, 2)])
def test_a_scaling_is_that_of_the_data_in_memory(kind, shape):
    """Compare the doors: one pass over pieces, and the arrays as a whole."""
    rng = np.random.default_rng(0)
    x = rng.normal(50, 3, (500, *shape)) * np.arange(1, shape[-1] + 1)
    x[..., 0] = x[..., 0] > 50  # zeros and ones
    x[7, ..., 1] = 1e4
    found = Moments(len(x))
    for start in range(0, len(x), 37):
        found.add(x[start : start + 37])
    own, known = found.preprocessing(kind), Preprocessing.fit(kind, x)
    np.testing.assert_allclose(own.offset, known.offset, rtol=1e-12)
    np.testing.assert_allclose(own.scale, known.scale, rtol=1e-12)


def test_quartiles_of_many_examples_are_those_of_some(monkeypatch):
    monkeypatch.setattr(moments, "SAMPLE", 4000)
    x = np.random.default_rng(0).normal(size=(50_000, 2))
    found = Moments(len(x))
    for start in range(0, len(x), 1000):
        found.add(x[start : start + 1000])
    assert len(found.sample) == 4000
    np.testing.assert_allclose(found.preprocessing("robust").offset, 0, atol=0.06)
    np.testing.assert_allclose(found.preprocessing("zscore").offset, x.mean(0), rtol=1e-12)


ARRAYS = {  # targets of each task, and the shape of an example
    "classes": (np.arange(300) % 3, (4,)),
    "words": (np.array(["b", "a"])[np.arange(300) % 2], (4,)),
    "numbers": (np.random.default_rng(1).normal(size=300), (4,)),
    "several numbers": (np.random.default_rng(1).normal(size=(300, 2)), (4,)),
    "labels": ((np.random.default_rng(1).random((300, 3)) < 0.4).astype(int), (4,)),
    "one-hot": (np.eye(3)[np.arange(300) % 3], (4,)),
    "pictures": (np.arange(300) % 3, (6, 5)),
}


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("case", ARRAYS.values(), ids=ARRAYS)
def test_arrays_are_what_they_are_in_memory(tmp_path, case, suffix):
    """Compare the doors: task, classes, targets and inputs; here with a test part of its own."""
    y, shape = case
    x = np.random.default_rng(0).integers(0, 255, (300, *shape)).astype(np.uint8)
    folder = write_arrays(tmp_path / "a", x, y, (100, 150, 50), suffix)
    dataset, stream = load(folder), opened(folder)
    assert (stream.task, stream.classes) == (dataset.task, dataset.classes)
    parts = [rows_of(stream, part) for part in (TRAIN, TEST)]
    assert [len(y) for _, y in parts] == [len(dataset.y_train), len(dataset.y_test)]
    own = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    known = (
        np.concatenate([dataset.x_train, dataset.x_test]),
        np.concatenate([dataset.y_train, dataset.y_test]),
    )
    pairs = [
        sorted((a.tobytes(), b.tobytes()) for a, b in zip(*both, strict=True))
        for both in (own, known)
    ]
    assert pairs[0] == pairs[1]
    assert own[0].dtype == known[0].dtype
    assert own[1].dtype == known[1].dtype


def test_test_arrays_are_the_test_part(tmp_path):
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    folder = write_arrays(tmp_path / "a", x[:15], y[:15], (10, 5))
    write_arrays(folder, x[15:], y[15:], (5,), start_name="_test")
    stream, dataset = opened(folder), load(folder)
    for part, own in ((TRAIN, dataset.x_train), (TEST, dataset.x_test)):
        np.testing.assert_array_equal(rows_of(stream, part)[0], own)
    with pytest.raises(InputError, match="test_size does not apply"):
        opened(folder, test_size=3)


@pytest.mark.parametrize(
    ("target", "task", "expected"),
    [
        ("few", "regression", "regression"),
        ("few", "multilabel", "multilabel"),
        ("few", None, "multiclass"),
        ("rounded", "multiclass", "multiclass"),
        ("number,gappy", None, "regression"),
        ("written", None, "regression"),
    ],
)
def test_other_targets_and_tasks_are_those_in_memory(tmp_path, target, task, expected):
    whole = table()
    rounded = pa.array(np.round(whole["number"].to_numpy() * 2) / 2 + 0.0)
    folder = write_parquet(tmp_path / "t", whole.append_column("rounded", rounded), SIZES["three"])
    stream, options = opened(folder, task, target=target), TableOptions(target=target)
    dataset = with_task(load(folder, options=options), task)
    assert stream.task == dataset.task == expected
    assert stream.classes == dataset.classes
    if target == "number,gappy":
        assert sum(stream.size(part) for part in range(3)) < 700  # rows without a target
    ys = [np.concatenate([rows_of(stream, part)[1] for part in (TRAIN, TEST)])]
    ys.append(np.concatenate([dataset.y_train, dataset.y_test]))
    own, known = (np.sort(y.reshape(len(y), -1), axis=0) for y in ys)
    np.testing.assert_array_equal(own, known)


def test_weights_come_with_their_rows(tmp_path):
    stream = opened(write_parquet(tmp_path / "t", table(), (700,)), weight="few", keep=("row",))
    place = stream.columns.input_names.index("row")
    few = table()["few"].to_numpy()
    for rows in stream.read(TRAIN):
        np.testing.assert_array_equal(rows.weights, few[rows.x[:, place].astype(int)])
