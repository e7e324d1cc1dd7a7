"""Questions of diagnosis of lecture C: test data that leaked, dropout that was left on."""

from collections.abc import Sequence

import jax
import numpy as np

from jaxmlp import nn, optim
from jaxmlp.exercise.question import Panel, Question, Run
from jaxmlp.exercise.small_runs import Part, Task, accuracy, digits, starts, train

WRONG = 0.3  # the share of labels that are drawn anew


def _mislabelled(part: Part, rng: np.random.Generator) -> Part:
    """Return examples of which some have a label that is drawn at random."""
    drawn = rng.integers(10, size=len(part.y)).astype(part.y.dtype)
    return Part(part.x, np.where(rng.random(len(part.y)) < WRONG, drawn, part.y))


def _leaked(seed: int) -> Sequence[Run]:
    rng = np.random.default_rng(seed)
    learned, test = (_mislabelled(part, rng) for part in digits(seed, 480, 240))
    both = Part(
        np.concatenate([learned.x[:240], test.x]), np.concatenate([learned.y[:240], test.y])
    )
    task = Task(nn.mlp((64,), 10), optim.adam, epochs=60)
    begin = starts(task.model, 64, seed, 4)
    rates = [[0.005], [0.005], [0.003], [0.008]]
    parts = [both, learned, learned, learned]
    found = train(task, begin, rates, parts, seed)
    trained = accuracy(task.model, found.params, parts)
    tested = accuracy(task.model, found.params, [test] * 4)
    return [
        Run(
            {
                "training accuracy, epoch 10": own[10],
                "training accuracy, epoch 60": own[60],
                "test accuracy, epoch 10": curve[10],
                "test accuracy, epoch 60": curve[60],
                "highest test accuracy": curve.max(),
            },
            ({"training": own, "test": curve},),
        )
        for own, curve in zip(trained, tested, strict=True)
    ]


HONEST = 1 - WRONG * 0.9  # a drawn label is right once in ten times

LEAKED = Question(
    name="which_test_data_leaked",
    row="C7",
    title="Which of these runs has learned its test data too?",
    text="Four networks 64-64-10 with ReLU learn 480 digits by Adam, and are tested on 240. In both"
    f" parts {WRONG:.0%} of the labels were drawn at random, so a network that knows all digits is"
    f" right on about {HONEST:.0%} of the labels of a test.",
    panels=(Panel("epoch", "accuracy (share)", line=(HONEST, "knows all digits")),),
    runs=_leaked,
    decides="highest test accuracy",
    healthy=f"at most about {HONEST:.2f}",
    fault="the test examples were among the training examples. The network learned even their"
    " random labels by heart, which nobody can know who has not seen them; such a test says nothing"
    " about new digits.",
    remedy="split the data before anything else, look for examples that stand in both parts, and"
    " be suspicious of a test that is as good as the training.",
    needs=("early_stopping",),
)

TRIES = 20


def _left_on(seed: int) -> Sequence[Run]:
    part, test = digits(seed, 960, 300)
    task = Task(nn.mlp((48,), 10, dropout_rate=0.5), epochs=12, random=True)
    begin = starts(task.model, 64, seed, 4)
    found = train(task, begin, [[0.2], [0.2], [0.15], [0.25]], [part] * 4, seed)
    # after each epoch, and then the last again and again
    many = jax.tree.map(
        lambda leaf: np.concatenate([leaf, np.repeat(leaf[:, -1:], TRIES, axis=1)], axis=1),
        found.params,
    )
    tests = jax.tree.leaves(many)[-1].shape[1]
    whole = accuracy(task.model, many, [test] * 4)
    first = jax.tree.map(lambda leaf: leaf[:1], many)
    keys = jax.random.split(jax.random.key(seed), (1, tests))
    thinned = accuracy(task.model, first, [test], keys)
    scores = np.concatenate([thinned, whole[1:]])
    curves, tries = np.split(scores, [tests - TRIES], axis=1)
    return [
        Run(
            {
                "test accuracy, epoch 4": curve[4],
                "test accuracy, epoch 8": curve[8],
                "test accuracy, epoch 12": curve[12],
                f"lowest of {TRIES} tests": again.min(),
                f"highest of {TRIES} tests": again.max(),
                f"deviation of {TRIES} tests": again.std(ddof=1),
            },
            ({"test": curve}, {"test": again}),
        )
        for curve, again in zip(curves, tries, strict=True)
    ]


LEFT_ON = Question(
    name="which_drops_at_evaluation",
    row="C8",
    title="Which of these runs is tested with dropout left on?",
    text="Four networks 64-48-10 with ReLU learn 960 digits; each hidden unit is dropped with"
    " probability 1/2 in training. The picture shows the accuracy on 300 other digits after each"
    f" epoch, and then {TRIES} further tests of the same network, after the last epoch.",
    panels=(
        Panel("epoch", "test accuracy (share)"),
        Panel("number of the further test", "test accuracy (share)", "points", first=1),
    ),
    runs=_left_on,
    decides=f"deviation of {TRIES} tests",
    healthy="0: a network without randomness gives the same answers twice",
    fault="half of its hidden units were dropped in the tests too. So each test judges another,"
    " thinned network: the accuracy is lower, and it differs from test to test.",
    remedy="test the whole network: here, call it without a key. Test twice and compare.",
    needs=("dropout",),
)

QUESTIONS = (LEAKED, LEFT_ON)
