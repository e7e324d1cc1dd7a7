r"""LeNet reads digits better than an MLP with as many parameters, from any number of pictures.

LeNet on 28 x 28 pixels has 61,706 parameters, the MLP 784-78-10 has 62,020. Both take the same
number of Adam's steps on the same mini-batches, which are drawn from 100 to 6400 pictures, and both
are tested on other pictures. Each has its own best rate out of the same three, chosen with the most
pictures on pictures that are in neither part. LeNet uses the same weights at all places, so it need
not learn them for each place (deck C, "Back-Propagation"; deck D, "Neural network definition").
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import by_rate, test_accuracy
from experiments.framework import (
    BEFORE,
    HOLDS,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    all_of,
    word_of,
)
from experiments.statistics import Interval, paired, spread
from experiments.training import digits
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn, optim
from jaxmlp.nn.lenet import lenet

ABOUT = About(
    rows=("C9", "D3"),
    section="Appendix: the Jacobians for back-propagation; neural network definition",
    formula=r"z_{ijc} = \sum_{u, v, d} w_{uvdc} \, x_{i + u, \, j + v, \, d} + b_c",
    number="LeNet's test errors over the MLP's, with the most pictures",
    unit="ratio",
    thresholds=(
        Threshold(
            "with every number of training pictures, LeNet's mean test accuracy is higher than"
            " the MLP's, by more than the standard deviation over seeds of the difference; and"
            " with the most pictures, LeNet makes at most two thirds of the MLP's errors",
            BEFORE,
        ),
        Threshold(
            "with every number of training pictures, each network at its own best rate, LeNet's"
            " test accuracy is higher than the MLP's, by a paired 95 % interval over the seeds",
            "the number of steps, the batch size and one rate for both networks had been chosen"
            " after first runs; a difference of more than one standard deviation is not yet one"
            " that counts; and the claim names no number such as two thirds: long runs are below"
            " it, short ones with few pictures are not clearly",
        ),
    ),
    expected=HOLDS,
    seconds=35,
)
PICTURES = (100, 400, 1600, 6400)  # counts above the size of the data set are left out
RATES = (0.001, 0.003, 0.01)
BATCH, TESTED, TUNED = 20, 2000, 2  # the last: seeds that choose the rate


def run(settings: Settings) -> Numbers:
    """Choose both networks' rates, train them on every number of pictures, and test them."""
    steps, wanted, tested = (120, (100, 400), 500) if settings.quick else (400, PICTURES, TESTED)
    (x, y), (x_test, y_test) = digits(settings, wanted[-1] + tested, tested)
    x, x_test = (jnp.asarray(part.reshape(-1, 28, 28, 1)) for part in (x, x_test))
    most = len(x) - tested
    pictures = [n for n in wanted if n <= most]
    held, test = (x[most:], jnp.asarray(y[most:])), (x_test, jnp.asarray(y_test))
    models = {"LeNet": lenet(10), "MLP 784-78-10": nn.mlp((78,), 10)}
    numbers: Numbers = {"pictures": pictures, "parameters": {}, "tuning": {}, "accuracy": {}}
    for name, model in models.items():
        learn = jax.jit(
            by_rate(model, nn.losses.cross_entropy, test_accuracy(model), rule=optim.adam)
        )

        def score(rate, n, seed, judged, learn=learn, model=model):  # type: ignore[no-untyped-def]
            params, _ = model.init(jax.random.key(seed), x.shape[1:])
            order = jnp.asarray(_order(n, steps, seed))
            return learn(rate, params, order[None], x, jnp.asarray(y), *judged)[-1]

        tuning = [[1 - score(r, pictures[-1], seed, held) for seed in range(TUNED)] for r in RATES]
        rate = best(RATES, tuning).rate
        numbers["tuning"][name] = tuning
        numbers["accuracy"][name] = [
            [score(rate, n, seed, test) for n in pictures] for seed in range(settings.seeds)
        ]
        shapes = jax.eval_shape(lambda key, m=model: m.init(key, x.shape[1:])[0], jax.random.key(0))
        numbers["parameters"][name] = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    return numbers


def _tuned(numbers: Numbers) -> dict[str, Tuned]:
    """Return the rate of each network."""
    return {name: best(RATES, scores) for name, scores in numbers["tuning"].items()}


def _order(n: int, steps: int, seed: int) -> np.ndarray:
    """Return mini-batches of the first n pictures, shuffled anew in every pass."""
    rng = np.random.default_rng([seed, n])
    passes = -(-steps * BATCH // n)
    shuffled = np.concatenate([rng.permutation(n) for _ in range(passes)])
    return shuffled[: steps * BATCH].reshape(steps, BATCH).astype(np.int32)


def plot(numbers: Numbers) -> Figure:
    """Draw the test error against the number of training pictures."""
    figure, ((panel,),) = style.figure(width=5.6, height=4.0)
    tuned = _tuned(numbers)
    for i, (name, accuracy) in enumerate(numbers["accuracy"].items()):
        label = f"{name}, {numbers['parameters'][name]:,} parameters, rate {tuned[name].rate:g}"
        errors = 100 * (1 - np.array(accuracy))
        style.band(panel, numbers["pictures"], errors, label, i, log=True, marker=style.MARKERS[i])
    panel.set_xscale("log")
    panel.set_xticks(numbers["pictures"], [f"{n:,}" for n in numbers["pictures"]], minor=False)
    panel.set_xticks([], minor=True)
    style.plain_ticks(panel.yaxis)
    panel.set(xlabel="training pictures", ylabel="test error, %")
    panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the accuracies at every number of pictures."""
    ours, theirs = (np.array(accuracy) for accuracy in numbers["accuracy"].values())
    share = (1 - ours[:, -1]) / (1 - theirs[:, -1])
    leads: dict[int, Interval] = {
        n: paired(100 * ours[:, i], 100 * theirs[:, i]) for i, n in enumerate(numbers["pictures"])
    }
    word = word_of(all_of(*(lead.above for lead in leads.values())))
    listed = "; ".join(
        f"{n:,}: {100 * a:.1f} and {100 * b:.1f} %, a lead of {leads[n].text(1)} points"
        for n, a, b in zip(numbers["pictures"], ours.mean(0), theirs.mean(0), strict=True)
    )
    return Verdict(
        word,
        float(share.mean()),
        spread(share),
        f"Test accuracy of LeNet and of the MLP, by number of training pictures: {listed}. With"
        f" the most pictures, LeNet makes {share.mean():.2f} ± {spread(share):.2f} of the MLP's"
        f" errors.{edge_note(_tuned(numbers))}",
    )
