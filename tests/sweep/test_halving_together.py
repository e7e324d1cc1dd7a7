"""Several processes that halve one sweep: who is promoted may differ, what a run gives may not."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.claims import Worker, list_names
from jaxmlp.sweep.folder import SweepFolder
from jaxmlp.sweep.halving import next_tasks
from jaxmlp.sweep.ladder import HalvingSweep
from jaxmlp.sweep.members import candidates
from jaxmlp.sweep.plan import read_plan
from jaxmlp.sweep.results import RunResult, best_run, rank_configs, read_results, write_results
from jaxmlp.sweep.shared import Group, SharedSweep

RATES = ",".join(f"{0.002 * 2**k:g}" for k in range(6))
LINE = ["--dataset", "iris", "--batch-size", "32", "--epochs", "9", "--monitor", "loss", "--quiet"]
LINE += ["--grid", "hidden=4,5", f"learning_rate={RATES}"]
LADDER, FACTOR, RUNS = (1, 3, 9), 3, 12
WORKER = """
import json, sys, time
from jaxmlp.sweep import __main__ as sweep, claims, ladder

out, log, halt = sys.argv[1:]
publish, save_first = claims.Worker.publish, ladder.HalvingSweep.save_first

def write(name, value):
    with open(f"{log}.{name}", "a") as file:
        file.write(json.dumps(value) + "\\n")

def logged(worker, name, content):
    made = publish(worker, name, content)
    if name.startswith("run-"):
        write("published", [name, json.loads(content), made])
    return made

def halted(folder, m, recipe, path):
    for moment in ("before", "after"):
        if moment == halt and int(path.name) >= RUNS:
            write("halted", path.name)
            time.sleep(600)
        save_first(folder, m, recipe, path)

claims.Worker.publish, ladder.HalvingSweep.save_first = logged, halted
sys.exit(sweep.main(["--join", out, "--quiet", "--lost-after", "3"]))
""".replace("RUNS", str(RUNS))  # the folders of promoted runs have numbers from there


def worker_process(out, log, halt="never"):
    """Start a worker that notes what it publishes, and may stand still in the middle of a rung."""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=1"}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(out), str(log), halt],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | flags,
    )


def planned(out, *options):
    assert sweep.main([*LINE, "--halving", str(FACTOR), *options, "--plan", "--out", str(out)]) == 0
    return out


def wait_for(what, seconds=60):
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it takes too long"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Each run of a sweep of one process that halves nothing: its records and best parameters."""
    out, found, add_runs = tmp_path_factory.mktemp("sweeps") / "alone", {}, SweepFolder.add_runs

    def kept(folder, ended, recipes):
        found.update((m.number, (m.history.records, m.history.best.params)) for m in ended)
        add_runs(folder, ended, recipes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SweepFolder, "add_runs", kept)
        assert sweep.main([*LINE, "--out", str(out)]) == 0
    assert len(found) == RUNS
    return found


def expected_numbers(records, epochs):
    """By hand: those of the first of these epochs with the lowest validation loss."""
    best = min(records[:epochs], key=lambda record: record.valid.loss)
    parts = {"train": best.train, "valid": best.valid}
    numbers = {f"{part}_{x}": getattr(m, x) for part, m in parts.items() for x in ("loss", "score")}
    return {"epochs": epochs, "best_epoch": best.epoch, "rung": epochs, **numbers}


def without_seconds(numbers):
    return {name: value for name, value in numbers.items() if name != "seconds"}


def published(logs):
    """Return what the workers wrote: the results that count, and all with those that came late."""
    files = [Path(f"{log}.published") for log in logs]
    texts = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    each = []
    for name, result, made in map(json.loads, "".join(texts).splitlines()):
        run, rung = name.removeprefix("run-").removesuffix(".json").split("-")
        each.append(((int(run) - 1, int(rung)), result, made))
    counting = [key for key, _, made in each if made]
    assert len(counting) == len({*counting}), "a result was published twice"
    return {key: result for key, result, made in each if made}, each


def assert_sound(out, logs, alone):
    """What must hold whatever the course was."""
    results, each = published(logs)
    for (run, rung), result, _ in each:
        assert result["status"] == "ok"
        expected = expected_numbers(alone[run][0], LADDER[rung])
        assert without_seconds(result["numbers"]) == expected, (run, rung)
    rungs = [{i: results[i, k] for i, rung in results if rung == k} for k in range(len(LADDER))]
    assert sorted(rungs[0]) == [*range(RUNS)]
    for low, high in pairwise(rungs):
        assert high.keys() <= low.keys()
        assert len(high) >= max(1, len(low) // FACTOR)
    table = read_results(out / "results.csv", read_plan(out).points, "accuracy")
    for i, row in table.items():
        reached = max(k for k, rung in enumerate(rungs) if i in rung)
        assert without_seconds(row.numbers) == expected_numbers(alone[i][0], LADDER[reached])
    score = {i: result["numbers"] for i, result in rungs[-1].items()}
    best = min(score, key=lambda i: (-score[i]["valid_score"], score[i]["valid_loss"], i))
    summary = json.loads((out / "summary.json").read_text())
    assert summary["configurations"][0]["best_run"] == best + 1
    assert len(Run.open(out / "best").read_metrics()) == LADDER[-1]
    params = jax.tree.leaves(jaxmlp.load(out / "best").params)
    for got, wanted in zip(params, jax.tree.leaves(alone[best][1]), strict=True):
        np.testing.assert_array_equal(got, wanted)
    left = {file.name for file in out.iterdir()}
    assert left == {"best", "results.csv", "summary.json", "sweep.json", "sweep.png"}


@pytest.mark.parametrize("halt", ["before", "after"])
def test_three_workers_of_which_one_is_killed_in_the_middle_of_a_rung(alone, tmp_path, halt):
    """It has trained promoted runs, and saved none or one of them; no result of it is published."""
    out, logs = planned(tmp_path / "shared"), [tmp_path / f"log-{k}" for k in range(3)]
    killed = worker_process(out, logs[0], halt)
    wait_for(lambda: os.path.exists(f"{logs[0]}.halted"))
    before = {*list_names(out / "workers")}
    others = [worker_process(out, log) for log in logs[1:]]
    wait_for(lambda: any(n.endswith(".claim") for n in {*list_names(out / "workers")} - before))
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    printed = [process.communicate(timeout=120)[0] for process in others]
    assert [process.returncode for process in others] == [0, 0], printed
    assert_sound(out, logs, alone)


def test_what_another_worker_has_begun_is_trained_to_its_end(tmp_path, monkeypatch):
    """The worst run was promoted by a worker that saw few others, and was interrupted."""
    out, add_runs, claimed = planned(tmp_path / "shared"), HalvingSweep.add_runs, []

    def promoted_by_another(folder, ended, recipes):
        add_runs(folder, ended, recipes)
        if not claimed:
            rung = folder.rungs[0]
            worst = min(rung, key=lambda i: rung[i].numbers["valid_score"])
            with Worker(out / "workers", 60).at_work() as other:
                assert other.claim(f"run-{worst + 1}-1")
            claimed.append(worst)

    monkeypatch.setattr(HalvingSweep, "add_runs", promoted_by_another)
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    table = read_results(out / "results.csv", read_plan(out).points, "accuracy")
    assert table[claimed[0]].numbers["rung"] >= 3


def test_a_sweep_ends_not_before_what_is_begun():
    """By hand, factor 2: run 0 was promoted when it was alone with run 1, and is trained now."""
    first = {i: ok(i / 10) for i in range(4)}
    second = {3: ok(0.5), 2: ok(0.4)}
    top = {3: ok(0.6)}
    assert next_tasks([first, second, top], 2, 4) == []
    assert next_tasks([first, second, top], 2, 4, {(0, 1), (3, 1)}) == [(0, 1)]
    begun = {(0, 1), (2, 0), (3, 1)}
    assert next_tasks([{0: ok(0.1), 3: ok(0.2)}, {}, {}], 2, 4, begun) == [
        *((0, 1), (3, 1), (2, 0)),  # begun
        (1, 0),
    ]


def test_a_worker_that_comes_back_after_the_end_leaves_nothing(tmp_path, monkeypatch):
    out, add_runs, calls = planned(tmp_path / "shared"), HalvingSweep.add_runs, []

    def noted(folder, *given):
        calls.append((folder, *given))
        add_runs(folder, *given)

    monkeypatch.setattr(HalvingSweep, "add_runs", noted)
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    folder, *given = calls[0]
    folder.rungs = [{} for _ in folder.rungs]  # it has slept since
    add_runs(folder, *given)
    left = {file.name for file in out.iterdir()}
    assert left == {"best", "results.csv", "summary.json", "sweep.json", "sweep.png"}


class Waves:
    """A program that trains runs two by two."""

    def waves(self):
        """Return the numbers of its runs."""
        return [[i, i + 1] for i in range(0, RUNS, 2)]


def test_promoted_runs_are_for_several_workers(tmp_path):
    """Four of them on devices that hold two: two groups, of which each worker takes one."""
    out = planned(tmp_path / "shared")
    (out / "workers").mkdir()
    plan = read_plan(out)
    with Worker(out / "workers", 60).at_work() as worker:
        folder = HalvingSweep(SweepFolder(out, plan, "accuracy"), worker, LADDER[-1])
        folder.rungs[0] = {i: ok(i / 100) for i in range(RUNS)}
        groups = folder.groups([Waves()])
    assert [(group.rung, group.runs) for group in groups] == [(1, [11, 10]), (1, [9, 8])]


def test_what_was_done_before_the_claim_is_not_trained_again(tmp_path):
    """Another worker has published between the look and the claim, and given its claim back."""
    out = tmp_path / "shared"
    assert sweep.main([*LINE, "--plan", "--out", str(out)]) == 0
    (out / "workers").mkdir()
    (out / "workers" / "machine.json").write_text("{}")
    with Worker(out / "workers", 60).at_work() as worker:
        folder = SharedSweep(SweepFolder(out, read_plan(out), "accuracy"), worker)
        folder.look()
        worker.publish("run-2.json", json.dumps({"status": "ok", "numbers": ok(0.5).numbers}))
        assert folder.undone(Group(Waves(), None, [0, 1])).runs == [0]
        (out / "workers" / "machine.json").unlink()  # the sweep was finished
        assert folder.undone(Group(Waves(), None, [0])).runs == []


def ok(score, rung=None):
    numbers = {"epochs": 1, "best_epoch": 1, "seconds": 0.1, "train_loss": 1.0, "train_score": 0.5}
    numbers |= {"valid_score": score, "valid_loss": 1 - score}
    return RunResult("ok", numbers if rung is None else numbers | {"rung": rung})


def test_the_best_run_is_the_best_of_the_last_rung(tmp_path):
    """Also where its score has fallen since; and its members come before those of lower rungs."""
    points = [{"learning_rate": rate} for rate in (0.1, 0.2, 0.3, 0.4)]
    results = {0: ok(0.9, 1), 1: ok(0.7, 9), 2: ok(0.6, 9)}
    results[3] = RunResult("diverged", {"epochs": 3, "seconds": 0.1, "rung": 9})
    ranked = rank_configs(points, results)
    assert best_run(ranked) == 1
    assert [config.best for config in ranked] == [1, 2, 0, None]
    assert [chosen.runs for chosen in candidates(2, "aaaa", results)] == [(1, 2)]
    write_results(tmp_path / "results.csv", points, results, "accuracy")
    assert read_results(tmp_path / "results.csv", points, "accuracy") == results
    with open(tmp_path / "results.csv", encoding="utf-8", newline="") as file:
        assert [row["rung"] for row in csv.DictReader(file)] == ["1", "9", "9", "9"]
