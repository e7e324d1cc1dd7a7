"""Distorted pictures: the interpolation, the fields, and their place in the step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from jaxmlp import nn, optim
from jaxmlp.training import MULTICLASS, Examples, augmentation, batches, make_judge, make_trainer
from jaxmlp.training.augment import affine, elastic, flip, shift, warp

pytestmark = pytest.mark.usefixtures("compile_quickly")

FIELDS = (shift, affine, elastic)
WARP = jax.jit(warp)


@pytest.mark.parametrize("shape", [(4, 6, 7, 1), (6, 5, 5, 3)])
def test_pictures_are_read_between_pixels_as_scipy_reads_them(shape):
    rng = np.random.default_rng(0)
    n, height, width, channels = shape
    x = rng.random(shape).astype(np.float32)
    d = rng.normal(scale=2, size=(n // 2, 2, height, width)).astype(np.float32)
    y = np.asarray(WARP(x, d))
    for i in range(n):
        at = np.indices((height, width)) + d[i // 2]
        for c in range(channels):
            expected = map_coordinates(x[i, :, :, c], at, order=1, mode="nearest")
            np.testing.assert_allclose(y[i, :, :, c], expected, atol=1e-5)


def test_no_displacement_changes_no_bit():
    x = jax.random.normal(jax.random.key(0), (8, 5, 6, 1))
    assert (WARP(x, jnp.zeros((4, 2, 5, 6))) == x).all()


def test_whole_pixels_move_and_the_border_continues():
    x = jnp.arange(12.0).reshape(1, 3, 4, 1)
    down, right = jnp.ones((1, 3, 4)), -jnp.ones((1, 3, 4))
    y = WARP(x, jnp.stack([down, right], axis=1))[0, :, :, 0]
    assert y.tolist() == [[4, 4, 5, 6], [8, 8, 9, 10], [8, 8, 9, 10]]


def test_a_flip_mirrors_whole_pictures_and_no_strength_scales_it():
    """Half of the pictures; with other fields it moves what the mirror shows."""
    x = jnp.asarray(np.random.default_rng(0).random((8 * 200, 5, 6, 2)), jnp.float32)
    for strength in (0.3, 1.0):
        y = np.asarray(augmentation([flip], strength)(jax.random.key(1), x))
        mirrored = (y == np.asarray(x)[:, :, ::-1]).all(axis=(1, 2, 3))
        assert (mirrored | (y == np.asarray(x)).all(axis=(1, 2, 3))).all()
        assert mirrored.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(200))
    y = augmentation([flip, affine], 0.3)(jax.random.key(1), x)
    keys = jax.random.split(jax.random.key(1), 2)
    mirrored = np.asarray(flip(keys[0], 200, 5, 6))[:, 1, 0, 0] != 0
    d = 0.3 * np.asarray(affine(keys[1], 200, 5, 6))
    for i in (0, 1, 2, 3):
        at = np.indices((5, 6)) + d[i]
        if mirrored[i]:
            at[1] = 5 - np.arange(6) + d[i, 1]
        for c in (0, 1):
            expected = map_coordinates(np.asarray(x)[8 * i, :, :, c], at, order=1, mode="nearest")
            np.testing.assert_allclose(y[8 * i, :, :, c], expected, atol=1e-5)
    assert 0 < mirrored[:4].sum() < 4


@pytest.mark.parametrize("field", FIELDS)
def test_fields_are_random_centred_and_of_their_size(field):
    d = np.asarray(field(jax.random.key(1), 4000, 28, 28))
    assert d.shape == (4000, 2, 28, 28)
    deviation = {
        shift: np.full((28, 28), 2 / np.sqrt(3)),  # U(-2, 2)
        affine: 0.15 / np.sqrt(3) * np.hypot(*(np.indices((28, 28)) - 13.5)),
        elastic: np.full((28, 28), 1.4),
    }[field]
    np.testing.assert_allclose(d.mean(axis=(0, 1)), 0, atol=0.08)
    np.testing.assert_allclose(d.std(axis=(0, 1)), deviation, rtol=0.06)
    downs, rights = d[:, 0, 3, 4], d[:, 1, 3, 4]
    assert abs(np.corrcoef(downs, rights)[0, 1]) < 0.06


def test_an_elastic_field_is_blurred_noise():
    """Simard et al. 2003: uniform noise, a Gaussian of 4 pixels, times 34."""
    rng = np.random.default_rng(0)
    noise = [gaussian_filter(rng.uniform(-1, 1, (60, 60)), 4) for _ in range(1500)]
    blurred = 34 * np.array(noise)[:, 16:44, 16:44]
    ours = np.asarray(elastic(jax.random.key(2), 1500, 28, 28))[:, 0]
    for i, j in ((0, 0), (0, 5), (8, 8), (27, 27)):
        covariances = [np.mean(d[:, 0, 0] * d[:, i, j]) for d in (ours, blurred)]
        assert covariances[0] == pytest.approx(covariances[1], abs=0.2), (i, j)


def test_pictures_of_a_batch_get_fields_of_their_own():
    x = jnp.tile(jax.random.normal(jax.random.key(0), (1, 9, 9, 1)), (24, 1, 1, 1))
    for strength in (1.0, 0.0):
        y = augmentation(FIELDS, strength)(jax.random.key(1), x)
        assert len(np.unique(np.asarray(y).reshape(24, -1), axis=0)) == (3 if strength else 1)
    odd = augmentation(FIELDS)(jax.random.key(1), x[:7])
    assert len(np.unique(np.asarray(odd).reshape(7, -1), axis=0)) == 7


def test_it_belongs_to_training_alone():
    """The step sees distorted pictures; evaluation sees them as they are."""
    seen = []

    def blank(key, x):
        seen.append(x.shape)
        return jnp.zeros_like(x)

    model, loss = nn.mlp((), 3), nn.losses.cross_entropy
    judge = make_judge(model, loss, MULTICLASS, lambda x: x)
    gradient = nn.value_and_grad(model, loss)
    trainer = make_trainer(judge, gradient, optim.sgd(1.0), (4, 4, 1), blank)
    x = jax.random.normal(jax.random.key(0), (6, 4, 4, 1))
    examples = Examples(x, jnp.arange(6, dtype=jnp.int32) % 3, jnp.ones(6))
    order = batches(np.arange(6), 6)
    state = trainer.init(0)
    start = jax.tree.map(np.array, state.params)
    state, _ = trainer.run(state, examples, order[None], 0, 1)
    dense = state.params[1]
    assert (dense["W"] == start[1]["W"]).all()  # blank pictures move the bias alone
    assert state.totals.loss / 6 == pytest.approx(np.log(3))
    assert seen == [(6, 4, 4, 1)]
    alone = jax.tree.map(lambda leaf: leaf[None], start)
    assert judge.evaluate(alone, examples, order, 1).loss[0] / 6 != pytest.approx(np.log(3))
    assert len(seen) == 1
