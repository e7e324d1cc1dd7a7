"""CONTRIBUTING names every place: what is added there in a copy, the commands see."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ACTIVATION = '''

@elementwise
def softsign(z: Array) -> Array:
    """Return `a = z / (1 + |z|)`; `da/dz = 1 / (1 + |z|)^2`."""
    return z / (1 + jnp.abs(z))


softsign.defderivative(lambda z, a: 1 / (1 + jnp.abs(z)) ** 2)
'''
LOSS = '''

@loss
def log_cosh(z: Array, y: Array) -> Array:
    """Return `l = sum_k log cosh(z_k - y_k)`; `dl/dz = tanh(z - y)`."""
    return jnp.sum(jnp.log(jnp.cosh(z - one_hot(z, y))), axis=1)


log_cosh.defgradient(lambda z, y: jnp.tanh(z - one_hot(z, y)))
'''
LAYER = '''"""A layer that multiplies by a constant."""

from jaxmlp.nn.layers import Layer


def scaling(factor):
    """A layer that multiplies by a constant, `y = c x`; `dx = c dy`."""

    def init(key, shape):
        return (), shape

    def forward(params, x, key=None):
        return factor * x, None

    def backward(params, cache, dy):
        return (), factor * dy

    return Layer(init, forward, backward, f"scaling {factor:g}", "scaling")
'''
OPTIMIZER = '''

def sign_descent(learning_rate: Rate) -> Optimizer:
    """Descent by the sign of the gradient, `w <- w - eta_t sign(dw)`."""
    eta_of = schedule_of(learning_rate)

    def rule(dw: Leaf, eta: Scalar) -> tuple[Leaf]:
        return (-eta * jnp.sign(dw),)

    def update(
        gradients: Updates, state: SGDState, params: Params | None = None
    ) -> tuple[Updates, SGDState]:
        (steps,) = map_arrays(rule, gradients, eta=eta_of(state.t))
        return steps, SGDState(state.t + 1)

    return Optimizer(lambda params: SGDState(zero_count()), update)
'''
REFEREE = '''

def sign_descent(learning_rate: Any) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.sign_descent`."""
    return optax.sign_sgd(learning_rate)
'''
DATA_SET = '''"""A data set of one line."""

import numpy as np

from jaxmlp.data.dataset import Dataset, make_dataset


def load_steps(name: str) -> Dataset:
    """Load numbers with the class of their sign."""
    x = np.linspace(-1, 1, 40)[:, None]
    y = (x[:, 0] > 0).astype(np.int32)
    return make_dataset(name, (x, y, x, y), "binary", ("low", "high"), source="made", version="1")
'''
EXPERIMENT = '''"""Two and two make four.

A claim that needs no data.
"""

from experiments import style
from experiments.framework import BEFORE, HOLDS, About, Numbers, Settings, Threshold, Verdict
from experiments.framework import word_of

ABOUT = About(
    ("A1",),
    "Addition",
    "2 + 2 = 4",
    "the sum",
    "apples",
    (Threshold("the sum is 4", BEFORE),),
    HOLDS,
    1.0,
)


def run(settings: Settings) -> Numbers:
    """Add."""
    return {"sum": 2 + 2}


def plot(numbers):
    """Draw the sum."""
    return style.figure()[0]


def verdict(numbers: Numbers) -> Verdict:
    """Judge the sum."""
    return Verdict(word_of(numbers["sum"] == 4), numbers["sum"], None, "It is four.")
'''
NEW_FILES = {
    "jaxmlp/nn/scaling.py": LAYER,
    "jaxmlp/data/steps.py": DATA_SET,
    "experiments/claims/two_and_two_make_four.py": EXPERIMENT,
}
APPENDED = {
    "jaxmlp/nn/activations.py": ACTIVATION,
    "jaxmlp/nn/losses.py": LOSS,
    "jaxmlp/nn/__init__.py": "\nfrom jaxmlp.nn.scaling import scaling\n",
    "jaxmlp/optim/descent.py": OPTIMIZER,
    "jaxmlp/optim/__init__.py": "\nfrom jaxmlp.optim.descent import sign_descent\n",
    "jaxmlp/config/referees.py": REFEREE,
}
CHANGED = {
    "jaxmlp/config/names.py": [
        ('    ("identity", "relu",', '    ("identity", "softsign", "relu",'),
        ('        "huber",\n', '        "huber",\n        "log_cosh",\n'),
        (
            '    "sgd": OptimizerEntry(0.2, 0.0, {}, clip_norm=1.0),\n',
            '    "sgd": OptimizerEntry(0.2, 0.0, {}, clip_norm=1.0),\n'
            '    "sign_descent": OptimizerEntry(0.01, 0.0, {}),\n',
        ),
    ],
    "jaxmlp/explain/formulas.py": [
        (
            '    "identity": _elementwise("$x", "1"),\n',
            '    "identity": _elementwise("$x", "1"),\n'
            '    "softsign": _elementwise(r"$x / (1 + |$x|)", r"1 / (1 + |$x|)^2"),\n',
        ),
        (
            '    "mse": (',
            '    "log_cosh": ("", r"\\sum_i \\log \\cosh(z_i - y_i)", r"\\tanh($z - y)"),\n'
            '    "mse": (',
        ),
    ],
    "jaxmlp/training/tasks.py": [('"mae", "huber")', '"mae", "huber", "log_cosh")')],
    "jaxmlp/data/__init__.py": [
        (
            "from jaxmlp.data import embedded, in_memory, toys\n",
            "from jaxmlp.data import embedded, in_memory, steps, toys\n",
        ),
        ('    "digits": embedded', '    "steps": steps.load_steps,\n    "digits": embedded'),
    ],
}
CHECKS = """
import contextlib, io, json, sys
import jax, numpy as np
from jaxmlp import evaluate, gradcheck, nn, optim, train
from jaxmlp.explain.__main__ import main as explain
from jaxmlp.runs.folder import Run
from experiments import __main__ as experiments

def said(main, line):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(line.split())
    return status, out.getvalue()

help = train.make_parser().format_help()
found = {"help": [name in help for name in ("softsign", "log_cosh", "sign_descent")]}
OPTIONS = "--dropout 0 --preprocessing zscore --monitor score"
network = "--dataset steps --loss log_cosh --activation softsign"
found["gradcheck"] = said(gradcheck.main, network + " --hidden 3")[0]
found["explain"] = said(explain, network)
run = f"{network} --hidden 4 --optimizer sign_descent --epochs 30 {OPTIONS} --quiet --out"
found["train"] = said(train.main, f"{run} ours")[0]
found["optax"] = said(train.main, f"{run} theirs --optimizer-source optax")[0]
ends = [Run.open(__import__("pathlib").Path(p)).read_metrics()[-1]["train_loss"]
        for p in ("ours", "theirs")]
found["losses"] = ends
found["evaluate"] = json.loads(said(evaluate.main, "ours --json")[1])["accuracy"]
model = nn.sequential(nn.dense(2), nn.scaling(3.0))
params, _ = model.init(jax.random.key(0), (4,))
x, y = jax.numpy.ones((5, 4)), jax.numpy.ones((5, 2))
(_, _), by_hand = nn.value_and_grad(model, nn.losses.log_cosh)(params, x, y)
by_machine = jax.grad(lambda p: nn.losses.log_cosh(model(p, x), y))(params)
found["layer"] = max(
    float(abs(a - b).max())
    for a, b in zip(jax.tree.leaves(by_hand), jax.tree.leaves(by_machine), strict=True)
)
found["list"] = "two_and_two_make_four" in said(experiments.main, "")[1]
found["experiment"] = said(experiments.main, "two_and_two_make_four --quick --dataset mnist_5k")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the commands say in a copy to which one of each kind was added."""
    copy = tmp_path_factory.mktemp("copy")
    skipped = shutil.ignore_patterns("__pycache__")
    for folder in ("jaxmlp", "experiments"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=skipped)
    for name, text in NEW_FILES.items():
        (copy / name).write_text(text)
    for name, text in APPENDED.items():
        (copy / name).write_text((copy / name).read_text() + text)
    for name, pairs in CHANGED.items():
        source = (copy / name).read_text()
        for old, new in pairs:
            assert old in source, f"{name} has no {old!r}"
            source = source.replace(old, new, 1)
        (copy / name).write_text(source)
    done = subprocess.run(
        [sys.executable, "-c", CHECKS], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_contributing_names_every_place():
    said = (ROOT / "CONTRIBUTING.md").read_text()
    for name in {*APPENDED, *CHANGED}:
        assert f"`{name}`" in said, name
    for name in NEW_FILES:
        assert f"`{Path(name).parent}/`" in said, name


def test_a_new_activation_loss_and_optimizer_are_options(found):
    assert found["help"] == [True, True, True]
    assert (found["train"], found["optax"]) == (0, 0)
    assert found["losses"][0] == pytest.approx(found["losses"][1], rel=1e-4)
    assert found["evaluate"] > 0.9


def test_a_new_activation_and_loss_are_proved_and_explained(found):
    assert found["gradcheck"] == 0
    status, text = found["explain"]
    assert status == 0
    assert "1 + |z[1]|" in text
    assert "log cosh(z_i - y_i)" in text


def test_a_new_layer_has_its_gradient(found):
    assert found["layer"] < 1e-6


def test_a_new_experiment_is_listed_and_runs(found):
    assert found["list"]
    status, text = found["experiment"]
    assert status == 0
    assert text.startswith("two_and_two_make_four: holds,")
