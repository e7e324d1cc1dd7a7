"""Workers that share a sweep: what they make together is what one process makes, to the byte."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from jaxmlp.files import locked_folder
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep import join, shared
from jaxmlp.sweep.claims import Worker, list_names
from jaxmlp.sweep.folder import SweepFolder

SMALL = ["--dataset", "iris", "--batch-size", "32", "--epochs", "3", "--quiet"]
GRID = ["--grid", "hidden=4,5,6", "seed=0,1", "learning_rate=0.03,0.1"]
BYTES = ("config.json", "model.safetensors", "checkpoint.safetensors")


def rows_of(folder):
    """Return the table without the seconds, which no two sweeps share."""
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def assert_same_sweep(got, expected):
    """Compare everything but times and places, and that nothing of the workers is left."""
    names = [sorted(str(f.relative_to(out)) for f in out.rglob("*")) for out in (got, expected)]
    assert names[0] == names[1]
    assert rows_of(got) == rows_of(expected)
    for name in BYTES:
        assert (got / "best" / name).read_bytes() == (expected / "best" / name).read_bytes(), name
    one, other = (json.loads((out / "summary.json").read_text()) for out in (got, expected))
    for name in ("configurations", "best", "runs", "ended", "interrupted", "device", "versions"):
        assert one[name] == other[name], name


def planned(out, *options):
    assert sweep.main([*SMALL, *options, "--plan", "--out", str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {"sweep.json"}
    return out


def worker_process(out, *options):
    """Start a worker; like this process, it takes the processor for one device."""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=1"}
    return subprocess.Popen(
        [sys.executable, "-m", "jaxmlp.sweep", "--join", str(out), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | flags,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The sweep of one process."""
    out = tmp_path_factory.mktemp("sweeps") / "alone"
    assert sweep.main([*SMALL, *GRID, "--out", str(out)]) == 0
    return out


def wait_for(what, seconds=60):
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it takes too long"
        time.sleep(0.01)


def test_three_workers_of_which_one_is_killed(alone, tmp_path):
    """The first dies by SIGKILL when it has claimed runs: the others wait, and train them."""
    out = planned(tmp_path / "shared", *GRID)
    killed = worker_process(out)
    wait_for(lambda: any(name.endswith(".claim") for name in list_names(out / "workers")))
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    others = [worker_process(out, "--lost-after", "3") for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in others]
    assert [process.returncode for process in others] == [0, 0], printed
    assert_same_sweep(out, alone)
    for text in printed:
        assert "run 1/12  hidden=4 learning_rate=0.03 seed=0  valid accuracy" in text
        assert f"best run  {out}/best/, test accuracy" in text


def test_one_worker_is_enough(alone, tmp_path):
    out = planned(tmp_path / "shared", *GRID)
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    assert_same_sweep(out, alone)


def test_the_sweep_of_a_process_that_was_interrupted_can_be_shared(alone, tmp_path):
    out = shutil.copytree(alone, tmp_path / "sweep", ignore=shutil.ignore_patterns("best", "su*"))
    lines = (out / "results.csv").read_text().splitlines(keepends=True)
    (out / "results.csv").write_text("".join([lines[0], *lines[7:9]]))  # not the best one
    (out / "sweep.png").write_bytes(b"of an earlier look")
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    assert_same_sweep(out, alone)


def test_a_sweep_that_is_finished_is_shown_and_not_touched(alone, capsys, monkeypatch):
    monkeypatch.setattr("jaxmlp.sweep.programs.Program.ready", None)
    before = {file: file.stat().st_mtime_ns for file in alone.rglob("*")}
    assert sweep.main(["--join", str(alone)]) == 0
    assert f"best run  {alone}/best/" in capsys.readouterr().out
    assert {file: file.stat().st_mtime_ns for file in alone.rglob("*")} == before


def test_an_interrupted_worker_gives_its_claims_back_at_once(alone, tmp_path):
    out = planned(tmp_path / "shared", *GRID)
    first = worker_process(out)
    wait_for(lambda: any(name.startswith("run-1.1.") for name in list_names(out / "workers")))
    first.send_signal(signal.SIGINT)
    text = first.communicate(timeout=60)[0]
    assert first.returncode == 128 + signal.SIGINT
    assert f"interrupted  take part again with --join {out}" in text
    assert not (out / "best").exists()
    began = time.monotonic()
    assert sweep.main(["--join", str(out), "--quiet"]) == 0  # a silence of 60 s would be waited for
    assert time.monotonic() - began < 50
    assert_same_sweep(out, alone)


def test_a_worker_that_was_only_slow_comes_back(alone, tmp_path, monkeypatch):
    """Another has trained its runs meanwhile, and saved them: those count, and nothing is lost."""
    out = planned(tmp_path / "shared", *GRID)
    add_runs, saved = shared.SharedSweep.add_runs, []

    def after_another(folder, ended, recipes):
        if not saved:
            (other,) = (n for n in os.listdir(out / "workers") if n == "run-1.1.claim")
            with Worker(out / "workers", 60).at_work() as faster:
                twin = shared.SharedSweep(folder, faster)
                add_runs(twin, ended, recipes)
                saved.append((other, (out / "workers" / "run-1.json").read_bytes()))
            assert sorted(twin.results) == sorted(m.number for m in ended)
        add_runs(folder, ended, recipes)
        assert (out / "workers" / "run-1.json").read_bytes() == saved[0][1]

    monkeypatch.setattr(shared.SharedSweep, "add_runs", after_another)
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    assert_same_sweep(out, alone)


def test_folds_are_shared_too(tmp_path):
    """Parts of two sizes, and the final run on all examples, which one worker trains."""
    folds = ["--folds", "5", "--grid", "learning_rate=0.03,0.1", "--hidden", "4", "--seed", "1"]
    line = [*(word if word != "iris" else "wine" for word in SMALL), *folds]
    assert sweep.main([*line, "--out", str(tmp_path / "alone")]) == 0
    out = tmp_path / "shared"
    assert sweep.main([*line, "--plan", "--out", str(out)]) == 0
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    assert_same_sweep(out, tmp_path / "alone")


def test_a_run_does_not_depend_on_what_trains_beside_it(alone, tmp_path):
    """Without the rows of three runs of one wave, these three train among themselves."""
    out = shutil.copytree(alone, tmp_path / "sweep", ignore=shutil.ignore_patterns("best", "su*"))
    lines = (out / "results.csv").read_text().splitlines(keepends=True)
    (out / "results.csv").write_text("".join([*lines[:10], lines[11]]))
    best = json.loads((alone / "summary.json").read_text())["configurations"][0]["best_run"]
    if best not in (10, 12):  # the run that stays must be there
        shutil.copytree(alone / "best", out / "runs" / str(best - 1))
        (out / "runs" / str(best - 1) / "summary.json").unlink()
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    assert rows_of(out) == rows_of(alone)


def test_every_run_diverges(capsys, tmp_path):
    rate = ["--learning-rate", "1e30", "--optimizer", "sgd", "--schedule", "constant"]
    out = planned(tmp_path / "shared", *rate, "--grid", "seed=0,1")
    for _ in range(2):  # the second is shown the first one's end
        assert sweep.main(["--join", str(out), "--quiet"]) == 1
        assert "every run diverged" in capsys.readouterr().err


def fails(capsys, line, message):
    capsys.readouterr()
    assert sweep.main([*map(str, line)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1), err
    assert message in err, err


def test_mistakes(capsys, tmp_path, digits_run):
    nowhere = tmp_path / "nowhere"
    fails(capsys, ["--join", nowhere], f"there is no folder {nowhere}: this machine sees no sweep")
    fails(capsys, ["--join", digits_run], "is not the folder of a sweep: it has no sweep.json")
    out = planned(tmp_path / "shared", *GRID)
    fails(capsys, ["--join", out, "--epochs", "9"], "--join continues the same sweep: --epochs")
    fails(capsys, ["--join", out, "--grid", "seed=1"], "--join continues the same sweep: --grid")
    fails(capsys, ["--join", out, "--resume", out], "--join does not apply with --resume: a sweep")
    fails(capsys, ["--lost-after", "9", "--grid", "seed=1"], "--lost-after needs --join: it is")
    fails(capsys, ["--join", out, "--lost-after", "1"], "--lost-after must be at least 3 seconds")
    fails(capsys, ["--join", out, "--lost-after", "nan"], "--lost-after must be at least 3 seconds")
    fails(capsys, ["--join", out, "--plan"], "--join continues the same sweep: --plan does not")
    with locked_folder(out):
        fails(capsys, ["--join", out, "--quiet"], f"another process is at work in {out}")
    with locked_folder(out, shared=True):
        fails(capsys, ["--resume", out, "--quiet"], f"another process is at work in {out}")
    assert {file.name for file in out.iterdir()} == {"sweep.json"}


@pytest.fixture
def begun(tmp_path):
    """A sweep that a worker has begun."""
    out = planned(tmp_path / "shared", *GRID)
    (out / "workers").mkdir()
    (out / "workers" / "machine.json").write_text(json.dumps(join.machine()))
    return out


@pytest.mark.parametrize(
    ("name", "other"), [("jaxmlp", "0.0.1"), ("jax", "0.1"), ("devices", 7), ("platform", "tpu")]
)
def test_workers_of_another_kind_are_refused(capsys, begun, name, other):
    """Their results would differ in the last bits."""
    file = begun / "workers" / "machine.json"
    file.write_text(json.dumps(join.machine() | {name: other}))
    fails(capsys, ["--join", begun, "--quiet"], f"the workers have {name} {other!r}, this one")


def test_a_process_does_not_work_alone_beside_workers(capsys, begun, tmp_path, monkeypatch):
    fails(capsys, ["--resume", begun, "--quiet"], f"workers share {begun}: continue it with --join")
    out, reject, looks = tmp_path / "alone", SweepFolder.reject_workers, []

    def joined_meanwhile(folder):
        looks.append(folder)
        if len(looks) == 2:  # before it writes its first results
            (out / "workers").mkdir()
            (out / "workers" / "machine.json").write_text("{}")
        reject(folder)

    monkeypatch.setattr(SweepFolder, "reject_workers", joined_meanwhile)
    line = [*SMALL, "--hidden", "4", "--grid", "seed=0,1", "--out", out]
    fails(capsys, line, f"workers share {out}: continue it with --join {out}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run-1.json", "{", "run-1.json is not a whole JSON file"),
        ("run-1.json", "[]", "run-1.json is not the result of a run"),
        ("run-1.json", '{"status": "ok", "numbers": {}}', "epochs"),
        ("run-1.json", '{"status": "good", "numbers": {}}', "status must be ok or diverged, got"),
        ("run-99.json", "{}", "must be that of one of 12 runs, got 'run 99'"),
        ("machine.json", "[]", "the workers have jaxmlp none"),
        ("machine.json", "{", "machine.json is not a whole JSON file"),
    ],
)
def test_a_shared_folder_that_is_damaged(capsys, begun, name, content, message):
    (begun / "workers" / name).write_text(content)
    fails(capsys, ["--join", begun, "--quiet"], message)


def test_a_run_whose_folder_is_lost_is_named(capsys, alone, tmp_path):
    out = shutil.copytree(alone, tmp_path / "sweep", ignore=shutil.ignore_patterns("best", "su*"))
    fails(capsys, ["--join", out, "--quiet"], "is no run")


def test_the_sweep_was_replaced_under_a_waiting_worker(capsys, begun, monkeypatch):
    """Somebody has deleted what the workers share, and nothing is finished."""

    def deleted(folder, *_):
        shutil.rmtree(begun / "workers")
        return []

    monkeypatch.setattr("jaxmlp.sweep.join.share_runs", deleted)
    fails(capsys, ["--join", begun, "--quiet"], f"{begun} is not the sweep any more that this")


def test_a_shared_sweep_may_be_overwritten_when_nobody_works(begun):
    line = [*SMALL, "--hidden", "4", "--grid", "seed=0,1", "--out", str(begun)]
    assert sweep.main([*line, "--overwrite"]) == 0
    assert not (begun / "workers").exists()
    assert Run.open(begun / "best").config.seed in (0, 1)
