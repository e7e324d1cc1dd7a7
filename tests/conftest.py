"""What holds in every test: strict promotion, so that no array changes its type or rank unseen.

And runs that several tests look at: made once per worker, read and never changed.
"""

import os
import shutil
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# the user's cache stays as it is
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="jaxmlp-test-cache-")
os.environ["MPLCONFIGDIR"] = os.environ["XDG_CACHE_HOME"]

import jax
import pytest
from jaxtyping import install_import_hook

# Every call of these packages' functions is checked against its annotations, shapes included.
CHECKED = ["jaxmlp.nn", "jaxmlp.optim", "jaxmlp.training"]
BEARTYPE = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"  # int is a float
install_import_hook(CHECKED, BEARTYPE)

from jaxmlp import train  # noqa: E402 (after the hook)

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def _forget_programs():
    """Drop the programs that a module compiled: together they would fill several gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A short run on the 8x8 digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    arguments = ["--dataset", "digits", "--epochs", "4", "--hidden", "32", "--quiet", "--out"]
    assert train.main([*arguments, str(out)]) == 0
    return out


@pytest.fixture
def digits_copy(digits_run, tmp_path):
    """A copy of that run, to be spoilt; without what other tests evaluated."""
    evaluated = shutil.ignore_patterns("evaluation")
    return shutil.copytree(digits_run, tmp_path / "run", ignore=evaluated)
