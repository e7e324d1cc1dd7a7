"""Questions of diagnosis of lecture B: a rate that is too high, a start at zero, dead units."""

from collections.abc import Sequence

import jax
import numpy as np

from jaxmlp import nn
from jaxmlp.exercise.question import Panel, Question, Run
from jaxmlp.exercise.small_runs import (
    Task,
    accuracy,
    digits,
    kept,
    losses,
    norms,
    starts,
    train,
)

RATES = (0.2, 0.15, 0.25)  # they suit the digits, 64-32-10 and batches of 32


def _rates(seed: int) -> Sequence[Run]:
    part, _ = digits(seed, 960, 1)
    task = Task(nn.mlp((32,), 10, nn.activations.tanh), epochs=5)
    begin = starts(task.model, 64, seed, 4)
    found = train(task, begin, [[10 * RATES[0]], *([rate] for rate in RATES)], [part] * 4, seed)
    return [
        Run(
            {
                "loss, step 1": own[0],
                "loss, mean of steps 2 to 10": own[1:10].mean(),
                "loss, mean of steps 50 to 59": own[49:59].mean(),
                "loss, mean of the last 10 steps": own[-10:].mean(),
                "largest loss over first loss": own.max() / own[0],
            },
            ({"training": own},),
        )
        for own in np.asarray(found.losses, float)
    ]


RATE = Question(
    name="which_rate_is_too_high",
    row="B3",
    title="Which of these runs has a learning rate ten times too high?",
    text="Four networks 64-32-10 with tanh learn 960 digits by gradient descent, in batches of 32."
    " The picture shows the loss of each batch.",
    panels=(Panel("step", "cross-entropy of the batch (nats)", first=1, log=True),),
    runs=_rates,
    decides="largest loss over first loss",
    healthy="near 1: from the start on the loss falls",
    fault="its learning rate was ten times that of a healthy run. A step goes past the minimum, and"
    " up on the other side: the loss jumps up at the start and stays erratic.",
    remedy="divide the rate by 3, and again, until the loss falls smoothly; or let"
    " `python -m jaxmlp.find_rate` look for it.",
)


def _zero_start(seed: int) -> Sequence[Run]:
    part, _ = digits(seed, 480, 1)
    task = Task(nn.mlp((32, 32), 10, nn.activations.tanh), epochs=12)
    healthy = starts(task.model, 64, seed, 3, gain=1)
    zeros = jax.tree.map(np.zeros_like, healthy[0])
    begin = [zeros, *healthy]
    found = train(task, begin, [[0.05], [0.05], [0.02], [0.03]], [part] * 4, seed)
    curves = losses(task.model, found.params, [part] * 4)
    runs = []
    steepness = norms(task.model, found.after(1), [part] * 4)
    for curve, steep in zip(curves, steepness, strict=True):
        layers = {str(layer): norm for layer, norm in enumerate(steep, 1)}
        numbers = {f"gradient of kernel {layer}": norm for layer, norm in layers.items()}
        runs.append(
            Run(
                {"loss at the start": curve[0], "loss at the end": curve[-1], **numbers},
                (
                    {"training": curve},
                    {layer: np.array([norm]) for layer, norm in layers.items()},
                ),
            )
        )
    return runs


ZERO_START = Question(
    name="which_started_at_zero",
    row="B8",
    title="Which of these runs began with all parameters at zero?",
    text="Four networks 64-32-32-10 with tanh learn 480 digits by gradient descent at three rates."
    " The picture shows the loss on these digits, and the norm of the gradient of each kernel"
    " after the first epoch.",
    panels=(
        Panel("epoch", "cross-entropy (nats)"),
        Panel("kernel of layer", "gradient norm after epoch 1", "bars"),
    ),
    runs=_zero_start,
    decides="gradient of kernel 1",
    healthy="above 0",
    fault="all parameters began at 0. So tanh puts out 0, and the gradient of the last kernel, a"
    " product with these outputs, is exactly 0; the last kernel is 0, so nothing comes back to the"
    " layers below. Only the biases of the outputs move, and learn how frequent each class is.",
    remedy="draw the kernels at random: Xavier's rule for tanh, He's for ReLU; only biases may"
    " begin at 0.",
    needs=("xavier",),
)

SHOCK = 10  # steps


def _dead_units(seed: int) -> Sequence[Run]:
    part, test = digits(seed, 960, 300)
    task = Task(nn.mlp((64,), 10), epochs=10)
    begin = starts(task.model, 64, seed, 4)
    steps = task.epochs * (len(part.x) // task.batch_size)
    rates = np.tile(np.array([[0.1], [0.1], [0.15], [0.07]]), (1, steps))
    rates[0, :SHOCK] = 4.0
    found = train(task, begin, rates, [part] * 4, seed)
    scores = accuracy(task.model, found.params, [test] * 4)
    _, outputs = kept(task.model, found.after(-1), [part] * 4, 2)  # flatten, dense, relu
    runs = []
    for curve, a in zip(scores, outputs, strict=True):
        active = (a > 0).mean(axis=0)
        runs.append(
            Run(
                {
                    "test accuracy": curve[-1],
                    "activation, mean": a.mean(),
                    "activation, largest": a.max(),
                    "units active on 1 to 99 %": np.mean((active > 0.01) & (active < 0.99)),
                    "units active on no example": np.mean(active == 0),
                },
                ({"test": curve}, {"units": active}),
            )
        )
    return runs


DEAD_UNITS = Question(
    name="which_has_dead_units",
    row="B11",
    title="Which of these runs has dead units?",
    text="Four networks 64-64-10 with ReLU learn 960 digits. The picture shows the accuracy on 300"
    " other digits, and how often the hidden units are active at the end: for each unit the share"
    " of the examples on which it puts out more than 0.",
    panels=(
        Panel("epoch", "test accuracy (share)"),
        Panel("share of examples where active", "number of units", "histogram"),
    ),
    runs=_dead_units,
    decides="units active on no example",
    healthy="0 or nearly 0",
    fault=f"its first {SHOCK} steps were 40 times too long. They pushed the weights of many units"
    " so far that z <= 0 on every example. There the slope of ReLU is 0, so no gradient reaches"
    " these units any more, and the right rate that followed could not bring them back.",
    remedy="a lower rate at the start, or a warm-up; `leaky_relu` or `elu` keep a slope below 0.",
    needs=("relu_backward",),
)

QUESTIONS = (RATE, ZERO_START, DEAD_UNITS)
