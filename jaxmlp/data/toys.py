"""Small sets drawn from a formula: they show what one neuron can do, and what depth is good for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxmlp.data.dataset import Dataset, classification_task, make_dataset

SEED = 0
TRAIN_SIZE, TEST_SIZE = 1000, 500

Points = tuple[np.ndarray, np.ndarray]


def moons(n: int, rng: np.random.Generator, noise: float = 0.1) -> Points:
    """Draw two half circles that reach into each other.

    With t uniform in [0, pi], class 0 is `(cos t, sin t)` and class 1 `(1 - cos t, 1/2 - sin t)`.

    Args:
      n: the number of points; the classes take turns.
      rng: the source of the random numbers.
      noise: the standard deviation of the normal noise added to each coordinate.

    Returns:
      Points `(n, 2)` and labels `(n,)`, 0 or 1.
    """
    y = np.arange(n) % 2
    t = rng.uniform(0, np.pi, n)
    side = 1 - 2 * y  # 1, -1
    x = np.stack([y + side * np.cos(t), y / 2 + side * np.sin(t)], axis=1)
    return x + rng.normal(0, noise, x.shape), y


def circles(n: int, rng: np.random.Generator, noise: float = 0.1) -> Points:
    """Draw a circle within a circle: `r (cos t, sin t)`, t uniform in [0, 2 pi], r = 1 and r = 1/2.

    Args:
      n: the number of points; the classes take turns.
      rng: the source of the random numbers.
      noise: the standard deviation of the normal noise added to each coordinate.

    Returns:
      Points `(n, 2)` and labels `(n,)`, 0 (outside) or 1 (inside).
    """
    y = np.arange(n) % 2
    t = rng.uniform(0, 2 * np.pi, n)
    x = (1 - y[:, None] / 2) * np.stack([np.cos(t), np.sin(t)], axis=1)
    return x + rng.normal(0, noise, x.shape), y


def spirals(n: int, rng: np.random.Generator, noise: float = 0.05) -> Points:
    """Draw three arms of a spiral; each arm turns by 4 radians on its way out.

    With r uniform in [0, 1], arm k is `r (sin a, cos a)`, where `a = 4 (k + r)`.

    Args:
      n: the number of points; the classes take turns.
      rng: the source of the random numbers.
      noise: the standard deviation of the normal noise added to each coordinate.

    Returns:
      Points `(n, 2)` and labels `(n,)`, 0, 1 or 2.
    """
    y = np.arange(n) % 3
    r = rng.uniform(0, 1, n)
    angle = 4 * (y + r)
    x = r[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return x + rng.normal(0, noise, x.shape), y


def sine(x: np.ndarray) -> np.ndarray:
    """Compute `sin x`, which a network learns on [-pi, pi].

    Args:
      x: numbers, in radians.

    Returns:
      Numbers in [-1, 1], in the shape of `x`.
    """
    return np.sin(x)


def sawtooth(x: np.ndarray, folds: int = 4) -> np.ndarray:
    """Compute Telgarsky's triangle wave: `2^(folds - 1)` teeth on [0, 1] (lecture row D5).

    One fold is `m(x) = 2 min(x, 1 - x) = 2 relu(x) - 4 relu(x - 1/2)` on [0, 1], two ReLU units.
    The wave is `m` applied `folds` times. Each further layer doubles the number of teeth, while a
    network with one hidden layer needs a unit for every bend (Telgarsky 2015, arXiv:1509.08101).

    Args:
      x: numbers in [0, 1].
      folds: how often `m` is applied.

    Returns:
      Numbers in [0, 1], in the shape of `x`.
    """
    for _ in range(folds):
        x = 2 * np.minimum(x, 1 - x)
    return x


def load_gate(name: str) -> Dataset:
    """Load the truth table of a logical gate (lecture row D1).

    Args:
      name: `and`, `or` or `xor`.

    Returns:
      The data set: inputs `float32` `(4, 2)` and labels `(4,)`. The test points are the training
      points.
    """
    x = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], np.float32)
    y = np.array(GATES[name], np.int32)
    return make_dataset(
        name,
        (x, y, x, y),
        "binary",
        ("false", "true"),
        source="truth table",
        version="1",
        split="the test points are the training points: there are no others",
    )


def load_points(name: str) -> Dataset:
    """Load points of the plane in two or three classes.

    Args:
      name: `moons`, `circles` or `spirals`.

    Returns:
      The data set: inputs `float32` `(N, 2)`, 1,000 for training and 500 for the test.
    """
    draw = POINTS[name]
    rng = np.random.default_rng(SEED)
    (x, y), (x_test, y_test) = draw(TRAIN_SIZE, rng), draw(TEST_SIZE, rng)
    classes = [str(label) for label in range(y.max() + 1)]
    parts = (x.astype(np.float32), y.astype(np.int32))
    test = (x_test.astype(np.float32), y_test.astype(np.int32))
    return make_dataset(
        name, (*parts, *test), classification_task(classes), classes, **_provenance()
    )


def load_curve(name: str) -> Dataset:
    """Load points on a curve, without noise and uniform in its interval.

    Args:
      name: `sine` or `sawtooth`.

    Returns:
      The data set: inputs and values `float32` `(N, 1)`, 1,000 for training and 500 for the test.
    """
    curve, (low, high) = CURVES[name]
    rng = np.random.default_rng(SEED)
    x, x_test = (rng.uniform(low, high, (n, 1)).astype(np.float32) for n in (TRAIN_SIZE, TEST_SIZE))
    return make_dataset(
        name, (x, curve(x), x_test, curve(x_test)), "regression", ("y",), **_provenance()
    )


def _provenance() -> dict[str, Any]:
    return {
        "source": "jaxmlp.data.toys",
        "version": "1",
        "split": {"train": TRAIN_SIZE, "test": TEST_SIZE, "seed": SEED},
    }


GATES = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "xor": (0, 1, 1, 0)}
POINTS: dict[str, Callable[..., Points]] = {
    "moons": moons,
    "circles": circles,
    "spirals": spirals,
}
CURVES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], tuple[float, float]]] = {
    "sine": (sine, (-np.pi, np.pi)),
    "sawtooth": (sawtooth, (0, 1)),
}
