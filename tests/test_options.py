"""Options of `python -m jaxmlp.train`: each reaches the run, and its network opens again."""

import numpy as np
import pytest

from jaxmlp import train
from jaxmlp.config.data_options import ABOUT_DATA
from jaxmlp.config.factory import arithmetic
from jaxmlp.data import load
from jaxmlp.runs.folder import Run
from jaxmlp.runs.network import open_network

pytestmark = pytest.mark.usefixtures("compile_quickly")


@pytest.mark.parametrize(
    "options",
    [
        "--dataset iris --hidden 8 8 --activation tanh sigmoid --initializer xavier_uniform"
        " --schedule cosine_restarts --restarts 2 --schedule-end 0.01",
        "--dataset breast_cancer --loss cross_entropy --optimizer momentum --schedule cosine"
        " --schedule-end 0.1 --precision float64 --dropout 0.1 --hidden 4",
        "--dataset diabetes --optimizer rmsprop --weight-decay 0.1 --optimizer-source optax"
        " --hidden 4",
        "--dataset moons --hidden --gradient autodiff --preprocessing minmax --label-smoothing 0.1"
        " --initializer truncated_normal",
        "--dataset spirals --loss binary_cross_entropy --initializer normal --valid-size 0"
        " --hidden 4",
        "--dataset digits --augment shift flip elastic --augment-strength 0.5 --precision bfloat16"
        " --layer-norm --activation prelu --clip-norm 1 --fan fan_out --hidden 4 --max-norm 2",
        "--dataset iris --task multilabel --class-weights none --loss binary_cross_entropy"
        " --optimizer nesterov --momentum-schedule sutskever --schedule step --hidden 4",
        "--dataset digits --task regression --loss huber --patience 1 --min-decrease 1e-9"
        " --hidden 4",
        "--dataset wine --model softmax_regression --label-smoothing 0.1 --class-weights balanced"
        " --monitor loss --patience 1 --min-improvement 0.01 --no-shuffle",
        "--dataset breast_cancer --model perceptron --seed 5",
        "--dataset {pictures} --model lenet --activation shared_prelu --valid-size 20",
        "--dataset and --batch-size 2 --loss mse --dropout 0.1 --optimizer adagrad --hidden 4"
        " --input-dropout 0.1 --input-noise 0.1 --adversarial 0.1",
    ],
)
def test_options_reach_the_run(tmp_path, options):
    out = str(tmp_path / "run")
    if "{pictures}" in options:  # few of those that the network takes
        digits, options = load("mnist_5k"), options.format(pictures=tmp_path / "few.npz")
        np.savez(tmp_path / "few.npz", x=digits.x_train[::40], y=digits.y_train[::40])
    assert train.main([*options.split(), "--epochs", "2", "--quiet", "--out", out]) == 0
    run = Run.open(tmp_path / "run")
    config = run.config
    assert config.epochs == 2
    may_be_none = {*ABOUT_DATA, "init_from", "fan", "clip_norm", "patience", "fold", "ema", "sam"}
    may_be_none |= {"max_norm", "adversarial"}
    may_be_none |= {"alpha", "epsilon_inside"}  # where nothing else than the usual is asked for
    may_be_none |= {"momentum", "beta2", "epsilon", "weight_decay"}  # where the rule has none
    assert {name for name, value in config.to_dict().items() if value is None} <= may_be_none
    network = open_network(run)
    with arithmetic(config.precision):
        x = np.zeros((3, *network.signature.input_shape), np.float32)
        outputs = network.model(network.params, x)
    assert outputs.shape[0] == 3
    assert outputs.dtype == (np.float64 if config.precision == "float64" else np.float32)
    assert np.all(np.isfinite(outputs))
