"""Arrays under the names that others gave them, in the layouts and scales that others use."""

import numpy as np
import pytest

from jaxmlp.data import Dataset, PictureForm, dataset_in_memory, form_of_pictures, load
from jaxmlp.data.array_sets import Role, roles_of_arrays
from jaxmlp.data.picture_form import batch_of_examples
from jaxmlp.errors import InputError

N = 20
X = np.arange(N * 30, dtype=np.uint8).reshape(N, 6, 5)
Y = np.arange(N) % 2
PARTS = {"train": slice(0, 12), "val": slice(12, 16), "test": slice(16, 20)}
NAMES = {  # inputs and targets of training, test and, where there is one, validation part
    "Keras": ("x_train", "y_train", "x_test", "y_test"),
    "scikit-learn": ("X_train", "y_train", "X_test", "y_test"),
    "MedMNIST": (
        *("train_images", "train_labels", "test_images", "test_labels"),
        *("val_images", "val_labels"),
    ),
    "camel": ("trainX", "trainY", "testX", "testY", "validX", "validY"),
    "courses": ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
    "short": ("X_tr", "y_tr", "X_te", "y_te", "X_dev", "y_dev"),
    "long": ("training features", "training targets", "testing features", "testing targets"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_parts_by_their_names(tmp_path, names):
    """A validation part stands at the end of the training part, and is the validation part."""
    parts = ["train", "test", "val"][: len(names) // 2]
    values = [v for part in parts for v in (X[PARTS[part]], Y[PARTS[part]][:, None])]
    np.savez(tmp_path / "a.npz", **dict(zip(names, values, strict=True)))
    dataset = load(tmp_path / "a.npz")
    seen = 16 if "val" in parts else 12
    assert np.array_equal(dataset.x_train[..., 0], X[:seen])
    assert np.array_equal(dataset.y_train, Y[:seen])
    assert np.array_equal(dataset.x_test[..., 0], X[16:])
    assert dataset.valid == seen - 12
    own = ["the validation part is the data's own, 4 examples"]
    assert dataset.provenance.get("decisions", []) == (own if "val" in parts else [])


@pytest.mark.parametrize(
    ("x", "y"),
    [("X", "Y"), ("data", "target"), ("features", "labels"), ("Images", "Labels"), ("arr_0", "y")],
)
def test_whole_sets_by_their_names(tmp_path, x, y):
    np.savez(tmp_path / "a.npz", **{x: X, y: Y, "remark": Y})
    dataset = load(tmp_path / "a.npz")
    assert (len(dataset.x_train), len(dataset.x_test), dataset.valid) == (16, 4, 0)
    assert dataset.provenance["decisions"] == ["arrays left out: remark"]
    again = dataset_in_memory({x: X, y: Y})
    assert again.provenance["checksum"] == dataset.provenance["checksum"]


@pytest.mark.parametrize("y", [Y, np.eye(2)[Y], Y.astype(np.float32)])
def test_classes_with_names(tmp_path, y):
    """As scikit-learn's own sets have them; names that do not fit the labels are left out."""
    names = np.array(["cat", "dog", "fox"])[: 2 if y.ndim == 2 else 3]
    found = dataset_in_memory({"data": X, "target": y, "target_names": names, "frame": None})
    assert found.classes == ("cat", "dog")
    assert "the classes have the names in target_names" in found.provenance["decisions"]
    np.savez(tmp_path / "a.npz", x=X, y=y, classes=names[:1])
    assert load(tmp_path / "a.npz").classes == ("0", "1")


def test_columns_of_these_names_are_a_table():
    dataset = dataset_in_memory({"data": [0.5, 1.5, 2.5, 7.0] * 5, "label": ["a", "b"] * 10})
    assert dataset.columns["target"] == ["label"]


def test_a_set_without_a_test_part(tmp_path):
    """The validation part is the test part; where there is none either, a fifth is held out."""
    train, valid = {"x_train": X[:12], "y_train": Y[:12]}, {"x_val": X[12:], "y_val": Y[12:]}
    found = dataset_in_memory(train | valid)
    assert (len(found.x_train), len(found.x_test), found.valid) == (12, 8, 0)
    assert found.provenance["decisions"] == [
        "there is no test part: the validation part is the test part"
    ]
    found = dataset_in_memory(train | {"x_test": X[16:]})
    assert (len(found.x_train), len(found.x_test)) == (10, 2)
    assert found.provenance["decisions"][0] == "arrays left out: x_test"


def test_a_validation_part_leaves_something_to_train_on():
    parts = (X[:4], Y[:4], X[4:8], Y[4:8])
    with pytest.raises(InputError, match="valid must be from 0 to 3, got 4"):
        Dataset("a", *parts, "binary", ("0", "1"), valid=4)


def test_usual_names_come_first():
    roles = roles_of_arrays(dict.fromkeys(["images", "x", "X", "test", "y", "notes"]))
    assert roles == {
        Role("whole", "x"): "x",
        Role("whole", "y"): "y",
        Role("test", "x"): "test",
    }


def test_one_hot_rows_are_classes_in_every_part():
    rows = np.eye(3)[np.arange(N) % 3]
    found = dataset_in_memory(((X[:12], rows[:12]), (X[12:], rows[12:])))
    assert (found.task, found.classes) == ("multiclass", ("0", "1", "2"))
    assert np.array_equal(found.y_test, np.arange(12, N) % 3)
    assert found.provenance["decisions"] == ["the target has one 1 of 3 in each row: classes"]


COLOURS = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 3), dtype=np.uint8)
FIRST = np.moveaxis(COLOURS, -1, 1)


@pytest.mark.parametrize(
    ("given", "kept", "turned"),
    [
        (FIRST, COLOURS, True),
        (FIRST[:, :1], COLOURS[..., :1], True),
        (FIRST[:, :, :3], FIRST[:, :, :3], False),
    ],
)
def test_channels_first(given, kept, turned):
    """They are put last; where the second or the last axis may be the channels, nothing is done."""
    dataset = dataset_in_memory(((given[:6], Y[:6]), (given[6:], Y[6:8])))
    assert np.array_equal(np.concatenate([dataset.x_train, dataset.x_test]), kept)
    assert (dataset.provenance.get("channels") == "first") == turned
    assert len(dataset.provenance.get("decisions", [])) == turned


@pytest.mark.parametrize("known", [False, True])
def test_new_arrays_with_the_channels_first(known):
    """They are turned by their shape; flat ones are read as the training arrays were."""
    form = PictureForm(channels_first=known)
    for given in (FIRST, COLOURS):
        x, notes = batch_of_examples(given, (6, 5, 3), "a", form)
        assert np.array_equal(x, COLOURS)
        said = (
            [] if known or given is COLOURS else ["a: the channels came first, and were put last"]
        )
        assert notes == said
    assert np.array_equal(batch_of_examples(FIRST[0], (6, 5, 3), "a", form)[0], COLOURS[:1])
    flat = (FIRST if known else COLOURS).reshape(8, -1)
    assert np.array_equal(batch_of_examples(flat, (6, 5, 3), "a", form)[0], COLOURS)
    grey = batch_of_examples(FIRST[:, :1], (6, 5, 1), "a", form)
    assert np.array_equal(grey[0], COLOURS[..., :1])
    assert grey[1] == []


BYTES = COLOURS[..., :1]
UNIT = BYTES / np.float32(255)
SCALES = {  # training data, new data, what the network gets
    "bytes, floats": (BYTES, UNIT, BYTES),
    "bytes, doubles": (BYTES, BYTES / 255, BYTES),
    "bytes, bytes": (BYTES, BYTES, BYTES),
    "bytes, the same as floats": (BYTES, BYTES.astype(np.float32), BYTES),
    "bytes, yes and no": (BYTES, BYTES > 100, np.where(BYTES > 100, 255, 0)),
    "bytes, 16 bits": (BYTES, BYTES.astype(np.uint16) * 257, BYTES),
    "bytes, dark bytes": (BYTES, BYTES // 200, BYTES // 200),
    "floats, bytes": (UNIT, BYTES, UNIT),
    "floats, whole numbers": (UNIT, BYTES.astype(np.int64), UNIT),
    "floats, floats": (UNIT, UNIT, UNIT),
    "floats up to 255, floats": (BYTES.astype(np.float32), UNIT, BYTES),
    "sixteenths": (BYTES // 16, BYTES // 16 / 15, BYTES // 16),
    "rows of bytes, rows of floats": (BYTES.reshape(8, -1), UNIT.reshape(8, -1), BYTES),
    "rows of floats, rows of bytes": (UNIT.reshape(8, -1), BYTES.reshape(8, -1), UNIT),
    "rows of bytes, whole rows": (BYTES.reshape(8, -1), np.eye(8, 30), np.eye(8, 30)),
    "standardised": (UNIT - 0.5, BYTES, BYTES),
}


@pytest.mark.parametrize(("trained", "given", "expected"), SCALES.values(), ids=SCALES)
def test_arrays_on_another_scale(trained, given, expected):
    form = form_of_pictures(trained, trained.min(), trained.max(), np.arange(8))
    shape = trained.shape[1:]
    x, notes = batch_of_examples(given, shape, "a", form)
    expected = expected.reshape(8, *shape)
    assert np.allclose(x, expected, rtol=1e-6, atol=0)
    assert len(notes) == (not np.array_equal(given.reshape(8, *shape), expected))


def test_values_that_no_training_picture_has():
    form = form_of_pictures(BYTES, 0, 255, np.arange(8))
    x, notes = batch_of_examples(UNIT - 0.5, (6, 5, 1), "a", form)
    assert np.array_equal(x, UNIT - 0.5)
    assert notes[0].startswith("a: values from -0.5 to 0.496078 are taken as they are; the")
