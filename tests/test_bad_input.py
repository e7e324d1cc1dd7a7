"""Every mistake ends in one clear line and status 2; nothing is written or lost."""

import gzip
import json
import shlex
import struct

import numpy as np
import pytest

from jaxmlp import evaluate, predict, train
from tests.helpers import assert_refused

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
COMMANDS = {"train": train.main, "evaluate": evaluate.main, "predict": predict.main}


def fails(capsys, line, message):
    """Run a command line in this process and check how it fails."""
    name, *arguments = shlex.split(line)
    assert_refused(capsys, name, COMMANDS[name], arguments, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--optimzer adam", "unknown option --optimzer; did you mean --optimizer?"),
        ("--optimizer adma", "unknown optimizer 'adma'"),
        ("--optimizer adma", "did you mean 'adam'?"),
        ("--dataset minst", "did you mean 'mnist'?"),
        ("--activation rellu", "did you mean 'relu'?"),
        ("--loss mee", "did you mean 'mse'?"),
        ("--initializer he", "unknown initializer 'he'"),
        ("--schedule onecycle", "did you mean 'one_cycle'?"),
        ("--gradient machine", "unknown gradient 'machine', expected one of manual, autodiff"),
        ("--epochs many", "--epochs: invalid int value: 'many'"),
        ("--epochs 0", "epochs must be at least 1, got 0"),
        ("--batch-size 0", "batch_size must be at least 1, got 0"),
        ("--batch-size 99999", "batch_size must be at most the 1295 training examples, got 99999"),
        ("--valid-size 9999", "valid_size must be less than the 1438 training examples, got 9999"),
        ("--learning-rate -1", "learning_rate must be a finite positive number, got -1.0"),
        ("--learning-rate nan", "learning_rate must be a finite positive number, got nan"),
        ("--hidden 10 0", "hidden must be at least 1, got 0"),
        (
            "--hidden 9 9 --activation relu tanh relu",
            "one name, or one for each of 2 hidden layers",
        ),
        ("--augment shft", "shift, flip, affine, elastic; did you mean 'shift'?"),
        ("--alpha 0.2", "alpha applies only to leaky_relu and elu, got 0.2 with relu"),
        ("--activation elu --alpha 0", "alpha must be a finite positive number, got 0.0"),
        ("--activation tanh --alpha x", "--alpha: invalid float value: 'x'"),
        (
            "--optimizer sgd --epsilon-inside",
            "epsilon_inside applies only to adagrad, rmsprop, adam, adamw, muon,"
            " schedule_free_adamw, got true with sgd",
        ),
        (
            "--optimizer momentum --no-epsilon-inside",
            "adam, adamw, muon, schedule_free_adamw, got false with momentum",
        ),
        (
            "--optimizer adagrad --no-epsilon-inside --optimizer-source optax",
            "the adagrad of optax has epsilon inside the root only; use ours",
        ),
        ("--augment-strength 2", "augment_strength has no effect without augment, got 2"),
        ("--dataset iris --augment shift", "augment is for pictures, got shift for a table"),
        ("--precision float16", "unknown precision 'float16'"),
        ("--dropout 1", "dropout must be in [0, 1), got 1.0"),
        ("--input-dropout 1", "input_dropout must be in [0, 1), got 1.0"),
        ("--input-noise -1", "input_noise must be a finite number >= 0, got -1.0"),
        ("--adversarial 0", "adversarial must be a finite positive number, got 0.0"),
        ("--dataset iris --augment flip", "augment is for pictures, got flip for a table"),
        ("--max-norm 0", "max_norm must be a finite positive number, got 0.0"),
        (
            "--optimizer schedule_free_adamw --max-norm 3",
            "max_norm does not apply to schedule_free_adamw, whose average would leave the ball",
        ),
        ("--weight-decay -0.1", "weight_decay must be a finite number >= 0, got -0.1"),
        ("--momentum 1", "momentum must be in [0, 1), got 1.0"),
        ("--seed -1", "seed must be in [0, 2^32), got -1"),
        ("--target age", "target"),
        ("--data-dir somewhere", "data_dir"),
        ("--label-smoothing 1", "label_smoothing must be in [0, 1), got 1.0"),
        ("--clip-norm 0", "clip_norm must be a finite positive number, got 0.0"),
        ("--patience 0", "patience must be at least 1, got 0"),
        ("--model lenet --hidden 5", "hidden does not apply to lenet, got 5"),
        ("--model lenet", "the input of lenet must be images (H, W, C) of at least 12 x 12"),
        ("--model lent", "did you mean 'lenet'?"),
        ("--task regresion", "did you mean 'regression'?"),
        ("--activation step", "the step function has no derivative to learn from"),
        (
            "--initializer orthogonal --fan fan_in",
            "fan applies only to lecun, xavier and he initializers, got fan_in with orthogonal",
        ),
        (
            "--dataset iris --task multilabel --class-weights balanced",
            "class_weights balanced is for classes",
        ),
        (
            "--dataset diabetes --label-smoothing 0.1",
            "label_smoothing is for classes, got 0.1 for regression data",
        ),
        (
            "--dataset moons --loss perceptron --label-smoothing 0.1",
            "label_smoothing does not apply to the perceptron, got 0.1",
        ),
        ("--dataset diabetes --model softmax_regression", "softmax_regression is for classes"),
        ("nonsense", "the data are given twice: nonsense and --dataset digits"),
    ],
)
def test_options(capsys, tmp_path, options, message):
    given = "" if "--dataset" in options else "--dataset digits "
    fails(capsys, f"train {given}{options} --out {tmp_path}/run", message)
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_makes_no_sense(capsys, tmp_path):
    line = f"train --dataset diabetes --loss cross_entropy --out {tmp_path}/run"
    fails(capsys, line, "loss for regression data must be mse")
    assert list(tmp_path.iterdir()) == []


def idx(kind, array):
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist_folder(tmp_path):
    """A tiny set of four IDX files in the form of MNIST."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, n in (("train", 40), ("t10k", 20)):
        images = rng.integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(8, images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(8, labels))
    return folder


def label_12(file):
    content = bytearray(file.read_bytes())
    content[8 + 37] = 12
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (IMAGES, lambda f: f.write_bytes(f.read_bytes()[:-9]), "expected 31360 bytes"),
        (IMAGES, lambda f: f.write_bytes(b"\x1f\x8b" + b"x" * 99), "cannot be read as"),
        (IMAGES, lambda f: f.write_bytes(b"hello world, hello"), "IDX"),
        (LABELS, label_12, "labels must lie in [0, 10), got 12 at row 37"),
        (LABELS, lambda f: f.unlink(), LABELS),
        (
            "t10k-images-idx3-ubyte",
            lambda f: f.write_bytes(gzip.compress(f.read_bytes())[:-20]),
            "the gzip stream breaks off",
        ),
        (
            IMAGES,
            lambda f: f.write_bytes((f.parent / LABELS).read_bytes()),
            "images",
        ),
    ],
)
def test_idx_files(capsys, tmp_path, mnist_folder, name, spoil, message):
    spoil(mnist_folder / name)
    line = f"train --dataset mnist --data-dir {mnist_folder} --out {tmp_path}/run"
    fails(capsys, line, message)
    assert not (tmp_path / "run").exists()


def test_a_table_with_a_word_among_numbers(capsys, tmp_path):
    rows = [f"{i},{i % 3},{i % 2}" for i in range(40)]
    rows[16] = "abc,1,0"
    (tmp_path / "people.csv").write_text("age,size,label\n" + "\n".join(rows))
    line = f"train --dataset {tmp_path}/people.csv --out {tmp_path}/run"
    fails(capsys, line, "column 'age', row 17: expected a number, got 'abc'")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_no_run(capsys, tmp_path, name):
    more = " x.png" if name == "predict" else ""
    fails(capsys, f"{name} {tmp_path}/nowhere{more}", "there is no run folder")
    fails(capsys, f"{name} {tmp_path}{more}", "is not a run folder: it has no config.json")


def with_a_new_field(path):
    config = json.loads(path.read_text()) | {"residual": True}
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("file", "spoil", "message"),
    [
        ("model.safetensors", lambda f: f.unlink(), "is not a complete run: it has no model"),
        ("model.safetensors", lambda f: f.write_bytes(f.read_bytes()[:-9]), "not a whole"),
        ("config.json", lambda f: f.write_text(f.read_text()[:-9]), "is not a whole JSON file"),
        (
            "config.json",
            lambda f: f.write_text(f.read_text().replace('"format": 1', '"format": 99')),
            "(format 99), which this jaxmlp",
        ),
        ("config.json", with_a_new_field, "has the field 'residual', unknown to jaxmlp"),
    ],
)
def test_a_spoilt_run(capsys, digits_copy, file, spoil, message):
    spoil(digits_copy / file)
    fails(capsys, f"evaluate {digits_copy}", message)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.png", b"no picture at all", "cannot be read as a picture"),
        ("x.png", b"", "the file is empty"),
        ("nowhere.png", None, "no such file"),
        ("x.npy", b"rubbish", "cannot be read as NumPy arrays"),
        ("x.csv", b"a,b\n1,2\n", "expected 64 columns of numbers, got 2"),
    ],
)
def test_inputs(capsys, tmp_path, digits_run, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    fails(capsys, f"predict {digits_run} {tmp_path}/{name}", message)


def test_arrays_of_another_shape(capsys, tmp_path, digits_run):
    np.save(tmp_path / "x.npy", np.zeros((5, 28, 28), np.uint8))
    line = f"predict {digits_run} {tmp_path}/x.npy"
    fails(capsys, line, "expected examples of shape (8, 8, 1), got an array of shape (5, 28, 28)")


def test_data_that_do_not_fit_the_network(capsys, digits_run):
    fails(
        capsys,
        f"evaluate {digits_run} --dataset iris",
        "the shape of an example of iris must be (8, 8, 1) as in training, got (4,)",
    )


def test_resume_with_another_configuration(capsys, digits_run):
    before = {file.name: file.read_bytes() for file in digits_run.iterdir() if file.is_file()}
    line = f"train --resume {digits_run} --epochs 3 --learning-rate 0.008 --seed 3"
    fails(capsys, line, "changed: epochs (was 4, now 3), seed (was 0, now 3)")
    line = f"train --resume {digits_run} --ema 0.9 --sam 0.1 --max-norm 3 --weight-decay 0.2"
    words = "ema (was none, now 0.9), sam (was none, now 0.1), max_norm (was none, now 3.0)"
    fails(capsys, line, f"changed: {words}, weight_decay (was 0.1, now 0.2)")
    line = f"train --resume {digits_run} --out elsewhere"
    fails(capsys, line, "--out does not apply with --resume: the run has its own")
    fails(
        capsys,
        f"train --resume {digits_run} --overwrite",
        "--overwrite does not apply with --resume",
    )
    after = {file.name: file.read_bytes() for file in digits_run.iterdir() if file.is_file()}
    assert after == before


def test_an_output_folder_in_use(capsys, tmp_path, digits_run):
    line = "train --dataset xor --epochs 1 --quiet --out"
    fails(
        capsys,
        f"{line} {digits_run}",
        "is not empty; replace the run with --overwrite, or continue it with --resume",
    )
    assert (digits_run / "model.safetensors").exists()
    (tmp_path / "thesis.txt").write_text("years of work")
    fails(
        capsys,
        f"{line} {tmp_path} --overwrite",
        "is not overwritten: it holds thesis.txt, which is not part of a run",
    )
    fails(capsys, f"{line} {tmp_path}/thesis.txt", "is a file")
    fails(capsys, f"{line} {tmp_path}/thesis.txt/run", "cannot be made")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
