"""An ensemble as a run: trained through the door, saved, loaded, and what its answers are."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmlp.config.options import Config
from jaxmlp.runs.fit import fit
from jaxmlp.runs.network import Network, load
from tests.helpers import assert_trees_close

pytestmark = pytest.mark.usefixtures("compile_quickly")

CONFIG = Config(
    hidden=(4,), epochs=3, dropout=0.2, valid_size=0, optimizer="momentum", clip_norm=0.1
)


def alone(network, k):
    """Return a member of an ensemble as a network."""
    params = jax.tree.map(lambda leaf: leaf[k], network.params)
    return Network(replace(network.recipe, ensemble=1), network.signature, params)


@pytest.mark.parametrize("data", ["iris", "diabetes"])
def test_a_saved_ensemble_answers_with_the_mean_of_its_members(data, tmp_path):
    result = fit(replace(CONFIG, ensemble=3), data, out=tmp_path / "run")
    network = load(tmp_path / "run")
    x = np.random.default_rng(0).normal(size=(7, *network.signature.input_shape)) + 3
    members = [alone(network, k).answers(x) for k in range(3)]
    np.testing.assert_allclose(network.answers(x), np.mean(members, axis=0), rtol=1e-5)
    assert_trees_close(network.params, result.network.params, 0)
    assert np.ptp(members, axis=0).max() > 1e-3
    assert result.summary["parameters"] == 3 * sum(
        leaf.size for leaf in jax.tree.leaves(alone(network, 0).params)
    )


def test_the_first_member_is_the_run_alone():
    """Also where a rule looks at a whole network, as clipping does; biases do not decay."""
    decays = replace(CONFIG, weight_decay=0.5)
    several = fit(replace(decays, ensemble=2), "iris").network
    one = fit(decays, "iris").network
    assert_trees_close(alone(several, 0).params, one.params, 1e-5)
