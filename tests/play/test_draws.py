"""What the page draws at random: numbers, initial kernels, dropout; and how it judges a network."""

import json

import jax
import numpy as np
import pytest
from scipy import stats

from jaxmlp.config.factory import arithmetic
from jaxmlp.config.names import INITIALIZERS, SCALED_INITIALIZERS
from jaxmlp.nn import initializers
from jaxmlp.training import TASKS
from tests.play.engine_cases import page

INPUTS, OUTPUTS = 90, 60
ASKED = """
const numbers = ([kind, seed, n]) => {
  const random = jaxmlp.makeRandom(seed);
  return JSON.stringify(Array.from({ length: n }, () => random[kind]()));
};
const order = ([seed, n]) => JSON.stringify([...jaxmlp.makeRandom(seed).permutation(n)]);
const kernel = ([name, inputs, outputs, options]) => JSON.stringify([...jaxmlp.INITIALIZERS[name]
  .draw(jaxmlp.makeRandom(7), inputs, outputs, options)]);
const deviation = ([name, inputs, outputs, options]) => JSON.stringify(
  jaxmlp.INITIALIZERS[name].deviation(inputs, outputs, options));
const masks = ([hidden, dropout, N]) => JSON.stringify(jaxmlp.dropoutMasks(jaxmlp.makeNetwork({
  inputs: 2, hidden, activations: hidden.map(() => "relu"), outputs: 1, dropout,
}), N, jaxmlp.makeRandom(1)).map((mask) => [...mask]));
const judged = ([task, outputs, targets, labels, N, K]) => {
  const z = Float64Array.from(outputs);
  const y = (labels ? Int32Array : Float64Array).from(targets);
  return JSON.stringify([jaxmlp.accuracy(z, y, N, K), [...jaxmlp.probabilities(task, z, N, K)]]);
};
"""


@pytest.fixture(scope="module")
def v8():
    with page(more=ASKED) as ready:
        yield ready


def ask(v8, function, *values):
    """Call a function of the page, and return its answer."""
    return json.loads(v8.eval(f"{function}({json.dumps(values)})"))


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**52 + 3])
@pytest.mark.parametrize(("kind", "distribution"), [("uniform", "uniform"), ("normal", "norm")])
def test_numbers_have_their_distribution(v8, kind, distribution, seed):
    drawn = np.array(ask(v8, "numbers", kind, seed, 20_000))
    assert stats.kstest(drawn, distribution).pvalue > 1e-3
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.03
    assert kind == "normal" or (drawn.min() >= 0 and drawn.max() < 1)


def test_a_seed_gives_its_own_numbers_again(v8):
    seeds = [0, 1, 2, 2**31, 2**32, 2**32 + 1, 2**50]
    drawn = [ask(v8, "numbers", "uniform", seed, 1000) for seed in seeds]
    assert drawn == [ask(v8, "numbers", "uniform", seed, 1000) for seed in seeds]
    correlations = np.corrcoef(drawn) - np.eye(len(seeds))
    assert np.abs(correlations).max() < 0.15


def test_an_order_has_every_number_once_and_no_favourite(v8):
    assert sorted(ask(v8, "order", 3, 1000)) == list(range(1000))
    firsts = [ask(v8, "order", seed, 4) for seed in range(2000)]
    counts = np.unique(firsts, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def expected_deviation(name, shape, options):
    """What the library's formula says of a kernel."""
    family, _, distribution = name.partition("_")
    if family in initializers.GAINS and distribution in ("normal", "uniform"):
        usual = "fan_avg" if family == "xavier" else "fan_in"
        fan = initializers.fans(shape)[options.get("fan", usual)]
        return np.sqrt(initializers.GAINS[family] / fan)
    scale = options["scale"]
    flat = {"zeros": 0, "ones": 0, "constant": 0, "uniform": scale / np.sqrt(3)}
    return flat.get(name, 1 / np.sqrt(max(shape)) if name == "orthogonal" else scale)


@pytest.mark.parametrize("fan", [None, "fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("name", INITIALIZERS.names)
def test_kernels_are_those_of_the_library(v8, name, fan):
    """Mean, deviation and bounds; for other fans the deviation, which the drawing uses."""
    options, shape = {"scale": 0.3} | ({"fan": fan} if fan else {}), (INPUTS, OUTPUTS)
    deviation = expected_deviation(name, shape, options)
    assert ask(v8, "deviation", name, *shape, options) == pytest.approx(deviation, rel=1e-14)
    drawn = np.array(ask(v8, "kernel", name, *shape, options))
    assert drawn.shape == (INPUTS * OUTPUTS,)
    assert drawn.std() == pytest.approx(deviation, rel=0.04)
    if fan is not None:
        return
    theirs = INITIALIZERS[name]
    theirs = theirs(0.3) if name in SCALED_INITIALIZERS else theirs
    with arithmetic("float64"):
        other = np.asarray(theirs(jax.random.key(0), shape, "float64")).ravel()
    if deviation == 0:
        assert drawn.tolist() == other.tolist()
        return
    assert stats.ks_2samp(drawn, other).pvalue > 1e-3
    assert np.abs(drawn).max() == pytest.approx(np.abs(other).max(), rel=0.3)
    if "uniform" in name or name == "truncated_normal":
        bound = np.sqrt(3) if "uniform" in name else initializers.CUT / initializers.CUT_DEVIATION
        assert np.abs(drawn).max() <= bound * deviation * (1 + 1e-12)


@pytest.mark.parametrize("shape", [(5, 5), (8, 3), (3, 8), (1, 4), (4, 1)])
def test_orthogonal_kernels_are_orthogonal(v8, shape):
    W = np.reshape(ask(v8, "kernel", "orthogonal", *shape, {"gain": 2}), shape) / 2
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    assert np.abs(product - np.eye(min(shape))).max() < 1e-13


def test_masks_drop_their_share(v8):
    masks = ask(v8, "masks", [30, 20], 0.3, 200)
    assert [len(mask) for mask in masks] == [30 * 200, 20 * 200]
    for mask in masks:
        assert set(mask) == {0, 1}
        assert np.mean(mask) == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("name", ["multiclass", "binary", "multilabel"])
def test_accuracy_and_probabilities_are_those_of_the_task(v8, name):
    task, rng = TASKS[name], np.random.default_rng(0)
    y = rng.integers(0, 3 if name == "multiclass" else 2, (50, 3))
    y = y if name == "multilabel" else y[:, 0]
    z = rng.normal(0, 2, (50, task.outputs(3)))
    z[0] = 0  # a tie: the first class, or no
    targets = task.encode(y)
    with arithmetic("float64"):
        scores = np.asarray(task.score_each(jax.numpy.asarray(z), jax.numpy.asarray(targets)))
        probabilities = np.asarray(task.probabilities(jax.numpy.asarray(z)))
    told = name, z.ravel().tolist(), targets.ravel().tolist(), targets.ndim == 1, 50, z.shape[1]
    accuracy, found = ask(v8, "judged", *told)
    assert accuracy == pytest.approx(scores.mean(), rel=1e-14)
    np.testing.assert_allclose(found, probabilities.ravel(), rtol=1e-14)
