"""What holds in every test: strict promotion, so that no array changes its type or rank unseen.

And runs that several tests look at: made once per worker, read and never changed. Compiled programs
are kept on disk as in the commands: JAX finds them by their whole text, so no test can get the
program of another by mistake.
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
CACHE = os.environ["XDG_CACHE_HOME"]
# Of this process alone: a child that a test kills could leave a program half written.
jax.config.update("jax_compilation_cache_dir", os.path.join(CACHE, "of-this-process"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_unconfigure():
    shutil.rmtree(CACHE, ignore_errors=True)


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
