"""The function `load`: names, options, and which libraries an import loads."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jaxmlp.data
from jaxmlp.data import Dataset, TableOptions, load, names
from jaxmlp.data.dataset import checksum, make_dataset
from jaxmlp.errors import InputError

HEAVY = {"jax", "optax", "sklearn", "scipy", "pandas", "pyarrow", "PIL", "tensorflow_datasets"}


def test_names():
    assert names() == (
        *("mnist", "fashion_mnist", "kmnist", "mnist_5k", "digits"),
        *("breast_cancer", "wine", "iris", "diabetes"),
        *("and", "or", "xor", "moons", "circles", "spirals", "sine", "sawtooth"),
    )


@pytest.mark.parametrize("name", sorted({*names()} - {"mnist", "fashion_mnist", "kmnist"}))
def test_every_set_without_files_loads(name):
    dataset = load(name)
    assert dataset.name == name
    content = (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    assert dataset.provenance["checksum"] == checksum(*content)
    for part in content:
        assert np.isfinite(part).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "mnits",
            {},
            r"unknown data set 'mnits', expected one of mnist, .* did you mean 'mnist'\?",
        ),
        (
            "table.xlsx",
            {},
            r"unknown data set 'table.xlsx', .* FILE\.csv, .*FILE\.parquet, .*FILE\.npz",
        ),
        ("nowhere.csv", {}, r"^nowhere\.csv: no such file$"),
        (
            "iris",
            {"options": TableOptions(target="species")},
            r"^target does not apply to the data set 'iris', which has its own, got 'species'$",
        ),
        (
            "iris",
            {"data_dir": "."},
            r"^data_dir does not apply to 'iris', only to mnist, .* and tfds:NAME, got '\.'$",
        ),
        ("a.csv", {"data_dir": "."}, r"data_dir does not apply to 'a\.csv'"),
        ("iriss", {"data_dir": "."}, r"unknown data set 'iriss'"),
    ],
)
def test_load_rejects(name, options, message):
    with pytest.raises(InputError, match=message):
        load(name, **options)


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


PRINT = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"


def test_import_is_light():
    assert not HEAVY & set(run(f"import jaxmlp.data; jaxmlp.data.names(); {PRINT}"))


@pytest.mark.parametrize("name", ["mnist", "moons", "mnist_5k"])
def test_images_and_toys_load_without_heavy_modules(write_idx, name):
    folder = f"data_dir={str(write_idx())!r}" if name == "mnist" else ""
    assert not HEAVY & set(run(f"from jaxmlp.data import load; load({name!r}, {folder}); {PRINT}"))


def test_package_knows_nothing_above_it():
    allowed = {"jaxmlp.data", "jaxmlp.errors", "jaxmlp.files", "jaxmlp.memory"}
    for path in Path(jaxmlp.data.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert not module.startswith(("jax.", "jaxlib", "optax")), path
                assert module != "jax", path
                if module.startswith("jaxmlp"):
                    assert ".".join(module.split(".")[:2]) in allowed, path


X, Y = np.zeros((3, 2)), np.zeros(3, np.int32)


@pytest.mark.parametrize(
    ("parts", "task", "message"),
    [
        ((X, Y, X, Y), "clustering", "task must be one of multiclass"),
        (
            (X[:0], Y[:0], X, Y),
            "binary",
            "the number of training examples must be at least 1, got 0",
        ),
        (
            (X, Y, X, Y[:2]),
            "binary",
            "the number of test targets must be 3, one for each example, got 2",
        ),
        (
            (X, Y, X[:, :1], Y),
            "binary",
            r"the shape of a test input must be \(2,\), as in the training part, got \(1,\)",
        ),
    ],
)
def test_parts_that_do_not_fit_are_rejected(parts, task, message):
    with pytest.raises(InputError, match=message):
        make_dataset("name", parts, task, ("a", "b"))
    with pytest.raises(InputError, match=message):
        Dataset("name", *parts, task, ("a", "b"))


def test_checksum_tells_content_type_shape_and_order():
    a, b = np.arange(6, dtype=np.int32), np.ones(2)
    different = [(a, b), (b, a), (a.reshape(2, 3), b), (a.view(np.uint32), b), (a + 1, b), (a,)]
    assert len({checksum(*arrays) for arrays in different}) == len(different)
    assert checksum(a[::2]) == checksum(a[::2].copy())
