"""Trees on disk: exact, the same bytes for the same tree, and clear about what does not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.errors import InputError
from jaxmlp.runs.checkpoints import load_metadata, load_tree, save_tree
from tests.helpers import assert_trees_identical

TREE = {
    "params": ({"W": jnp.arange(6, dtype=jnp.float32).reshape(2, 3) / 7}, ()),
    "step": jnp.asarray(3, jnp.int32),
    "best": np.float64(1 / 3),
}


def test_round_trip(tmp_path):
    save_tree(tmp_path / "a", TREE, {"epoch": 2, "word": "ü"})
    save_tree(tmp_path / "b", TREE, {"word": "ü", "epoch": 2})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert_trees_identical(load_tree(tmp_path / "a", TREE), jax.tree.map(np.asarray, TREE))
    assert load_metadata(tmp_path / "a") == {"epoch": 2, "word": "ü"}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]  # nothing left over


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_random_keys_keep_their_generator(tmp_path, impl):
    key = jax.random.key(5, impl=impl)
    save_tree(tmp_path / "a", {"key": key}, {})
    loaded = load_tree(tmp_path / "a", jax.eval_shape(lambda: {"key": key}))["key"]
    assert jax.random.key_impl(loaded) == jax.random.key_impl(key)
    assert jnp.array_equal(jax.random.bits(loaded), jax.random.bits(key))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "not a whole safetensors file"),
        (lambda path: path.write_bytes(b""), "not a whole safetensors file"),
        (lambda path: path.write_bytes(b"hello" * 50), "not a whole safetensors file"),
    ],
)
def test_broken_files(tmp_path, spoil, message):
    path = tmp_path / "a"
    save_tree(path, TREE, {})
    spoil(path)
    with pytest.raises(InputError, match=message):
        load_tree(path, TREE)
    with pytest.raises(InputError, match=message):
        load_metadata(path)


def test_a_file_of_another_program(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, tmp_path / "a")
    with pytest.raises(InputError, match="was not written by jaxmlp"):
        load_metadata(tmp_path / "a")


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({**TREE, "more": jnp.zeros(2)}, "'more' is in only one of them"),
        ({"step": TREE["step"], "best": TREE["best"]}, "'params/0/W' is in only one of them"),
        ({**TREE, "step": jnp.zeros(2, jnp.int32)}, r"step is int32\(\), expected int32\(2,\)"),
        ({**TREE, "best": np.float32(0)}, r"best is float64\(\), expected float32\(\)"),
    ],
)
def test_another_tree(tmp_path, like, message):
    save_tree(tmp_path / "a", TREE, {})
    with pytest.raises(InputError, match=message):
        load_tree(tmp_path / "a", like)
