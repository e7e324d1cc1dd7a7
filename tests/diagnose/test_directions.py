"""Directions through the parameters: filters as long as the network's, and a path in its plane.

Li, Xu, Taylor, Studer and Goldstein 2018.
"""

import jax
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.diagnose.directions import (
    Directions,
    filter_normalised,
    flat_rows,
    moved,
    places_of,
    principal_directions,
    random_directions,
)

RNG = np.random.default_rng(0)
NETWORKS = {
    "dense": (nn.mlp((5, 4), 3), (6,), 1),
    "convolution": (nn.sequential(nn.convolution(4, 3), nn.flatten(), nn.dense(3)), (5, 5, 2), 1),
    "ensemble": (nn.ensemble(nn.mlp((5,), 3), 4), (6,), 4),
    "prelu, normalised": (nn.mlp((5,), 3, nn.prelu, normalised=True), (6,), 1),
}


def parameters(network, shape):
    like = jax.eval_shape(lambda key: network.init(key, shape)[0], jax.random.key(0))
    return jax.tree.map(lambda leaf: RNG.normal(size=leaf.shape), like)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_filter_s_direction_is_as_long_as_the_filter(name):
    """Of a unit, the weights into it; a vector does not move; two draws give two directions."""
    network, shape, members = NETWORKS[name]
    params, rng = parameters(network, shape), np.random.default_rng(1)
    first, second = (filter_normalised(rng, params, members) for _ in range(2))
    assert jax.tree.structure(first) == jax.tree.structure(params)
    for theta, d, other in zip(*map(jax.tree.leaves, (params, first, second)), strict=True):
        assert (d.shape, d.dtype) == (theta.shape, theta.dtype)
        if theta.ndim - (members > 1) < 2:
            assert not d.any()
            continue
        units = list(np.moveaxis(theta, -1, 0))
        for j, unit in enumerate(units):
            pieces = zip(unit, d[..., j], strict=True) if members > 1 else [(unit, d[..., j])]
            for own, direction in pieces:
                assert np.linalg.norm(direction) == pytest.approx(np.linalg.norm(own), rel=1e-12)
        assert not np.allclose(d, other)


def test_a_filter_of_zeros_stays():
    direction = filter_normalised(RNG, {"W": np.zeros((3, 2), np.float32)})
    assert not direction["W"].any()


def in_a_plane(count=9):
    """A path of 3 + 4 parameters in a plane, as trees, with its points in the plane."""
    places = RNG.normal(size=(count, 2)) * (3, 1)
    axes, _ = np.linalg.qr(RNG.normal(size=(7, 2)))
    rows = places @ axes.T + RNG.normal(size=7)
    return {"W": rows[:, :3], "b": rows[:, 3:].reshape(-1, 2, 2)}, places


def test_a_path_in_a_plane_keeps_its_distances():
    """The two directions are orthonormal, and have all of the variance."""
    path, places = in_a_plane()
    middle = jax.tree.map(lambda leaf: leaf[4], path)
    found = principal_directions(middle, path)
    vectors = [flat_rows(jax.tree.map(lambda leaf: leaf[None], d))[0] for d in found[:2]]
    np.testing.assert_allclose(np.array(vectors) @ np.array(vectors).T, np.eye(2), atol=1e-12)
    assert sum(found.shares) == pytest.approx(1)
    spread = np.linalg.svd(places - places.mean(axis=0), compute_uv=False) ** 2
    np.testing.assert_allclose(found.shares, spread / spread.sum(), rtol=1e-9)
    shown = places_of(middle, path, found)
    np.testing.assert_allclose(shown[4], 0, atol=1e-12)
    for k in range(len(places)):
        distances = (np.linalg.norm(p - p[k], axis=1) for p in (shown, places))
        np.testing.assert_allclose(*distances, atol=1e-12)
    for k, (a, b) in enumerate(shown):  # the plane passes through every point of the path
        point = moved(middle, found, a, b)
        for name, leaf in path.items():
            np.testing.assert_allclose(point[name], leaf[k], atol=1e-12)
    assert shown[-1, 0] >= shown[0, 0]


@pytest.mark.parametrize("length", [0.0, 1.0])
def test_a_path_on_a_line_or_that_stands_still(length):
    """The second direction, or both, is any that is orthogonal; its share is 0."""
    line = length * np.arange(5.0)[:, None] * np.array([3.0, 4.0, 0.0])
    found = principal_directions({"W": line[0]}, {"W": line})
    vectors = np.array([found.first["W"], found.second["W"]])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(2), atol=1e-12)
    assert found.shares == pytest.approx((length, 0))
    shown = places_of({"W": line[0]}, {"W": line}, found)
    np.testing.assert_allclose(shown[:, 0], 5 * length * np.arange(5), atol=1e-12)


def test_random_directions_are_nearly_orthogonal_and_follow_the_seed():
    params = {"W": RNG.normal(size=(100, 50)).astype(np.float32)}
    first, again, other = (random_directions(seed, params) for seed in (0, 0, 1))
    assert first.shares is None
    np.testing.assert_array_equal(first.first["W"], again.first["W"])
    assert not np.allclose(first.first["W"], other.first["W"])
    cosine = np.vdot(first.first["W"], first.second["W"]) / np.vdot(params["W"], params["W"])
    assert abs(cosine) < 0.1
    assert isinstance(first, Directions)
