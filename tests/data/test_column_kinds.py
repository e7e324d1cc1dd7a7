"""Every column of a table is read as numbers, categories or times, or left out with a line."""

import numpy as np
import pyarrow as pa
import pytest

from jaxmlp.data import Columns, TableOptions, dataset_in_memory, load
from jaxmlp.errors import InputError

N = 40
Y = [0.5 + i for i in range(N)]
CODES = [f"c{i % 3}" for i in range(N)]
NOTE = "; --missing {} reads it as a gap"


def cells(*first, rest):
    """Return the cells of a column as texts: some, and others over and over."""
    return [*first, *(rest[i % len(rest)] for i in range(N - len(first)))]


KINDS = {  # the cells, the names of the inputs, and what the line begins with after the name
    "numbers": ([str(i * 1.5) for i in range(N)], ["c"], ""),
    "gaps": (
        cells("?", "NA", "", rest=["1", "2.5", "4"]),
        ["c", "c is missing"],
        ": 3 of 40 cells",
    ),
    "categories": (CODES, ["c=c0", "c=c1", "c=c2"], ""),
    "category gaps": (
        cells("null", "-", rest=["a", "b"]),
        ["c=a", "c=b", "c is missing"],
        ": 2 of 40 cells are missing: a category of their own",
    ),
    "yes or no": (cells("?", rest=["yes", "no"]), ["c=no", "c=yes", "c is missing"], ": 1 of 40"),
    "open end": (
        cells("3+", "3+", rest=["0", "1", "2"]),
        ["c=0", "c=1", "c=2", "c=3+"],
        ": each value is a category, since '3+' among them are no numbers",
    ),
    "dates": (
        [f"{i % 28 + 1}/{i % 12 + 1}/20{i % 3 + 10}" for i in range(N)],
        ["c (days)", "c (year)", "c (month)", "c (weekday)"],
        ": dates or times in the form %d/%m/%Y, as numbers: days, year, month, weekday",
    ),
    "times of day": ([f"{i % 24}:30" for i in range(N)], ["c (hour)"], ": dates or times in the"),
    "codes": (cells("007", rest=["012", "113"]), ["c=007", "c=012", "c=113"], ""),
    "constant": (["a"] * N, [], ": left out: every cell is 'a' (--keep c takes it)"),
    "empty": (["", "NA"] * (N // 2), [], ": left out: every cell is empty"),
    "counted": (
        [str(i) for i in range(N)],
        [],
        ": left out: an identifier, which numbers the rows",
    ),
    "names": ([f"n{i}" for i in range(N)], [], ": left out: an identifier, with another value"),
    "free text": (
        [f"it was number {i} of all" for i in range(N)],
        [],
        ": left out: free text (--keep c takes it)",
    ),
    "money": (
        [f"$1,{i:03}" for i in range(N)],
        [],
        ": left out: numbers with the unit '$', such as '$1,000' (--numeric c takes it)",
    ),
    "kilograms": ([f"{i} kg" for i in range(N)], [], ": left out: numbers with the unit 'kg'"),
    "ages": (["10-19", "20-29"] * (N // 2), ["c=10-19", "c=20-29"], ""),
}


def decided(column, name="c", **options):
    """Return the columns and the lines of a table with this column, another one and a target."""
    table = pa.table({name: column, "other": CODES, "y": Y})
    data = dataset_in_memory(table, TableOptions(**options))
    return Columns.from_dict(data.columns), data.provenance["decisions"]


@pytest.mark.parametrize(("column", "inputs", "line"), KINDS.values(), ids=KINDS)
def test_how_a_column_is_read(column, inputs, line):
    columns, lines = decided(column)
    assert [name for name in columns.input_names if name.partition("=")[0] != "other"] == inputs
    assert [one[: len(line) + 1] for one in lines] == ([f"c{line}"] if line else [])
    assert ("c" in columns.left_out) == (not inputs)


def test_the_user_s_word_counts():
    """`keep`, `categorical`, `numeric`, `missing` and `drop` say how a column is read."""
    counted = [str(i) for i in range(N)]
    assert decided(counted, keep=("c",))[0].input_names[0] == "c"
    assert "c=7" in decided(counted, categorical=("c",))[0].input_names
    columns, lines = decided([f"{i} kg" for i in range(N)], numeric=("c",))
    assert (columns.input_names[0], lines) == ("c", ["c: read without its unit 'kg'"])
    table = pa.table({"c": ["7 kg"], "other": ["c1"]})
    assert columns.encode(table, "new").x.tolist() == [[7, 0, 1, 0]]
    columns, lines = decided(cells("gone", rest=[f"{i}" for i in range(9)]), missing=("Gone",))
    assert columns.input_names[:2] == ("c", "c is missing")
    columns, lines = decided(counted, drop=("c",))
    assert lines == ["c: left out: dropped"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("id", "an identifier"), ("Unnamed: 0", "an identifier"), ("length", None)],
)
def test_an_identifier_is_known_by_its_name(name, reason):
    different = [int(i) for i in np.random.default_rng(0).permutation(N) * 7]
    assert decided(different, name)[0].left_out.get(name) == reason


BAD = {
    "a bad number": (
        [*map(str, range(39)), "x"],
        {},
        "column 'c', row 40: expected a number, got 'x'; --missing x reads it as a gap,",
    ),
    "infinite": (
        ["1.5", "inf"] * 20,
        {},
        "column 'c', row 2: expected a finite number, got 'inf'" + NOTE.format("inf"),
    ),
    "numeric": (CODES, {"numeric": ("c",)}, "column 'c', row 1: expected a number, got 'c0'"),
    "no column": (CODES, {"drop": ("d",)}, "the drop 'd' is not a column; the nearest is 'y'"),
    "both": (CODES, {"drop": ("c",), "keep": ("c",)}, "'c' cannot be in drop and in keep"),
    "group": (CODES, {"group": "c", "time": "other"}, "group and time cannot both choose the test"),
    "target and weight": (CODES, {"weight": "y"}, "'y' cannot be the target and the weight"),
    "weight": (CODES, {"weight": "c"}, "column 'c', row 1: expected a number, got 'c0'"),
    "time": (CODES, {"time": "c"}, "column 'c', row 1: expected a date, a time or a number, got"),
    "size": (CODES, {"test_size": 40.0}, "test_size must be less than the 40 examples, got 40"),
    "nothing left": (
        ["a"] * N,
        {"drop": ("other",)},
        "expected at least one input, but left out",
    ),
}


@pytest.mark.parametrize(("column", "options", "message"), BAD.values(), ids=BAD)
def test_what_is_refused(column, options, message):
    with pytest.raises(InputError) as error:
        decided(column, **options)
    assert message in str(error.value)


def parts(**options):
    """Return a data set of a table with a group, a time and a weight."""
    when = [f"2020-01-{31 - i % 31:02}" for i in range(N)]
    weight = [i % 4 for i in range(N)]
    columns = {"x": Y, "who": [i // 5 for i in range(N)], "when": when, "w": weight, "y": Y}
    return dataset_in_memory(pa.table(columns), TableOptions(target="y", **options))


def test_groups_stay_together():
    """No group has rows in two parts; the group is no input, and validates as a whole too."""
    data = parts(group="who", drop=("when", "w"))
    train, test = ({int(y) // 5 for y in ys[:, 0]} for ys in (data.y_train, data.y_test))
    assert not train & test
    assert len(data.y_test) == 10
    assert Columns.from_dict(data.columns).input_names == ("x",)
    assert (data.groups == data.y_train[:, 0].astype(int) // 5 - (data.groups[0] == 0)).shape


def test_the_latest_rows_are_the_test_part():
    """The training part is ordered, so that its latest rows validate."""
    data = parts(time="when", test_size=4.0)
    days = [31 - int(y) % 31 for y in data.y_train[:, 0]]
    assert days == sorted(days)
    assert sorted(31 - int(y) % 31 for y in data.y_test[:, 0]) == [30, 30, 31, 31]
    assert min(31 - int(y) % 31 for y in data.y_test[:, 0]) >= max(days)
    assert data.ordered


def test_a_weight_is_no_input():
    data = parts(weight="w", drop=("who", "when"))
    assert np.array_equal(data.weights, data.y_train[:, 0].astype(int) % 4)
    assert Columns.from_dict(data.columns).input_names == ("x",)


def test_one_hot_targets_are_classes():
    """Columns of 0 and 1 with a single 1 in each row (lecture row E3, E5)."""
    hot = {f"is_{k}": [int(i % 3 == k) for i in range(N)] for k in range(3)}
    options = TableOptions(target="is_0,is_1,is_2")
    data = dataset_in_memory(pa.table({"x": Y, **hot}), options)
    assert (data.task, data.classes) == ("multiclass", ("is_0", "is_1", "is_2"))
    assert np.array_equal(data.y_train, data.x_train[:, 0].astype(int) % 3)


def test_rows_without_a_target_are_left_out():
    table = pa.table({"x": Y, "y": ["", "?", *("+-" * 19)]})
    data = dataset_in_memory(table)
    assert data.classes == ("+", "-")  # a minus is a class here, and no gap
    assert len(data.y_train) + len(data.y_test) == N - 2
    assert data.provenance["decisions"] == ["2 of 40 rows have no target, row 1 first: left out"]


def test_the_last_column_that_can_be_predicted():
    """An identifier at the end, or a column of gaps, is not taken for the target in silence."""
    table = pa.table({"x": Y, "kind": CODES, "name": [f"n{i}" for i in range(N)]})
    data = dataset_in_memory(table)
    assert data.columns["target"] == ["kind"]
    line = "kind is predicted, since name cannot be; --target names another"
    assert data.provenance["decisions"][0] == line
    assert dataset_in_memory(table, TableOptions(target="first")).classes == ("x",)


COUNTED = [*range(N)]
LAST = {  # the columns but y, what is predicted, what is an input, and the line
    "counted": (
        {"x": Y, "n": COUNTED},
        ("x", ("n",)),
        "x is predicted, since n cannot be; --target names another",
    ),
    "a time": (
        {"x": CODES, "v": Y, "when": [f"2020-01-{i % 31 + 1:02}" for i in range(N)]},
        ("v", ("when (days)", "when (weekday)", "x=c0", "x=c1", "x=c2")),
        "v is predicted, since when cannot be; --target names another",
    ),
    "gaps": (
        {"x": CODES, "v": Y, "rare": [None] * 30 + [0.5, 1] * 5},
        ("v", ("rare", "rare is missing", "x=c0", "x=c1", "x=c2")),
        "v is predicted, since rare cannot be; --target names another",
    ),
    "nothing else": (
        {"when": [f"2020-01-{i % 31 + 1:02}" for i in range(N)], "n": COUNTED},
        ("n", ("when (days)", "when (weekday)")),
        "n is predicted, although it is no target: an identifier, which numbers the rows;"
        " --target names another",
    ),
}


@pytest.mark.parametrize(("columns", "expected", "line"), LAST.values(), ids=LAST)
def test_the_last_column_is_no_target_in_silence(columns, expected, line):
    """What only counts the rows is an input where there is no other, but not for that a target."""
    data = dataset_in_memory(pa.table(columns))
    found = Columns.from_dict(data.columns)
    assert (found.target[0], found.input_names) == expected
    assert data.provenance["decisions"][0] == line


def test_counting_columns_are_inputs_where_nothing_else_is():
    """A column without the name of an identifier goes before one with it."""
    for columns, inputs in (
        ({"id": COUNTED, "y": Y}, ("id",)),
        ({"id": COUNTED, "month": COUNTED, "y": Y}, ("month",)),
        ({"id": COUNTED, "x": CODES, "y": Y}, ("x=c0", "x=c1", "x=c2")),
    ):
        assert Columns.from_dict(dataset_in_memory(pa.table(columns)).columns).input_names == inputs


def test_the_last_of_columns_without_names_is_predicted(tmp_path):
    """`column2` has no name because its table has no header: this tells of no identifier."""
    (tmp_path / "a.csv").write_text("".join(f"u{i % 3},{7 * i % 83}\n" for i in range(N)))
    data = load(tmp_path / "a.csv")
    assert (data.columns["target"], data.task) == (["column2"], "regression")


def test_the_last_column_with_decimal_commas(tmp_path):
    """Its numbers are numbers of the file, and no texts that all differ."""
    rows = "".join(f"{i % 7};u;{i},5\n" for i in range(N))
    (tmp_path / "a.csv").write_text("a;b;c\n" + rows)
    data = load(tmp_path / "a.csv")
    assert (data.columns["target"], data.task) == (["c"], "regression")


def test_a_target_far_from_zero_keeps_its_digits():
    """Seconds since 1970 differ by less than float32 can tell."""
    seconds = [1.7e9 + i for i in range(N)]
    data = dataset_in_memory(pa.table({"x": CODES, "when": seconds}))
    found = np.sort(np.concatenate([data.y_train, data.y_test])[:, 0])
    assert np.array_equal(found, seconds)


def test_a_test_part_of_its_own(tmp_path):
    """It is encoded as the training part; its unseen categories are counted in a line."""
    (tmp_path / "a.csv").write_text("c,x,y\n" + "u,1.5,a\nv,2,b\nv,,b\nu,2.5,a\n" * 3)
    (tmp_path / "b.csv").write_text("y,x,c,more\nb,7,w,1\na,,v,2\n")
    data = load(tmp_path / "a.csv", options=TableOptions(test=str(tmp_path / "b.csv")))
    assert len(data.x_train) == 12
    assert data.x_test.tolist() == [[7, 0, 0, 0], [2, 1, 0, 1]]
    assert data.y_test.tolist() == [1, 0]
    assert data.provenance["decisions"][-1] == (
        "the test part has 1 cell of categories that training has not seen (c: 'w')"
    )
