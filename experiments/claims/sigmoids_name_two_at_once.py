r"""Independent sigmoid outputs can name two things in a picture; softmax has to be told the number.

Half of the pictures show one digit, the others two digits side by side, each of 14 x 14 pixels. A
network has ten outputs, which are either ten sigmoids or one softmax over the digits present. Both
learn by Adam, each at its own best rate out of the same four, and are read in the same way: a digit
is there if its output exceeds a half. Then both are told that there are two digits, and name their
two largest outputs. Parameters are counted for a picture of 32 x 32 in three colours (deck E,
"Multiclass Logistic Regression" and "Activation Function Selection").
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import by_rate, orders, over_rates
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
from experiments.training import digits, halved
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn, optim

ABOUT = About(
    rows=("E3", "E5"),
    section="Multiclass logistic regression & neural network; activation function selection",
    formula=r"a_k = \frac{1}{1 + e^{-z_k}} \quad \text{beside} \quad a_k ="
    r" \frac{e^{z_k}}{\sum_j e^{z_j}}",
    number="pictures with two digits of which sigmoids name both, read at a half",
    unit="share of the pictures with two digits",
    thresholds=(
        Threshold(
            "one and three outputs have 3073 and 9219 parameters; read at a half, sigmoids name"
            " both of two digits in at least half of the pictures and softmax in at most 5 %; with"
            " conditions if softmax at its best threshold comes within 5 points of sigmoids",
            BEFORE,
        ),
        Threshold(
            "one and three outputs have 3073 and 9219 parameters; read at a half, sigmoids name"
            " both of two digits at least five times as often as softmax; with conditions if"
            " softmax, when told the number, names both digits nearly as often as sigmoids do"
            " (within 5 points)",
            "runs had been seen: half of the pictures depends on the number of training pictures,"
            " and that softmax fails altogether is too strong, since its two largest outputs are a"
            " good guess if the number of digits is known",
        ),
        Threshold(
            "one and three outputs have 3073 and 9219 parameters; read at a half, each at its own"
            " best rate, sigmoids name both of two digits more than five times as often as softmax"
            " (main clause); when both are told the number, sigmoids name both digits more often,"
            " by more than 5 points; each by a paired 95 % interval over the seeds",
            "both had one rate, and means say nothing about chance; the pictures were halved so"
            " that four rates fit in the same time",
        ),
    ),
    expected=IN_PART,
    seconds=40,
)
RATES = (0.001, 0.003, 0.01, 0.03)
PARTNERS = 3  # number of other digits that each digit is paired with
THRESHOLDS = np.linspace(0.05, 0.95, 19)
HALF = 9  # the place of 0.5


def run(settings: Settings) -> Numbers:
    """Count parameters, train both kinds of outputs, and read them at every threshold."""
    counts = [_count(nn.mlp((), outputs)) for outputs in (1, 3)]
    n, epochs = (1000, 5) if settings.quick else (6000, 8)
    parts = digits(settings, n, 1000)
    data = [_pairs(halved(x), y, seed) for seed, (x, y) in enumerate(parts)]
    model = nn.mlp((64,), 10)
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    starts = jax.vmap(lambda key: model.init(key, (392,))[0])(keys)
    batches = orders(settings, epochs, len(data[0][0]), 100)
    read: Numbers = {}
    for name, loss, activation in (
        ("sigmoids", nn.losses.binary_cross_entropy, jax.nn.sigmoid),
        ("softmax", nn.losses.cross_entropy, jax.nn.softmax),
    ):
        (x, y), test = data
        targets = y / y.sum(axis=1, keepdims=True) if name == "softmax" else y  # sum to one

        def measured(params, *known, f=activation):  # type: ignore[no-untyped-def]
            x, y = known[2:]
            answers = f(model(params, x))
            return _read(answers, y), _told(answers, y)

        learn = by_rate(model, loss, measured, rule=optim.adam)
        known = [jnp.asarray(part) for part in (x, targets, *test)]
        shares, told = over_rates(learn, RATES, starts, batches, *known)
        read[name] = {"test": shares[:, :, -1], "two of test": told[:, :, -1]}
    return {"counts": counts, "thresholds": THRESHOLDS, "read": read}


def _tuned(numbers: Numbers) -> dict[str, Tuned]:
    """Return the rate at which each names most of the pairs, when told that there are two."""
    return {
        name: best(RATES, 1 - np.array(part["two of test"]))
        for name, part in numbers["read"].items()
    }


def _count(model: nn.Layer) -> int:
    """Return the number of parameters for a colour picture."""
    params = jax.eval_shape(lambda key: model.init(key, (32, 32, 3))[0], jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _pairs(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures of each digit beside another kind of digit or nothing, and their labels."""
    rng = np.random.default_rng(seed)
    x, y = np.concatenate([x] * PARTNERS), np.concatenate([y] * PARTNERS)
    other = rng.permutation(len(x))
    two = (np.arange(len(x)) % 2 == 0) & (y != y[other])
    right = np.where(two[:, None], x[other], 0)
    there = np.zeros((len(x), 10), np.float32)
    there[np.arange(len(x)), y] = 1
    there[np.flatnonzero(two), y[other][two]] = 1
    return np.concatenate([x, right], axis=1), there


def _read(a: jax.Array, y: jax.Array) -> jax.Array:
    """Return the share of pictures read without error, of one and of two digits, by threshold."""
    exact = jnp.all((a[None] > jnp.asarray(THRESHOLDS)[:, None, None]) == (y > 0.5), axis=2)
    two = jnp.sum(y, axis=1) == 2
    return jnp.stack([jnp.mean(exact, axis=1, where=kind) for kind in (~two, two)])


def _told(a: jax.Array, y: jax.Array) -> jax.Array:
    """Return the share of two-digit pictures whose two largest outputs are right."""
    largest = jnp.argsort(a, axis=1)[:, -2:]
    right = jnp.all(jnp.take_along_axis(y, largest, axis=1) > 0, axis=1)
    return jnp.mean(right, where=jnp.sum(y, axis=1) == 2)


def plot(numbers: Numbers) -> Figure:
    """Draw the share of pictures read without error against the threshold."""
    figure, (panels,) = style.figure(1, 2)
    tuned = _tuned(numbers)
    for k, panel in enumerate(panels):
        for i, (name, parts) in enumerate(numbers["read"].items()):
            place = tuned[name].place
            percent = 100 * np.array(parts["test"])[place][:, k]
            style.band(panel, numbers["thresholds"], percent, name, i, marker=style.MARKERS[i])
            if k:
                told = 100 * np.mean(parts["two of test"][place])
                look = {"color": style.COLOURS[i], "ls": ":"}
                panel.axhline(told, label=f"{name}, told: two", **look)
        panel.set_xlabel("threshold: a digit is there if its output is above")
        panel.set_ylabel(f"pictures of {('one digit', 'two digits')[k]} named, %")
        panel.set_ylim(-5, 105)
    panels[1].legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare sigmoids with softmax at a half, and when both are told the number."""
    tuned = _tuned(numbers)
    read = {n: np.array(part["test"])[tuned[n].place] for n, part in numbers["read"].items()}
    told = {n: np.array(part["two of test"])[tuned[n].place] for n, part in numbers["read"].items()}
    two, shared = (read[name][:, 1, HALF] for name in ("sigmoids", "softmax"))
    lead = paired(100 * told["sigmoids"], 100 * told["softmax"])
    counted = list(numbers["counts"]) == [3073, 3 * 3073]
    clear = lead.low > 5 or (False if lead.high < 5 else None)
    word = word_of(counted and paired(two, 5 * shared).above, clear)
    rates = ", ".join(f"{name} {found.rate:g}" for name, found in tuned.items())
    return Verdict(
        word,
        float(np.mean(two)),
        spread(two),
        f"The counts are {numbers['counts'][0]} and {numbers['counts'][1]}. Read at a half, at the"
        f" best rate of each ({rates}), sigmoids name both digits in {np.mean(two):.1%} of the"
        f" pictures with two digits and softmax in {np.mean(shared):.1%}, because two of its"
        " outputs cannot both exceed a half. When told that there are two digits, softmax is right"
        f" in {np.mean(told['softmax']):.1%} and sigmoids in {np.mean(told['sigmoids']):.1%}, a"
        f" difference of {lead.text(1)} points.{edge_note(tuned)}",
        part="without the number, only sigmoids name two; with it, softmax is nearly as good"
        if word == IN_PART
        else "",
    )
