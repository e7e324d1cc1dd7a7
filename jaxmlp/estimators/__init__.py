"""Estimators for scikit-learn: `MLPClassifier` and `MLPRegressor`, trained by the same loop.

`classifier` and `regressor` are the classes, and `base` what they share. `run` leads from their
attributes to the training loop and back, and `lbfgs` to SciPy's L-BFGS. `arguments` checks the
constructor's arguments, `rows` lays examples out, `programs` builds and keeps what is compiled,
`curve` has scikit-learn's rules to stop, `forward` predicts in NumPy.
"""

from jaxmlp.estimators.classifier import MLPClassifier
from jaxmlp.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
