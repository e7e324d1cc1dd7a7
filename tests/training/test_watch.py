"""A look inside a network: every number against NumPy, `jax.grad` and the optimizer by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn, optim
from jaxmlp.nn.backprop import objective
from jaxmlp.training import MULTICLASS, Examples, Split, make_judge, make_trainer, watch
from jaxmlp.training.watch import make_look, probe_of, seen_layers

RATE = 0.3
RELU = nn.activation(nn.activations.relu)

pytestmark = pytest.mark.usefixtures("compile_quickly")


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def problem(*layers, shape, several=1):
    """Return a trainer, the network in it, a state and a probe of 20 examples."""
    network, loss = nn.sequential(*layers, nn.dense(3)), nn.losses.cross_entropy
    network = nn.computing_in(network, "float64")
    alone = nn.value_and_grad(network, loss)
    model = network if several == 1 else nn.ensemble(network, several, nn.SOFTMAX)
    whole = alone if several == 1 else nn.members_value_and_grad(alone, several, nn.SOFTMAX)
    judge = make_judge(model, loss, MULTICLASS, lambda x: x)
    trainer = make_trainer(judge, whole, optim.sgd(RATE), shape)
    keys = jax.random.split(jax.random.key(1), 2)
    x = 2 * jax.random.normal(keys[0], (20, *shape))
    probe = Examples(x, jax.random.randint(keys[1], 20, 0, 3), jnp.linspace(0.5, 1.5, 20))
    state = trainer.init(3)
    params = jax.tree.map(lambda w: w.astype("float64"), state.params)
    return trainer, network, state._replace(params=params), probe


def look(made, several=False):
    trainer, network, state, probe = made
    return make_look(trainer, network, several)(state, probe)


def outputs_of(network, params, x):
    """Return the output of each layer, by the layers themselves."""
    found = []
    for layer, p in zip(network.layers, params, strict=True):
        x = layer(p, x)
        found.append(np.asarray(x, np.float64))
    return found


def norm(tree):
    return np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(tree)))


NETWORKS = {
    "mlp": ((nn.dense(6), nn.activation(nn.activations.tanh)), (5,)),
    "dropout": ((nn.embeddings.piecewise(4), nn.layer_norm(), nn.prelu(), nn.dropout(0.5)), (5,)),
    "noise": ((nn.gaussian_noise(0.3), nn.dense(6), RELU), (5,)),
    "pictures": ((nn.convolution(2, 3), RELU, nn.flatten()), (5, 5, 1)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_seen_is_what_other_ways_compute(name):
    layers, shape = NETWORKS[name]
    made = _, network, state, probe = problem(*layers, shape=shape)
    seen = look(made)
    value = objective(network, nn.losses.cross_entropy)
    (loss, _), gradient = jax.value_and_grad(value, has_aux=True)(
        state.params, probe.x, probe.targets, probe.weights
    )
    assert seen.loss == pytest.approx(float(loss), rel=1e-12)
    outputs = outputs_of(network, state.params, probe.x)
    named = seen_layers(network)
    skipped = {"flatten", "dropout 0.5", "gaussian_noise 0.3"}
    expected = [(k, layer.name) for k, layer in enumerate(network.layers, 1)]
    assert named == [pair for pair in expected if pair[1] not in skipped]
    for (number, _), found in zip(named, seen.layers, strict=True):
        y, own, slope = outputs[number - 1], state.params[number - 1], gradient[number - 1]
        assert found.output.mean == pytest.approx(y.mean(), abs=1e-12)
        assert found.output.deviation == pytest.approx(y.std(ddof=1), rel=1e-12)
        assert found.apart == pytest.approx(np.sqrt(y.var(axis=-1).mean()), rel=1e-12)
        assert found.units == y.shape[-1]
        counts, edges = np.histogram(y, watch.BINS)
        np.testing.assert_array_equal(found.output.counts, counts)
        np.testing.assert_allclose(found.output.edges, edges, atol=1e-12)
        if not jax.tree.leaves(own):
            assert (found.gradient, found.update, found.weights) == (None, None, None)
            continue
        assert found.gradient == pytest.approx(norm(slope), rel=1e-10)
        assert found.weights == pytest.approx(norm(own), rel=1e-12)
        if name not in ("dropout", "noise"):  # whose step draws, and the gradient does not
            assert found.update == pytest.approx(RATE * norm(slope), rel=1e-9)


def test_a_look_changes_no_state_and_sees_the_same_again():
    made = problem(nn.dense(6), RELU, shape=(5,))
    before = jax.tree.map(np.array, made[2].params)
    first, second = look(made), look(made)
    jax.tree.map(np.testing.assert_array_equal, first, second)
    jax.tree.map(np.testing.assert_array_equal, before, made[2].params)


def test_dead_and_saturated_units_are_those_that_were_planted():
    """Two of six ReLUs never fire; of six sigmoids, three are driven far from 0."""
    relu = problem(nn.dense(6), RELU, shape=(5,))
    own = {"W": jnp.eye(5, 6), "b": jnp.array([-99.0, -99.0, 0, 0, 0, 1])}
    state = relu[2]._replace(params=(own, *relu[2].params[1:]))
    found = look((*relu[:2], state, relu[3])).layers[1]
    assert (found.dead, found.saturated) == (pytest.approx(2 / 6), None)

    sigmoid = problem(nn.dense(6), nn.activation(nn.activations.sigmoid), shape=(5,))
    own = {"W": jnp.zeros((5, 6)), "b": jnp.array([9.0, -9.0, 9.0, 0, 0, 0])}
    state = sigmoid[2]._replace(params=(own, *sigmoid[2].params[1:]))
    found = look((*sigmoid[:2], state, sigmoid[3])).layers[1]
    assert (found.dead, found.saturated) == (0, pytest.approx(3 / 6))


def test_units_that_are_alike_lie_nowhere_apart():
    made = problem(nn.dense(6, nn.initializers.ones), shape=(5,))
    seen = look(made)
    assert seen.layers[0].apart == pytest.approx(0, abs=1e-12)
    assert seen.layers[0].output.deviation > 1


def test_of_several_networks_the_first_is_seen():
    layers = (nn.dense(6), RELU)
    alone, members = problem(*layers, shape=(5,)), problem(*layers, shape=(5,), several=3)
    same = jax.tree.map(lambda leaf: leaf[0], members[2].params)
    expected = look((*alone[:2], alone[2]._replace(params=same), alone[3]))
    found = look(members, several=True)
    for got, want in zip(found.layers, expected.layers, strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9), got, want)


def test_values_that_are_all_the_same_or_not_finite_have_a_histogram():
    made = problem(nn.dense(6, nn.initializers.zeros), shape=(5,))
    counts, edges = look(made).layers[0].output[2:]
    assert (counts.sum(), edges[0], edges[-1]) == (20 * 6, -0.5, 0.5)
    x = made[3].x.at[0, 0].set(jnp.inf)
    broken = look((*made[:3], made[3]._replace(x=x)))
    assert broken.layers[0].output.counts.sum() == 19 * 6


def test_the_probe_is_drawn_by_the_seed_from_the_training_part():
    examples = Examples(jnp.arange(900.0)[:, None], jnp.zeros(900, int), jnp.ones(900))
    train = Split(examples, np.arange(100, 700, dtype=np.int32), 900)
    first, again, other = (probe_of(train, seed).x[:, 0] for seed in (0, 0, 1))
    assert first.shape == (256,)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(np.unique(first)) == 256
    assert first.min() >= 100
    assert first.max() < 700
    few = Split(examples, np.array([4, 2], np.int32), 900)
    np.testing.assert_array_equal(probe_of(few, 0).x[:, 0], [2, 4])
