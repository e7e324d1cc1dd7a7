"""Run and sweep folders whose files are well-formed but wrong: refused in one line, or read."""

import shutil

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from jaxmlp import evaluate, predict, train
from jaxmlp.config.schema import checked
from jaxmlp.errors import InputError
from jaxmlp.runs.network import load
from tests.torture.forge import torture

pytestmark = pytest.mark.usefixtures("compile_quickly")


def test_hundreds_of_forged_folders(tmp_path):
    """Each field removed, null, of another type, huge, not finite, deep; other rows and shapes."""
    found = torture(tmp_path, count=300, commands=3, seed=1)
    assert found.wrong == []
    assert found.inputs == 303


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (1.5, int, "f: a must be a whole number, got 1.5"),
        (True, int, "f: a must be a whole number, got True"),
        (10**400, float, "f: a must be a finite number, got one of too many digits"),
        ([1], str, "f: a must be a name, got a list"),
        ([1, "x"], list[int], "f: a[1] must be a whole number, got 'x'"),
        ({"b": {"c": 1}}, {"b": {"c": str}}, "f: a.b.c must be a name, got 1"),
        ({}, {"b": int, "c?": int}, "f: a lacks the field 'b'"),
        ({"b": 1, "bc": 1}, {"b": int}, "f: a has an unknown field 'bc'; did you mean 'b'?"),
        (None, {"b": int}, "f: a must be an object, got none"),
    ],
)
def test_a_value_of_another_shape(value, shape, message):
    with pytest.raises(InputError) as caught:
        checked(value, shape, "f", "a")
    assert str(caught.value) == message


def test_a_network_with_weights_that_are_not_finite_answers_nothing(digits_copy, capsys):
    file = digits_copy / "model.safetensors"
    with safe_open(file, framework="numpy") as opened:
        metadata = opened.metadata()
    arrays = load_file(file)
    name = sorted(arrays)[-1]
    for bad in (np.nan, -np.inf):
        arrays[name].reshape(-1)[3] = bad
        save_file(arrays, file, metadata)
        message = f"{file}: {name} must be finite everywhere, got {bad}"
        with pytest.raises(InputError) as caught:
            load(digits_copy)
        assert str(caught.value) == message
        for command, line in ((evaluate, [digits_copy]), (predict, [digits_copy, "x.npy"])):
            assert command.main([*map(str, line)]) == 2
            out, err = capsys.readouterr()
            assert out == ""
            assert message in err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"learning_rate": 0.008', '"learning_rate": 0.01', "learning_rate was 0.008 in training"),
        ('"epochs": 4', '"epochs": 2', "epochs was 4 in training, now 2"),
        ('"seed": 0', '"seed": 1', "seed was 0 in training, now 1"),
    ],
)
def test_an_edited_configuration_is_not_resumed(digits_copy, capsys, old, new, message):
    file = digits_copy / "config.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    before = {path.name: path.read_bytes() for path in digits_copy.iterdir() if path.is_file()}
    assert train.main(["--resume", str(digits_copy), "--quiet"]) == 2
    err = capsys.readouterr().err
    assert f"{file} has been changed: {message}" in err
    assert err.count("\n") == 1
    assert before == {path.name: path.read_bytes() for path in digits_copy.iterdir()}


def test_files_that_a_system_leaves_change_nothing(digits_copy):
    shutil.copytree(digits_copy, digits_copy.parent / "other")
    for folder in (digits_copy, digits_copy / "evaluation"):
        folder.mkdir(exist_ok=True)
        (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert train.main(["--resume", str(digits_copy), "--quiet"]) == 0
    assert evaluate.main([str(digits_copy), "--json"]) == 0
    for name in ("checkpoint.safetensors", "model.safetensors"):
        other = digits_copy.parent / "other" / name
        assert (digits_copy / name).read_bytes() == other.read_bytes()
