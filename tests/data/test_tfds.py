"""Sets of tensorflow-datasets, prepared without TensorFlow and read example by example."""

import io
import json
from importlib.util import find_spec

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets import features

from jaxmlp.data import Unavailable, load
from jaxmlp.errors import InputError

COUNT = 20
GREY = features.Image(shape=(4, 3, 1))
LABEL = features.ClassLabel(names=["cat", "dog", "owl"])


def png(value, size=(3, 4)):
    """Return a picture as a file; TensorFlow would be needed to encode an array."""
    file = io.BytesIO()
    Image.new("L", size, value).save(file, format="png")
    file.seek(0)
    return file


def define(name, spec, keys, example, splits=("train", "test"), **attributes):
    """Register a set with tensorflow-datasets whose record i is `example(i)`."""

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=features.FeaturesDict(spec), supervised_keys=keys
        )

    def _split_generators(self, dl_manager):
        sizes = {"train": COUNT, "test": 5}
        return {split: self._generate_examples(sizes.get(split, 3)) for split in splits}

    def _generate_examples(self, n):
        yield from ((i, example(i)) for i in range(n))

    members = {
        "VERSION": tfds.core.Version("1.2.3"),
        "_info": _info,
        "_split_generators": _split_generators,
        "_generate_examples": _generate_examples,
    }
    type(name, (tfds.core.GeneratorBasedBuilder,), members | attributes)


define(
    "PictureSet",
    {"image": GREY, "label": LABEL},
    ("image", "label"),
    lambda i: {"image": png(i), "label": i % 3},
)
define(
    "TableSet",
    {
        "size": np.float32,
        "pair": features.Tensor(shape=(2,), dtype=np.int64),
        "kind": LABEL,
        "price": np.float32,
    },
    ({"size": "size", "pair": "pair", "kind": "kind"}, "price"),
    lambda i: {"size": i / 2, "pair": [i, -i], "kind": i % 3, "price": 10.0 * i},
    splits=("train", "validation"),
)
define(
    "NestedSet",
    {"inputs": {"b": np.float64, "a": np.int64}, "flag": np.bool_},
    ("inputs", "flag"),
    lambda i: {"inputs": {"b": i / 4, "a": i}, "flag": i % 2},
)


@pytest.fixture(autouse=True)
def quietly():
    """Turn the progress bar on again."""
    yield
    tfds.enable_progress_bar()


def test_images(tmp_path, capfd):
    dataset = load("tfds:picture_set", data_dir=tmp_path)
    assert dataset.x_train.shape == (COUNT, 4, 3, 1)
    assert dataset.x_test.shape == (5, 4, 3, 1)
    assert dataset.x_train.dtype == np.uint8
    assert (dataset.x_train[:, 0, 0, 0] % 3 == dataset.y_train).all()
    assert (dataset.x_test[:, 0, 0, 0] % 3 == dataset.y_test).all()
    assert sorted(dataset.x_train[:, 1, 2, 0]) == list(range(COUNT))
    assert dataset.classes == ("cat", "dog", "owl")
    assert (dataset.task, dataset.y_train.dtype) == ("multiclass", np.int32)
    assert dataset.provenance["version"] == "1.2.3"
    assert dataset.provenance["source"] == "tensorflow-datasets"
    assert dataset.provenance["split"] == "as published"
    assert load("tfds:picture_set:1.2.3", data_dir=tmp_path).provenance == dataset.provenance
    assert capfd.readouterr() == ("", "")


def test_set_larger_than_memory(tmp_path, monkeypatch):
    load("tfds:picture_set", data_dir=tmp_path)
    monkeypatch.setenv("JAXMLP_MEMORY", "0.3K")  # 20 pictures of 12 bytes and labels of 8 are 400
    with pytest.raises(InputError, match=r"^tfds:picture_set: the 20 examples of train take about"):
        load("tfds:picture_set", data_dir=tmp_path)


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_damaged_copy(tmp_path, keep):
    load("tfds:picture_set", data_dir=tmp_path)
    path = next(tmp_path.rglob("*train*array_record*"))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"^tfds:picture_set: the copy in .* cannot be read: "):
        load("tfds:picture_set", data_dir=tmp_path)


def test_dictionary_of_features_without_a_test_part(tmp_path):
    dataset = load("tfds:table_set", data_dir=tmp_path)
    assert (dataset.task, dataset.classes) == ("regression", ("y",))
    assert (len(dataset.x_train), len(dataset.x_test)) == (16, 4)
    assert dataset.provenance["split"] == {"test": 0.2, "seed": 0, "stratified": False}
    for x, y in ((dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)):
        i = (y / 10).astype(int)
        assert np.array_equal(x, np.hstack([np.eye(3)[i[:, 0] % 3], i, -i, i / 2]))
    assert load("tfds:table_set", data_dir=tmp_path).provenance == dataset.provenance


def test_nested_features_and_a_boolean(tmp_path):
    dataset = load("tfds:nested_set", data_dir=tmp_path)
    assert (dataset.task, dataset.classes) == ("binary", ("False", "True"))
    assert np.array_equal(dataset.x_train[:, 1] * 4, dataset.x_train[:, 0])
    assert np.array_equal(dataset.x_train[:, 0] % 2, dataset.y_train)


def test_copy_is_enough(tmp_path, monkeypatch):
    """The code of the set may be absent, or need TensorFlow."""
    expected = load("tfds:nested_set", data_dir=tmp_path).provenance
    monkeypatch.setattr(tfds, "builder", lambda *a, **k: pytest.fail("code was asked for"))
    assert load("tfds:nested_set", data_dir=tmp_path).provenance == expected


def test_copy_in_another_format(tmp_path):
    folder = load("tfds:nested_set", data_dir=tmp_path).provenance["files"][0]
    path = f"{folder}/dataset_info.json"
    with open(path) as file:
        info = json.load(file)
    with open(path, "w") as file:
        json.dump(info | {"fileFormat": "tfrecord"}, file)
    with pytest.raises(
        InputError,
        match=r"expected a copy in the format array_record, got tfrecord in .*; prepare it again",
    ):
        load("tfds:nested_set", data_dir=tmp_path)


define("NoKeys", {"a": np.int64}, None, lambda i: {"a": i})
define("NoTrain", {"a": np.int64, "y": LABEL}, ("a", "y"), lambda i: {"a": i, "y": 0}, ["extra"])
define(
    "ManySizes",
    {"image": features.Image(shape=(None, None, 1)), "label": LABEL},
    ("image", "label"),
    lambda i: {"image": png(i, (3, 4 + i % 2)), "label": i % 3},
)
define(
    "SomeText",
    {"text": features.Text(), "label": LABEL},
    ("text", "label"),
    lambda i: {"text": "word", "label": i % 3},
)
define(
    "HiddenLabels",
    {"a": np.float32, "label": LABEL},
    ("a", "label"),
    lambda i: {"a": i, "label": -1 if i == 7 else i % 3},
)
define(
    "RaggedTarget",
    {"a": np.int64, "y": features.Sequence(np.int64)},
    ("a", "y"),
    lambda i: {"a": i, "y": [0] * (1 + i % 2)},
)
define("TwoTargets", {"a": np.int64}, ("a", {"a": "a"}), lambda i: {"a": i})


def broken(i):
    raise KeyError("column not found")


define("BrokenCode", {"a": np.int64}, ("a", "a"), broken)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_keys", "expected supervised_keys with an input and a target, got none"),
        ("no_train", "expected a split named train, got extra"),
        ("many_sizes", r"image: expected examples of one shape, got \(4, 3, 1\) and \(5, 3, 1\)"),
        ("some_text", "text: expected numbers, got Text"),
        ("hidden_labels", r"label: labels must lie in \[0, 3\), got -1 at row \d"),
        ("ragged_target", r"y: expected examples of one shape, got \(1,\) and \(2,\)"),
        ("two_targets", "expected one feature as the target, got a group: a"),
        ("broken_code", "is not prepared yet and cannot be prepared: .*column not found"),
        ("picture_sett", "there is no such set; the nearest is 'picture_set'"),
        ("picture_set:9.9.9", "is not prepared yet and cannot be prepared: .*9.9.9"),
        ("", "is not prepared yet and cannot be prepared: "),
    ],
)
def test_mistakes(tmp_path, name, message):
    with pytest.raises(InputError, match=message) as error:
        load(f"tfds:{name}", data_dir=tmp_path)
    assert str(error.value).startswith(f"tfds:{name}")
    assert "\n" not in str(error.value)
    assert not isinstance(error.value, Unavailable)


def test_without_network_it_is_unavailable(tmp_path, monkeypatch, dead_address):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    define("FarAway", {"a": np.int64}, ("a", "a"), broken, url_infos={f"{dead_address}/a": None})
    with pytest.raises(
        Unavailable, match=r"^tfds:far_away is not prepared in .*, and 127\.0\.0\.1"
    ):
        load("tfds:far_away", data_dir=tmp_path)


@pytest.mark.skipif(find_spec("tensorflow") is not None, reason="TensorFlow is installed")
def test_set_whose_code_needs_tensorflow(tmp_path, capfd):
    with pytest.raises(InputError, match="that needs TensorFlow, which is not installed"):
        load("tfds:titanic", data_dir=tmp_path)
    assert capfd.readouterr() == ("", "")
