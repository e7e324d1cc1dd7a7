"""The points of the toy sets fulfil their formulas."""

import numpy as np
import pytest

from jaxmlp.data import load, toys


@pytest.mark.parametrize(
    ("name", "gate"), [("and", np.logical_and), ("or", np.logical_or), ("xor", np.logical_xor)]
)
def test_gates_are_truth_tables(name, gate):
    """Lecture row D1."""
    dataset = load(name)
    x = dataset.x_train
    assert sorted(map(tuple, x)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert np.array_equal(dataset.y_train, gate(x[:, 0], x[:, 1]))
    assert np.array_equal(dataset.x_test, x)
    assert np.array_equal(dataset.y_test, dataset.y_train)
    assert "test points are the training points" in dataset.provenance["split"]


@pytest.mark.parametrize(
    ("name", "task", "classes"),
    [("moons", "binary", 2), ("circles", "binary", 2), ("spirals", "multiclass", 3)],
)
def test_points_are_drawn_once_and_for_all(name, task, classes):
    dataset, again = load(name), load(name)
    assert dataset.task == task
    assert len(dataset.classes) == classes
    assert dataset.x_train.shape == (1000, 2)
    assert dataset.x_test.shape == (500, 2)
    assert (dataset.x_train.dtype, dataset.y_train.dtype) == (np.float32, np.int32)
    assert np.ptp(np.bincount(dataset.y_train)) <= 1
    assert not set(map(tuple, dataset.x_train)) & set(map(tuple, dataset.x_test))
    assert again.provenance["checksum"] == dataset.provenance["checksum"]


def draw(shape):
    return shape(600, np.random.default_rng(1), noise=0.0)


def test_moons_are_half_circles():
    x, y = draw(toys.moons)
    centre = np.where(y[:, None] == 0, (0.0, 0.0), (1.0, 0.5))
    np.testing.assert_allclose(np.linalg.norm(x - centre, axis=1), 1, rtol=1e-12)
    assert (x[y == 0, 1] >= 0).all()  # the upper half
    assert (x[y == 1, 1] <= 0.5).all()  # the lower


def test_circles_have_radius_one_and_a_half():
    x, y = draw(toys.circles)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), np.where(y == 0, 1, 0.5), rtol=1e-12)


def test_spirals_turn_four_radians_an_arm():
    x, y = draw(toys.spirals)
    radius = np.linalg.norm(x, axis=1)
    turn = np.angle(np.exp(1j * (np.arctan2(x[:, 0], x[:, 1]) - 4 * radius - 4 * y)))
    np.testing.assert_allclose(turn, 0, atol=1e-9)
    assert set(y) == {0, 1, 2}


@pytest.mark.parametrize("shape", [toys.moons, toys.circles, toys.spirals])
def test_noise_has_the_deviation_asked_for(shape):
    clean, _ = shape(20_000, np.random.default_rng(2), noise=0.0)
    noisy, _ = shape(20_000, np.random.default_rng(2), noise=0.3)
    np.testing.assert_allclose((noisy - clean).std(0), 0.3, rtol=0.03)


def test_sine():
    dataset = load("sine")
    assert dataset.task == "regression"
    assert dataset.y_train.shape == (1000, 1)
    np.testing.assert_allclose(dataset.y_test, np.sin(dataset.x_test), atol=1e-6)
    assert np.abs(dataset.x_train).max() <= np.pi
    assert dataset.x_train.min() < -3
    assert dataset.x_train.max() > 3


@pytest.mark.parametrize("folds", [1, 2, 3, 4, 6])
def test_sawtooth_has_two_to_the_folds_minus_one_teeth(folds):
    """Lecture row D5: the depth doubles the teeth."""
    grid = np.arange(2**folds + 1) / 2**folds  # the bends: 0, 1, 0, 1, .. 0
    assert toys.sawtooth(grid, folds).tolist() == [i % 2 for i in range(2**folds + 1)]
    between = (grid[:-1] + grid[1:]) / 2
    assert (toys.sawtooth(between, folds) == 0.5).all()


def test_one_fold_is_two_relu_units():
    x = np.linspace(0, 1, 101)
    units = 2 * np.maximum(x, 0) - 4 * np.maximum(x - 0.5, 0)
    np.testing.assert_allclose(toys.sawtooth(x, 1), units, atol=1e-15)


def test_sawtooth_set():
    dataset = load("sawtooth")
    x, y = dataset.x_train, dataset.y_train
    assert y.dtype == np.float32
    assert x.min() >= 0
    assert x.max() <= 1
    phase = x * 8 % 1  # 8 teeth: the default is four folds
    np.testing.assert_allclose(y, 1 - np.abs(2 * phase - 1), atol=1e-5)
