"""MNIST and the sets like it: the places searched, and the real set if there is a copy."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from jaxmlp.data import Unavailable, load, mnist
from jaxmlp.data.idx import idx_paths, missing_files, read_idx
from jaxmlp.errors import InputError

SETS = dict(mnist.IDX_SETS)


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Start with an empty cache, no variable, no usual places, and no network."""
    monkeypatch.delenv(mnist.DATA_DIR_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bare = {name: known._replace(usual_folders=()) for name, known in SETS.items()}
    monkeypatch.setattr(mnist, "IDX_SETS", bare)


def first_pixel(dataset):
    return int(dataset.x_train[0, 0, 0, 0])  # the mark a folder was written with


@pytest.mark.parametrize("folder", ["here", "here/mnist", "mnist"])
def test_data_dir_is_the_folder_or_holds_it(write_idx, folder):
    place = write_idx(folder)
    data_dir = place.parent if folder == "here/mnist" else place
    dataset = load("mnist", data_dir=data_dir)
    assert dataset.x_train.shape == (12, 3, 3, 1)
    assert dataset.classes == tuple("0123456789")
    assert dataset.task == "multiclass"
    assert dataset.provenance["files"] == [str(path) for path in idx_paths(place)]
    assert dataset.provenance["source"] == "folder"
    assert len(dataset.provenance["checksum"]) == 64


def test_places_are_tried_in_order(write_idx, monkeypatch, tmp_path):
    given, variable = write_idx("given", 1), write_idx("variable/fashion-mnist", 2)
    usual, cached = write_idx("usual", 3), write_idx("cache/jaxmlp/datasets/fashion_mnist", 4)
    monkeypatch.setenv(mnist.DATA_DIR_VARIABLE, str(variable.parent))
    known = mnist.IDX_SETS["fashion_mnist"]._replace(usual_folders=(str(usual),))
    monkeypatch.setitem(mnist.IDX_SETS, "fashion_mnist", known)

    assert first_pixel(load("fashion_mnist", data_dir=given)) == 1
    assert first_pixel(load("fashion_mnist")) == 2
    (variable / "train-labels-idx1-ubyte.gz").unlink()
    assert first_pixel(load("fashion_mnist")) == 3
    (usual / "train-labels-idx1-ubyte.gz").unlink()
    dataset = load("fashion_mnist")
    assert first_pixel(dataset) == 4
    assert dataset.provenance["source"] == "tensorflow-datasets"
    assert dataset.provenance["files"][0].startswith(str(cached))


def test_debian_package_is_a_usual_place():
    assert SETS["fashion_mnist"].usual_folders == ("/usr/share/datasets/fashion-mnist",)


def test_given_data_dir_without_the_files_is_an_error(write_idx, tmp_path):
    write_idx("cache/jaxmlp/datasets/mnist")  # never looked at
    with pytest.raises(
        InputError, match=r"data_dir must be a folder that holds train-images.* got '.*empty'$"
    ):
        load("mnist", data_dir=tmp_path / "empty")


def test_folder_named_after_another_set_is_not_taken(write_idx):
    place = write_idx("fashion-mnist")
    assert load("fashion_mnist", data_dir=place).name == "fashion_mnist"
    with pytest.raises(InputError, match=r"itself or in a folder mnist, got"):
        load("mnist", data_dir=place)


def test_without_network_it_is_unavailable_soon(monkeypatch, dead_address):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(mnist, "registered_files", lambda name: {f"{dead_address}/a.gz": None})
    began = time.perf_counter()
    with pytest.raises(Unavailable) as error:
        load("mnist")
    assert time.perf_counter() - began < 5
    message = str(error.value)
    assert "\n" not in message
    for part in (
        "cannot be reached",
        "Connection refused",
        "--data-dir",
        mnist.DATA_DIR_VARIABLE,
        "mnist_5k",
    ):
        assert part in message
    assert isinstance(error.value, InputError)


def test_download_fills_the_cache_once(monkeypatch, write_idx, serve, registered, tmp_path):
    source = write_idx(mark=5)
    infos = registered(serve(source), source)
    monkeypatch.setattr(mnist, "registered_files", lambda name: infos)
    first = load("kmnist")
    assert first_pixel(first) == 5
    assert not missing_files(tmp_path / "cache/jaxmlp/datasets/kmnist")
    monkeypatch.setattr(mnist, "registered_files", lambda name: pytest.fail("asked again"))
    assert load("kmnist").provenance == first.provenance


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_tfds_registers_the_four_files(name):
    names = {url.rsplit("/", 1)[1] for url in mnist.registered_files(name)}
    assert names == {
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    }


# MD5 of each file's content, uncompressed, as published.
MD5 = (
    "6bbc9ace898e44ae57da46a324031adb",
    "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea",
    "27ae3e4e09519cfbb04c329615203637",
)
DATA_DIR = os.environ.get(mnist.DATA_DIR_VARIABLE, "")


def test_complete_mnist():
    folders = [Path(DATA_DIR) / "mnist", Path(DATA_DIR)]
    folder = next((folder for folder in folders if DATA_DIR and not missing_files(folder)), None)
    if folder is None:
        pytest.skip(
            f"needs the four files of MNIST, in the folder that {mnist.DATA_DIR_VARIABLE} names"
        )
    for path, expected in zip(idx_paths(folder), MD5, strict=True):
        array = read_idx(path)
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        assert hashlib.md5(header + array.tobytes()).hexdigest() == expected
    dataset = load("mnist", data_dir=folder)
    assert dataset.x_train.shape == (60000, 28, 28, 1)
    assert dataset.x_test.shape == (10000, 28, 28, 1)
    # the counts of the published labels
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(dataset.y_train).tolist() == train
    assert np.bincount(dataset.y_test).tolist() == test
