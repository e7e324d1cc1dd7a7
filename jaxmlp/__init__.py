"""The executable textbook of training neural networks.

Every formula is a pure JAX function, every gradient is written by hand and proved equal to
`jax.grad`. The rooms, from the ground up: `nn` (layers, losses, backpropagation) and `optim`
(update rules), `data`, `cli`, `training` (the step and the loop), `config` (recipes), `runs`
(folders and trained networks), and the commands (`python -m jaxmlp` lists them).

From Python:

    result = jaxmlp.fit(jaxmlp.Config(hidden=(64,)), "digits", out="runs/digits")
    network = jaxmlp.load("runs/digits")
    network.predict(x), network.predict_proba(x)
    print(jaxmlp.cross_validate(jaxmlp.Config(hidden=(64,)), "digits", folds=5))
    print(jaxmlp.check("my_parts.py:mish"))  # a part of your own

What stands here is imported when it is first used: `import jaxmlp` imports no JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxmlp.config.options import Config
    from jaxmlp.config.part_check import check
    from jaxmlp.errors import DataWarning, InputError
    from jaxmlp.estimators import MLPClassifier, MLPRegressor
    from jaxmlp.runs.fit import Result, fit
    from jaxmlp.runs.network import Network, load
    from jaxmlp.sweep.cross_validation import CrossValidation, cross_validate

__version__ = "0.2.0"
__all__ = [
    "Config",
    "CrossValidation",
    "DataWarning",
    "InputError",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Result",
    "__version__",
    "check",
    "cross_validate",
    "fit",
    "load",
]

_MODULES = {
    "Config": "jaxmlp.config.options",
    "CrossValidation": "jaxmlp.sweep.cross_validation",
    "DataWarning": "jaxmlp.errors",
    "InputError": "jaxmlp.errors",
    "MLPClassifier": "jaxmlp.estimators",
    "MLPRegressor": "jaxmlp.estimators",
    "Network": "jaxmlp.runs.network",
    "Result": "jaxmlp.runs.fit",
    "check": "jaxmlp.config.part_check",
    "cross_validate": "jaxmlp.sweep.cross_validation",
    "fit": "jaxmlp.runs.fit",
    "load": "jaxmlp.runs.network",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'jaxmlp' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
