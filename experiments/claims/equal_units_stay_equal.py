r"""Units that start equal stay equal: from zeros or ones a network learns no distinct features.

The network 784-32-10 is trained on digits, with ReLU and with sigmoid; its kernels start as zeros,
as ones, from `U[-0.1, 0.1]`, or by He's rule. After training we measure how far the units of the
hidden layer differ, which parameters moved, and the accuracy (decks B and D, "Zero
initialization").

The slide says that zeros give zero gradients. This is not true of all gradients: the last bias has
`delta = a - y` and learns the class frequencies. Sigmoid hidden units have the output 1/2 at 0, so
the last kernel moves too, and then the first kernel; all units stay alike (erratum 13).
"""

import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from experiments.statistics import spread
from experiments.training import digits, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("B8", "D9"),
    section="Zero initialization and random initialization; zero initialization?",
    formula=r"w_i = w_j, \; v_i = v_j \Rightarrow \frac{\partial L}{\partial w_i} ="
    r" \frac{\partial L}{\partial w_j} \; (v: \text{outgoing weights}), \qquad"
    r" \frac{\partial L}{\partial b_L} = a - y \ne 0",
    number="largest difference between hidden units that start equal, over the largest weight",
    unit="ratio",
    thresholds=(
        Threshold(
            "from zeros and from ones, the hidden units differ after training by less than 1e-4"
            " of the largest weight, for ReLU and sigmoid; from zeros with ReLU, only the last"
            " bias moves; and the test accuracy from He's start is higher than from each of them"
            " by more than 20 points",
            BEFORE,
        ),
        Threshold(
            "from zeros and from ones, the hidden units differ after training by less than 1e-4"
            " of the largest weight, for ReLU and sigmoid (main clause); from zeros with ReLU,"
            " only the last bias moves; and the test accuracy from He's start, and from"
            " U[-0.1, 0.1], is higher than from each of them by more than 20 points",
            "the slide's uniform start had never been trained; it was added, and nothing else"
            " changed",
        ),
    ),
    expected=HOLDS,
    seconds=12,
)
STARTS = {
    "zeros": nn.initializers.zeros,
    "ones": nn.initializers.ones,
    "U[-0.1, 0.1]": nn.initializers.uniform(0.1),
    "He": nn.initializers.he_normal,
}
EQUAL = ("zeros", "ones")
ACTIVATIONS = {"ReLU": nn.activations.relu, "sigmoid": nn.activations.sigmoid}
PARTS = ("hidden kernel", "hidden bias", "last kernel", "last bias")


def run(settings: Settings) -> Numbers:
    """Train all eight networks, and measure what moved and how far units differ."""
    data = digits(settings, 2000 if settings.quick else 10_000, 1000)
    epochs = 2 if settings.quick else 5
    numbers: Numbers = {}
    optimizer = optim.sgd(0.1)
    for name, f in ACTIVATIONS.items():
        model = nn.mlp((32,), 10, f)
        for start, kernel in STARTS.items():
            begun = nn.mlp((32,), 10, f, kernel)
            runs = train(model, optimizer, data, settings, epochs, start=begun, parts=("test",))
            found = [_state(params, start) for params in runs["params"]]
            numbers[f"{start}, {name}"] = {
                "accuracy": runs["test_accuracy"],
                "spread": [f["spread"] for f in found],
                "moved": np.array([f["moved"] for f in found], float),
            }
    return numbers


def _state(params: tuple[dict[str, np.ndarray], ...], start: str) -> Numbers:
    """Return the relative spread of the hidden units, and how far each parameter moved."""
    _, hidden, _, last = params
    W, V = hidden["W"], last["W"]  # a unit is a column of W and a row of V
    spread = max(np.ptp(W, axis=1).max(), np.ptp(V, axis=0).max())
    origin = {"zeros": 0.0, "ones": 1.0}.get(start, np.nan)
    return {
        "spread": spread / max(np.abs(W).max(), np.abs(V).max(), 1e-30),
        "moved": [
            np.abs(leaf - at).max()
            for leaf, at in ((W, origin), (hidden["b"], 0), (V, origin), (last["b"], 0))
        ],
    }


def plot(numbers: Numbers) -> Figure:
    """Draw accuracy by epoch, and what moved."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, found) in enumerate(numbers.items()):
        accuracy = np.array(found["accuracy"])
        style.band(left, range(accuracy.shape[1]), accuracy, name, i, marker=style.MARKERS[i])
    left.set_xlabel("epoch")
    left.set_ylabel("test accuracy")
    left.set_ylim(0, 1)
    left.legend(frameon=False, ncols=2, loc="center right", bbox_to_anchor=(1, 0.4), fontsize=8)
    equal = [name for name in numbers if name.startswith(EQUAL)]
    for i, name in enumerate(equal):
        moved = np.array(numbers[name]["moved"], float).mean(axis=0)
        right.bar(
            np.arange(len(PARTS)) + 0.2 * (i - 1.5),
            moved,
            0.2,
            label=name,
            color=style.COLOURS[i],
            hatch=("", "//", "..", "xx")[i],
            edgecolor="black",
        )
    right.set_xticks(range(len(PARTS)), PARTS, fontsize=8)
    right.set_yscale("symlog", linthresh=1e-6)
    right.set_ylim(0, 1e3)
    right.set_ylabel("largest change in training")
    right.legend(frameon=False, ncols=2)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the units with one another, and the equal starts with the random ones."""
    accuracy = {name: np.array(found["accuracy"])[:, -1] for name, found in numbers.items()}
    equal = [name for name in numbers if name.startswith(EQUAL)]
    apart = max(np.max(numbers[name]["spread"]) for name in equal)
    relu, sigmoid = (
        np.array(numbers[f"zeros, {name}"]["moved"], float).mean(axis=0) for name in ACTIVATIONS
    )

    def lead(start: str) -> float:
        """The least lead of a random start over an equal one, of the same activation."""
        ours = {name: accuracy[f"{start}, {name.split(', ')[1]}"] for name in equal}
        return min(float(np.mean(ours[name] - accuracy[name])) for name in equal)

    leads = {start: lead(start) for start in STARTS if start not in EQUAL}
    only_bias = bool(relu[:3].max() == 0 < relu[3])
    word = word_of(bool(apart < 1e-4), only_bias, *(value > 0.2 for value in leads.values()))
    shares = ", ".join(
        f"{name} {100 * v.mean():.0f} ± {100 * spread(v):.0f} %" for name, v in accuracy.items()
    )
    return Verdict(
        word,
        float(apart),
        None,
        f"Hidden units that start equal differ after training by {apart:.0e} of the largest"
        f" weight. From zeros with ReLU, the last bias moves ({relu[3]:.2f}) and nothing else does"
        f" ({relu[:3].max():.0e}). From zeros with sigmoid, the last kernel ({sigmoid[2]:.2f}) and"
        f" the first kernel ({sigmoid[0]:.3f}) move too, but all units stay alike. Test accuracy:"
        f" {shares}. Draw kernels at random; biases may start at zero.",
        part="units that start equal stay equal" if word == IN_PART else "",
    )
