"""A search by a model: what it asks for, what its journal says, and where it can be cut off."""

import csv
import json
import math
import os
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from jaxmlp import train
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.folder import SweepFolder
from jaxmlp.sweep.journal import Journal
from jaxmlp.sweep.plan import read_plan
from jaxmlp.sweep.results import ConfigResult
from jaxmlp.sweep.search import Search, new_search
from jaxmlp.sweep.space import make_points
from tests.helpers import command

SMALL = ["--dataset", "iris", "--hidden", "4", "--batch-size", "32", "--quiet"]
SGD = ["--optimizer", "sgd", "--schedule", "constant", "--epochs", "2"]
SPACE = ["learning_rate=log:1e-5:1e2", "initializer=he_normal,xavier_normal"]
LINE = [*SMALL, *SGD, "--search", "16", *SPACE, "--search-batch", "8", "--grid", "seed=0,1"]
State = optuna.trial.TrialState


class Stop(Exception):
    """The end of a process, in a test."""


def rows_of(out):
    with open(out / "results.csv", encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def trials_of(out):
    storage = JournalStorage(JournalFileBackend(str(out / "optuna.journal")))
    return optuna.load_study(study_name=None, storage=storage).trials


def told(out):
    return [(t.number, t.state, t.value, t.params, t.user_attrs) for t in trials_of(out)]


def refused(capsys, line, message):
    capsys.readouterr()
    assert sweep.main(list(map(str, line))) == 2
    printed, err = capsys.readouterr()
    assert (printed, err.count("\n")) == ("", 1)
    assert message in err


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Two batches of eight trials with two seeds each: the model has chosen the last six."""
    out = tmp_path_factory.mktemp("sweeps") / "searched"
    assert sweep.main([*LINE, "--out", str(out)]) == 0
    return out


@pytest.fixture
def copy(searched, tmp_path):
    return shutil.copytree(searched, tmp_path / "copy")


def test_the_journal_says_what_the_table_says(searched):
    """Each trial has the mean over its seeds, their deviation, and the numbers of its runs."""
    rows, trials = {row["run"]: row for row in rows_of(searched)}, trials_of(searched)
    assert len(trials) == 16
    assert {run for t in trials for run in t.user_attrs["runs"]} == set(range(1, len(rows) + 1))
    for trial in trials:
        own = [rows[str(run)] for run in trial.user_attrs["runs"]]
        assert [row["seed"] for row in own] == ["0", "1"]
        for row in own:
            assert row["learning_rate"] == f"{trial.params['learning_rate']:.6g}"
            assert row["initializer"] == trial.params["initializer"]
        if any(row["status"] == "diverged" for row in own):
            assert trial.state == State.PRUNED
            continue
        scores = [float(row["valid_accuracy"]) for row in own]
        assert (trial.state, trial.value) == (State.COMPLETE, pytest.approx(np.mean(scores)))
        assert trial.user_attrs["deviation"] == pytest.approx(np.std(scores, ddof=1))


def test_the_model_beats_the_points_that_it_began_with(searched):
    """The first ten are drawn at random; any of them could be the best one."""
    scores = [-math.inf if t.value is None else t.value for t in trials_of(searched)]
    assert np.median(scores[10:]) > np.median(scores[:10])
    summary = json.loads((searched / "summary.json").read_text())
    assert summary["configurations"][0]["valid_accuracy"] == pytest.approx(max(scores))
    assert (summary["trials"], summary["asked"]) == (16, 16)


CRASHES = {
    "before the second batch is written": (SweepFolder, "add_batch", 1, False),
    "before the journal has the first batch": (Journal, "follow", 1, False),
    "before the first results": (SweepFolder, "add_runs", 1, False),
    "after the first results": (SweepFolder, "add_runs", 1, True),
    "between the results and the journal": (Journal, "follow", 2, False),
    "while the journal is told": (Journal, "_tell", 3, True),
    "before the journal has the second batch": (Journal, "follow", 3, False),
    "in the second batch": (SweepFolder, "add_runs", 2, True),
    "before the best run is moved": (SweepFolder, "move_best_run", 1, False),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_after_a_crash_it_goes_on_as_if_it_had_not_been(searched, tmp_path, monkeypatch, crash):
    """To the byte, and what is in the table is not trained again."""
    out, (owner, name, when, after) = tmp_path / "sweep", CRASHES[crash]
    usual, calls, trained = getattr(owner, name), [], []
    add_runs = SweepFolder.add_runs

    def stop(*given):
        calls.append(name)
        if len(calls) == when and not after:
            raise Stop
        usual(*given)
        if len(calls) == when:
            raise Stop

    def note(folder, ended, recipes):
        trained.extend(m.number for m in ended)
        add_runs(folder, ended, recipes)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stop)
        with pytest.raises(Stop):
            sweep.main([*LINE, "--out", str(out)])
    monkeypatch.setattr(SweepFolder, "add_runs", note)
    known = [int(row["run"]) - 1 for row in rows_of(out)] if (out / "results.csv").exists() else []
    assert sweep.main(["--resume", str(out), "--quiet"]) == 0
    assert sorted([*known, *trained]) == list(range(len(rows_of(searched))))
    assert rows_of(out) == rows_of(searched)
    for file in ("sweep.json", "best/model.safetensors", "best/checkpoint.safetensors"):
        assert (out / file).read_bytes() == (searched / file).read_bytes(), file
    assert told(out) == told(searched)


def test_a_search_that_is_done_asks_nothing_again(copy, searched, monkeypatch):
    monkeypatch.setattr("jaxmlp.sweep.programs.Program.fit", None)
    monkeypatch.setattr(Search, "ask", None)
    assert sweep.main(["--resume", str(copy), "--quiet"]) == 0
    for file in ("sweep.json", "results.csv", "optuna.journal"):
        assert (copy / file).read_bytes() == (searched / file).read_bytes(), file


@pytest.mark.parametrize("cut", [None, 0, -1, -30])
def test_a_journal_that_is_gone_or_cut_short_is_mended(copy, searched, cut):
    """A process was killed while it wrote the last line; it also left its lock."""
    file = copy / "optuna.journal"
    content = file.read_bytes()
    if cut is None:
        file.unlink()
    else:
        file.write_bytes(content[:cut])
        os.symlink(file, copy / "optuna.journal.lock")
    assert sweep.main(["--resume", str(copy), "--quiet"]) == 0
    assert told(copy) == told(searched)
    assert not os.path.lexists(copy / "optuna.journal.lock")


def test_a_journal_that_is_damaged_or_of_another_search(copy, capsys):
    file = copy / "optuna.journal"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], b"{\n", *lines[3:]]))
    refused(capsys, ["--resume", copy, "--quiet"], "optuna.journal is damaged")
    file.write_bytes(b"".join([*lines[:3], b'{"op_code": 99}\n', *lines[3:]]))
    refused(capsys, ["--resume", copy, "--quiet"], "optuna.journal is damaged")
    file.write_bytes(b"".join([lines[0], lines[2], *lines[2:]]))
    refused(capsys, ["--resume", copy, "--quiet"], "journal has another trial 0; delete it")
    file.unlink()
    assert sweep.main(["--resume", str(copy), "--quiet"]) == 0


def test_it_is_replaced_with_all_that_optuna_left(copy, capsys):
    for name in ("optuna.journal.lock", f"optuna.journal.lock{'0a-' * 12}.rename"):
        os.symlink(copy / "optuna.journal", copy / name)
    (copy / "optuna.txt").write_text("mine")
    line = [*SMALL, *SGD, "--grid", "seed=0", "--out", str(copy), "--overwrite"]
    refused(capsys, line, "holds optuna.txt, which is not part of a sweep")
    (copy / "optuna.txt").unlink()
    assert sweep.main(line) == 0
    assert not [name for name in os.listdir(copy) if "optuna" in name]


def test_a_run_of_a_search_has_the_bytes_of_train(tmp_path):
    """Where no number varies, which is an argument of the program; trials repeat the three runs."""
    out, alone = tmp_path / "sweep", tmp_path / "alone"
    wide = [*SMALL, "--hidden", "1500", "--epochs", "2"]
    space = ["initializer=he_normal,xavier_normal,lecun_normal"]
    search = ["--search", "9", *space, "--search-batch", "3"]
    assert sweep.main([*wide, *search, "--out", str(out)]) == 0
    assert 1 < len(rows_of(out)) <= 3
    assert len(trials_of(out)) == 9
    assert all(t.state == State.COMPLETE for t in trials_of(out))
    config = ["--config", str(out / "best" / "config.json")]
    assert train.main([*config, "--quiet", "--out", str(alone)]) == 0
    for name in ("config.json", "model.safetensors", "checkpoint.safetensors"):
        assert (out / "best" / name).read_bytes() == (alone / name).read_bytes(), name


def test_with_folds_and_with_an_ensemble(tmp_path):
    line = [*SMALL, *SGD, "--search", "4", SPACE[0], "--search-batch", "2"]
    folds, mean = tmp_path / "folds", tmp_path / "mean"
    assert sweep.main([*line, "--folds", "3", "--out", str(folds)]) == 0
    assert [t.user_attrs["runs"] for t in trials_of(folds)][:2] == [[1, 2, 3], [4, 5, 6]]
    judged = Run.open(folds / "best").read_json("summary.json")["cross_validation"]
    assert judged["valid_accuracy"] == max(t.value for t in trials_of(folds) if t.value)
    assert sweep.main([*line, "--best-as-ensemble", "3", "--out", str(mean)]) == 0
    members = json.loads((mean / "ensemble" / "members.json").read_text())
    rows = [row for row in rows_of(mean) if row["status"] == "ok"]
    best = sorted(rows, key=lambda r: (-float(r["valid_accuracy"]), float(r["valid_loss"])))
    assert [str(member["run"]) for member in members] == [row["run"] for row in best[:3]]


def result(number, point, score=math.nan, deviation=math.nan, ended=1, diverged=0):
    return ConfigResult(point, (number,), None, ended, diverged, score, deviation, 1.0, number, 0)


def course(score, seed, batches=6):
    """Return the points of a search whose runs have a score by a formula."""
    search, configs = new_search(10 * batches, None, ["learning_rate=log:1e-6:1e2"]), []
    for _ in range(batches):
        search, new = search.ask(configs, seed)
        configs += [result(len(configs) + k, p, score(p)) for k, p in enumerate(new)]
    assert search.complete
    return np.array([math.log10(config.point["learning_rate"]) for config in configs])


@pytest.mark.parametrize("seed", range(3))
def test_it_comes_nearer_to_the_best_rate_than_chance(seed):
    """The best rate is 10^-3; a control draws at random, another is told scores of no meaning."""
    near = course(lambda p: -abs(math.log10(p["learning_rate"]) + 3), seed)
    rng = np.random.default_rng(seed)
    blind = course(lambda p: rng.random(), seed)
    drawn = make_points([], ["60", "learning_rate=log:1e-6:1e2"], seed)
    drawn = np.array([math.log10(p["learning_rate"]) for p in drawn])
    found, misled, chance = (np.median(abs(rates[20:] + 3)) for rates in (near, blind, drawn))
    assert found < chance / 2
    assert found < misled
    assert (course(lambda p: -abs(math.log10(p["learning_rate"]) + 3), seed) == near).all()


def test_what_a_trial_says():
    """A run that diverged counts as worse than every score; one that trains has no value yet."""
    space = ("dropout=uniform:0:0.5", "batch_size=log:8:64", "hidden=4,4x4,none")
    points = [{"dropout": 0.1 * k, "batch_size": 8 + k, "hidden": (4,) * k} for k in range(3)]
    configs = [
        result(0, points[0], 0.5, 0.1),
        result(1, points[1], diverged=1),
        result(2, points[2], ended=0),
    ]
    search = Search(5, 5, space, (0, 1, 2, 0))
    found = search.frozen(configs)
    assert [t.state for t in found] == [State.COMPLETE, State.PRUNED, State.RUNNING, State.COMPLETE]
    assert [t.value for t in found] == [0.5, None, None, 0.5]
    assert found[0].user_attrs == {"runs": [1], "deviation": 0.1}
    assert [t.params["hidden"] for t in found] == ["none", "4", "4x4", "none"]
    assert search.batches == [range(3)]
    assert Search(6, 2, space, (0, 1, 0, 1, 0, 2)).batches == [range(2), range(2, 2), range(2, 3)]


def test_values_lie_in_their_ranges():
    """Also where six digits would round beyond an end; whole numbers are whole."""
    space = ["learning_rate=uniform:0.12345671:0.12345672", "batch_size=log:1:3"]
    search, points = new_search(30, 30, space).ask([], 0)
    assert all(0.12345671 <= p["learning_rate"] <= 0.12345672 for p in points)
    assert {p["batch_size"] for p in points} <= {1, 2, 3}
    assert all(type(p["batch_size"]) is int for p in points)
    assert len(search.asked) == 30 > len(points)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--search 9", "--search needs fields to vary, such as learning_rate=log:1e-4:1e-1"),
        ("--search dropout=0.1,0.2", "first word of --search must be the number of trials, from 1"),
        ("--search 0 dropout=0.1,0.2", "the number of trials, from 1 to 100000, got '0'"),
        ("--search 9 dropout=lag:1:2", "did you mean 'log'?"),
        ("--search 9 seed=0,1", "seed does not apply to --search: give the seeds to --grid"),
        ("--search 9 dropout=0.1,0.2 --grid hidden=4,5", "hidden does not apply to --grid with"),
        ("--search 9 dropout=0.1,0.2 --dropout 0.3", "dropout is given twice: by --dropout and"),
        ("--search 9 dropout=0.1 --search-batch 10", "--search-batch must be from 1 to 9, all"),
        ("--search 9 dropout=0.1 --search-batch 0", "--search-batch must be from 1 to 9, all"),
        ("--grid dropout=0.1 --search-batch 3", "--search-batch needs --search: it is"),
        ("--search 9 dropout=0.1 --random 3 hidden=4", "--random does not apply with --search: gi"),
        ("--search 9 dropout=0.1 --halving 3", "--halving does not apply with --search: it"),
        ("--search 9 dropout=0.1 --plan", "--plan does not apply with --search: one process"),
        ("--search 9 batch_size=uniform:1.5:9", "LOW and HIGH of batch_size must be whole numbers"),
        ("--search 9 batch_size=log:0.5:9", "LOW and HIGH of batch_size must be whole numbers"),
        ("--search 9 activation=own.py:f", "parts of one's own do not apply to --search"),
        ("--search 9 dropout=uniform:0:1.5", "dropout must be in [0, 1)"),  # before any run
        ("--search 9 activation=relu,step", "activation=step: "),
        ("--search 9 dropout=0.1 --best-as-ensemble 10", "must be from 2 to 9"),
        ("--search 9 dropout=0.1,0.2 --folds 1", "folds must be from 2 to"),
        ("--search 90000 dropout=0.1 --grid seed=0,1", "runs of a sweep must be at most 100000"),
        ("--resume nowhere --search 9 dropout=0.1", "same sweep: --search does not apply"),
    ],
)
def test_mistakes(capsys, tmp_path, options, message):
    out = [] if "--resume" in options else ["--dataset", "iris", "--out", str(tmp_path / "sweep")]
    refused(capsys, [*out, *options.split()], message)
    assert not (tmp_path / "sweep").exists()


def test_optuna_is_missing(capsys, tmp_path, copy, monkeypatch):
    monkeypatch.setattr("jaxmlp.cli.extras.find_spec", lambda name: None)
    line = ["--dataset", "iris", "--search", "9", "dropout=0.1,0.2", "--out", tmp_path / "sweep"]
    words = "--search needs the package optuna, which is not installed; try: pip install"
    refused(capsys, line, f"{words} 'jaxmlp[optuna]'")
    refused(capsys, ["--resume", copy], words)
    assert not (tmp_path / "sweep").exists()


def test_workers_do_not_share_it(capsys, copy):
    refused(capsys, ["--join", copy], "is a search, which is not shared: continue it with --resume")


def changed(saved, **fields):
    return saved | {"search": saved["search"] | fields}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (partial(changed, trials=7), "search: batch must be at most all trials, got 8"),
        (partial(changed, asked=[0] * 7), "search: asked must be of whole batches"),
        (partial(changed, asked=[]), "search: asked must be of whole batches"),
        (partial(changed, asked=[1, 0] * 8), "search: asked must be numbered in their order"),
        (partial(changed, asked=[0, 1, 2, 3] * 4 + [5]), "asked must be"),
        (partial(changed, space=["dropout=0.1,0.2"]), "trial 1 must be runs of one configuration"),
        (partial(changed, space=["learning_rate=1,2"]), "trial 1 must be runs of one config"),
        (partial(changed, space=[SPACE[0], "initializer=zeros,he_normal"]), "of one config"),
        (partial(changed, space=["learning_rat=1,2"]), "did you mean 'learning_rate'?"),
        (lambda saved: saved | {"points": saved["points"][:-1]}, "asked must be"),
        (lambda saved: saved | {"points": saved["points"][::-1]}, None),
    ],
)
def test_a_search_that_was_changed(copy, capsys, change, message):
    file = copy / "sweep.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    if message is None:
        read_plan(copy)  # the order of the points is that of the file
    else:
        refused(capsys, ["--resume", copy], message)


def test_nothing_of_optuna_is_printed(tmp_path):
    """Neither what it does nor its warnings of experimental parts; the help needs none of it."""
    line = [*SMALL, *SGD, "--search", "2", SPACE[0], "--out", str(tmp_path / "sweep")]
    finished = command("jaxmlp.sweep", *line)
    assert (finished.returncode, finished.stderr, finished.stdout) == (0, "", "")
    code = "import sys; from jaxmlp.sweep.__main__ import make_parser; make_parser().format_help();"
    code += "sys.exit(bool({'optuna', 'jax', 'numpy'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
