"""IDX files are read plain and gzipped; every kind of damage is reported in one line."""

import gzip

import numpy as np
import pytest

from jaxmlp.data import load
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
    "short header": (IMAGES[:15], "expected an IDX file (00 00, type"),
    "three bytes": (LABELS[:3], "expected an IDX file (00 00, type"),
    "empty": (b"", "the file is empty"),
    "empty in gzip": (gzip.compress(b""), "number of axes, sizes), got nothing"),
    "magic number": (b"\x01" + LABELS[1:], "got 01 00 08 01"),
    "element type": (LABELS[:2] + b"\x0a" + LABELS[3:], "got 00 00 0a 01"),
    "four bytes each": (
        LABELS[:2] + b"\x0c" + LABELS[3:],
        "expected 12 bytes of data for shape (3,), got 3",
    ),
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
        "train-images-idx3-ubyte.gz: expected images (N, H, W), got uint8 of shape (12,)",
    ),
    "images as labels": (
        {"y_test": np.zeros((5, 3, 3))},
        "t10k-labels-idx1-ubyte.gz: expected labels (N,), got uint8 of shape (5, 3, 3)",
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


def write(folder, arrays, pack=bytes):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        code = {"u1": 8, "i4": 12}[array.dtype.str[1:]]
        sizes = np.array(array.shape, ">u4").tobytes()
        big = array.astype(array.dtype.newbyteorder(">")).tobytes()
        (folder / name).write_bytes(pack(bytes([0, 0, code, array.ndim]) + sizes + big))
    return folder


UPRIGHT = np.arange(12 * 9, dtype=np.uint8).reshape(12, 3, 3)
LABELS_FROM_1 = (np.arange(12) % 3 + 1).astype(np.uint8)


def test_emnist_is_put_upright_and_has_letters(tmp_path):
    """Its files are in one folder with those of its other sets: the path tells which."""
    names = ("emnist-letters-train", "emnist-letters-test", "emnist-digits-train")
    arrays = {}
    for name in names:
        arrays[f"{name}-images-idx3-ubyte.gz"] = UPRIGHT.swapaxes(1, 2)
        arrays[f"{name}-labels-idx1-ubyte.gz"] = LABELS_FROM_1
    folder = write(tmp_path / "gzip", arrays, gzip.compress)
    (folder / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    with pytest.raises(InputError, match="files of one set, got those of 'emnist-digits', 'emni"):
        load(folder)
    dataset = load(folder / "emnist-letters")
    assert np.array_equal(dataset.x_train[..., 0], UPRIGHT)
    assert np.array_equal(dataset.x_test[..., 0], UPRIGHT)
    assert dataset.classes == ("A", "B", "C")
    assert np.array_equal(dataset.y_train, LABELS_FROM_1 - 1)
    assert dataset.provenance["decisions"][0].startswith(
        "the pictures are transposed, as EMNIST was"
    )
    assert load(folder / "emnist-digits").classes == ("1", "2", "3")


def test_qmnist_has_its_class_in_the_first_of_eight_columns(tmp_path):
    rows = np.arange(12 * 8, dtype=np.int32).reshape(12, 8) * 70_000
    rows[:, 0] = LABELS_FROM_1
    arrays = {}
    for part in ("train", "test"):
        arrays[f"qmnist-{part}-images-idx3-ubyte"] = UPRIGHT
        arrays[f"qmnist-{part}-labels-idx2-int"] = rows
    dataset = load(write(tmp_path / "q", arrays))
    assert np.array_equal(dataset.x_test[..., 0], UPRIGHT)
    assert np.array_equal(dataset.y_train, LABELS_FROM_1 - 1)
    assert dataset.classes == ("1", "2", "3")
    first = "the labels have eight columns, as in QMNIST: the first is the class"
    assert dataset.provenance["decisions"] == [first]


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "t10k"), ("training", "testing"), ("letters_Train", "letters_Test")],
)
def test_four_files_of_any_name(tmp_path, train, test):
    arrays = {
        f"{train}-images.idx3-ubyte": UPRIGHT,
        f"{train}-labels.idx1-ubyte": LABELS_FROM_1,
        f"{test}-images.idx3-ubyte": UPRIGHT[:5],
        f"{test}-labels.idx1-ubyte": LABELS_FROM_1[:5],
    }
    dataset = load(write(tmp_path / "mine", arrays))
    assert (len(dataset.x_train), len(dataset.x_test)) == (12, 5)
    named = load(write(tmp_path / "fashion-mnist", arrays)).classes
    assert named == (("Trouser", "Pullover", "Dress") if train[0] == "t" else ("1", "2", "3"))


MISSING = {
    "labels": (["train-images-idx3-ubyte"], "a file with the labels of the training part"),
    "training": (
        ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        "expected a training part, got only x_test, y_test",
    ),
    "shape": (["train-images-idx3-ubyte", "train-labels-idx3-ubyte"], "expected labels (N,), got"),
    "mapping": (
        ["a-train-images-idx3-ubyte", "a-train-labels-idx1-ubyte", "a-mapping.txt"],
        "a-mapping.txt: the file cannot be read as a table of labels and letters",
    ),
}


@pytest.mark.parametrize(("names", "message"), MISSING.values(), ids=MISSING)
def test_sets_of_files_that_are_refused(tmp_path, names, message):
    arrays = {n: LABELS_FROM_1 if n.endswith("idx1-ubyte") else UPRIGHT for n in names}
    with pytest.raises(InputError) as error:
        load(write(tmp_path / "mine", arrays))
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path))
