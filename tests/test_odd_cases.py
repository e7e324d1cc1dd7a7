"""Cases at the edge that have gone wrong before: none may end in a traceback or a wrong number."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import jaxmlp
from jaxmlp import data, evaluate, train
from jaxmlp.runs.folder import Run

pytestmark = pytest.mark.usefixtures("compile_quickly")


def trained(out, options):
    return train.main([*options.split(), "--quiet", "--out", str(out)])


def summary(out):
    return Run.open(out).read_json("summary.json")


def epochs(out):
    return len((out / "metrics.jsonl").read_text().splitlines())


def table(path, rows, header="a,b,y"):
    path.write_text("\n".join([header, *rows]))
    return path


@pytest.mark.usefixtures("drawn")
def test_a_table_of_a_dozen_rows(tmp_path):
    """Its validation part is one row, whose targets have no variance."""
    rows = [f"{i}.5,{i % 3},{i * 2.5 + 0.25}" for i in range(16)]
    data = table(tmp_path / "small.csv", rows)
    assert trained(tmp_path / "run", f"--dataset {data} --epochs 3 --hidden") == 0
    assert np.isfinite(summary(tmp_path / "run")["valid_r2"])


def test_a_target_that_never_varies(tmp_path, capsys):
    data = table(tmp_path / "still.csv", [f"{i},{i % 3},7.5" for i in range(40)])
    assert trained(tmp_path / "run", f"--dataset {data}") == 2
    assert "the target must be different in some examples" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_divergence_in_the_last_step_without_a_validation_part(tmp_path, capsys):
    """The only step has a finite loss, and leaves parameters that are not."""
    options = "--dataset iris --valid-size 0 --initializer normal"
    options += " --loss mse --optimizer sgd --epochs 1 --hidden --learning-rate 1e30"
    options += " --schedule constant --batch-size 120 --initializer-scale 1e15"
    assert trained(tmp_path / "run", options) == 1
    assert "a parameter is not finite in epoch 1, step 1" in capsys.readouterr().err
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.usefixtures("drawn")
def test_many_classes(tmp_path):
    rows = [f"{i % 97},{i % 89},name{i % 120}" for i in range(600)]
    data = table(tmp_path / "many.csv", rows)
    assert trained(tmp_path / "run", f"--dataset {data} --epochs 1 --hidden") == 0
    assert evaluate.main([str(tmp_path / "run")]) == 0


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("shape", [(64,), (8, 8, 2), (1, 8, 1)])
def test_bytes_that_are_no_usual_pictures(tmp_path, shape):
    rng = np.random.default_rng(0)
    x = rng.integers(256, size=(60, *shape), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x=x, y=rng.integers(3, size=60))
    assert trained(tmp_path / "run", f"--dataset {tmp_path}/x.npz --epochs 2 --hidden") == 0
    assert evaluate.main([str(tmp_path / "run"), "--json"]) == 0


def test_a_run_that_waits_for_small_changes_is_interrupted_in_an_epoch(tmp_path):
    """Resuming must not look for parameters from before the epoch."""
    options = "--dataset digits --batch-size 1 --hidden 512 --epochs 4000 --min-change 1e-9"
    line = [sys.executable, "-u", "-m", "jaxmlp.train", *options.split(), "--out", str(tmp_path)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert any(line.startswith("epoch 1/4000") for line in process.stdout)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    rest = [sys.executable, "-m", "jaxmlp.train", "--resume", str(tmp_path), "--quiet"]
    process = subprocess.Popen(rest, stderr=subprocess.PIPE, text=True)
    before, deadline = epochs(tmp_path), time.monotonic() + 60
    while epochs(tmp_path) == before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 130
    assert epochs(tmp_path) > before


def test_resuming_on_other_data(tmp_path, capsys):
    data = table(tmp_path / "d.csv", [f"{i % 7},{i % 5},{i % 2}" for i in range(60)])
    assert trained(tmp_path / "run", f"--dataset {data} --epochs 2 --hidden") == 0
    table(data, [f"{i % 7},{i % 5},{(i + 1) % 2}" for i in range(60)])
    before = (tmp_path / "run" / "summary.json").read_bytes()
    assert train.main(["--resume", str(tmp_path / "run"), "--quiet"]) == 2
    assert "was trained on other data: their checksum has changed" in capsys.readouterr().err
    assert (tmp_path / "run" / "summary.json").read_bytes() == before


def test_evaluating_a_table_with_other_categories(tmp_path, capsys):
    for name, colours in (("one", ("red", "blue")), ("two", ("red", "green"))):
        rows = [f"{i % 7},{colours[i % 3 == 0]},{i % 2}" for i in range(60)]
        table(tmp_path / f"{name}.csv", rows)
    assert trained(tmp_path / "run", f"--dataset {tmp_path}/one.csv --epochs 2 --hidden") == 0
    assert evaluate.main([str(tmp_path / "run"), "--dataset", f"{tmp_path}/two.csv"]) == 0
    line = "20 cells of categories that training has not seen (b: 'green')"
    assert line in capsys.readouterr().err


@pytest.mark.usefixtures("drawn")
def test_several_targets_have_their_own_errors(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    np.savez(tmp_path / "d.npz", x=x, y=np.stack([50_000 * x[:, 0], 2 * x[:, 1]], axis=1))
    assert trained(tmp_path / "run", f"--dataset {tmp_path}/d.npz --epochs 60") == 0
    assert evaluate.main([str(tmp_path / "run"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    sizes = sorted(value for name, value in result.items() if name.startswith("rmse"))
    assert len(sizes) == 2
    assert sizes[0] < 2 < sizes[1]


def test_smoothed_targets_do_not_smooth_what_is_reported(tmp_path):
    """The reported loss is the plain one, so that runs can be compared."""
    assert trained(tmp_path / "run", "--dataset iris --epochs 300 --label-smoothing 0.3") == 0
    lowest = -np.log(0.8) * 0.8 - 2 * 0.1 * np.log(0.1)  # of the smoothed loss
    assert summary(tmp_path / "run")["train_loss"] < lowest - 0.1


@pytest.mark.parametrize(
    "options",
    ["and --valid-size 0", "breast_cancer --hidden 64", "iris --task multilabel"],
)
def test_smoothing_of_a_yes_or_no_is_divided_between_both(tmp_path, options):
    """A share of 0.2 makes 0.1 of a no and 0.9 of a yes, as in Keras; the network learns that."""
    more = "--label-smoothing 0.2 --epochs 400 --weight-decay 0 --schedule constant --dropout 0"
    more += " --learning-rate 0.008 --preprocessing zscore"
    assert trained(tmp_path / "run", f"--dataset {options} {more}") == 0
    name = options.split()[0]
    p = jaxmlp.load(tmp_path / "run").predict_proba(data.load(name).x_train)
    np.testing.assert_allclose(np.median(p[p < 0.5]), 0.1, atol=0.03)
    np.testing.assert_allclose(np.median(p[p > 0.5]), 0.9, atol=0.03)


def test_a_run_that_ran_to_its_end_was_not_stopped(tmp_path):
    assert trained(tmp_path / "run", "--dataset iris --epochs 2 --min-decrease 1e9 --hidden") == 0
    assert summary(tmp_path / "run")["stopped_early"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--dataset iris --patience 1 --valid-size 0",
            "patience 1 needs a validation part, got valid_size 0",
        ),
        (
            "--dataset iris --monitor loss --valid-size 0",
            "monitor loss needs a validation part, got valid_size 0",
        ),
        (
            "--dataset iris --min-improvement 0.1 --valid-size 0",
            "min_improvement 0.1 needs a validation part, got valid_size 0",
        ),
        (
            "--dataset iris --schedule-end 0.1",
            "schedule_end applies only to cosine, cosine_restarts, warmup_cosine, got 0.1 with"
            " one_cycle",
        ),
        (
            "--dataset iris --model softmax_regression --dropout 0.5",
            "dropout 0.5 needs hidden layers, and there are none",
        ),
        ("--dataset iris --hidden --layer-norm", "layer_norm needs the hidden layers of an mlp"),
        ("--dataset iris --momentum-schedule sutskever", "needs the hand-written momentum or"),
        (
            "--dataset iris --optimizer momentum --optimizer-source optax"
            " --momentum-schedule sutskever",
            "needs the hand-written momentum or nesterov, got momentum (optax)",
        ),
        ("--dataset iris --model perceptron", "model perceptron is for two classes"),
        ("--dataset mnist_5k --model lenet --activation", "activation must be at least one name"),
    ],
)
def test_options_without_effect_are_refused(tmp_path, capsys, options, message):
    assert trained(tmp_path / "run", options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_torn_file_of_a_killed_process_is_no_obstacle(digits_copy):
    (digits_copy / ".checkpoint.safetensors.ab12cd34.unfinished").write_bytes(b"torn")
    assert trained(digits_copy, "--dataset xor --epochs 1 --overwrite --hidden") == 0


def test_a_name_that_is_too_long(capsys, tmp_path):
    assert trained(tmp_path / ("x" * 300), "--dataset xor --epochs 1") == 2
    assert capsys.readouterr().err.count("\n") == 1
