"""`python -m jaxmlp.train` and the run folder it leaves."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxmlp import train
from jaxmlp.cli import process
from jaxmlp.config.options import Config
from jaxmlp.data import load
from jaxmlp.runs.folder import FILES, Run
from tests.helpers import command

DETERMINED = ("config.json", "checkpoint.safetensors", "model.safetensors")


def test_the_default_run_end_to_end(tmp_path):
    """Training on real digits, evaluation and prediction, each in a process of its own."""
    out = tmp_path / "run"
    options = ["--dataset", "mnist_5k", "--out", out, "--epochs", "15"]
    trained = command("jaxmlp.train", *options)
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""
    assert trained.stdout.startswith("data    mnist_5k: 3,600 for training")
    assert "\nepoch 1/15  loss " in trained.stdout
    assert "accuracy" in trained.stdout
    assert str(out) in trained.stdout
    # of numbers, of a calibrated network, and of one that is watched
    others = {"predicted.png", "calibration.png", "watch.jsonl", "path.safetensors"}
    assert {file.name for file in out.iterdir()} == set(FILES) - others

    summary = json.loads((out / "summary.json").read_text())
    wanted = "dataset test_loss test_accuracy train_accuracy valid_accuracy seconds versions"
    assert summary.keys() >= set(wanted.split())
    assert summary["dataset"] == "mnist_5k"
    assert summary["test_accuracy"] > 0.91
    assert summary["provenance"]["checksum"]
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 16))
    wanted = "train_loss valid_loss valid_accuracy learning_rate seconds examples_per_second"
    assert all(line.keys() >= set(wanted.split()) for line in lines)

    evaluated = command("jaxmlp.evaluate", out, "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    result = json.loads(evaluated.stdout)
    assert result["accuracy"] == pytest.approx(summary["test_accuracy"])
    assert result["loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    matrix = np.array(result["confusion"])
    assert matrix.sum() == 1000
    assert np.trace(matrix) / 1000 == pytest.approx(summary["test_accuracy"])
    for file in ("test-confusion.png", "test-mistakes.png"):
        assert (out / "evaluation" / file).read_bytes().startswith(b"\x89PNG")

    digits = load("mnist_5k")
    np.save(tmp_path / "x.npy", digits.x_test)
    predicted = command("jaxmlp.predict", out, tmp_path / "x.npy", "--json")
    assert predicted.returncode == 0, predicted.stderr
    said = [json.loads(line)["prediction"] for line in predicted.stdout.splitlines()]
    right = np.mean([int(word) == label for word, label in zip(said, digits.y_test, strict=True)])
    assert right == pytest.approx(summary["test_accuracy"])


LONG = ["--dataset", "digits", "--hidden", "64", "--epochs", "400", "--dropout", "0.2"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert train.main([*LONG, "--quiet", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_run_that_is_interrupted_and_resumed_ends_with_the_same_bytes(whole, tmp_path, number):
    """By Ctrl-C, or by the SIGTERM that a cluster sends."""
    parts = tmp_path / "parts"
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxmlp.train", *LONG, "--out", str(parts)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert any("/400  loss" in line for line in process.stdout)
    process.send_signal(number)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 128 + number
    assert "interrupted" in rest
    stopped = json.loads((parts / "summary.json").read_text())
    assert stopped["interrupted"]
    assert 1 <= stopped["epochs"] < 400
    assert train.main(["--resume", str(parts), "--quiet"]) == 0
    for name in DETERMINED:
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
    ends = [
        json.loads((run / "metrics.jsonl").read_text().splitlines()[-1]) for run in (whole, parts)
    ]
    for key in ("epoch", "train_loss", "valid_loss", "valid_accuracy", "learning_rate"):
        assert ends[0][key] == ends[1][key]


def test_a_killed_process_leaves_a_run_that_goes_on(tmp_path):
    out = tmp_path / "run"
    options = ["--dataset", "digits", "--hidden", "32", "--epochs", "100000", "--quiet"]
    process = subprocess.Popen([sys.executable, "-m", "jaxmlp.train", *options, "--out", str(out)])
    limit = time.monotonic() + 60
    while len(Run(out).read_metrics()) < 3:
        assert time.monotonic() < limit
        time.sleep(0.05)
    process.kill()
    process.wait()
    records = Run.open(out).read_metrics()
    assert [record["epoch"] for record in records] == list(range(1, len(records) + 1))
    again = subprocess.Popen([sys.executable, "-m", "jaxmlp.train", "--resume", str(out)])
    while len(Run(out).read_metrics()) <= len(records):
        assert time.monotonic() < limit
        assert again.poll() is None
        time.sleep(0.05)
    again.kill()
    again.wait()


def test_resuming_a_finished_run_changes_nothing(digits_copy):
    before = {name: (digits_copy / name).read_bytes() for name in DETERMINED}
    assert train.main(["--resume", str(digits_copy), "--quiet"]) == 0
    assert {name: (digits_copy / name).read_bytes() for name in DETERMINED} == before


def test_overwriting_replaces_the_whole_run(digits_copy):
    line = f"--dataset xor --epochs 3 --quiet --overwrite --out {digits_copy}"
    assert train.main(line.split()) == 0
    assert Run.open(digits_copy).config.dataset == "xor"
    assert len(Run.open(digits_copy).read_metrics()) == 3


def test_without_a_network_the_default_says_so_and_learns_from_the_embedded_digits(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("JAXMLP_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    began = time.monotonic()
    options = f"--epochs 1 --quiet --out {tmp_path}/run"
    assert train.main(options.split()) == 0
    assert time.monotonic() - began < 60
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("WARNING: training on mnist_5k instead: mnist is in no usual folder, ")
    assert "--data-dir" in err
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["dataset"], summary["dataset_wanted"]) == ("mnist_5k", "mnist")
    assert Run.open(tmp_path / "run").config.dataset == "mnist_5k"
    # a run that names its data set never gets another one
    assert train.main(["--dataset", "mnist", "--out", str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists()


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, capsys):
    out = tmp_path / "run"
    line = f"--dataset digits --optimizer sgd --learning-rate 1e30 --loss mse --quiet --out {out}"
    assert train.main([*line.split(), "--schedule", "constant"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the loss is not finite in epoch 1, step 2; first affected: layer" in err
    assert not (out / "model.safetensors").exists()
    checkpoint = (out / "checkpoint.safetensors").read_bytes()
    assert checkpoint
    from safetensors.numpy import load_file

    assert all(np.all(np.isfinite(v)) for v in load_file(out / "checkpoint.safetensors").values())


def test_the_saved_model_is_the_best_of_the_run(digits_run):
    from safetensors.numpy import load_file

    model = load_file(digits_run / "model.safetensors")
    checkpoint = load_file(digits_run / "checkpoint.safetensors")
    for name, value in model.items():
        assert np.array_equal(value, checkpoint[f"best/params/{name}"])
    records = Run.open(digits_run).read_metrics()
    best = max(records, key=lambda r: (r["valid_accuracy"], -r["valid_loss"]))
    summary = json.loads((digits_run / "summary.json").read_text())
    assert summary["best_epoch"] == best["epoch"]
    assert summary["valid_accuracy"] == best["valid_accuracy"]


def test_the_configuration_survives_json():
    config = Config(hidden=(3, 4), activation=("relu", "tanh"), learning_rate=0.1, seed=5)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict())), "here") == config


def test_help_is_quick_and_imports_no_jax():
    code = "import sys; from jaxmlp import train; train.make_parser().format_help(); "
    code += "assert 'jax' not in sys.modules and 'rich' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    shown = command("jaxmlp.train", "--help")
    assert shown.returncode == 0
    for option in [
        "--dataset",
        "--hidden",
        "--optimizer-source",
        "--resume",
        "--quiet",
        "--batch-size",
    ]:
        assert option in shown.stdout


@pytest.mark.skipif(
    not os.environ.get("JAXMLP_DATA_DIR"), reason="the complete MNIST needs JAXMLP_DATA_DIR"
)
def test_the_complete_mnist_set(tmp_path):
    """Lecture row E11: one seed of the default; the mean over five is in the README."""
    out = tmp_path / "run"
    assert train.main(["--dataset", "mnist", "--quiet", "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["examples"] == {"train": 55_000, "valid": 5_000, "test": 10_000}
    assert summary["test_accuracy"] > 0.978


@pytest.mark.parametrize("name", ["nosuch", "nosuch.csv"])
def test_a_mistake_while_jax_is_imported_is_told_in_one_line(name):
    finished = command("jaxmlp.train", "--dataset", name)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.startswith("python -m jaxmlp.train: error: ")
    assert finished.stderr.count("\n") == 1


def test_jax_is_imported_beside_the_data(monkeypatch):
    """By a thread of its own."""
    threads, imported = [], []
    monkeypatch.setattr(process.threading.Thread, "start", lambda thread: threads.append(thread))
    monkeypatch.setattr(process, "import_module", imported.append)
    dataset, wanted = train.load_or_stand_in(Config(dataset="xor"), named=True)
    assert (dataset.name, wanted) == ("xor", None)
    (thread,) = threads
    thread.run()
    assert imported == ["jaxmlp.config.problem"]
