"""What holds in every test: strict promotion, so that no array changes its type or rank unseen.

And runs that several tests look at: made once per worker, read and never changed. Compiled programs
are kept on disk as in the commands: JAX finds them by their whole text, so no test can get the
program of another by mistake.

Three things save time. A test draws blank pictures unless it uses `drawn`. A module that uses
`compile_quickly` has its programs less optimized. And Python searches for garbage as seldom as in a
command.
"""

import gc
import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# the user's cache stays as it is
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="jaxmlp-test-cache-")
os.environ["MPLCONFIGDIR"] = os.environ["XDG_CACHE_HOME"]

import jax
import pytest
from jaxtyping import install_import_hook
from PIL import Image

from tests import annotations, quickly  # noqa: F401 (the hook looks up annotations)

# Every call of these packages' functions is checked against its annotations, shapes included.
CHECKED = ["jaxmlp.nn", "jaxmlp.optim", "jaxmlp.training"]
install_import_hook(CHECKED, "tests.annotations.checked")

from jaxmlp import train  # noqa: E402 (after the hook)
from jaxmlp.cli.process import SELDOM  # noqa: E402

gc.set_threshold(SELDOM)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
CACHE = os.environ["XDG_CACHE_HOME"]
# Of this process alone: a child that a test kills could leave a program half written.
jax.config.update("jax_compilation_cache_dir", os.path.join(CACHE, "of-this-process"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
quickly.install()


# These take longest. They come first, so that no worker has a long file left when the rest is done.
LONG = (
    "training/test_mesh.py",
    "test_processes.py",
    "experiments/test_experiments.py",
    "training/test_loop.py",
    "test_train.py",
    "estimators/test_checks.py",
    "sweep/test_sweep.py",
    "sweep/test_folds.py",
    "test_door.py",
    "test_options.py",
    "test_odd_cases.py",
    "training/test_optax_rules.py",
    "training/test_same_bytes.py",
    "runs/test_facts.py",
    "runs/test_forged.py",
    "runs/test_resume.py",
)


def pytest_collection_modifyitems(items):
    place = {Path(__file__).parent / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))


def pytest_unconfigure():
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def _forget_programs():
    """Drop the programs that a module compiled: together they would fill several gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="module")
def compile_quickly():
    """Optimize programs less: for tests that take few steps, and compare no last bits."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def drawn():
    """Let the commands draw their pictures in this test."""


@pytest.fixture(autouse=True)
def _blank_pictures(request):
    """Save blank pictures: to draw those of a small run takes as long as to train it.

    Figures are made as ever. Runs that several tests share are made before, with true pictures.
    """
    with pytest.MonkeyPatch.context() as patch:
        if "drawn" not in request.fixturenames:
            patch.setattr("jaxmlp.runs.figures.save", save_blank)
        yield


def save_blank(_, path):
    Image.new("L", (1, 1)).save(path)


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
