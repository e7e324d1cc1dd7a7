"""On a machine that lacks something, a command works in silence or says so in one line."""

import numpy as np
import pytest
from PIL import Image

import jaxmlp
from jaxmlp.errors import InputError
from jaxmlp.files import usable_path
from tests.torture.surroundings import QUICK, fault


@pytest.mark.parametrize("line", QUICK)
def test_surroundings(line):
    """`python -m tests.torture.surroundings` tries more of them."""
    assert fault(line, *QUICK[line]) == ""


PATHS = ["x" * 400, "x/" * 3000, "a\0b"]


@pytest.mark.parametrize("path", PATHS, ids=["long", "deep", "zero"])
def test_paths_that_no_system_has_are_bad_input_from_python_too(digits_run, path):
    network, config = jaxmlp.load(digits_run), jaxmlp.Config(epochs=1)
    doors = [
        lambda: jaxmlp.load(path),
        *(lambda end=end: network.predict(path + end) for end in (".png", ".npy", ".csv")),
        lambda: network.predict([path + ".png"]),
        lambda: jaxmlp.fit(config, path + ".csv"),
        lambda: jaxmlp.fit(config, path + ".npz"),
        lambda: jaxmlp.fit(jaxmlp.Config(dataset="mnist", data_dir=path)),
        lambda: jaxmlp.fit(config, "xor", out=path),
    ]
    for door in doors:
        with pytest.raises(InputError) as caught:
            door()
        assert len(str(caught.value)) < 500


def test_a_usable_path_needs_nothing_to_be_there(tmp_path):
    assert usable_path(tmp_path / "nothing" / "x", "it") == tmp_path / "nothing" / "x"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match=r"it cannot be .*loop"):
        usable_path(tmp_path / "loop", "it")


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_a_picture_without_pixels(digits_run, size):
    network = jaxmlp.load(digits_run)
    with pytest.raises(InputError, match="the size of a picture must be at least 1 by 1"):
        network.predict(Image.new("L", size))
    with pytest.raises(InputError):
        network.predict(np.zeros((*size, 1)))
