r"""He initialization suits deep ReLU networks; Xavier suits deep tanh and sigmoid networks.

Networks of ten hidden layers of 32 units learn digits of 14 x 14 pixels by plain descent. Their
kernels are drawn by He's rule, by Xavier's rule, from `N(0, 0.01^2)` and from `N(0, 1)`. Every
start of every activation has its own best rate, out of the same seven. What is compared is the
training loss after the last epoch, seed by seed (deck A, "Effect of He vs Random initialization";
deck B, "Xavier vs. He").
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import by_rate, orders, over_rates, training_loss
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
from experiments.tuning import Tuned, best, edge_sentence
from jaxmlp import nn

ABOUT = About(
    rows=("B8", "A8", "E9"),
    section="Xavier vs. He",
    formula=r"\mathrm{Var}(W) = \frac{2}{n_{in}} \; \mathrm{(He)}, \qquad"
    r" \mathrm{Var}(W) = \frac{2}{n_{in} + n_{out}} \; \mathrm{(Xavier)}",
    number="log of the training loss, Xavier's start minus He's, ten layers of ReLU",
    unit="nats",
    thresholds=(
        Threshold(
            "with ten layers, the rule for the activation (He for ReLU, Xavier for tanh) ends"
            " with a lower mean training loss than the other rule and both plain normals; with"
            " one layer, He and Xavier end within 20 % of each other",
            BEFORE,
        ),
        Threshold(
            "the same of the median training loss",
            "a single run with a late spike had decided the mean",
        ),
        Threshold(
            "with ten layers of ReLU, each start at its own best rate, the log of the training"
            " loss is lower from He's start than from Xavier's and from both plain normals (main"
            " clause); with ten layers of tanh, and of sigmoid, it is lower from Xavier's start"
            " than from He's; each by a paired 95 % interval over the seeds",
            "one common rate for all starts had decided, which is no comparison, and sigmoid, half"
            " of the slide's claim, was missing; the networks of one layer said nothing and were"
            " dropped",
        ),
    ),
    expected=IN_PART,
    seconds=30,
)
RULES = {
    "He": nn.initializers.he_normal,
    "Xavier": nn.initializers.xavier_normal,
    "N(0, 0.01²)": nn.initializers.normal(0.01),
    "N(0, 1)": nn.initializers.normal(1.0),
}
ACTIVATIONS = {
    "ReLU": nn.activations.relu,
    "tanh": nn.activations.tanh,
    "sigmoid": nn.activations.sigmoid,
}
RATES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
DEPTH, WIDTH, BATCH = 10, 32, 25
LOST = 1000.0  # the loss of a run that is not finite, nats


def run(settings: Settings) -> Numbers:
    """Train every activation from every start at every rate."""
    n, epochs = (500, 4) if settings.quick else (1000, 10)
    (x, y), _ = digits(settings, n, 1)
    x = halved(x)
    data = jnp.asarray((x - x.mean()) / x.std()), jnp.asarray(y)
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    batches = orders(settings, epochs, n, BATCH)
    losses: Numbers = {}
    loss = nn.losses.cross_entropy
    for name, f in ACTIVATIONS.items():
        losses[name] = {}
        for rule, kernel in RULES.items():
            model = nn.mlp((WIDTH,) * DEPTH, 10, f, kernel)
            starts = jax.vmap(lambda key, model=model: model.init(key, x.shape[1:])[0])(keys)
            losses[name][rule] = over_rates(
                by_rate(model, loss, training_loss(model, loss)), RATES, starts, batches, *data
            )
    return {"loss": losses}


def _tuned(numbers: Numbers, name: str) -> dict[str, Tuned]:
    """Return the best rate of every start."""
    return {
        rule: best(RATES, np.array(losses, float)[:, :, -1])
        for rule, losses in numbers["loss"][name].items()
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the training loss by epoch, each start at its best rate."""
    figure, panels = style.figure(2, 2)
    for panel, name in zip(panels.ravel(), ACTIVATIONS, strict=False):
        for i, (rule, tuned) in enumerate(_tuned(numbers, name).items()):
            loss = np.array(numbers["loss"][name][rule], float)[tuned.place]
            style.band(
                panel, range(loss.shape[1]), loss, f"{rule}, rate {tuned.rate:g}", i, log=True
            )
        panel.set(xlabel=f"epoch (ten layers of {name})", ylabel="training loss, nats")
        panel.set_ylim(top=min(30, panel.get_ylim()[1]))
        panel.legend(frameon=False)
    last = panels[1, 1]
    for i, rule in enumerate(RULES):
        losses = np.array(numbers["loss"]["ReLU"][rule], float)[:, :, -1].T
        style.band(last, RATES, losses, rule, i, log=True, marker=style.MARKERS[i])
    last.set(xscale="log", xlabel="learning rate (ReLU)", ylabel="loss at the end, nats")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the losses at the end, each start at its best rate."""
    ends: dict[str, dict[str, np.ndarray]] = {}
    edges, listed = [], []
    for name in ACTIVATIONS:
        tuned = _tuned(numbers, name)
        ends[name] = {
            rule: np.minimum(found.scores[found.place], LOST) for rule, found in tuned.items()
        }
        edges += [f"{rule} with {name}" for rule, found in tuned.items() if found.at_edge]
        means = ", ".join(f"{rule} {values.mean():.3f}" for rule, values in ends[name].items())
        listed.append(f"{name}: {means}")

    def lead(name: str, own: str, other: str) -> Interval:
        return paired(np.log(ends[name][other]), np.log(ends[name][own]))

    relu = [lead("ReLU", "He", rule).above for rule in RULES if rule != "He"]
    main = all_of(*relu)
    others = {name: lead(name, "Xavier", "He") for name in ("tanh", "sigmoid")}
    word = word_of(main, *(found.above for found in others.values()))
    gain = np.log(ends["ReLU"]["Xavier"]) - np.log(ends["ReLU"]["He"])
    said = "; ".join(f"{name} {found.text()}" for name, found in others.items())
    return Verdict(
        word,
        float(gain.mean()),
        spread(gain),
        f"Training loss in nats at each start's best rate: {'; '.join(listed)} (guessing costs"
        f" log 10 = 2.303; {LOST:.0f} stands for a loss that is not finite). With ReLU, He's lead"
        f" over Xavier in the log of the loss is {lead('ReLU', 'He', 'Xavier').text()}. Xavier's"
        f" lead over He is: {said}."
        + edge_sentence(edges)
        + " Through tanh, which shrinks what it passes on, He's larger kernels are no worse than"
        " Xavier's. Ten layers of sigmoid learn nothing from either start, because its slope is"
        " at most 1/4 in every layer; the much larger N(0, 1) makes up for a part of that.",
        part="He for ReLU" if word == IN_PART else "",
    )
