"""The benchmark: its arithmetic, its file, its targets and tables, and one section end to end."""

import json
from pathlib import Path

import pytest

from experiments.bench import __main__ as command
from experiments.bench import epochs, machine, measures, results, tables, whole
from experiments.bench.peers import NAMES, OURS
from experiments.bench.picture import draw
from experiments.bench.problem import Problem, operations, widths
from experiments.bench.targets import TARGETS, Target
from experiments.bench.workers import Failed, environment, run, workers

MACHINE = {
    "processor": "P",
    "cores": 2,
    "gigabytes": 8.0,
    "bfloat16": ["avx512_bf16"],
    "python": "3.11",
    "versions": {"jax": "0.10", "torch": None},
}


def record(numbers, **more):
    basics = {"date": "2026-01-02T03:04:05", "machine": MACHINE, "rounds": 5, "quick": False}
    return basics | {"numbers": numbers} | more


def alone(value):
    return measures.summary([value])


def test_a_ratio_is_taken_within_a_round():
    times = {"ours": [1.0, 2.0, 4.0], "peer": [3.0, 4.0, 20.0]}  # ratios 3, 2, 5
    expected = {"peer": {"median": 3.0, "low": 2.0, "high": 5.0, "rounds": 3}}
    assert measures.ratios(times, "ours") == expected


@pytest.mark.parametrize(
    ("found", "median"), [({}, None), ({"a": 3}, 3), ({"a": 3, "b": 2, "c": 9}, 2)]
)
def test_the_fastest_peer_is_the_one_to_beat(found, median):
    fastest = measures.fastest({name: alone(value) for name, value in found.items()})
    assert (fastest and fastest["median"]) == median


EPOCHS = {  # each worker's seconds in two rounds
    "jaxmlp": [2.0, 4.0],
    "torch": [3.0, 6.0],
    "keras": [4.0, 4.0],
    "torch tuned": [1.0, 2.0],
    "jaxmlp bfloat16": [1.0, 2.0],
    "torch bfloat16": [2.0, 8.0],
}
COMPARED = {  # by hand: the median of two ratios is their mean
    "ratios": {"torch": 1.5, "keras": 1.5},
    "tuned": {"torch": 0.5},
    "short": {"torch": 3.0, "keras": 3.0},
    "mixed": {"torch": 3.0},
    "gain": {"jaxmlp": 2.0, "torch": 1.125},
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, COMPARED | {"best": COMPARED["short"]}),
        (
            {"jaxmlp bfloat16": [4.0, 8.0]},
            COMPARED
            | {"short": {"torch": 0.75, "keras": 0.75}, "mixed": {"torch": 0.75}}
            | {"gain": {"jaxmlp": 0.5, "torch": 1.125}, "best": COMPARED["ratios"]},
        ),
        (
            dict.fromkeys([name for name in EPOCHS if " " in name]),
            {what: {} for what in COMPARED} | dict.fromkeys(("ratios", "best"), COMPARED["ratios"]),
        ),
    ],
    ids=["bfloat16 faster", "bfloat16 slower", "one variant"],
)
def test_variants_are_compared_within_a_round(changed, expected):
    timed = {name: of for name, of in (EPOCHS | changed).items() if of}
    found = epochs.compared(timed)
    assert {what: {k: v["median"] for k, v in of.items()} for what, of in found.items()} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512_bf16 avx2\n", ["avx512_bf16"]),
        ("flags\t\t: amx_bf16 avx512_bf16\n", ["avx512_bf16", "amx_bf16"]),
        ("Features\t: fp asimd bf16\n", ["bf16"]),
        ("flags\t\t: fpu avx2\nmodel name\t: with bf16\n", []),
    ],
)
def test_the_machine_says_by_which_instructions_it_has_bfloat16(
    text, expected, monkeypatch, tmp_path
):
    monkeypatch.setattr(machine, "CPUINFO", file := tmp_path / "cpuinfo")
    assert machine.machine()["bfloat16"] is None
    file.write_text(text)
    assert machine.machine()["bfloat16"] == expected


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law(power):
    x = [10, 100, 1000]
    assert measures.exponent(x, [7 * v**power for v in x]) == pytest.approx(power)


def test_the_slope_of_a_line():
    assert measures.slope([0, 1, 5], [3.0, 5.0, 13.0]) == pytest.approx(2)


def test_the_operations_of_an_epoch():
    """Against the sum over products: two of `2 N in out` each, and one more after the first."""
    assert operations(60_000, widths((128,))) == 60_000 * (4 * 784 * 128 + 6 * 128 * 10)
    assert operations(1, (3, 5)) == 2 * 2 * 15


def test_a_problem_survives_json():
    problem = Problem(rows=5, hidden=(3, 4), tuned=True)
    assert Problem(**json.loads(json.dumps(problem.to_dict()))) == problem


def test_a_section_replaces_itself_and_nothing_else(tmp_path):
    results.merge(tmp_path, "tiny", record({"a": 1}))
    results.merge(tmp_path, "limit", record({"b": 2}))
    results.merge(tmp_path, "tiny", record({"a": 3}))
    found = results.load(tmp_path)
    assert {name: of["numbers"] for name, of in found.items()} == {
        "tiny": {"a": 3},
        "limit": {"b": 2},
    }


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(2.0, True, True), (1.9, True, False), (1.9, False, True)]
)
def test_a_target_is_met_from_one_side(value, at_least, met):
    assert Target("", "", 2.0, at_least, alone).met(alone(value)) == met


def all_numbers():
    """Return results with every target's figure at 1."""
    peers = {name: alone(1) for name in NAMES if name != OURS}
    epoch = dict.fromkeys(("ratios", "tuned", "short", "mixed", "best"), peers)
    epoch["gain"] = peers | {OURS: alone(1)}
    axis = dict.fromkeys(("time exponent", "late time exponent", "memory exponent", "copies"), 1.0)
    axis |= {"values": [1, 2], "seconds": [1, 2], "megabytes": [1, 2]}
    shapes = ("784-128-10 at 128", "784-512-512-10 at 128", "784-1024-1024-10 at 512")
    numbers = {
        "epochs": dict.fromkeys(shapes, epoch),
        "whole": {
            "cold": peers,
            "warm": peers,
            "megabytes": peers | {OURS: alone(1)},
            "reached": dict.fromkeys(NAMES, 1),
        },
        "limit": {"shares": dict.fromkeys(shapes, alone(1))},
        "sweep": {"ratios": peers},
        "scaling": {"examples": axis},
        "footprint": {"ratios": {"import": peers}, "commands": {"--help": alone(1)}},
        "dropout": {"cost": alone(1)},
        "tiny": {"ratios": peers},
    }
    assert numbers.keys() == command.SECTIONS.keys()
    return {name: record(of) for name, of in numbers.items()}


def test_every_target_is_read_where_its_section_writes():
    found = all_numbers()
    for target in TARGETS:
        read = target.read(found[target.section]["numbers"])
        assert read is not None, target.figure
        assert read["median"] == 1
        assert target.met(read) == (not target.at_least or target.bound <= 1)
    last = tables.tables(found)[-1]
    assert [row[0] for row in last.rows] == [target.figure for target in TARGETS]


def test_the_picture_has_a_panel_for_what_was_measured():
    found = all_numbers()
    assert len(draw(found).axes) == 4
    labels = [label.get_text() for label in draw(found).axes[1].get_yticklabels()]
    assert labels[:2] == [
        "784-128-10\nat 128, peers in\nfloat32",
        "784-128-10\nat 128, peers in\nmixed precision",
    ]
    assert len(draw({"tiny": found["tiny"]}).axes) == 1
    assert draw({"limit": found["limit"]}) is None


def test_results_of_an_earlier_version_stay_readable():
    """They know neither the comparisons in bfloat16 nor the processor's instructions."""
    found = all_numbers()
    for epoch in found["epochs"]["numbers"].values():
        for name in ("short", "mixed", "best", "gain"):
            epoch.pop(name, None)
    found["epochs"]["machine"] = {k: v for k, v in MACHINE.items() if k != "bfloat16"}
    found["epochs"]["date"] = "2026-02-03"
    assert len(draw(found).axes) == 3
    text = tables.markdown(found)
    assert "bfloat16" not in text
    assert "epoch of 784-128-10 at 128: fastest peer / ours |" in text


def test_the_markdown_names_machine_and_spread(tmp_path, capsys):
    found = all_numbers()
    found["tiny"]["numbers"]["ratios"]["sklearn"] = measures.summary([5.0, 6.0, 7.5])
    results.merge(tmp_path, "tiny", found["tiny"])
    assert command.main(["--markdown", "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "Measured 2026-01-02 on 2 cores of P with 8.0 GB, bfloat16 by avx512_bf16, " in text
    assert ", Python 3.11, jax 0.10; " in text
    figure = "epoch of 4-16-3 on 150 rows: scikit-learn / ours"
    assert f"| {figure} | at least 5 | 6.00 (5.00 to 7.50) | yes |" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--only epoch", "unknown section 'epoch', expected one of"),
        ("--libraries tensorflow", "unknown library 'tensorflow'"),
        ("--rounds 0", "--rounds must be at least 1, got 0"),
        ("--markdown", "holds no results of the benchmark; run python -m experiments.bench first"),
    ],
)
def test_bad_input(capsys, tmp_path, line, message):
    assert command.main([*line.split(), "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_a_library_that_is_not_there(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "keras" else name)
    assert command.main(["--only", "tiny", "--out", str(tmp_path)]) == 2
    captured = capsys.readouterr().err
    assert captured.count("\n") == 1
    assert "keras not installed; run pip install '.[bench]', or name the installed" in captured


def test_a_sweep_projects_what_it_did_not_time(monkeypatch):
    """5 seconds with the start, 2 for each further one: 5 + 15 * 2."""
    ends = [(5.0, "{}"), (7.0, "{}"), (9.5, "{}"), (11.0, "{}")]
    monkeypatch.setattr(whole, "run", lambda *line: whole.Finished(11.0, 1.0, ends))
    plan = command.Plan((OURS, "torch"), 1, True, "digits.npz", "mnist_5k", Path())
    assert whole._their_sweep(plan, "torch") == pytest.approx(35)


def test_a_process_that_fails_tells_why():
    with pytest.raises(Failed, match="ValueError: no"):
        run("-c", "raise ValueError('no')")
    with workers(["no_such_library"]) as crew, pytest.raises(Failed, match="No module named"):
        crew["no_such_library"].ask("start", problem={})


def test_users_keep_their_compiled_modules(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment()


def test_a_section_end_to_end(tmp_path, capsys):
    line = ["--only", "tiny", "--quick", "--libraries", "sklearn", "--out", str(tmp_path)]
    assert command.main(line) == 0
    captured = capsys.readouterr()
    assert "epoch of 4-16-3 on 150 rows: scikit-learn / ours" in captured.out
    assert "mean nothing" in captured.err
    found = json.loads((tmp_path / "results.json").read_text())["tiny"]
    assert found["numbers"]["ratios"]["sklearn"]["median"] > 0
    assert found["machine"]["versions"]["jax"]
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".scratch-*"))
