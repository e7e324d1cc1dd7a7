r"""The perceptron stops learning if a line separates the classes, and only then.

Points in the unit disc lie at a margin of at least gamma from a random line. We count the mistakes
made until none is left, and compare them with the bound. Then a tenth of the labels is flipped, and
the perceptron goes on beside logistic regression, at three rates, on the same examples. We measure
how much their accuracies vary, the slope of the step function, and the Brier score, which is the
mean square of the answer minus the label; the perceptron answers 0 or 1, logistic regression
answers with a probability (deck E, "The Perceptron Algorithm" and its difference from logistic
regression).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import over_seeds, stepping
from experiments.framework import (
    BEFORE,
    HOLDS,
    IN_PART,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import paired
from jaxmlp import nn, optim

ABOUT = About(
    rows=("E1", "E2"),
    section="The perceptron: supervised binary classifier; difference w.r.t LR",
    formula=r"\theta_j \leftarrow \theta_j + \alpha (y - h_\theta(x)) x_j, \qquad"
    r" \text{mistakes} \leq \Big(\frac{R}{\gamma}\Big)^2",
    number="mistakes made over mistakes that the bound allows, the largest of all runs",
    unit="share",
    thresholds=(
        Threshold(
            "every run on separable classes halts within the bound; on overlapping classes no run"
            " has an epoch without a mistake, and over the last half of the epochs its accuracy"
            " varies at least five times as much as logistic regression's",
            BEFORE,
        ),
        Threshold(
            "every run on separable classes halts within the bound; on overlapping classes, no"
            " run has an epoch without a mistake; over the last half of the epochs, the"
            " perceptron's accuracy varies more than logistic regression's and its Brier score"
            " is higher, at every rate and every seed; the step function has slope zero at every"
            " z",
            "runs at one rate had been seen, in which the perceptron's accuracy varied five times"
            " as much; logistic regression got three rates, and what the slides say about"
            " probability and gradient is measured",
        ),
        Threshold(
            "every run on separable classes halts within the bound, and on overlapping classes no"
            " run has an epoch without a mistake (main clause); over the last half of the epochs,"
            " the perceptron's accuracy varies more than logistic regression's and its Brier score"
            " is higher, at every rate, by a paired 95 % interval over ten seeds; the step"
            " function has slope zero at every z",
            "what holds at each of five seeds need not hold at the next one; an interval says how"
            " sure we are",
        ),
    ),
    expected=HOLDS,
    seconds=10,
)
MARGINS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
RADIUS2 = 2.0  # the largest |(x, 1)|^2
N = 100
FLIPPED = 0.1
RATES = (0.005, 0.02, 0.1)  # rates of logistic regression


def run(settings: Settings) -> Numbers:
    """Count mistakes against the margin, and follow two learners on overlapping classes."""
    epochs = 300 if settings.quick else 1000
    settings = settings._replace(seeds=settings.many)
    mistakes = over_seeds(
        lambda key: jax.vmap(
            lambda gamma: _learn(nn.losses.perceptron, 1.0, *_points(key, gamma), epochs)[0]
        )(jnp.asarray(MARGINS, jnp.float32)),
        settings,
    )
    chosen = {"perceptron": (nn.losses.perceptron, 1.0)} | {
        f"logistic, rate {rate}": (nn.losses.binary_cross_entropy, rate) for rate in RATES
    }
    overlapping = {}
    for name, (loss, rate) in chosen.items():

        def noisy(key: Array, loss: nn.Loss = loss, rate: float = rate) -> tuple[Array, ...]:
            x, y = _points(key, jnp.float32(0.1))
            flip = jax.random.bernoulli(jax.random.fold_in(key, 9), FLIPPED, y.shape)
            return _learn(loss, rate, x, jnp.where(flip, 1 - y, y), 100)

        wrong, accuracy, brier = over_seeds(noisy, settings)
        overlapping[name] = {"mistakes": wrong, "accuracy": accuracy, "brier": brier}
    z = jnp.linspace(-3, 3, 61)
    slope = {
        "step": jax.vmap(jax.grad(lambda z: jnp.where(z >= 0, 1.0, 0.0)))(z),
        "sigmoid": jax.vmap(jax.grad(jax.nn.sigmoid))(z),
    }
    return {"margins": MARGINS, "mistakes": mistakes, "overlapping": overlapping, "slope": slope}


def _points(key: Array, gamma: Array) -> tuple[Array, Array]:
    """Draw points in the unit disc and move them to at least the margin from a line through it."""
    keys = jax.random.split(key, 3)
    angle = jax.random.uniform(keys[0], maxval=2 * jnp.pi)
    normal = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    far = jax.random.uniform(keys[1], (N,), minval=gamma, maxval=1.0)
    y = (jnp.arange(N) % 2).astype(jnp.float32)
    across = far * (2 * y - 1)
    along = jnp.sqrt(1 - far**2) * jax.random.uniform(keys[2], (N,), minval=-1.0)
    x = across[:, None] * normal + along[:, None] * jnp.stack([-normal[1], normal[0]])
    return x, y[:, None]


def _learn(loss: nn.Loss, rate: float, x: Array, y: Array, epochs: int) -> tuple[Array, ...]:
    """Show the examples one by one; return each epoch's mistakes, accuracy and Brier score."""
    model = nn.mlp((), 1, kernel=nn.initializers.zeros)
    optimizer = optim.sgd(rate)
    step = stepping(nn.value_and_grad(model, loss), optimizer)
    params, _ = model.init(jax.random.key(0), (2,))

    def show(state, example):  # type: ignore[no-untyped-def]
        x_n, y_n = example
        state, (_, z) = step(state, (x_n[None], y_n[None]))
        return state, (z[0, 0] >= 0) != (y_n[0] > 0.5)

    def epoch(state, _):  # type: ignore[no-untyped-def]
        state, wrong = jax.lax.scan(show, state, (x, y))
        z = model(state[0], x)
        fires = (z >= 0).astype(x.dtype)
        said = fires if loss is nn.losses.perceptron else jax.nn.sigmoid(z)
        return state, (jnp.sum(wrong), jnp.mean(fires == y), jnp.mean((said - y) ** 2))

    return jax.lax.scan(epoch, (params, optimizer.init(params)), None, length=epochs)[1]


def plot(numbers: Numbers) -> Figure:
    """Draw mistakes against the margin with their bound, and accuracy by epoch."""
    figure, ((left, right),) = style.figure(1, 2)
    margins = np.array(numbers["margins"])
    total = np.sum(numbers["mistakes"], axis=2)
    style.band(left, list(margins), total, "mistakes made", 0, log=True, marker="o")
    style.band(left, list(margins), RADIUS2 / margins**2, r"bound $(R/\gamma)^2$", 1)
    left.set_xscale("log")
    left.set_xlabel(r"margin $\gamma$")
    left.set_ylabel("mistakes until there are none")
    for i, (name, runs) in enumerate(numbers["overlapping"].items()):
        accuracy = 100 * np.array(runs["accuracy"])[0]
        style.band(right, range(1, 1 + len(accuracy)), accuracy, name, i)
    right.set_xlabel("epoch on overlapping classes (seed 0)")
    right.set_ylabel("training accuracy, %")
    left.legend(frameon=False)
    right.legend(frameon=False, ncols=2, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare mistakes with the bound, and the variation of the two learners."""
    mistakes, margins = np.array(numbers["mistakes"]), np.array(numbers["margins"])
    share = np.sum(mistakes, axis=2) * margins**2 / RADIUS2
    halts = bool(np.all(mistakes[:, :, -1] == 0) and np.all(share <= 1))
    runs = {name: np.array(part["accuracy"]) for name, part in numbers["overlapping"].items()}
    half = runs["perceptron"].shape[1] // 2
    restless = {name: np.std(a[:, half:], axis=1) for name, a in runs.items()}
    brier = {
        name: np.mean(np.array(part["brier"])[:, half:], axis=1)
        for name, part in numbers["overlapping"].items()
    }
    worse = [
        paired(found["perceptron"], found[name]).above
        for found in (restless, brier)
        for name in runs
        if name != "perceptron"
    ]
    flat = not np.any(numbers["slope"]["step"])
    never = bool(np.all(np.array(numbers["overlapping"]["perceptron"]["mistakes"]) > 0))
    word = word_of(halts and never, *worse, flat)
    listed = "; ".join(
        f"{name} {np.mean(a[:, half:]):.1%} ± {np.mean(restless[name]):.1%}, Brier"
        f" {np.mean(brier[name]):.3f}"
        for name, a in runs.items()
    )
    return Verdict(
        word,
        float(np.max(share)),
        None,
        f"With a margin, the perceptron {'always halts' if halts else 'does not always halt'},"
        f" with at most {np.max(share):.0%} of the mistakes that the bound allows. With"
        f" {FLIPPED:.0%} of the labels flipped, it {'never halts' if never else 'may still halt'}."
        " Accuracy over the last half of the epochs, its deviation from epoch to epoch, and the"
        f" Brier score: {listed}. The slope of the step function is"
        f" {np.max(np.abs(numbers['slope']['step'])):.0f} at every z, and that of the sigmoid goes"
        f" up to {np.max(numbers['slope']['sigmoid']):.2f}: the answer of the step function says"
        " neither how sure it is nor in which direction to improve.",
        part="it halts on separable classes only" if word == IN_PART else "",
    )
