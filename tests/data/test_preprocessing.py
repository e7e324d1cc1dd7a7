"""Scaling inputs (lecture row E7): the property of each kind, and erratum 7."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.data import Preprocessing
from jaxmlp.errors import InputError

RNG = np.random.default_rng(0)
TABLE = np.column_stack([RNG.normal(5, 2, 500), RNG.uniform(-3, 1, 500), RNG.normal(1e6, 1, 500)])
IMAGES = RNG.integers(0, 256, (50, 4, 5, 3)).astype(np.uint8)


def test_zscore_gives_mean_zero_and_variance_one():
    z = Preprocessing.fit("zscore", TABLE)(TABLE)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-8)
    np.testing.assert_allclose(z.var(0), 1, rtol=1e-10)


def test_minmax_gives_zero_to_one_and_nothing_between_is_bent():
    scaled = Preprocessing.fit("minmax", TABLE)(TABLE)
    np.testing.assert_allclose(scaled.min(0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.max(0), 1, rtol=1e-12)
    middle = (TABLE[:, :2].min(0) + TABLE[:, :2].max(0)) / 2
    ends = np.stack([middle, middle])
    np.testing.assert_allclose(Preprocessing.fit("minmax", TABLE[:, :2])(ends), 0.5, atol=1e-12)


@pytest.mark.parametrize(("low", "is_minmax"), [(0.0, True), (2.0, False), (-4.0, False)])
def test_dividing_by_the_maximum_is_minmax_only_from_zero(low, is_minmax):
    """Erratum 7: the slide calls division by the maximum min-max scaling."""
    x = np.array([[low], [3.0], [8.0]])
    divided, scaled = (Preprocessing.fit(kind, x)(x) for kind in ("scale", "minmax"))
    assert np.allclose(divided, x / 8)
    assert np.allclose(divided, scaled) == is_minmax


@pytest.mark.parametrize(
    ("x", "largest"),
    [(IMAGES, 255), (np.array([[0], [16]], np.uint8), 16), (np.array([[1.0], [-5.0]]), 5)],
)
def test_scale_divides_by_the_largest_absolute_value(x, largest):
    np.testing.assert_allclose(
        Preprocessing.fit("scale", x)(x), x.astype(np.float64) / largest, rtol=1e-6
    )


def test_images_share_numbers_within_a_channel():
    preprocessing = Preprocessing.fit("zscore", IMAGES)
    assert preprocessing.offset.shape == (3,)
    z = preprocessing(IMAGES).astype(np.float64)
    np.testing.assert_allclose(z.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(z.var((0, 1, 2)), 1, rtol=1e-5)


def test_zscore_of_many_rows_is_exact():
    """The deviation is summed in chunks, and the last chunk is shorter."""
    x = RNG.normal(3, 7, (10_000, 2))
    z = Preprocessing.fit("zscore", x)(x)
    np.testing.assert_allclose(z.std(0), 1, rtol=1e-12)


@pytest.mark.parametrize("kind", ["zscore", "minmax"])
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e9])
def test_constant_feature_becomes_zero(kind, value):
    x = np.column_stack([np.full(7, value), np.arange(7.0)])  # seven times 0.1 is not 0.7
    scaled = Preprocessing.fit(kind, x)(x)
    assert (scaled[:, 0] == 0).all()
    assert np.isfinite(scaled).all()


def test_scale_of_nothing_but_zeros_is_zero():
    x = np.zeros((3, 2, 2, 1), np.uint8)
    assert (Preprocessing.fit("scale", x)(x) == 0).all()


def test_none_changes_nothing():
    assert np.array_equal(Preprocessing.fit("none", TABLE)(TABLE), TABLE)


@pytest.mark.parametrize(("x", "kind"), [(IMAGES, "scale"), (TABLE, "zscore")])
def test_auto_scales_bytes_and_standardises_the_rest(x, kind):
    assert Preprocessing.fit("auto", x).kind == kind


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_keep_their_type(dtype):
    for kind in ("none", "scale", "zscore", "minmax"):
        assert Preprocessing.fit(kind, TABLE)(TABLE.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, bool])
def test_integers_become_float32(dtype):
    x = np.array([[0, 1], [1, 1]], dtype)
    for kind in ("none", "scale", "zscore", "minmax"):
        assert Preprocessing.fit(kind, x)(x).dtype == np.float32


@pytest.mark.parametrize("x", [IMAGES, TABLE.astype(np.float32)])
@pytest.mark.parametrize("kind", ["none", "scale", "zscore", "minmax"])
def test_jax_computes_the_same(kind, x):
    preprocessing = Preprocessing.fit(kind, x)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        got = jax.jit(preprocessing.__call__)(jnp.asarray(x))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, preprocessing(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["none", "scale", "zscore", "minmax"])
def test_undo_is_the_inverse(kind):
    preprocessing = Preprocessing.fit(kind, TABLE)
    np.testing.assert_allclose(preprocessing.undo(preprocessing(TABLE)), TABLE, rtol=1e-12)


@pytest.mark.parametrize("kind", ["none", "scale", "zscore", "minmax"])
def test_round_trip_through_json_is_exact(kind):
    preprocessing = Preprocessing.fit(kind, TABLE)
    record = json.loads(json.dumps(preprocessing.to_dict()))
    again = Preprocessing.from_dict(record)
    assert again.kind == kind
    assert np.array_equal(again.offset, preprocessing.offset)
    assert np.array_equal(again.scale, preprocessing.scale)
    assert np.array_equal(again(TABLE), preprocessing(TABLE))


@pytest.mark.parametrize(
    ("kind", "x", "message"),
    [
        ("zscores", TABLE, r"unknown preprocessing 'zscores'.*did you mean 'zscore'\?"),
        ("zscore", TABLE[:0], "the number of examples must be at least 1, got 0"),
        ("minmax", np.array([[1.0], [np.nan]]), "x must be finite"),
        ("zscore", np.array([[1.0], [np.inf]]), "x must be finite"),
    ],
)
def test_fit_rejects(kind, x, message):
    with pytest.raises(InputError, match=message):
        Preprocessing.fit(kind, x)


def test_from_dict_rejects_an_unknown_kind():
    with pytest.raises(InputError, match="unknown preprocessing 'auto'"):
        Preprocessing.from_dict({"kind": "auto", "offset": 0.0, "scale": 1.0})


def test_robust_is_about_quartiles_and_never_beyond_three():
    """Median 0, quartiles one apart before the bend, and an outlier moves nothing else."""
    wild = np.concatenate([RNG.standard_t(3, (999, 1)), [[1e12]]])
    z = Preprocessing.fit("robust", wild)(wild)
    before = z[:-1] / np.sqrt(1 - (z[:-1] / 3) ** 2)
    assert np.median(z) == pytest.approx(0, abs=1e-12)
    assert np.subtract(*np.quantile(before, (0.75, 0.25))) == pytest.approx(1, abs=0.01)
    assert np.abs(z).max() <= 3
    assert (np.argsort(z[:, 0]) == np.argsort(wild[:, 0])).all()
    tame = Preprocessing.fit("robust", wild[:-1])(wild[:-1])
    np.testing.assert_allclose(z[:-1], tame, atol=0.02)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("far", [1e30, -1e30])
def test_robust_ends_at_three_for_any_size(dtype, far):
    fitted = Preprocessing.fit("robust", TABLE)
    z = fitted(np.full((1, 3), far, dtype))
    assert z.dtype == dtype
    np.testing.assert_allclose(z, np.copysign(3, far), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(fitted)(jnp.full((1, 3), far, jnp.float32)), z, rtol=1e-6)


def test_robust_leaves_zeros_and_ones_as_they_are():
    """A rare category is no outlier; a mask names those of which training saw only one value."""
    rare = np.zeros((500, 3))
    rare[0, 0], rare[:, 2] = 1, RNG.normal(size=500)
    one = np.array([[1.0, 1.0, 0.0]])
    looked = Preprocessing.fit("robust", rare)
    np.testing.assert_allclose(looked(rare)[:, :2], rare[:, :2], atol=1e-15)
    np.testing.assert_allclose(looked(one)[0, 0], 1)
    for kind in ("robust", "zscore"):
        told = Preprocessing.fit(kind, rare, as_they_are=np.array([True, True, False]))
        np.testing.assert_allclose(told(one)[0, :2], [1, 1])
    assert Preprocessing.fit("zscore", rare)(one)[0, 0] > 20


def test_robust_has_an_inverse_and_a_record():
    fitted = Preprocessing.fit("robust", TABLE)
    kept = Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(kept(TABLE), fitted(TABLE))
    np.testing.assert_allclose(fitted.undo(fitted(TABLE)), TABLE, rtol=1e-9)


def test_robust_of_values_that_are_half_alike_takes_the_range():
    x = np.concatenate([np.zeros(90), np.arange(1, 11.0)])[:, None]
    fitted = Preprocessing.fit("robust", x)
    np.testing.assert_allclose(fitted.scale, 1 / 5)
    assert (Preprocessing.fit("robust", np.full((5, 1), 7.0))(np.full((2, 1), 7.0)) == 0).all()
