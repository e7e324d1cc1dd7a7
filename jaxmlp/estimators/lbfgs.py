"""L-BFGS by SciPy, on the objective with its gradient by hand, over all rows at once."""

import warnings
from typing import Any

import jax
import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from jaxmlp.config.factory import arithmetic
from jaxmlp.errors import InputError
from jaxmlp.estimators.base import BaseMLP, Given
from jaxmlp.estimators.programs import kernels_and_biases, params_of, program_for
from jaxmlp.estimators.rows import Layout, lay_out, padded, room_for, room_for_inputs
from jaxmlp.estimators.run import BROKEN, numbers_of, plan_of


def descend(model: BaseMLP, given: Given) -> None:
    """Train an estimator by L-BFGS (Liu and Nocedal 1989), and set its attributes.

    Args:
      model: the estimator, with parameters to begin from.
      given: the rows.

    Raises:
      InputError: if a parameter or the loss is not finite.
    """
    plan = plan_of(model, given, 1)
    layout = lay_out(given.x, given.targets, given.weights, given.factors, shuffle=True)
    with arithmetic(plan.dtype):
        program, numbers = program_for(plan), numbers_of(model, plan)
        start = params_of(program.model, model.coefs_, model.intercepts_, plan.dtype)
        leaves, structure = jax.tree.flatten(start)
        ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
        batch = jax.device_put(_all_rows(given, layout, plan.dtype))

        def params_from(w: np.ndarray) -> Any:
            pieces = zip(np.split(w.astype(plan.dtype), ends), leaves, strict=True)
            shaped = [piece.reshape(leaf.shape) for piece, leaf in pieces]
            return jax.tree.unflatten(structure, shaped)

        def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
            found = program.value_and_grad(numbers, params_from(w), batch)
            value, gradient = jax.device_get(found)
            return float(value), _flat(jax.tree.leaves(gradient))

        options = {"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": model.tol}
        found = minimize(objective, _flat(leaves), method="L-BFGS-B", jac=True, options=options)
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        raise InputError(BROKEN)
    model.coefs_, model.intercepts_ = kernels_and_biases(params_from(found.x), model.coefs_)
    model.loss_, model.n_iter_ = float(found.fun), min(int(found.nit), model.max_iter)
    if model.verbose:
        print(f"L-BFGS: {found.nit} iterations, {found.nfev} evaluations, loss = {found.fun:.8f}")
    if not found.success:
        words = f"lbfgs failed to converge after {found.nit} iterations: {found.message}"
        warnings.warn(words, ConvergenceWarning, stacklevel=4)


def _flat(leaves: list[np.ndarray]) -> np.ndarray:
    """Return arrays as one vector, in float64, in which SciPy computes."""
    return np.concatenate([np.ravel(leaf) for leaf in leaves]).astype(np.float64)


def _all_rows(given: Given, layout: Layout, dtype: str) -> tuple[np.ndarray, ...]:
    """Return inputs, targets and weights of all rows, in a number that similar data share."""
    rows, room = layout.indices, room_for(len(layout.indices))
    weights = np.ones(len(rows)) if layout.weights is None else layout.weights[rows]
    targets = given.targets[rows]
    targets = targets if targets.ndim == 1 else targets.astype(dtype)
    x = padded(given.x[rows].astype(dtype), room, room_for_inputs(given.x.shape[1]))
    return x, padded(targets, room), padded(weights.astype(dtype), room)
