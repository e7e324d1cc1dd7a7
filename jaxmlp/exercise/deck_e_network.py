"""Exercises of lecture E: the binary network of three layers, and the order of its updates."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.config.referees import slopes
from jaxmlp.exercise.form import Case, Exercise, Leaves, draw
from jaxmlp.nn.binary_network import Weights, forward, loss, step_layer_by_layer

Array = np.ndarray

NETWORK = {
    "x": "inputs, an example in each column, (D, N)",
    "y": "0 or 1 of each example, (1, N)",
    "W1": "(H1, D)",
    "W2": "(H2, H1)",
    "W3": "(1, H2)",
}
FORWARD = """
    a1 = sigmoid(W1 x),  a2 = sigmoid(W2 a1),  a3 = sigmoid(W3 a2)
    L = -1/N sum ((1 - y) log(1 - a3) + y log a3)
"""


def _networks() -> list[Case]:
    cases = [
        draw(4, x=(3, 5), W1=(4, 3), W2=(2, 4), W3=(1, 2)),
        draw(5, x=(2, 3), W1=(3, 2), W2=(4, 3), W3=(1, 4)),
    ]
    for case in cases:
        case["y"] = (np.arange(case["x"].shape[1]) % 2 * 1.0)[None]
    return [{name: case[name] for name in NETWORK} for case in cases]


def _weights(W1: Any, W2: Any, W3: Any) -> Weights:
    first, second, third = map(jnp.asarray, (W1, W2, W3))
    bias = [jnp.zeros((len(W), 1)) for W in (W1, W2, W3)]
    return Weights(first, bias[0], second, bias[1], third, bias[2])


def _loss(W1: jax.Array, W2: jax.Array, W3: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    return loss(forward(_weights(W1, W2, W3), x), y)


def _gradients(x: Array, y: Array, W1: Array, W2: Array, W3: Array) -> Leaves:
    found = slopes(_loss, W1, W2, W3, x, y)[:3]
    return {name: np.asarray(d) for name, d in zip(("dW1", "dW2", "dW3"), found, strict=True)}


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _network(
    x: Array,
    y: Array,
    W1: Array,
    W2: Array,
    W3: Array,
    slope1: Any = None,
    slope2: Any = None,
    delta: Any = None,
) -> Leaves:
    """Return the gradients with a mistake: another slope of a hidden layer, or another delta3."""
    a1 = _sigmoid(W1 @ x)
    a2 = _sigmoid(W2 @ a1)
    a3 = _sigmoid(W3 @ a2)
    delta3 = delta(a3, y) if delta else a3 - y
    delta2 = (W3.T @ delta3) * (slope2(a2) if slope2 else a2 * (1 - a2))
    delta1 = (W2.T @ delta2) * (slope1(a1) if slope1 else a1 * (1 - a1))
    n = x.shape[1]
    return {"dW1": delta1 @ x.T / n, "dW2": delta2 @ a1.T / n, "dW3": delta3 @ a2.T / n}


def _mistake(name: str, **change: Any) -> Callable[..., Leaves]:
    return lambda **case: {name: _network(**case, **change)[name]}


def _deltas(name: str) -> dict[str, Callable[..., Leaves]]:
    """Return the usual mistakes with delta3, for one of the gradients."""
    return {
        "y - a3 has the wrong sign": _mistake(name, delta=lambda a, y: y - a),
        "the slope a3 (1 - a3) is too much: the logarithm cancels it": _mistake(
            name, delta=lambda a, y: (a - y) * a * (1 - a)
        ),
        "this is dL/da3 where dL/dz3 must stand": _mistake(
            name, delta=lambda a, y: (a - y) / (a * (1 - a))
        ),
        "y is not subtracted": _mistake(name, delta=lambda a, y: a),
    }


def _slopes(name: str, layer: int) -> dict[str, Callable[..., Leaves]]:
    """Return the usual mistakes with the slope of a hidden layer, for one of the gradients."""
    at, a = f"slope{layer}", f"a{layer}"
    return {
        f"the slope g'(z{layer}) is missing": _mistake(name, **{at: lambda a: 1}),
        f"the slope is taken at {a}, must be at z{layer}: it is {a} (1 - {a})": _mistake(
            name, **{at: lambda a: _sigmoid(a) * (1 - _sigmoid(a))}
        ),
        f"the slope of tanh, 1 - {a}^2, in place of the sigmoid's": _mistake(
            name, **{at: lambda a: 1 - a * a}
        ),
    }


def _binary(number: int, needs: tuple[str, ...], hint: str, **more: Any) -> Exercise:
    """Return the exercise on the gradient of one kernel."""
    name = f"dW{number}"
    wrongs = more.get("wrongs", {})
    for layer in range(number, 3):
        wrongs = {**wrongs, **_slopes(name, layer)}
    return Exercise(
        name=f"binary_dw{number}",
        row="E6",
        title=f"The binary network of three layers: dL/dW{number}.",
        formula=f"{FORWARD}    dW{number} = dL/dW{number}",
        arguments=NETWORK,
        results={name: f"the shape of W{number}"},
        hint=hint,
        referee="jax.grad",
        needs=needs,
        batch=("x", 1),
        cases=_networks,
        truth=lambda **case: {name: _gradients(**case)[name]},
        wrongs={**wrongs, **_deltas(name)},
    )


def _product(number: int, other: Callable[..., Array]) -> Callable[..., Leaves]:
    """Return a mistake: the delta of a layer times another array than that of the layer below."""

    def wrong(x: Array, y: Array, W1: Array, W2: Array, W3: Array) -> Leaves:
        a1 = _sigmoid(W1 @ x)
        a2 = _sigmoid(W2 @ a1)
        delta3 = _sigmoid(W3 @ a2) - y
        delta2 = (W3.T @ delta3) * a2 * (1 - a2)
        delta = {2: delta2, 3: delta3}[number]
        return {f"dW{number}": delta @ other(x, a1, a2, W2).T / x.shape[1]}

    return wrong


DW3 = _binary(
    3,
    ("delta_procedure",),
    "The logarithm and the sigmoid leave delta3 = a3 - y. The sum over the examples is a product of"
    " matrices.",
    wrongs={
        "multiplied by a1, must be by a2": _product(3, lambda x, a1, a2, W2: a1),
        "multiplied by z2, must be by a2": _product(3, lambda x, a1, a2, W2: W2 @ a1),
    },
)
DW2 = _binary(
    2,
    ("binary_dw3",),
    "delta2 = (W3^T delta3) g'(z2), with an elementwise product. Compare the shapes of the factors"
    " with that of W2: the slide lacks two transposes.",
    wrongs={
        "multiplied by x, must be by a1": _product(2, lambda x, a1, a2, W2: x),
        "multiplied by a2, must be by a1": _product(2, lambda x, a1, a2, W2: a2),
    },
)
DW1 = _binary(
    1, ("binary_dw2",), "delta1 comes from delta2 as delta2 came from delta3, through W2."
)

KERNELS = ("W1", "W2", "W3")
UPDATED = {"new_W1": "(H1, D)", "new_W2": "(H2, H1)", "new_W3": "(1, H2)"}


def _after(
    rule: Callable[..., Weights], rate: float, x: Array, y: Array, W1: Array, W2: Array, W3: Array
) -> Leaves:
    """Return the kernels after a step of the library's."""
    new = jax.jit(rule, static_argnums=3)(_weights(W1, W2, W3), x, y, rate)
    return {f"new_{name}": np.asarray(getattr(new, name)) for name in KERNELS}


def _moved(factor: float, alpha: float, **case: Array) -> Leaves:
    found = _gradients(**case)
    return {f"new_{name}": case[name] - factor * alpha * found[f"d{name}"] for name in KERNELS}


def _upwards(alpha: float, **case: Array) -> Leaves:
    """Return the kernels if each layer is replaced before the gradient above it is formed."""
    case = dict(case)
    for name in KERNELS:
        case[name] = case[name] - alpha * _gradients(**case)[f"d{name}"]
    return {f"new_{name}": case[name] for name in KERNELS}


def _downwards(alpha: float, **case: Array) -> Leaves:
    """Return the kernels if the forward pass is made anew after each is replaced."""
    case = dict(case)
    for name in reversed(KERNELS):
        case[name] = case[name] - alpha * _gradients(**case)[f"d{name}"]
    return {f"new_{name}": case[name] for name in KERNELS}


def _with_rate() -> list[Case]:
    return [{**case, "alpha": alpha} for case, alpha in zip(_networks(), (0.5, 2.0), strict=True)]


ORDER = Exercise(
    name="order_of_updates",
    row="E12",
    title="One step of descent for three layers, all from the old values.",
    formula=f"{FORWARD}    new_Wl = Wl - alpha dL/dWl,   l = 3, 2, 1",
    arguments={**NETWORK, "alpha": "the learning rate"},
    results=UPDATED,
    hint="Form all three gradients before you replace the first kernel: dL/dW2 needs the W3 with"
    " which the forward pass was made.",
    referee="jax.grad",
    needs=("binary_dw3", "binary_dw2", "binary_dw1"),
    batch=("x", 1),
    cases=_with_rate,
    truth=lambda alpha, **case: _moved(1.0, alpha, **case),
    wrongs={
        "from new values: a kernel above was replaced before this gradient was formed": (
            lambda alpha, **case: _after(step_layer_by_layer, alpha, **case)
        ),
        "from new values: the forward pass was made anew between the updates": _downwards,
        "from new values: a kernel below was replaced before this gradient was formed": _upwards,
        "the sign of the step is wrong: this climbs": lambda alpha, **case: _moved(
            -1.0, alpha, **case
        ),
        "this is the gradient, and not the new kernel": lambda alpha, **case: {
            f"new_{name[1:]}": d for name, d in _gradients(**case).items()
        },
        "the learning rate is missing": lambda alpha, **case: _moved(1 / alpha, alpha, **case),
        "the factor 1/N of the gradient is missing": lambda alpha, **case: _moved(
            case["x"].shape[1], alpha, **case
        ),
        "this kernel was not replaced": lambda alpha, **case: _moved(0.0, alpha, **case),
    },
)

EXERCISES = (DW3, DW2, DW1, ORDER)
