"""The simplex of softmax and its decision regions (lecture row C1)."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.training.tasks import TASKS

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_softmax_fills_the_simplex(classes):
    """Outputs are positive and sum to 1, and every inner point p is reached, by log p + c.

    Lecture row C1.
    """
    z = jnp.asarray(RNG.normal(size=(50, classes)) * 5)
    p = np.asarray(TASKS["multiclass"].probabilities(z))
    assert np.all(p > 0)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    inner = RNG.dirichlet(np.ones(classes), 50)
    reached = TASKS["multiclass"].probabilities(jnp.log(jnp.asarray(inner)) + 3.0)
    np.testing.assert_allclose(reached, inner, rtol=1e-10)


def test_the_regions_of_the_simplex_meet_at_the_centre():
    """The region of class k holds its corner; on the border of two, both are equally likely.

    Lecture row C1.
    """
    for k, corner in enumerate(np.eye(3)):
        towards = np.linspace(1 / 3, 1, 20)[1:]
        points = np.stack([t * corner + (1 - t) * (1 - corner) / 2 for t in towards])
        assert np.all(points.argmax(axis=1) == k)
    z = jnp.asarray([[2.0, 2.0, -1.0], [0.0, 0.0, 0.0]])
    p = np.asarray(TASKS["multiclass"].probabilities(z))
    assert p[0, 0] == p[0, 1] > p[0, 2]
    np.testing.assert_allclose(p[1], 1 / 3, rtol=1e-12)


def answers(model, params, x):
    return np.asarray(model(params, jnp.asarray(x))).argmax(axis=1)


def leaves_its_region(model, params, points):
    """Return whether some segment between two points of one class has a point of another."""
    said = answers(model, params, points)
    pairs = [
        (points[i], points[j], said[i])
        for i, j in itertools.combinations(range(len(points)), 2)
        if said[i] == said[j]
    ]
    t = np.linspace(0, 1, 21)[:, None]
    segments = np.concatenate([(1 - t) * a + t * b for a, b, _ in pairs])
    wanted = np.repeat([k for *_, k in pairs], len(t))
    assert len(set(wanted.tolist())) > 1  # else nothing could go wrong
    return bool(np.any(answers(model, params, segments) != wanted))


@pytest.mark.parametrize("seed", range(5))
def test_the_regions_of_softmax_regression_are_convex(seed):
    """The segment between two points of a region stays inside: an average of inequalities.

    Lecture row C1.
    """
    model = nn.mlp((), 4)
    params, _ = model.init(jax.random.key(seed), (2,), dtype="float64")
    points = np.random.default_rng(seed).normal(size=(40, 2)) * 3
    assert not leaves_its_region(model, params, points)


def test_the_regions_of_a_network_with_hidden_units_need_not_be():
    """Lecture row C1: a control that the test above can fail: XOR's classes are no convex sets."""
    model = nn.mlp((2,), 2)
    first = {"W": jnp.ones((2, 2)), "b": jnp.asarray([0.0, -1.0])}
    last = {"W": jnp.asarray([[0.0, 1.0], [0.0, -2.0]]), "b": jnp.asarray([0.5, 0.0])}
    params = ((), first, (), last)
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert answers(model, params, corners).tolist() == [0, 1, 1, 0]
    assert leaves_its_region(model, params, corners)
