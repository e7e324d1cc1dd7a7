"""Questions of diagnosis of lectures D and E: a wrong sign, inputs as they come, depth."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmlp import data, nn
from jaxmlp.exercise.question import Panel, Question, Run
from jaxmlp.exercise.small_runs import (
    Part,
    Task,
    accuracy,
    digits,
    kept,
    losses,
    measured,
    norms,
    starts,
    train,
)

H = 1e-2  # the length of a step of a difference, in units of the gradient's norm


def _network(wrong: bool) -> nn.Layer:
    """Return 64-32-32-10 with tanh; with a wrong sign in the second activation's derivative."""
    model = nn.mlp((32, 32), 10, nn.activations.tanh)
    if not wrong:
        return model
    flatten, first, f, second, g, last = model.layers

    def backward(params: Any, cache: Any, da: Any) -> Any:
        dparams, dz = g.backward(params, cache, da)
        return dparams, -dz

    return nn.sequential(flatten, first, f, second, dataclasses.replace(g, backward=backward), last)


def _ratios(model: nn.Layer, params: Any, parts: Sequence[Part]) -> np.ndarray:
    """Return for each kernel the slope of the loss along its gradient, over what it must be.

    Along the gradient g of the right function the slope is `|g|`. It is measured by a central
    difference.
    """
    value_and_grad = nn.value_and_grad(model, nn.losses.cross_entropy)

    def ratios(params: Any, x: Any, y: Any) -> Any:
        def at(place: int, step: Any) -> Any:
            moved = {**params[place], "W": params[place]["W"] + step}
            outputs = model((*params[:place], moved, *params[place + 1 :]), x)
            return nn.losses.cross_entropy(outputs, y)

        found = []
        for place, layer in enumerate(value_and_grad(params, x, y)[1]):
            if layer:
                norm = jnp.linalg.norm(layer["W"])
                step = H * layer["W"] / norm
                found.append((at(place, step) - at(place, -step)) / (2 * H * norm))
        return jnp.stack(found)

    return measured(ratios, params, parts)


def _wrong_sign(seed: int) -> Sequence[Run]:
    part, _ = digits(seed, 480, 1)
    begin = starts(_network(False), 64, seed, 4, gain=1)
    rates = [[0.1], [0.1], [0.07], [0.05]]
    runs = []
    for wrong, chosen in ((True, slice(0, 1)), (False, slice(1, 4))):
        task = Task(_network(wrong), epochs=8)
        parts = [part] * len(begin[chosen])
        found = train(task, begin[chosen], rates[chosen], parts, seed)
        curves = losses(task.model, found.params, parts)
        ratios = _ratios(task.model, found.after(0), parts)
        runs += [_signed(*pair) for pair in zip(curves, ratios, strict=True)]
    return runs


def _signed(curve: np.ndarray, ratios: np.ndarray) -> Run:
    layers = {str(layer): ratio for layer, ratio in enumerate(ratios, 1)}
    numbers = {f"slope over |gradient|, kernel {layer}": ratio for layer, ratio in layers.items()}
    return Run(
        {
            "loss at the start": curve[0],
            "loss after epoch 2": curve[2],
            "loss at the end": curve[-1],
            **numbers,
        },
        ({"training": curve}, {layer: np.array([ratio]) for layer, ratio in layers.items()}),
    )


WRONG_SIGN = Question(
    name="which_sign_is_wrong",
    row="D8",
    title="Which of these runs has a wrong sign in its backward pass?",
    text="Four networks 64-32-32-10 with tanh learn 480 digits by gradient descent. The picture"
    " shows the loss on these digits, and a check before the first step: each kernel alone is moved"
    " a little along its gradient g, to both sides. The slope of the loss along this line must be"
    " |g|; the picture shows the measured slope over |g|.",
    panels=(
        Panel("epoch", "cross-entropy (nats)"),
        Panel("kernel of layer", "measured slope over |gradient|", "bars", line=(1, "right")),
    ),
    runs=_wrong_sign,
    decides="slope over |gradient|, kernel 1",
    healthy="1",
    fault="the derivative of its second tanh had a wrong sign. delta is passed down from layer to"
    " layer, so the gradients of kernels 1 and 2, below the mistake, point uphill, and only kernel"
    " 3, above it, is right. The last layer can still learn something, so the loss alone does not"
    " tell what is wrong.",
    remedy="check each gradient by central differences (lecture row B4) before you train; the"
    " highest layer whose ratio is not 1 lies just below the mistake. `python -m jaxmlp.gradcheck`"
    " does this.",
    needs=("central_differences", "delta_procedure"),
)


def _wine(seed: int) -> tuple[Part, Part]:
    """Return measurements of wines as they come, and as z-scores of the training part."""
    found = data.load("wine")
    chosen = np.random.default_rng(seed).permutation(len(found.x_train))[:128]
    x, y = found.x_train[chosen], found.y_train[chosen]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return Part(x.astype(np.float32), y), Part(z.astype(np.float32), y)


def _unscaled(seed: int) -> Sequence[Run]:
    raw, scaled = _wine(seed)
    task = Task(nn.mlp((16,), 3, nn.activations.tanh), epochs=20, batch_size=16)
    begin = starts(task.model, 13, seed, 4, gain=1)
    parts = [raw, scaled, scaled, scaled]
    found = train(task, begin, [[0.1], [0.1], [0.05], [0.15]], parts, seed)
    curves = losses(task.model, found.params, parts)
    right = accuracy(task.model, found.after(-1), parts)
    inputs, outputs = kept(task.model, found.after(0), parts, 2)  # flatten, dense, tanh
    return [
        Run(
            {
                "loss at the start": curve[0],
                "loss at the end": curve[-1],
                "training accuracy, at the end": score,
                "mean |z| of hidden units": np.abs(z).mean(),
                "mean slope of tanh": (1 - a**2).mean(),
            },
            ({"training": curve}, {"units": a}),
        )
        for curve, score, z, a in zip(curves, right, inputs, outputs, strict=True)
    ]


UNSCALED = Question(
    name="which_inputs_are_unscaled",
    row="E7",
    title="Which of these runs gets its inputs as they were measured?",
    text="Four networks 13-16-3 with tanh learn three kinds of wine from 13 measurements, whose"
    " means lie between 0.4 and 750, each in its own unit. Three get z-scores. The picture shows"
    " the loss, and the outputs of the hidden units before the first step.",
    panels=(
        Panel("epoch", "cross-entropy (nats)"),
        Panel("output of a hidden unit", "examples times units", "histogram", bins=(-1, 1, 20)),
    ),
    runs=_unscaled,
    decides="mean slope of tanh",
    healthy="near 0.5: most units work where tanh is steep",
    fault="its measurements were not scaled. One of them lies near 750, and drowns the others: |z|"
    " is large, tanh puts out -1 or 1 for nearly every example, and its slope there is 0. So almost"
    " no gradient reaches the first kernel, and the last one sees hardly any difference between two"
    " wines.",
    remedy="take from each input its mean, and divide by its deviation; both are computed from the"
    " training part alone. `python -m jaxmlp.train` does this by itself with tables.",
    needs=("z_score",),
)

DEPTH = 6


def _vanishing(seed: int) -> Sequence[Run]:
    part, _ = digits(seed, 480, 1)
    rates = [[0.1], [0.1], [0.07], [0.05]]
    runs = []
    for f, chosen in ((nn.activations.sigmoid, slice(0, 1)), (nn.activations.tanh, slice(1, 4))):
        task = Task(nn.mlp((32,) * DEPTH, 10, f), epochs=8)
        begin = starts(task.model, 64, seed, 4, gain=1)[chosen]
        parts = [part] * len(begin)
        found = train(task, begin, rates[chosen], parts, seed)
        curves = losses(task.model, found.params, parts)
        steepness = norms(task.model, found.after(0), parts)
        runs += [_faded(*pair) for pair in zip(curves, steepness, strict=True)]
    return runs


def _faded(curve: np.ndarray, norm: np.ndarray) -> Run:
    last = DEPTH + 1
    middle = (last + 1) // 2
    return Run(
        {
            "loss at the start": curve[0],
            "loss at the end": curve[-1],
            "gradient of kernel 1": norm[0],
            f"gradient of kernel {middle}": norm[middle - 1],
            f"gradient of kernel {last}": norm[-1],
            f"gradients of kernels, 1 over {last}": norm[0] / norm[-1],
        },
        ({"training": curve}, {"gradient": norm}),
    )


VANISHING = Question(
    name="which_gradient_vanishes",
    row="E8",
    title="In which of these runs does the gradient vanish?",
    text=f"Four networks with {DEPTH} hidden layers of 32 units learn 480 digits by gradient"
    " descent. The picture shows the loss, and the norm of the gradient of each kernel before the"
    " first step.",
    panels=(
        Panel("epoch", "cross-entropy (nats)"),
        Panel("kernel of layer", "norm of the gradient", log=True, first=1),
    ),
    runs=_vanishing,
    decides=f"gradients of kernels, 1 over {DEPTH + 1}",
    healthy="between 0.1 and 10",
    fault="its hidden units were sigmoids, and those of the others tanh. The slope of a sigmoid is"
    " at most 1/4, so each layer that the gradient passes makes it several times smaller, and"
    " almost nothing is left for the first one.",
    remedy="units that are steeper, such as ReLU or tanh, with the start that suits them; layer"
    " normalisation; fewer layers.",
    needs=("xavier", "delta_procedure"),
)

QUESTIONS = (WRONG_SIGN, UNSCALED, VANISHING)
