r"""Small batches learn more per pass than whole batches; batches of a few dozen learn most.

A network 49-32-10 learns digits of 7 x 7 pixels by plain descent, with nine batch sizes `B` from
one example to all. Every size makes ten passes, so all evaluate the same number of gradients; size
`B` takes a step after each `B` of them. Every size gets its own rate, the best of the same nine:
for the training loss by that loss, and for the test loss by the loss on other examples, held out.
The seconds of ten passes are those of one run alone on the processor (deck C, "Mini-Batches"; deck
E, "Mini-Batch Gradient Descent").

The decks add that a mini-batch avoids local minima (erratum 12). Nothing here shows it: what large
batches lack after ten passes is steps.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style, timing
from experiments.descent import orders, over_seeds, stepping
from experiments.framework import (
    BEFORE,
    IN_PART,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import paired, spread
from experiments.training import digits
from experiments.tuning import best
from jaxmlp import nn, optim

ABOUT = About(
    rows=("C6", "E10"),
    section="Mini-Batches; Mini-Batch Gradient Descent: Definition, Advantages, and Disadvantages",
    formula=r"w \leftarrow w - \frac{\eta}{B} \sum_{n=1}^{B} \nabla \ell_n (w)",
    number="training loss after ten passes, whole batches minus batches of 32",
    unit="nats",
    thresholds=(
        Threshold(
            "after the same number of passes, the mini-batch's training loss is below half of"
            " the whole batch's; the mini-batch is faster than online learning in seconds; and"
            " the slope of log variance against log B is within 0.05 of -1",
            BEFORE,
        ),
        Threshold(
            "after the same number of passes, the mini-batch's training loss is below half of"
            " the whole batch's, and not above that of online learning; and the slope of log"
            " variance against log B is within 0.05 of -1",
            "identical runs on a busy machine fell on both sides of 'faster than online learning',"
            " so gradient evaluations took the place of seconds. The exact words of the first form"
            " were not kept",
        ),
        Threshold(
            "after ten passes, at its own best rate, a batch of 32 has a lower training loss than"
            " the whole batch (main clause) and than online learning; each difference counts if"
            " its paired 95 % t interval over the seeds excludes zero",
            "three sizes had been seen, at rates from one coarse grid: online learning had the"
            " lowest loss, so the claim held in part. Nine sizes and a finer grid show where the"
            " best size lies. The share of a half was arbitrary. The clause on the variance went:"
            " variance over B is an identity for independent draws, which no run can refute",
        ),
    ),
    expected=IN_PART,
    seconds=30,
)
PASSES, DOZENS = 10, 32
RATES = tuple(0.0125 * 2.0**k for k in range(9))
PARTS = ("training", "held-out", "test")


class Problem(NamedTuple):
    """The network, its gradient and loss, and the three parts of the data by name."""

    model: nn.Layer
    gradient: Any
    loss: nn.Loss
    parts: dict[str, tuple[jax.Array, jax.Array]]


def run(settings: Settings) -> Numbers:
    """Train with every batch size, rate and seed; measure losses and seconds."""
    n, held, test = (512, 500, 500) if settings.quick else (2048, 2000, 2000)
    sizes = (1, DOZENS, n) if settings.quick else (1, 2, 4, 8, 16, DOZENS, 64, 256, n)
    if not settings.quick:
        settings = settings._replace(seeds=settings.many)
    problem = _problem(settings, n, held, test)
    starts = over_seeds(lambda key: problem.model.init(key, (49,))[0], settings)
    numbers: Numbers = {"n": n, "sizes": sizes, "losses": {}, "rates": {}, "seconds": []}
    losses, alone = [], []
    train, judge = _training(problem), _judge(problem)
    everywhere = jax.jit(jax.vmap(jax.vmap(train, (0, None, None, None)), (None, 0, 0, None)))
    data = problem.parts["training"]
    for size in sizes:
        batches = orders(settings, PASSES, n, size).reshape(settings.seeds, -1, size)
        losses.append(judge(everywhere(jnp.asarray(RATES), starts, batches, data)))
        first = jax.tree.map(lambda leaf: leaf[0], starts)
        alone.append(timing.compiled(train, 0.1, first, batches[0], data))
    numbers["seconds"] = timing.seconds(alone, 3 if settings.quick else settings.seeds)
    for part, judge_part in (("training", 0), ("test", 1)):
        chosen = [best(RATES, table[..., judge_part].T) for table in map(np.asarray, losses)]
        at = PARTS.index(part)
        numbers["losses"][part] = [
            np.asarray(table)[:, c.place, at] for table, c in zip(losses, chosen, strict=True)
        ]
        numbers["rates"][part] = [(c.rate, c.at_edge) for c in chosen]
    return numbers


def _problem(settings: Settings, *sizes: int) -> Problem:
    """Return the network and its data, the digits as means over 4 x 4 pixels."""
    n, held, test = sizes
    (x, y), (x_test, y_test) = digits(settings, n + held, test)
    small, small_test = (
        a.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49) for a in (x, x_test)
    )
    cuts = (small[:n], y[:n]), (small[n:], y[n:]), (small_test, y_test)
    parts = {
        name: (jnp.asarray(a), jnp.asarray(b)) for name, (a, b) in zip(PARTS, cuts, strict=True)
    }
    model, loss = nn.mlp((32,), 10), nn.losses.cross_entropy
    return Problem(model, nn.value_and_grad(model, loss), loss, parts)


def _training(problem: Problem) -> Any:
    """Training as `(rate, params, batches, data) -> params`; batches are rows of indices."""

    def train(rate: jax.Array, params: Any, batches: jax.Array, data: Any) -> Any:
        optimizer = optim.sgd(rate)
        step = stepping(problem.gradient, optimizer)

        def one(carry: Any, rows: jax.Array) -> tuple[Any, None]:
            return step(carry, (data[0][rows], data[1][rows]))[0], None

        return jax.lax.scan(one, (params, optimizer.init(params)), batches)[0][0]

    return train


def _judge(problem: Problem) -> Any:
    """The losses of trees `(seeds, rates)` on the three parts, `(seeds, rates, parts)`."""

    def losses(params: Any) -> jax.Array:
        return jnp.stack(
            [problem.loss(problem.model(params, x), y) for x, y in problem.parts.values()]
        )

    return jax.jit(jax.vmap(jax.vmap(losses)))


def plot(numbers: Numbers) -> Figure:
    """Draw the losses against the batch size, and the training loss against the seconds."""
    figure, ((left, right),) = style.figure(1, 2)
    sizes = list(numbers["sizes"])
    for i, (part, runs) in enumerate(numbers["losses"].items()):
        values = np.array(runs).T
        style.band(left, sizes, values, f"{part} loss", i, log=True, marker=style.MARKERS[i])
    left.set(xlabel="batch size B", ylabel=f"loss after {PASSES} passes, nats")
    left.set_xscale("log", base=2)
    left.set_xticks(sizes, [str(size) for size in sizes], rotation=45)
    left.legend(frameon=False)
    seconds = np.median(numbers["seconds"], axis=1)
    losses = np.array(numbers["losses"]["training"]).mean(axis=1)
    right.plot(seconds, losses, "o-", color=style.COLOURS[0])
    for i, (size, *point) in enumerate(zip(sizes, seconds, losses, strict=True)):
        place = (0, 7 if i % 2 else -15)
        right.annotate(f"{size}", point, xytext=place, textcoords="offset points", ha="center")
    right.set(xscale="log", yscale="log", ylabel=f"training loss after {PASSES} passes, nats")
    right.set_xlabel(f"processor seconds of {PASSES} passes (labels: batch size B)")
    right.margins(0.1, 0.12)
    style.plain_ticks(right.xaxis)
    for axis in (left.yaxis, right.yaxis):
        style.plain_ticks(axis)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare batches of 32 with whole batches and with online learning, after ten passes."""
    sizes, n = list(numbers["sizes"]), numbers["n"]
    train, test = (np.array(numbers["losses"][part]) for part in ("training", "test"))
    dozens = sizes.index(DOZENS)
    whole, online = (paired(train[k], train[dozens]) for k in (-1, 0))
    online_test = paired(test[0], test[dozens])
    seconds = np.median(numbers["seconds"], axis=1)
    lowest = {
        name: sizes[int(np.argmin(values.mean(axis=1)))]
        for name, values in (("training", train), ("test", test))
    }
    word = word_of(whole.above, online.above)
    return Verdict(
        word,
        whole.mean,
        spread(train[-1] - train[dozens]),
        f"All sizes make {PASSES} passes, {PASSES * n:,} gradient evaluations. The training loss is"
        f" then {train[0].mean():.3f} with single examples, {train[dozens].mean():.3f} with batches"
        f" of {DOZENS} and {train[-1].mean():.3f} with the whole batch, which has taken only"
        f" {PASSES} steps. The whole batch lags by {whole.text(3)} nats (95 %); online learning is"
        f" at {online.text(3)} from batches of {DOZENS}, and at {online_test.text(3)} in test"
        f" loss. The mean is lowest at B = {lowest['training']} in training and at"
        f" B = {lowest['test']} in the test.{_ties(sizes, train, test)} What batches of {DOZENS}"
        f" save is time: {seconds[dozens]:.2g} s instead of {seconds[0]:.2g} s for single examples."
        f" {_rates(numbers)}",
        "small batches learn more per pass than whole batches" if word == IN_PART else "",
    )


def _ties(sizes: list[int], *losses: np.ndarray) -> str:
    """Say which sizes are not shown to be worse than the best one."""
    said = []
    for name, values in zip(("training", "test"), losses, strict=True):
        first = int(np.argmin(values.mean(axis=1)))
        tied = [
            s
            for s, each in zip(sizes, values, strict=True)
            if s != sizes[first] and paired(each, values[first]).above is not True
        ]
        said.append(f"{', '.join(map(str, tied)) or 'none'} ({name})")
    return f" Not shown to be worse than that: B = {' and '.join(said)}."


def _rates(numbers: Numbers) -> str:
    """Say which rates were chosen for the training loss, and which lie at an edge."""
    rates = zip(numbers["sizes"], numbers["rates"]["training"], strict=True)
    said = [
        f"{rate:g}{' (edge of the grid)' * bool(edge)} at {size}" for size, (rate, edge) in rates
    ]
    return f"The best rates were {', '.join(said)}."
