"""`python -m jaxmlp.sweep`: many configurations, each as `jaxmlp.train` would have trained it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from jaxmlp import evaluate, train
from jaxmlp.config.complete import complete
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load, with_task
from jaxmlp.errors import InputError
from jaxmlp.runs.folder import FILES, Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.devices import loop_width
from jaxmlp.sweep.examples import DataCache
from jaxmlp.sweep.programs import Program, group_recipes
from jaxmlp.sweep.space import format_point, make_points
from jaxmlp.training import begin, fit
from tests.helpers import assert_trees_close, command

ADAM_NUMBERS = ("beta1", "beta2", "epsilon")
SMALL = ["--dataset", "iris", "--hidden", "4", "--epochs", "3", "--batch-size", "32", "--quiet"]


def rows_of(folder):
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def iris_sweep(tmp_path_factory):
    """Two rates and two optimizers by two seeds, one of the rates far too high for one of them."""
    out = tmp_path_factory.mktemp("sweeps") / "iris"
    grid = ["--grid", "learning-rate=0.03,1e30", "optimizer=adam,sgd", "seed=0,1"]
    assert sweep.main([*SMALL, *grid, "--schedule", "constant", "--out", str(out)]) == 0
    return out


def trained(out, *options):
    """Return the last record of an ordinary run, and its best one."""
    assert train.main([*SMALL, *options, "--out", str(out)]) == 0
    records = Run.open(out).read_metrics()
    return max(records, key=lambda r: (r["valid_accuracy"], -r["valid_loss"]))


def agrees(row, record):
    assert float(row["best_epoch"]) == record["epoch"]
    for name in ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy"):
        assert float(row[name]) == pytest.approx(record[name], rel=2e-5), name


@pytest.mark.parametrize(("optimizer", "seed"), [("adam", "0"), ("sgd", "1")])
def test_a_run_of_a_sweep_is_the_run_that_train_makes(iris_sweep, tmp_path, optimizer, seed):
    options = ["--learning-rate", "0.03", "--schedule", "constant"]
    record = trained(tmp_path / "run", *options, "--optimizer", optimizer, "--seed", seed)
    wanted = {"learning_rate": "0.03", "optimizer": optimizer, "seed": seed}
    [row] = [row for row in rows_of(iris_sweep) if wanted.items() <= row.items()]
    assert row["status"] == "ok"
    agrees(row, record)


def test_a_sweep_takes_the_configuration_of_a_run(tmp_path):
    """All fields of the run are in the base; options and the grid replace some of them."""
    run = tmp_path / "run"
    record = trained(run, "--optimizer", "sgd", "--learning-rate", "0.1", "--seed", "3")
    grid = ["--config", str(run / "config.json"), "--grid", "learning_rate=0.03,0.1"]
    out = tmp_path / "sweep"
    assert sweep.main([*grid, "--out", str(out), "--quiet"]) == 0
    base = json.loads((out / "sweep.json").read_text())["base"]
    assert base == Run.open(run).read_json("config.json")
    agrees(rows_of(out)[1], record)
    out = tmp_path / "longer"
    assert sweep.main([*grid, "--epochs", "4", "--out", str(out), "--quiet"]) == 0
    assert [row["epochs"] for row in rows_of(out)] == ["4", "4"]


def test_a_run_that_diverges_ends_alone_and_is_marked(iris_sweep):
    rows = rows_of(iris_sweep)
    assert [int(row["run"]) for row in rows] == list(range(1, 9))
    for row in rows:
        diverges = row["learning_rate"] == "1e+30"
        assert row["status"] == ("diverged" if diverges else "ok"), row
        assert float(row["epochs"]) == (0 if diverges else 3)
        assert bool(row["valid_accuracy"]) != diverges


def test_the_best_is_a_run_like_any_other(iris_sweep, capsys):
    best = iris_sweep / "best"
    # of numbers, of a calibrated network, and of one that is watched
    others = {"predicted.png", "calibration.png", "watch.jsonl", "path.safetensors"}
    assert {file.name for file in best.iterdir()} == set(FILES) - others
    assert not (iris_sweep / "runs").exists()
    summary = json.loads((iris_sweep / "summary.json").read_text())
    # chosen by the mean over seeds of the validation score, computed here from the table
    means = {}
    for row in rows_of(iris_sweep):
        if row["status"] == "ok":
            means.setdefault(row["optimizer"], []).append(float(row["valid_accuracy"]))
    first = summary["configurations"][0]
    assert first["optimizer"] == max(means, key=lambda name: np.mean(means[name]))
    assert first["valid_accuracy"] == pytest.approx(np.mean(means[first["optimizer"]]))
    deviation = np.std(means[first["optimizer"]], ddof=1)
    assert first["valid_accuracy_deviation"] == pytest.approx(deviation)
    assert [c["diverged"] for c in summary["configurations"]] == [0, 0, 2, 2]
    assert summary["versions"].keys() >= {"jax", "jaxmlp"}

    assert evaluate.main([str(best), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["accuracy"] == pytest.approx(summary["best"]["test_accuracy"])
    before = (best / "checkpoint.safetensors").read_bytes()
    assert train.main(["--resume", str(best), "--quiet"]) == 0
    assert (best / "checkpoint.safetensors").read_bytes() == before
    for file in ("best/curves.png", "sweep.png"):
        assert (iris_sweep / file).read_bytes().startswith(b"\x89PNG")


def test_a_sweep_that_is_done_trains_nothing_again(iris_sweep, monkeypatch):
    monkeypatch.setattr("jaxmlp.sweep.programs.Program.fit", None)
    before = (iris_sweep / "results.csv").read_bytes()
    assert sweep.main(["--resume", str(iris_sweep), "--quiet"]) == 0
    assert (iris_sweep / "results.csv").read_bytes() == before


def test_it_is_interrupted_and_resumed_without_losing_what_is_done(tmp_path):
    """Two shapes, one device: the first configuration ends, Ctrl-C comes in the second."""
    out = tmp_path / "sweep"
    options = [
        "--dataset",
        "iris",
        "--batch-size",
        "32",
        "--optimizer",
        "sgd",
        "--grid",
        "hidden=4,5",
        "seed=0,1",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxmlp.sweep", *options, "--epochs", "300", "--out", str(out)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=1"},
    )
    first = next(line for line in process.stdout if line.startswith("run"))
    assert first.startswith("run 1/4  hidden=4 seed=0  valid accuracy ")
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[0]
    assert process.returncode == 128 + signal.SIGINT
    assert f"continue with --resume {out}" in rest
    done = rows_of(out)
    assert [row["run"] for row in done] == ["1", "2"]
    assert not (out / "best").exists()  # the test part is looked at once, when all is done
    assert json.loads((out / "summary.json").read_text())["interrupted"]

    assert sweep.main(["--resume", str(out), "--quiet"]) == 0
    assert rows_of(out)[:2] == done
    assert [row["run"] for row in rows_of(out)] == ["1", "2", "3", "4"]
    assert Run.open(out / "best").read_json("summary.json")["test_accuracy"] > 0.8


def test_eight_devices_and_tables_scaled_by_each_seed(tmp_path):
    """Six runs of a network too wide to share a loop, on six of the devices, as train does."""
    out, wide = tmp_path / "sweep", ["--hidden", "1500", "--schedule", "cosine"]
    line = [*SMALL, *wide, "--grid", "learning_rate=1e-3,2e-3", "seed=0,1,2", "--out", str(out)]
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    finished = command("jaxmlp.sweep", *line, env=flags)
    assert (finished.returncode, finished.stderr, finished.stdout) == (0, "", "")
    assert json.loads((out / "summary.json").read_text())["device"]["devices"] == 8
    record = trained(tmp_path / "run", *wide, "--learning-rate", "0.002", "--seed", "1")
    agrees(rows_of(out)[4], record)


def test_numbers_that_vary_are_arguments_of_one_program():
    """Every such number at once, against the trainer with constants, after some steps."""
    names = ("momentum", "clip_norm", "weight_decay", "learning_rate")
    configs = [
        Config(
            optimizer="nesterov", momentum_schedule="sutskever", **dict(zip(names, v, strict=True))
        )
        for v in ((0.9, 1.0, 0.1, 0.01), (0.5, 0.3, 0.2, 0.02))
    ]
    adams = [
        Config(optimizer="adam", beta1=b, beta2=0.9 + b / 10, epsilon=b / 1e5, learning_rate=0.01)
        for b in (0.5, 0.8)
    ]
    rest = {"hidden": (3,), "batch_size": 16, "epochs": 2, "preprocessing": "minmax"}
    data = with_task(load("iris"), None)
    whole = [complete(replace(config, **rest), data) for config in (*configs, *adams)]
    groups = group_recipes(whole, len(data.x_train))
    assert [(own, set(used)) for own, used in groups] == [
        ([0, 1], {"learning_rate", "weight_decay", "momentum", "clip_norm"}),
        ([2, 3], {"learning_rate", *ADAM_NUMBERS}),
    ]
    for own, used in groups:
        program = Program({i: whole[i] for i in own}, used, DataCache(data))
        ended = []
        program.fit(own, lambda moment, ended=ended: ended.extend(moment.ended) or True)
        for member in ended:
            problem = pose_problem(whole[member.number].to_config(), data)
            state, best = begin(problem.trainer, 0)
            history = problem.history(best)
            *_, last = fit(
                problem.trainer,
                problem.train,
                problem.valid,
                state,
                history,
                epochs=2,
                batch_size=16,
                seed=0,
            )
            assert_trees_close(member.state.params, jax.device_get(last.state.params), 1e-5)
            assert member.history.records[-1].learning_rate == pytest.approx(
                history.records[-1].learning_rate, rel=1e-5
            )


def test_a_number_of_one_rule_alone_stays_a_constant():
    """Rules without the number do not make it vary."""
    grid = [{"optimizer": o, "learning_rate": r} for o in ("adam", "sgd") for r in (0.01, 0.1)]
    recipes = [complete(Config(**point), load("iris")) for point in grid]
    assert group_recipes(recipes, 120) == [
        ([0, 1], ("learning_rate",)),
        ([2, 3], ("learning_rate",)),
    ]


def test_what_only_changes_the_start_needs_no_other_program():
    data = load("iris")
    starts = [{"initializer": "zeros"}, {"initializer": "he_normal", "seed": 3}, {"fan": "fan_out"}]
    others = [{"hidden": (5,)}, {"optimizer": "sgd"}, {"dropout": 0.1}, {"weight_decay": 0.0}]
    recipes = [complete(Config(**fields), data) for fields in ({}, *starts, *others)]
    assert [own for own, _ in group_recipes(recipes, len(data.x_train))] == [
        [0, 1, 2, 3],
        [4],
        [5],
        [6],
        [7],
    ]


@pytest.mark.parametrize(
    ("parameters", "runs", "devices", "platform", "width"),
    [
        (101_770, 16, 2, "cpu", 1),
        (101_770, 16, 1, "gpu", 16),
        (147, 16, 2, "cpu", 8),
        (147, 1, 1, "cpu", 1),
        (147, 100, 2, "cpu", 25),  # two rounds of 25 each, not one of 32 and one of 18
    ],
)
def test_how_many_runs_share_a_loop(parameters, runs, devices, platform, width):
    assert loop_width(parameters, runs, devices, platform) == width


def test_points_of_a_grid_have_their_seeds_side_by_side():
    found = make_points(["seed=0,1", "hidden=8,4x4,none", "layer-norm=yes,no"], [], 0)
    assert len(found) == 12
    assert found[:3] == [
        {"hidden": (8,), "layer_norm": True, "seed": 0},
        {"hidden": (8,), "layer_norm": True, "seed": 1},
        {"hidden": (8,), "layer_norm": False, "seed": 0},
    ]
    assert [format_point(point) for point in found[4::4]] == [
        "hidden=4x4 layer_norm=yes seed=0",
        "hidden=none layer_norm=yes seed=0",
    ]


def test_points_drawn_at_random_lie_where_they_should():
    space = ["200", "learning_rate=log:1e-4:1e-1", "batch_size=uniform:8:64", "optimizer=sgd,adam"]
    found = make_points(["seed=4,5"], space, 0)
    assert len(found) == 400
    assert found[0] == found[1] | {"seed": 4}
    assert found == make_points(["seed=4,5"], space, 0) != make_points(["seed=4,5"], space, 1)
    rates = np.array([point["learning_rate"] for point in found[::2]])
    assert 1e-4 <= rates.min() < 2e-4
    assert 5e-2 < rates.max() <= 1e-1
    assert np.median(np.log10(rates)) == pytest.approx(-2.5, abs=0.3)  # even in the logarithm
    assert {type(point["batch_size"]) for point in found} == {int}
    assert {point["optimizer"] for point in found} == {"sgd", "adam"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "error: a sweep needs --grid, --random or --search"),
        ("--grid learning_rat=1", "did you mean 'learning_rate'?"),
        (
            "--grid learning_rate",
            "a field to vary must be written FIELD=VALUE,VALUE..., got 'learning_rate'",
        ),
        ("--grid learning_rate=fast", "learning_rate must be a number, got 'fast'"),
        ("--grid batch_size=1.5", "batch_size must be a whole number, got '1.5'"),
        ("--grid learning_rate=1,-1", "learning_rate=-1: learning_rate must be a finite positive"),
        ("--grid learning_rate=1,1", "the values of learning_rate must be different, got 1 1"),
        ("--grid layer_norm=maybe", "layer_norm must be yes or no, got 'maybe'"),
        ("--grid optimizer=adam,sdg", "optimizer=sdg: unknown optimizer 'sdg'"),
        ("--grid seed=0,1 seed=2", "--grid has seed more than once: give all its values"),
        ("--grid dataset=iris,wine", "dataset cannot vary within a sweep: give it once"),
        ("--grid seed=0,1 --seed 3", "seed is given twice: by --seed and as a field that varies"),
        ("--grid momentum_schedule=constant,sutskever", "momentum_schedule=sutskever: momentum_"),
        ("--grid activation=relu,step", "activation=step: "),
        ("--grid seed=0,1 --valid-size 0", "valid_size must be at least 1 in a sweep, which"),
        ("--random learning_rate=1,2", "the first word of --random must be the number of draws"),
        ("--random 3", "--random needs fields to vary, such as"),
        ("--random 3 learning_rate=lag:1:2", "did you mean 'log'?"),
        ("--random 3 learning_rate=log:0:1", "must be log:LOW:HIGH with 0 < LOW < HIGH"),
        ("--random 3 learning_rate=log:1", "learning_rate must be log:LOW:HIGH, got 'log:1'"),
        ("--random 3 optimizer=log:1:2", "log does not apply to optimizer: its values are not"),
        ("--random 3 seed=0,1", "seed does not apply to --random: give the seeds to --grid"),
        ("--random 3 hidden=4,5 --grid hidden=6,7", "hidden is given twice: to --grid and to"),
    ],
)
def test_mistakes(capsys, tmp_path, options, message):
    line = ["--dataset", "iris", *options.split(), "--out", str(tmp_path / "sweep")]
    assert sweep.main(line) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("python -m jaxmlp.sweep: error: ")
    assert message in err
    assert not (tmp_path / "sweep").exists()


def test_mistakes_with_a_folder(capsys, iris_sweep, digits_run):
    def fails(line, message):
        assert sweep.main(line.split()) == 2
        assert message in capsys.readouterr().err

    fails(
        f"--resume {iris_sweep} --epochs 9",
        "--resume continues the same sweep: --epochs does not apply",
    )
    config = f"--config {iris_sweep}/best/config.json"
    fails(f"--resume {iris_sweep} {config}", "the same sweep: --config does not apply")
    fails(f"--resume {iris_sweep} --grid seed=1", "the same sweep: --grid does not apply")
    fails("--grid seed=0,1 --config nowhere.json", "nowhere.json")
    fails(f"--resume {digits_run}", "is not the folder of a sweep: it has no sweep.json")
    grid = "--dataset iris --grid seed=0,1 --out"
    fails(f"{grid} {iris_sweep}", "is not empty; replace the sweep with --overwrite")
    fails(f"{grid} {digits_run} --overwrite", "is not overwritten: it holds")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("sweep.json", '"format": 1', '"format": 2', "sweep.json: format must be 1, got 2"),
        ("sweep.json", '"checksum": "', '"checksum": "0', "was started on other data: their"),
        ("results.csv", "1,0.03", "1,0.04", "of this sweep: run 1 has another learning_rate"),
        ("results.csv", "\n8,", "\n9,", "results.csv is not a complete table of this sweep: "),
        ("results.csv", ",seconds", "", "results.csv is not a complete table of this sweep: "),
    ],
)
def test_a_folder_that_was_changed(capsys, iris_sweep, tmp_path, file, old, new, message):
    out = shutil.copytree(iris_sweep, tmp_path / "sweep")
    text = (out / file).read_text()
    assert old in text
    (out / file).write_text(text.replace(old, new, 1))
    assert sweep.main(["--resume", str(out), "--quiet"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "hinge"}, "hinge"),
        ({"class_weights": "balanced"}, "class_weights balanced is for classes"),
    ],
)
def test_data_that_a_recipe_cannot_use(fields, message):
    data = load("diabetes")
    with pytest.raises(InputError, match=message):
        DataCache(data).prepare(replace(complete(Config(), data), **fields))


def test_every_run_diverged(capsys, tmp_path):
    out = tmp_path / "sweep"
    rate = [
        "--learning-rate",
        "1e30",
        "--optimizer",
        "sgd",
        "--schedule",
        "constant",
        "--grid",
        "seed=0,1",
    ]
    assert sweep.main([*SMALL, *rate, "--out", str(out)]) == 1
    assert "every run diverged" in capsys.readouterr().err
    assert [row["status"] for row in rows_of(out)] == ["diverged"] * 2
    assert not (out / "best").exists()


def test_help_gives_examples_and_imports_no_jax():
    code = "import sys; from jaxmlp.sweep.__main__ import make_parser; "
    code += "print(make_parser().format_help()); "
    code += "assert 'jax' not in sys.modules and 'rich' not in sys.modules"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--grid learning_rate=1e-3,3e-3,1e-2 seed=0,1,2,3" in shown.stdout


@pytest.mark.parametrize(
    ("hidden", "seeds", "same_bytes"), [("1500", "0,1", True), ("4", "0,1,2,3", False)]
)
def test_the_best_run_has_the_bytes_of_train(tmp_path, hidden, seeds, same_bytes):
    """Where each device trains one run at a time; small networks share a loop, and are rounded."""
    line = ["--dataset", "iris", "--hidden", hidden, "--epochs", "2", "--quiet", "--out"]
    grid = ["--grid", f"seed={seeds}"]
    assert sweep.main([*line, str(tmp_path / "sweep"), *grid]) == 0
    best, alone = tmp_path / "sweep" / "best", tmp_path / "alone"
    config = ["--config", str(best / "config.json")]
    assert train.main([*config, "--quiet", "--out", str(alone)]) == 0
    for name in ("config.json", "model.safetensors", "checkpoint.safetensors"):
        if same_bytes or name == "config.json":
            assert (best / name).read_bytes() == (alone / name).read_bytes(), name
        else:
            assert_trees_close(load_file(best / name), load_file(alone / name), 1e-5)
