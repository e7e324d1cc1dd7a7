"""Exercises of lecture C: Algorithm 1, momentum, early stopping and dropout."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn, optim
from jaxmlp.config.referees import slopes
from jaxmlp.exercise.form import Exercise, Leaves, draw
from jaxmlp.training.judge import Means
from jaxmlp.training.rules import Rules

Array = np.ndarray


def _risk(W1: jax.Array, W2: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    return (((jnp.tanh(x @ W1.T) @ W2.T - y) ** 2).sum() / 2) / len(x)


def _example(x: Array, y: Array, W1: Array, W2: Array, slope: bool = True) -> Leaves:
    """Return the gradients of one example of a batch of one, with a mistake perhaps."""
    dW1, dW2 = map(np.asarray, slopes(_risk, W1, W2, x[None], y[None])[:2])
    if not slope:
        error = W2 @ np.tanh(W1 @ x) - y
        dW1 = np.outer(W2.T @ error, x)
    return {"dW1": dW1, "dW2": dW2}


def _running(mix: Callable[[Array, Array, int], Array], **more: Any) -> Callable[..., Leaves]:
    """Return a mistake: the gradients of the examples combined by a rule of its own."""

    def wrong(x: Array, y: Array, W1: Array, W2: Array) -> Leaves:
        mean = {"dW1": np.zeros(W1.shape), "dW2": np.zeros(W2.shape)}
        for n, (x_n, y_n) in enumerate(zip(x, y, strict=True), 1):
            new = _example(x_n, y_n, W1, W2, **more)
            mean = {name: mix(mean[name], new[name], n) for name in mean}
        return mean

    return wrong


ALGORITHM_1 = Exercise(
    name="algorithm_1",
    row="C3",
    title="Algorithm 1: backpropagation, one example after the other, down to layer 1.",
    formula="""
    x1 = tanh(W1 x0),  x2 = W2 x1,  l_n = 1/2 |x2 - y_n|^2     for each example x0 = x_n
    g = dl_n/dx2;  then for k = 2, 1:  dl_n/dWk = g dxk/dWk,  g <- g dxk/dx(k-1)
    running mean:  mean <- ((n - 1) mean + new) / n            for n = 1, ..., N
    """,
    arguments={
        "x": "inputs, (N, D)",
        "y": "targets, (N, K)",
        "W1": "(H, D); here z = W x with a column x, as in lecture C",
        "W2": "(K, H)",
    },
    results={"dW1": "the mean over the examples, (H, D)", "dW2": "likewise, (K, H)"},
    hint="g dxk/dWk is an outer product. The loop of the lecture ends at k = 2; go one further.",
    referee="jax.grad",
    needs=("dense_backward",),
    batch=("x", 0),
    cases=lambda: [
        draw(1, x=(3, 4), y=(3, 2), W1=(5, 4), W2=(2, 5)),
        draw(2, x=(5, 2), y=(5, 3), W1=(4, 2), W2=(3, 4)),
    ],
    truth=lambda x, y, W1, W2: slopes(_risk, W1, W2, x, y)[:2],
    wrongs={
        "the loop ends at k = 2, as printed: layer 1 gets no gradient": lambda x, y, W1, W2: {
            "dW1": np.zeros(W1.shape)
        },
        "the last example alone: the mean is not kept": _running(lambda mean, new, n: new),
        "(mean + new) / 2 weighs late examples more": _running(
            lambda mean, new, n: (mean + new) / 2
        ),
        "mean + new / n: the factor (n - 1) / n of the mean is missing": _running(
            lambda mean, new, n: mean + new / n
        ),
        "(n mean + new) / (n + 1): n is counted from 1": _running(
            lambda mean, new, n: (n * mean + new) / (n + 1)
        ),
        "the slope of tanh, 1 - x1^2, is missing": _running(
            lambda mean, new, n: ((n - 1) * mean + new) / n, slope=False
        ),
        "the slope of tanh is taken at x1, must be 1 - x1^2": lambda x, y, W1, W2: {
            "dW1": (((np.tanh(x @ W1.T) @ W2.T - y) @ W2) * (1 - np.tanh(np.tanh(x @ W1.T)) ** 2)).T
            @ x
            / len(x)
        },
    },
)


def _with_momentum(
    step: Callable[..., Array] = lambda old, v, dw, m: v,
    schedule: Callable[[Array], Array] = lambda mu: mu,
    weight: Callable[[Array], Array | float] = lambda mu: 1.0,
) -> Callable[..., tuple[Array, Array]]:
    """Return a mistake: another step than the velocity, another schedule, a weighed gradient."""

    def wrong(w: Array, gradients: Array, alpha: float, mu: Array) -> tuple[Array, Array]:
        v = np.zeros_like(w)
        for dw, m in zip(gradients, schedule(mu), strict=True):
            dw = -alpha * weight(m) * dw
            old, v = v, m * v + dw
            w = w + step(old, v, dw, m)
        return w, v

    return wrong


def _momentum(w: Array, gradients: Array, alpha: float, mu: Array) -> tuple[Any, Any]:
    optimizer = optim.momentum(alpha, lambda t: jnp.asarray(mu)[t])
    params, state = jnp.asarray(w), optimizer.init(jnp.asarray(w))
    for dw in gradients:
        updates, state = optimizer.update(jnp.asarray(dw), state, params)
        params = params + updates
    return params, state.v


MOMENTUM = Exercise(
    name="momentum",
    row="C4",
    title="Gradient descent with momentum and a schedule of its coefficient.",
    formula="""
    v_(t+1) = mu_t v_t - alpha dw_t
    w_(t+1) = w_t + v_(t+1)              for t = 0, ..., T - 1, from v_0 = 0
    """,
    arguments={
        "w": "the weights at the start, (n,)",
        "gradients": "dw_t of each step, (T, n)",
        "alpha": "the learning rate, a number",
        "mu": "mu_t of each step, (T,)",
    },
    results={"w": "the weights after T steps, (n,)", "v": "the velocity after T steps, (n,)"},
    hint="The new velocity moves the weights, not the old one.",
    referee="jaxmlp.optim.momentum",
    cases=lambda: [
        {**draw(3, w=(3,), gradients=(4, 3)), "alpha": 0.1, "mu": np.array([0.5, 0.7, 0.8, 0.9])},
        {**draw(4, w=(2,), gradients=(3, 2)), "alpha": 0.3, "mu": np.array([0.3, 0.6, 0.95])},
    ],
    truth=_momentum,
    wrongs={
        "the schedule is not used: mu_0 stands in every step": _with_momentum(
            schedule=lambda mu: np.full_like(mu, mu[0])
        ),
        "the schedule is one step ahead: mu_(t+1), must be mu_t": _with_momentum(
            schedule=lambda mu: np.append(mu[1:], mu[-1])
        ),
        "w moves by the old velocity, must move by the new one": _with_momentum(
            lambda old, v, dw, m: old
        ),
        "this is Nesterov's form": _with_momentum(lambda old, v, dw, m: m * v + dw),
        "there is no momentum: mu does not act": _with_momentum(schedule=np.zeros_like),
        "alpha must stand inside of the velocity, with dw": lambda w, gradients, alpha, mu: {
            "v": -_with_momentum()(w, gradients, alpha, mu)[1] / alpha
        },
        "the gradient has the wrong sign: this climbs": _with_momentum(weight=lambda m: -1.0),
        "the gradient is weighed by 1 - mu": _with_momentum(weight=lambda m: 1 - m),
    },
)


def _stopping(errors: Array, patience: int, ties: bool = False, wait: int = 0) -> Leaves:
    """Return the best and the last epoch; with a mistake perhaps."""
    best, stop = 0, len(errors)
    for epoch, error in enumerate(errors, 1):
        if not best or error < errors[best - 1] or (ties and error == errors[best - 1]):
            best = epoch
        elif epoch - best >= patience + wait:
            stop = epoch
            break
    return {"best": np.asarray(best), "stop": np.asarray(stop)}


def _by_rules(errors: Array, patience: int) -> tuple[int, int]:
    rules = Rules(patience=patience)
    means = [Means(0.0, -float(error)) for error in errors]
    waited = [rules.epochs_without_progress(means[:n]) for n in range(1, len(means) + 1)]
    stop = next((n for n, wait in enumerate(waited, 1) if wait >= patience), len(means))
    return stop - waited[stop - 1], stop


def _rising(errors: Array, patience: int) -> Array:
    """Return the last epoch if each rise over the epoch before counts."""
    count = 0
    for n in range(1, len(errors)):
        count = count + 1 if errors[n] >= errors[n - 1] else 0
        if count >= patience:
            return np.asarray(n + 1)
    return np.asarray(len(errors))


EARLY_STOPPING = Exercise(
    name="early_stopping",
    row="C7",
    title="Early stopping on the validation error, with patience.",
    formula="""
    best = the epoch of the least error so far; of equal ones the first
    stop = the first epoch that lies `patience` epochs after the best one, or else the last epoch
    """,
    arguments={
        "errors": "the validation error after each epoch, (T,)",
        "patience": "the number of epochs to wait, at least 1",
    },
    results={"best": "counted from 1, and only of epochs up to stop", "stop": "counted from 1"},
    hint="Keep the best epoch and compare the distance to it with the patience, epoch by epoch.",
    referee="jaxmlp.training.rules",
    cases=lambda: [
        {"errors": np.array([5.0, 3.0, 4.0, 2.0, 2.0, 2.5, 2.4, 1.0]), "patience": 3},
        {"errors": np.array([4.0, 3.0, 3.0, 3.5, 3.4, 3.3, 2.0]), "patience": 2},
        {"errors": np.array([4.0, 3.0, 2.0, 1.0]), "patience": 2},
        {"errors": np.array([2.0, 3.0, 2.5, 2.4, 2.3, 1.0]), "patience": 4},
    ],
    truth=_by_rules,
    wrongs={
        "counted from 0, must be from 1": lambda errors, patience: {
            name: value - 1 for name, value in _stopping(errors, patience).items()
        },
        "an equal error counts as better, must be less": lambda errors, patience: _stopping(
            errors, patience, ties=True
        ),
        "it waits one epoch too long": lambda errors, patience: _stopping(errors, patience, wait=1),
        "it waits one epoch too few": lambda errors, patience: _stopping(errors, patience, wait=-1),
        "this is the last epoch: the best one lies before it": lambda errors, patience: {
            "best": _stopping(errors, patience)["stop"]
        },
        "the best of all epochs: after the stop there are none": lambda errors, patience: {
            "best": np.argmin(errors) + 1
        },
        "an error is compared with the epoch before, must be with the best": (
            lambda errors, patience: {"stop": _rising(errors, patience)}
        ),
        "it stops at the first rise: patience does not act": lambda errors, patience: {
            "stop": _stopping(errors, 1)["stop"]
        },
        "it never stops": lambda errors, patience: {"stop": np.asarray(len(errors))},
    },
)

DROPOUT = Exercise(
    name="dropout",
    row="C8",
    title="Dropout in both forms: the lecture's, and the inverted one.",
    formula="""
    m = 1 with probability p, else 0: the elements that are kept
    lecture's form:  divides nothing in training; afterwards the weights behind it are multiplied,
                     which is the same as multiplying its output, and this is what you return
    inverted form:   afterwards nothing is multiplied; so training has to make up for it
    In both, the mean over m of what training gives equals what is given afterwards.
    """,
    arguments={
        "x": "(N, F)",
        "m": "the mask of zeros and ones, (N, F)",
        "p": "the probability of keeping an element",
    },
    results={
        "train": "the lecture's form in training, (N, F)",
        "after": "the lecture's form after training, (N, F)",
        "inverted_train": "the inverted form in training, (N, F)",
        "inverted_after": "the inverted form after training, (N, F)",
    },
    hint="The mean of m is p.",
    referee="jaxmlp.nn.dropout",
    cases=lambda: [
        {**draw(5, x=(3, 4)), "m": _mask(0.75, (3, 4)), "p": 0.75},
        {**draw(6, x=(2, 6)), "m": _mask(0.4, (2, 6)), "p": 0.4},
    ],
    truth=lambda x, m, p: _dropout(x, p),
    wrongs={
        "p is the probability of keeping, and not of dropping": lambda x, m, p: {
            "after": (1 - p) * x,
            "inverted_train": m * x / (1 - p),
        },
        "the mask is turned round: m = 1 keeps": lambda x, m, p: {
            "train": (1 - m) * x,
            "inverted_train": (1 - m) * x / p,
        },
        "the factor p is missing": lambda x, m, p: {"after": x, "inverted_train": m * x},
        "multiplied by p, must be divided": lambda x, m, p: {"inverted_train": m * x * p},
        "divided by p, must be multiplied": lambda x, m, p: {"after": x / p},
        "the mask is missing": lambda x, m, p: {"train": x, "inverted_train": x / p},
        "the lecture's form divides nothing in training": lambda x, m, p: {"train": m * x / p},
        "nothing is dropped after training": lambda x, m, p: {
            "after": m * x,
            "inverted_after": m * x,
        },
        "the inverted form changes nothing after training": lambda x, m, p: {
            "inverted_after": p * x
        },
    },
)


def _mask(p: float, shape: tuple[int, ...]) -> Array:
    """Return the mask that the library's layer draws with the key of `_dropout`."""
    return np.asarray(jax.random.bernoulli(jax.random.key(8), p, shape), float)


def _dropout(x: Array, p: float) -> tuple[Any, ...]:
    layer, values = nn.dropout(1 - p), jnp.asarray(x)
    dropped = layer.forward((), values, jax.random.key(8))[0]
    kept = layer.forward((), values)[0]
    return p * dropped, p * kept, dropped, kept


EXERCISES = (ALGORITHM_1, MOMENTUM, EARLY_STOPPING, DROPOUT)
