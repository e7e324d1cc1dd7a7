r"""Minimising cross-entropy is maximising the likelihood, and outputs that sum to one are needed.

The cross-entropy of a network with a softmax is compared with `-log` of the product of the
probabilities of the true classes, divided by n. Then 196-10 learns digits by three losses, each at
its own best rate out of the same five, which falls to zero: cross-entropy, squared error on the
softmax, and cross-entropy of ten independent sigmoids. The likelihood of the training digits and
that of the test digits are compared, and the calibration error: the squared error is a proper score
too and could win. The outputs of the sigmoids are summed: only if the sum is one they are a
distribution, and to be compared they are divided by it (deck D, "One-hot encoding" and
"Cross-entropy loss").
"""

from typing import Any

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
    all_of,
    word_of,
)
from experiments.statistics import Interval, paired, spread
from experiments.training import digits, halved
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn, optim

ABOUT = About(
    rows=("D13", "D6"),
    section="One-hot encoding; cross-entropy loss",
    formula=r"\mathcal{L}_{CE} = - \frac{1}{n} \log \prod_{i=1}^{n} p(y_i \mid x_i), \qquad"
    r" \sum_k \sigma(z_k) \ne 1",
    number="log-likelihood of a training digit, by cross-entropy minus by squared error",
    unit="nats",
    thresholds=(
        Threshold(
            "the cross-entropy is -log of the product of the likelihoods over n, within 1e-5 of it,"
            " and the training likelihood is higher after cross-entropy than after squared error"
            " (main clause); so is the test likelihood, and the calibration error on the test"
            " digits is lower; the sums of ten sigmoids differ from one by more than 0.05 on"
            " average; each by a paired 95 % interval over ten seeds",
            BEFORE,
        ),
        Threshold(
            "the same, each loss at the rate with the highest training likelihood, and with rates"
            " that fall to zero",
            "at constant rates the noise of the last steps decided: all clauses held in long runs,"
            " and not in short ones; at falling rates the long run no longer holds either; the grid"
            " was widened, because the first best rates lay at its edge",
        ),
    ),
    expected=IN_PART,
    seconds=15,
)
LOSSES = {
    "cross-entropy": nn.losses.cross_entropy,
    "squared error": nn.losses.softmax_squared_error,
    "sigmoids": nn.losses.binary_cross_entropy,
}
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
BINS, BATCH = 10, 25
PARTS = ("likelihood", "test likelihood", "calibration error", "off one", "apart")


def run(settings: Settings) -> Numbers:
    """Train with the three losses at every rate."""
    n, epochs = (1000, 5) if settings.quick else (4000, 10)
    settings = settings._replace(seeds=settings.many)
    (x, y), (x_test, y_test) = digits(settings, n, 1000)
    data = [jnp.asarray(part) for part in (halved(x), np.eye(10, dtype=np.float32)[y])]
    data += [jnp.asarray(part) for part in (halved(x_test), np.eye(10, dtype=np.float32)[y_test])]
    model = nn.mlp((), 10)
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    starts = jax.vmap(lambda key: model.init(key, (196,))[0])(keys)
    batches = orders(settings, epochs, n, BATCH)

    def falling(rate: Any) -> optim.Optimizer:
        return optim.sgd(optim.schedules.cosine(rate, epochs * (n // BATCH)))

    found = {}
    for name, loss in LOSSES.items():
        learn = by_rate(model, loss, _measured(model, name == "sigmoids"), rule=falling)
        values = over_rates(learn, RATES, starts, batches, *data)
        found[name] = dict(zip(PARTS, values, strict=True))
    return {"found": found}


def _measured(model: nn.Layer, sigmoids: bool) -> Any:
    """Return what is measured after every epoch, one number for each of the parts."""

    def probabilities(z: jax.Array) -> tuple[jax.Array, jax.Array]:
        outputs = jax.nn.sigmoid(z) if sigmoids else jax.nn.softmax(z)
        total = jnp.sum(outputs, axis=1, keepdims=True)
        return outputs / total, total

    def measured(params: Any, x: Any, y: Any, x_test: Any, y_test: Any) -> tuple[jax.Array, ...]:
        z, z_test = model(params, x), model(params, x_test)
        (p, _), (p_test, total) = probabilities(z), probabilities(z_test)
        true = jnp.log(jnp.sum(p * y, axis=1))
        apart = jnp.abs(nn.losses.cross_entropy(z, y) + jnp.mean(true))
        said, right = jnp.max(p_test, axis=1), jnp.sum(y_test * jnp.eye(10)[p_test.argmax(1)], 1)
        bins = jnp.minimum((BINS * said).astype(jnp.int32), BINS - 1)
        gaps = jnp.zeros(BINS).at[bins].add(said - right)
        return (
            jnp.mean(true),
            jnp.mean(jnp.log(jnp.sum(p_test * y_test, axis=1))),
            jnp.sum(jnp.abs(gaps)) / len(said),
            jnp.mean(jnp.abs(total - 1)),
            apart,
        )

    return measured


def _tuned(numbers: Numbers) -> dict[str, Tuned]:
    """Return the rate of every loss with the highest likelihood of the training digits."""
    return {
        name: best(RATES, -np.array(parts["likelihood"], float)[:, :, -1])
        for name, parts in numbers["found"].items()
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the likelihoods by epoch, and the calibration error."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, tuned) in enumerate(_tuned(numbers).items()):
        parts = {part: np.array(v)[tuned.place] for part, v in numbers["found"][name].items()}
        epochs = range(parts["likelihood"].shape[1])
        label = f"{name}, rate {tuned.rate:g}"
        style.band(left, epochs, -parts["test likelihood"], label, i, log=True)
        style.band(right, epochs, 100 * parts["calibration error"], label, i)
    style.plain_ticks(left.yaxis)
    left.set(xlabel="epoch", ylabel="- log-likelihood of a test digit, nats")
    right.set(xlabel="epoch", ylabel="calibration error, points")
    left.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare likelihoods and calibration, each loss at its best rate."""
    tuned = _tuned(numbers)
    ends = {
        name: {
            part: np.array(values, float)[tuned[name].place][:, -1]
            for part, values in parts.items()
        }
        for name, parts in numbers["found"].items()
    }

    def lead(part: str, scale: float = 1.0) -> Interval:
        ours, theirs = (scale * ends[name][part] for name in ("cross-entropy", "squared error"))
        return paired(ours, theirs)

    likely, new, calibrated = (
        lead("likelihood"),
        lead("test likelihood"),
        lead("calibration error", 100),
    )
    apart, off = ends["cross-entropy"]["apart"].max(), ends["sigmoids"]["off one"]
    sums = paired(off, np.full(len(off), 0.05))
    word = word_of(all_of(apart < 1e-5, likely.above), new.above, calibrated.below, sums.above)
    shown = [
        name
        for name, true in (
            ("on the training digits", likely.above),
            ("on the test digits", new.above),
            ("with a smaller calibration error", calibrated.below),
        )
        if true
    ]
    gap = ends["cross-entropy"]["likelihood"] - ends["squared error"]["likelihood"]
    listed = "; ".join(
        f"{name} {e['likelihood'].mean():.3f} and {e['test likelihood'].mean():.3f} nats,"
        f" calibration error {100 * e['calibration error'].mean():.1f} points"
        for name, e in ends.items()
    )
    return Verdict(
        word,
        float(gap.mean()),
        spread(gap),
        f"Cross-entropy and -log-likelihood over n differ by at most {apart:.0e}. Log-likelihood of"
        f" a training and of a test digit: {listed}. After cross-entropy, it is {likely.text(3)}"
        f" nats above that of squared error on the training digits and {new.text(3)} on the test"
        f" digits, and the calibration errors differ by {calibrated.text(1)} points. Ten sigmoids"
        f" sum to one but for {off.mean():.2f} ± {spread(off):.2f}: they have to be divided by"
        " their sum to be a distribution. The rates were chosen by the training likelihood, and the"
        f" greatest one there is not the greatest on new digits.{edge_note(tuned)}",
        part=f"more likely {', '.join(shown)}" if word == IN_PART else "",
    )
