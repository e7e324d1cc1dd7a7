"""IDX files are read plain and gzipped; every kind of damage is reported in one line."""

import gzip

import numpy as np
import pytest

from jaxmlp.data.idx import load_idx_folder, read_idx
from jaxmlp.errors import InputError

LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])  # three labels, written out by hand
IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4])


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_read_idx_goes_by_content_not_by_name(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(LABELS))
    labels = read_idx(path)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [7, 8, 9]
    path.write_bytes(pack(IMAGES))
    assert read_idx(path).tolist() == [[[1, 2]], [[3, 4]]]


ZIPPED = gzip.compress(LABELS)
DAMAGED = {
    "truncated": (LABELS[:-1], "expected 3 bytes of data for shape (3,), got 2"),
    "trailing": (LABELS + b"\0", "expected 3 bytes of data for shape (3,), got 4"),
    "short header": (IMAGES[:15], "expected an IDX file of unsigned bytes"),
    "three bytes": (LABELS[:3], "expected an IDX file of unsigned bytes"),
    "empty": (b"", "the file is empty"),
    "empty in gzip": (gzip.compress(b""), "number of axes, sizes), got nothing"),
    "magic number": (b"\x01" + LABELS[1:], "got 01 00 08 01"),
    "element type": (LABELS[:2] + b"\x0d" + LABELS[3:], "got 00 00 0d 01"),
    "text": (b"<html>", "got 3c 68 74 6d"),
    "gzip truncated": (
        ZIPPED[:-9],
        "the file cannot be read as an IDX file: the gzip stream breaks off",
    ),
    "gzip corrupt": (
        ZIPPED[:12] + b"\xff\xff" + ZIPPED[14:],
        "the file cannot be read as an IDX file: ",
    ),
    "gzip checksum": (
        ZIPPED[:-8] + bytes(8),
        "the file cannot be read as an IDX file: Error -3 while decompressing data: incorrect data",
    ),
    "gzip trailing": (
        ZIPPED + b"more",
        "the file cannot be read as an IDX file: Error -3 while decompressing data: incorrect head",
    ),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_read_idx_rejects_damage(tmp_path, content, message):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_idx(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_read_idx_rejects_what_is_no_file(tmp_path):
    with pytest.raises(InputError, match=r"nothing: no such file"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"expected a file, got a folder"):
        read_idx(tmp_path)


@pytest.mark.parametrize("gzipped", [True, False])
def test_load_idx_folder(write_idx, gzipped):
    x_train, y_train, x_test, y_test = load_idx_folder(write_idx(gzipped=gzipped))
    assert (x_train.shape, x_train.dtype) == ((12, 3, 3, 1), np.uint8)
    assert (x_test.shape, x_test.dtype) == ((5, 3, 3, 1), np.uint8)
    assert x_train[1, 0, :, 0].tolist() == [9, 10, 11]
    assert (y_train.dtype, y_test.dtype) == (np.int32, np.int32)
    assert y_train.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert y_test.tolist() == [0, 1, 2, 3, 4]


WRONG = {
    "label": (
        {"y_train": np.array([0] * 7 + [12] + [0] * 4)},
        "train-labels-idx1-ubyte.gz: labels must lie in [0, 10), got 12 at row 7",
    ),
    "count": (
        {"y_test": np.arange(4)},
        "t10k-labels-idx1-ubyte.gz: expected 5 labels, one for each image",
    ),
    "labels as images": (
        {"x_train": np.arange(12)},
        "train-images-idx3-ubyte.gz: expected images (N, H, W), got an array of shape (12,)",
    ),
    "images as labels": (
        {"y_test": np.zeros((5, 3, 3))},
        "t10k-labels-idx1-ubyte.gz: expected labels (N,), got an array of shape (5, 3, 3)",
    ),
}


@pytest.mark.parametrize(("files", "message"), WRONG.values(), ids=WRONG)
def test_load_idx_folder_rejects_what_does_not_fit(write_idx, files, message):
    folder = write_idx(**files)
    with pytest.raises(InputError) as error:
        load_idx_folder(folder)
    assert message in str(error.value)


def test_load_idx_folder_names_the_missing_files(write_idx):
    folder = write_idx()
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(
        InputError, match=r"expected the files t10k-images-idx3-ubyte \(plain or \.gz\)"
    ):
        load_idx_folder(folder)
