"""scikit-learn's own tests of its MLP, with the import swapped to our estimators.

They are read from the installed scikit-learn; `tests/estimators/test_own_tests.py` runs a few.
And all its checks of conventions, on the estimators as they are by default.
"""

import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import sklearn
from sklearn.utils.estimator_checks import check_estimator

from jaxmlp import MLPClassifier, MLPRegressor

SOURCE = Path(sklearn.__file__).parent / "neural_network" / "tests" / "test_mlp.py"
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from jaxmlp import MLPClassifier, MLPRegressor"
SEED = "\n\n@pytest.fixture\ndef global_random_seed():\n    return 42\n"  # of their conftest.py
LEFT_OUT = {  # private attributes of scikit-learn's estimators
    "test_gradient": "calls _loss_grad_lbfgs",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate",
}


def swapped_source() -> str:
    """Return scikit-learn's tests for our estimators.

    Raises:
      ValueError: if they do not import what is swapped.
    """
    text = SOURCE.read_text(encoding="utf-8")
    if text.count(THEIRS) != 1:
        raise ValueError(f"{SOURCE} does not have the line {THEIRS!r} once")
    return text.replace(THEIRS, OURS) + SEED


def check_conventions() -> int:
    """Print how many checks passed for each estimator, and return the number that failed."""
    failed = 0
    for estimator in (MLPClassifier(), MLPRegressor()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(estimator, on_skip=None, on_fail=None)
        counts = Counter(result["status"] for result in results)
        print(f"{estimator}: {dict(counts)}", flush=True)
        failed += len(results) - counts["passed"] - counts["skipped"]
    return failed


def main() -> int:
    """Run all of them, apart from those left out; the status is 0 if nothing failed."""
    failed = check_conventions()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test_scikit_learn.py"
        file.write_text(swapped_source(), encoding="utf-8")
        chosen = f"not ({' or '.join(LEFT_OUT)})"
        pytest = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider"]
        return subprocess.run([*pytest, file, "-k", chosen]).returncode or int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
