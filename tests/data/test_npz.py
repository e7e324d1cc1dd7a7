"""A user's own arrays: the data sets made of them, and one line for every mistake."""

import numpy as np
import pytest

from jaxmlp.data import TableOptions, load
from jaxmlp.errors import InputError


@pytest.fixture
def save(tmp_path):
    """Return a function that saves arrays and returns the path as text."""

    def save(**arrays):
        np.savez(tmp_path / "my.npz", **arrays)
        return str(tmp_path / "my.npz")

    return save


N = 20
X = np.arange(2 * N, dtype=np.float32).reshape(N, 2)
IMAGES = np.arange(N * 12).reshape(N, 4, 3).astype(np.uint8)
Y = np.arange(N) % 2


@pytest.mark.parametrize(
    ("x", "shape", "dtype"),
    [
        (X, (2,), np.float32),
        (X.astype(np.float64), (2,), np.float64),
        (X.astype(np.int64), (2,), np.float64),
        (X > 7, (2,), np.float64),
        (X.astype(np.float16), (2,), np.float64),
        (IMAGES, (4, 3, 1), np.uint8),
        (IMAGES[..., None], (4, 3, 1), np.uint8),
        (IMAGES.reshape(N, 12), (12,), np.uint8),
        (IMAGES / 255, (4, 3, 1), np.float64),
    ],
)
def test_npz_inputs(save, x, shape, dtype):
    dataset = load(save(x=x, y=Y))
    assert dataset.input_shape == shape
    assert dataset.x_train.dtype == dtype
    assert len(dataset.x_test) == 4
    assert dataset.columns is None


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (Y, "binary", ("0", "1")),
        (Y[:, None], "binary", ("0", "1")),
        (Y == 1, "binary", ("False", "True")),
        (np.array(["cat", "dog"])[Y], "binary", ("cat", "dog")),
        (np.arange(N) % 3 + 5, "multiclass", ("5", "6", "7")),
        (Y.astype(np.float32), "binary", ("0", "1")),
        (Y.astype(np.float64)[:, None], "binary", ("0", "1")),
        (Y.astype(np.float64) + 1, "regression", ("y",)),
        (np.arange(N) * 1000, "regression", ("y",)),
        (np.eye(3)[np.arange(N) % 3], "multiclass", ("0", "1", "2")),
        (np.eye(2)[Y], "binary", ("0", "1")),
        (np.stack([Y, 0 * Y], 1), "multilabel", ("y0", "y1")),
        (X, "regression", ("y0", "y1")),
    ],
)
def test_npz_targets(save, y, task, classes, by_first_input):
    dataset = load(save(x=X, y=y))
    assert (dataset.task, dataset.classes) == (task, classes)
    x, got = by_first_input(dataset)
    assert np.array_equal(x, X)
    one_hot = y.ndim == 2 and y.shape[1] > 1 and got.ndim == 1
    expected = y.argmax(axis=1) if one_hot else y
    numbered = np.unique(expected, return_inverse=True)[1] if got.ndim == 1 else y.reshape(N, -1)
    assert np.array_equal(got, numbered.reshape(got.shape))
    kinds = {"multilabel": np.float32, "regression": np.float64}
    assert got.dtype == kinds.get(task, np.int32)


def test_npz_with_its_own_test_part(save):
    """Keras publishes its sets in this form."""
    dataset = load(save(x_train=IMAGES, y_train=Y, x_test=IMAGES[:3] + 1, y_test=Y[:3] + 1))
    assert np.array_equal(dataset.x_train[..., 0], IMAGES)
    assert np.array_equal(dataset.x_test[..., 0], IMAGES[:3] + 1)
    assert dataset.classes == ("0", "1", "2")
    assert np.array_equal(dataset.y_test, Y[:3] + 1)
    assert dataset.provenance["split"] == "as given"


def test_npz_test_labels_may_be_stored_otherwise(save):
    long = np.array(["mouse", "cat"])
    path = save(x_train=X, y_train=np.array(["cat", "dog"])[Y], x_test=X[:2], y_test=long)
    assert load(path).y_test.tolist() == [2, 0]
    path = save(x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2].astype(np.uint8))
    assert load(path).y_test.tolist() == [0, 1]


BAD = np.array([[0, 1], [2, np.nan]] * 10)
ARRAYS = {
    "no y": ({"x": X}, "expected the arrays x and y, or x_train, y_train, x_test, y_test, got x"),
    "half": ({"x_train": X, "y": Y}, "expected the arrays x and y, or"),
    "length": ({"x": X, "y": Y[1:]}, "y: expected 20 targets, got shape (19,)"),
    "scalar": ({"x": X, "y": np.array(1)}, "y: expected 20 targets, got shape ()"),
    "one axis": (
        {"x": X[:, 0], "y": Y},
        "x: expected numbers of shape (N, features), (N, H, W) or",
    ),
    "text": (
        {"x": X.astype(str), "y": Y},
        "x: expected numbers of shape (N, features), (N, H, W) or",
    ),
    "complex": ({"x": X + 1j, "y": Y}, "got complex64 of shape (20, 2)"),
    "nothing": ({"x": X[:0], "y": Y[:0]}, "got float32 of shape (0, 2)"),
    "one row": ({"x": X[:1], "y": Y[:1] / 2}, "expected at least 2 examples, got 1"),
    "NaN": ({"x": BAD, "y": Y}, "x: expected finite numbers, got nan at row 1"),
    "target NaN": ({"x": X, "y": BAD}, "y: expected finite numbers, got nan at row 1"),
    "target axes": (
        {"x": X, "y": IMAGES},
        "y: expected labels of shape (N,) or numbers of shape (N, outputs), got",
    ),
    "one class": ({"x": X, "y": Y * 0}, "y: expected at least two classes, got only '0'"),
    "test shape": (
        {"x_train": X, "y_train": Y, "x_test": X[:, :1], "y_test": Y},
        "expected test inputs like the training inputs, float32 of shape (20, 2), got",
    ),
    "test type": (
        {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y / 2},
        "expected test targets like the training targets, int64 of shape (20,), got float64",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), ARRAYS.values(), ids=ARRAYS)
def test_npz_mistakes(save, arrays, message):
    path = save(**arrays)
    with pytest.raises(InputError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_npz_is_never_unpickled(save):
    path = save(x=np.array([print, None], object), y=Y[:2])
    with pytest.raises(
        InputError, match="the file cannot be read as NumPy arrays: Object arrays cannot be"
    ):
        load(path)


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_damaged_npz(save, tmp_path, keep):
    path = tmp_path / "my.npz"
    save(x=X, y=Y)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(
        InputError, match=r"the file is empty|the file cannot be read as NumPy arrays"
    ):
        load(path)


def test_npz_has_no_target_column(save):
    with pytest.raises(InputError, match=r"target does not apply to a \.npz file, .*, got 'y'$"):
        load(save(x=X, y=Y), options=TableOptions(target="y"))
