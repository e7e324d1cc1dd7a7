"""Files with parts of one's own: what is wrong with one is said in one line, and nothing trains."""

import pytest

from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")
HEAD = "import jax\nimport jax.numpy as jnp\nfrom jaxmlp import nn\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


FILES = {  # the text of the file, and the words
    "def mish(:": "mine.py does not import: SyntaxError: ",
    "x = 1\nraise ValueError('a\\nb')": "mine.py does not import: ValueError: a b (line 2)",
    "import sys\nsys.exit(0)": "mine.py does not import: it exits",
    "import nowhere_at_all": "mine.py does not import: ModuleNotFoundError: No module named",
    "": "mine.py has no mish; it defines nothing",
    "mash = 1\ndef tanh(z): ...\n_own = 2": "mine.py has no mish; it has mash, tanh; did you mean",
    "mish = 3": "mine.py:mish must be an nn.Activation, a function of z, or",
    "def mish(z, a): ...": "got a function of 2 arguments",
    "class mish: ...": "got the class mish",
    "\0": "mine.py does not import: ",
}


@pytest.mark.parametrize("source", FILES)
def test_a_file_that_cannot_be_used(source, folder, capsys):
    folder.joinpath("mine.py").write_text(source)
    options = ["--dataset", "xor", "--activation", "relu", "mine.py:mish", "--out", "run"]
    assert_refused(capsys, "train", train.main, options, FILES[source])
    assert not folder.joinpath("run").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"activation": ("no.py:mish",)}, "there is no file no.py"),
        ({"activation": ("mine.py",)}, "activation must be a name of the table, or FILE.py:NAME"),
        ({"activation": ("mine.py:",)}, "got 'mine.py:'"),
        ({"activation": ("mine.py:a-b",)}, "activation must be a name of the table"),
        ({"schedule": "mine.py:f"}, "unknown schedule 'mine.py:f'"),
        ({"optimizer": "mine.py:f"}, "mine.py:f must be a function of the rate that returns"),
        (
            {"loss": "mine.py:f"},
            "must be an nn.Loss, or a function of (outputs, targets)",
        ),
        ({"initializer": "mine.py:one"}, "mine.py:one must be a function of (key, shape, dtype)"),
        ({"model": "mine.py:f"}, "mine.py:f must be a function of the number of outputs"),
        ({"model": "mine.py:one", "hidden": (3,)}, "hidden does not apply to mine.py:one, got 3"),
    ],
)
def test_what_a_user_names_wrongly(given, words, folder):
    source = "def f(a, b, c, d): ...\ndef one(z): ...\n"
    folder.joinpath("mine.py").write_text(source)
    with pytest.raises(InputError) as caught:
        Config(**given)
    assert words in str(caught.value)


def test_a_folder_is_no_file(folder):
    folder.joinpath("mine.py").mkdir()
    with pytest.raises(InputError, match=r"mine.py cannot be read: Is a directory"):
        Config(activation=("mine.py:f",))


WRONG = {  # what is found only when the part is used
    "--activation": {
        "def part(z): return z.sum()": "a must be of shape",
        "def part(z): return z > 0": "a must be of type float32",
        "def part(z): return 3": "a must be an array, got 3",
        "def part(z): return z @ z @ z": "mine.py:part: TypeError: ",
        "def part(z):\n    import sys\n    sys.exit(1)": "mine.py:part exits",
        "def part(z): return jnp.tanh(z)": "no derivative: put @jaxmlp.nn.activations.elementwise",
        "part = nn.Activation('p', jnp.tanh)": "@part.defderivative above (z, a) -> da/dz, or",
        "part = nn.Activation('p', jnp.tanh, lambda z, a: a.sum(0))": "da/dz must be of shape",
        "def part(): return 3": "what mine.py:part makes must be an nn.Layer, got 3",
    },
    "--loss": {
        "part = nn.Loss('p', lambda z, y: z, lambda z, y: z)": "of each example must be of shape",
        "def part(z, y): return (z - y)[:, 0] ** 2": "mine.py:part has no gradient: put",
        "part = nn.Loss('p', lambda z, y: z[:, 0], lambda z, y: z[:, 0])": "dl/dz must be of shape",
    },
    "--optimizer": {
        "def part(rate): return rate": "mine.py:part(rate) must be a pair (init, update), got",
        "def part(rate): return (lambda p: 0, lambda g, s, p: g)": "update must be a pair",
        "def part(rate): return (lambda p: 0, lambda g, s, p: (s, s))": "the updates must be",
        "def part(rate): return (lambda p: 0, lambda g, s, p: (g, ()))": "the state must be",
        "def part(rate):\n    if rate > 1: pass": "mine.py:part: TracerBoolConversionError: ",
    },
    "--initializer": {
        "def part(key, shape, dtype): return jnp.zeros(3)": "the kernel must be of shape",
        "def part(key, shape, dtype): return jnp.zeros(shape, int)": "must be of type float32",
        "def part(key, shape): return jnp.zeros(shape)": "mine.py:part: TypeError: part() takes 2",
    },
    "--model": {
        "def part(outputs): return nn.dense(3)": "for 1 outputs must be of shape (1,), got (3,)",
        "def part(outputs): return nn.dense": "what mine.py:part makes must be an nn.Layer, got",
        "def part(outputs): return nn.dense(0)": "units must be at least 1, got 0",
    },
}
CASES = [(option, *pair) for option, pairs in WRONG.items() for pair in pairs.items()]


@pytest.mark.parametrize(("option", "source", "words"), CASES)
def test_a_part_that_breaks_its_contract(option, source, words, folder, capsys):
    """One line with the part's name, and no traceback; nothing is trained."""
    folder.joinpath("mine.py").write_text(f"{HEAD}{source}\n")
    options = ["--dataset", "xor", "--batch-size", "2", option, "mine.py:part", "--out", "run"]
    assert_refused(capsys, "train", train.main, options, words)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            ["--model", "mine.py:net", "--activation", "tanh"],
            "activation does not apply to mine",
        ),
        (
            ["--model", "mine.py:net", "--input-noise", "0.1"],
            "input_noise is for the networks of jaxmlp, got 0.1 with mine.py:net",
        ),
        (["--optimizer", "mine.py:rule", "--optimizer-source", "optax"], "does not apply to mine"),
        (["--initializer", "mine.py:draw", "--fan", "fan_in"], "got fan_in with mine.py:draw"),
        (["--parts", "mine.py"], "--parts mine.py does not apply"),
    ],
)
def test_options_that_have_no_effect(given, words, folder, capsys):
    source = "def net(k): ...\ndef rule(rate): ...\ndef draw(key, shape, dtype): ...\n"
    folder.joinpath("mine.py").write_text(source)
    assert_refused(capsys, "train", train.main, ["--dataset", "xor", *given], words)


def test_what_a_file_prints_does_not_spoil_the_answers(folder, capsys):
    folder.joinpath("mine.py").write_text("print('hello')\ndef part(rate): ...\n")
    Config(optimizer="mine.py:part")
    assert capsys.readouterr().out == ""
