r"""A gradient by differences takes time quadratic in the number of parameters; backprop is linear.

The effort for one loss of n parameters is proportional to n. Forward differences need n + 1 losses
and central differences 2 n; backpropagation costs about as much as three losses, whatever n is, so
its cost is proportional to n. Networks 32-h-8 of growing h get 256 examples. For each way, we
measure the processor seconds for one compiled gradient and fit a power of n to them (deck B,
"Finite Difference Method").

Backpropagation is so fast that in small networks the start of the call dominates, so its exponent
is fitted to larger networks. Processor seconds do not count the work of other programs.
"""

from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

from experiments import style, timing
from experiments.framework import (
    BEFORE,
    HOLDS,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import spread
from jaxmlp import nn

ABOUT = About(
    rows=("B4",),
    section="Finite Difference Method",
    formula=r"\underbrace{(n + 1)}_{\text{forward}}, \; \underbrace{2 n}_{\text{central}}"
    r" \text{ losses of } O(n) \; \Rightarrow \; O(n^2), \qquad \text{backpropagation: } O(n)",
    number="exponent of the time of forward differences in the number of parameters",
    unit="exponent",
    thresholds=(
        Threshold(
            "the fitted exponents, as medians over repetitions, lie between 1.5 and 2.5 for"
            " both kinds of differences and between 0.5 and 1.5 for backpropagation, at least"
            " 0.5 apart; for the largest network that all three get, differences take at least n"
            " / 50 times as long",
            BEFORE,
        ),
        Threshold(
            "as medians over repetitions, the exponents of both kinds of differences lie between"
            " 1.5 and 2.5, and at least 0.5 above that of backpropagation (main clause); the"
            " exponent of backpropagation lies between 0.5 and 1.5. For the largest network that"
            " all three get, differences take at least n / 50 times as long",
            "all clauses had weighed the same; now the square is the main one. After first"
            " runs, the sizes and the clock had been changed: a loss has to take longer than the"
            " start of its call, and processor seconds took the place of clock time",
        ),
    ),
    expected=HOLDS,
    seconds=30,
)
WAYS = ("forward differences", "central differences", "backpropagation")
FEW, MANY = (48, 96, 192), (384, 768, 1536, 3072)  # hidden units
QUICK_FEW, QUICK_MANY = (48, 192), (384, 3072)
INPUTS, OUTPUTS, EXAMPLES = 32, 8, 256


def run(settings: Settings) -> Numbers:
    """Time one gradient each way, for growing networks."""
    few, many = (QUICK_FEW, QUICK_MANY) if settings.quick else (FEW, MANY)
    repetitions = 3 if settings.quick else settings.seeds
    numbers: Numbers = {"parameters": {}, "seconds": {}}
    for way in WAYS:
        sizes = [*few, *many] if way == "backpropagation" else few
        parameters, programs = zip(*(_program(way, hidden) for hidden in sizes), strict=True)
        numbers["parameters"][way] = list(parameters)
        numbers["seconds"][way] = list(timing.seconds(programs, repetitions))
    return {**numbers, "common": len(few)}


def _program(way: str, hidden: int) -> tuple[int, tuple[Any, Any]]:
    """Return the number of parameters, and the compiled gradient with its arguments."""
    model, loss = nn.mlp((hidden,), OUTPUTS, nn.activations.tanh), nn.losses.mse
    keys = jax.random.split(jax.random.key(0), 3)
    params = jax.jit(lambda key: model.init(key, (INPUTS,))[0])(keys[0])
    x, y = (
        jax.random.normal(k, (EXAMPLES, n))
        for k, n in zip(keys[1:], (INPUTS, OUTPUTS), strict=True)
    )
    ways: dict[str, Any] = {
        "forward differences": nn.gradients.finite_differences(model, loss, central=False),
        "central differences": nn.gradients.finite_differences(model, loss),
        "backpropagation": nn.value_and_grad(model, loss),
    }
    return ravel_pytree(params)[0].size, timing.compiled(ways[way], params, x, y)


def _exponents(numbers: Numbers) -> dict[str, np.ndarray]:
    """Return the exponents by repetition; for backpropagation, from the larger networks."""
    found = {}
    for way in WAYS:
        start = numbers["common"] if way == "backpropagation" else 0
        sizes, times = numbers["parameters"][way][start:], numbers["seconds"][way][start:]
        found[way] = timing.exponents(sizes, times)
    return found


def plot(numbers: Numbers) -> Figure:
    """Draw seconds against parameters."""
    figure, ((panel,),) = style.figure(1, 1, width=5.6, height=4.0)
    exponents = _exponents(numbers)
    for i, way in enumerate(WAYS):
        label = f"{way}, $n^{{{np.median(exponents[way]):.2f}}}$"
        times = np.array(numbers["seconds"][way]).T
        sizes = numbers["parameters"][way]
        style.band(panel, sizes, times, label, i, log=True, marker=style.MARKERS[i])
    panel.set(xscale="log", xlabel="parameters n", ylabel="processor seconds for one gradient")
    panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the exponents, and the times for the largest network that all three get."""
    exponents = _exponents(numbers)
    middle = {way: float(np.median(k)) for way, k in exponents.items()}
    last = numbers["common"] - 1
    n = numbers["parameters"]["backpropagation"][last]
    times = {way: float(np.median(numbers["seconds"][way][last])) for way in WAYS}
    ratio = {way: times[way] / times["backpropagation"] for way in WAYS[:2]}
    backward = middle["backpropagation"]
    squares = all(1.5 <= middle[way] <= 2.5 for way in WAYS[:2])
    apart = min(middle[way] for way in WAYS[:2]) - backward >= 0.5
    linear = 0.5 <= backward <= 1.5
    forward = exponents["forward differences"]
    return Verdict(
        word_of(squares and apart, linear, min(ratio.values()) >= n / 50),
        middle["forward differences"],
        spread(forward),
        "The seconds grow as n to these powers: "
        + ", ".join(f"{k:.2f} ({way})" for way, k in middle.items())
        + f". For {n} parameters, backpropagation takes {1e3 * times['backpropagation']:.2g} ms;"
        f" forward differences take {ratio['forward differences']:,.0f} times as long and central"
        f" differences {ratio['central differences']:,.0f} times. Medians over"
        f" {len(forward)} repetitions.",
    )
