r"""The mean activation of ELU is nearer to zero than that of ReLU, before and after training.

A mean activation that is not zero acts on the next layer like a bias. Negative values of ELU make
up for a part of its positive ones. For a normal z the means are known: `1 / sqrt(2 pi) = 0.399` for
ReLU, 0.161 for ELU and 0 for tanh. 196-64-64-10 learns digits with each activation, and we measure
the mean of the activations of both hidden layers, in absolute value, at the start and after
training (deck B, "Variants of ReLU: ELU").
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import by_rate, orders, over_rates
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
from experiments.statistics import paired, spread
from experiments.training import digits, halved
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn

ABOUT = About(
    rows=("B14",),
    section="Variants of ReLU: ELU",
    formula=r"E[\mathrm{ELU}(z)] = \frac{1}{\sqrt{2 \pi}} + \sqrt{e} \, \Phi(-1) - \frac{1}{2}"
    r" = 0.161, \qquad E[\mathrm{ReLU}(z)] = \frac{1}{\sqrt{2 \pi}} = 0.399",
    number="mean absolute value of the units' mean activations after training, ReLU minus ELU",
    unit="activation",
    thresholds=(
        Threshold(
            "after training at each activation's best rate, the mean activation of the hidden"
            " units, in absolute value, is lower for ELU than for ReLU, by a paired 95 % interval"
            " over the seeds (main clause); for a normal z, noise gives the two known means within"
            " 0.01; and the training loss of ELU, which the deck calls faster, is lower",
            BEFORE,
        ),
        Threshold(
            "after training at each activation's best rate, the mean activation of the hidden"
            " units, in absolute value, is lower for ELU than for ReLU, by a paired 95 % interval"
            " over the seeds (main clause); for a normal z, noise gives the two known means within"
            " 0.01; the training loss is reported",
            "on 1,000 digits ELU's loss fell faster, on 4,000 it was not shown: speed depends on"
            " the length of the run, and the claim is about the shift",
        ),
    ),
    expected=HOLDS,
    seconds=15,
)
KINDS = {
    "ReLU": nn.activations.relu,
    "leaky ReLU": nn.activations.leaky_relu,
    "ELU": nn.activations.elu,
    "tanh": nn.activations.tanh,
}
RATES = (0.03, 0.1, 0.3, 1.0)


def run(settings: Settings) -> Numbers:
    """Train with every activation, and measure the units' means after every epoch."""
    n, epochs = (1000, 4) if settings.quick else (4000, 8)
    (x, y), _ = digits(settings, n, 1)
    x = halved(x)
    data = jnp.asarray((x - x.mean()) / x.std()), jnp.asarray(y)
    keys = jax.random.split(jax.random.key(0), settings.many)
    batches = orders(settings._replace(seeds=settings.many), epochs, n, 25)
    noise = jax.random.normal(jax.random.key(1), (1_000_000,))
    found: Numbers = {}
    for name, f in KINDS.items():
        model = nn.mlp((64, 64), 10, f)
        starts = jax.vmap(lambda key, model=model: model.init(key, (196,))[0])(keys)

        def measured(params, x, y, model=model):  # type: ignore[no-untyped-def]
            means, a = [], x
            for layer, part in zip(model.layers, params, strict=True):
                a, _ = layer.forward(part, a)
                if not part:  # an activation has no parameters
                    means.append(jnp.mean(jnp.abs(jnp.mean(a, axis=0))))
            return nn.losses.cross_entropy(a, y), jnp.stack(means[1:])  # the first one flattens

        learn = by_rate(model, nn.losses.cross_entropy, measured)
        loss, means = over_rates(learn, RATES, starts, batches, *data)
        found[name] = {
            "loss": loss,
            "mean": means,
            "normal": float(jnp.mean(f(noise))),
            "theory": nn.moments.mean_activation(f),
        }
    return found


def _tuned(numbers: Numbers) -> dict[str, Tuned]:
    """Return the rate of every activation with the lowest log loss over the epochs."""
    return {
        name: best(RATES, np.log(np.array(found["loss"], float)[:, :, 1:]).mean(axis=2))
        for name, found in numbers.items()
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the means and the loss by epoch, at the best rates."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, tuned) in enumerate(_tuned(numbers).items()):
        means = np.array(numbers[name]["mean"], float)[tuned.place].mean(axis=2)
        losses = np.array(numbers[name]["loss"], float)[tuned.place]
        style.band(left, range(means.shape[1]), means, name, i)
        style.band(
            right, range(losses.shape[1]), losses, f"{name}, rate {tuned.rate:g}", i, log=True
        )
    left.set(xlabel="epoch", ylabel="|mean activation| of a hidden unit")
    right.set(xlabel="epoch", ylabel="training loss, nats")
    style.plain_ticks(right.yaxis)
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the means after training, the means of noise, and the losses."""
    tuned = _tuned(numbers)
    ends = {
        name: np.array(found["mean"], float)[tuned[name].place][:, -1].mean(axis=1)
        for name, found in numbers.items()
    }
    shift = paired(ends["ReLU"], ends["ELU"])
    speed = paired(*(found.scores[found.place] for found in (tuned["ReLU"], tuned["ELU"])))
    known = all(abs(found["normal"] - found["theory"]) < 0.01 for found in numbers.values())
    word = word_of(shift.above, known)
    means = ", ".join(f"{name} {v.mean():.3f} ± {spread(v):.3f}" for name, v in ends.items())
    theory = ", ".join(f"{name} {found['theory']:.3f}" for name, found in numbers.items())
    return Verdict(
        word,
        shift.mean,
        spread(ends["ReLU"] - ends["ELU"]),
        f"Mean activation of a hidden unit, in absolute value, after training: {means}. For a"
        f" normal z the means are {theory}. In the log of the training loss, mean over the epochs,"
        f" ELU leads ReLU by {speed.text()}." + edge_note(tuned),
        part="after training" if word == IN_PART else "",
    )
