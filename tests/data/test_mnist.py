"""MNIST and the sets like it: the places searched, and the real set if there is a copy."""

import hashlib
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jaxmlp.data import Unavailable, load, mnist
from jaxmlp.data.fetch import download_files
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
    info = SimpleNamespace(size=1, checksum="0" * 64)
    monkeypatch.setattr(mnist, "registered_files", lambda name: {f"{dead_address}/a.gz": info})
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


@pytest.fixture
def cached(monkeypatch, write_idx, serve, registered, tmp_path):
    """Return the cache folder of a set that can be downloaded, and how often files were fetched."""
    source = write_idx(mark=5)
    infos = registered(serve(source), source)
    monkeypatch.setattr(mnist, "registered_files", lambda name: infos)
    fetched = []

    def download(files, folder):
        fetched.append(download_files(files, folder))
        return fetched[-1]

    monkeypatch.setattr(mnist, "download_files", download)
    return tmp_path / "cache/jaxmlp/datasets/kmnist", fetched


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: path.write_bytes(b"<html>log in first</html>"),
        lambda path: path.unlink(),
    ],
)
def test_damaged_file_of_the_cache_is_fetched_again(cached, damage):
    """And the others are not."""
    folder, fetched = cached
    first = load("kmnist")
    path = folder / "train-images-idx3-ubyte.gz"
    damage(path)
    again = load("kmnist")
    assert again.provenance == first.provenance
    assert fetched[1:] == [[path]]
    assert len(list(folder.iterdir())) == 4


def test_damaged_cache_without_a_network(cached, monkeypatch, dead_address):
    """It counts as a set that is not there, so that a default run has its stand-in."""
    folder, _ = cached
    load("kmnist")
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"damaged")
    info = SimpleNamespace(size=1, checksum="0" * 64)
    files = {f"{dead_address}/{path.name}": info}
    monkeypatch.setattr(mnist, "registered_files", lambda name: files)
    with pytest.raises(Unavailable, match=r"^kmnist is damaged in the cache, and 127\.0\.0\.1 can"):
        load("kmnist")


def test_a_fault_that_is_no_damage_is_told(cached, monkeypatch):
    """The files of the cache are those that are published, so fetching them again is no help."""
    load("kmnist")
    monkeypatch.setenv("JAXMLP_MEMORY", "0.01K")
    with pytest.raises(InputError, match=r"raise this limit with --memory") as error:
        load("kmnist")
    assert not isinstance(error.value, Unavailable)


def test_damaged_files_of_a_user_are_not_replaced(write_idx, cached, monkeypatch):
    folder = write_idx("mine")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"mine")
    monkeypatch.setenv(mnist.DATA_DIR_VARIABLE, str(folder))
    with pytest.raises(InputError, match=r"mine/t10k-labels-idx1-ubyte\.gz: expected an IDX file"):
        load("kmnist")
    assert cached[1] == []


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_message_tells_how_to_get_the_files_by_hand(name, monkeypatch, tmp_path):
    """Which files, from where, into which folder; uncut even if the reason is long."""

    def fail(files, folder):
        raise Unavailable("train-images-idx3-ubyte.gz: the download failed (it answers 503)")

    monkeypatch.setenv("XDG_CACHE_HOME", "/home/somebody/.cache")
    monkeypatch.setattr(mnist, "download_files", fail)
    with pytest.raises(Unavailable) as error:
        load(name)
    message = str(error.value)
    for url in mnist.registered_files(name):
        place, _, file = url.rpartition("/")
        assert file in message
        assert (
            f"from {place}/ into /home/somebody/.cache/jaxmlp/datasets/{name} or a folder"
            in message
        )
    assert " ... " not in message


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
