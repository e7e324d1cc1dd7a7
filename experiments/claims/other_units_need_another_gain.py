r"""He's `2/fan_in` is made for ReLU; ELU and GELU need a gain of their own.

The deck recommends He's rule for "ReLU-like activations": ReLU, leaky ReLU, ELU and GELU. The rule
keeps the variance if `E[f(z)^2]` is half of the variance of z. For leaky ReLU it is
`(1 + alpha^2) / 2`; for ELU and GELU it is another share, which also depends on the variance.
Noise passes through thirty layers of 256 units, drawn with He's gain of 2, and with the gain
`1 / E[f(z)^2]` of the activation itself. We show the variance of z in every layer (deck A, "Why Do
We Care About Initialization?" and "He (Kaiming) Initialization").
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from experiments.statistics import spread
from jaxmlp import nn

ABOUT = About(
    rows=("A10", "A6", "A7"),
    section="Why do we care about initialization?; He (Kaiming) initialization",
    formula=r"\mathrm{Var}(W) = \frac{g}{n_{in}}, \qquad g = \frac{1}{E[f(z)^2]},"
    r" \; z \sim N(0, 1): \quad g_{ReLU} = 2, \quad g_{leaky} = \frac{2}{1 + \alpha^2}",
    number="variance of z after thirty layers of ELU, He's gain of 2",
    unit="powers of ten",
    thresholds=(
        Threshold(
            "after thirty layers drawn with the gain 2, the variance of z is within half a decade"
            " of its start for ReLU and for leaky ReLU with alpha = 0.01, and outside of it for"
            " ELU and for GELU (main clause); drawn with their own gains, it is within half a"
            " decade for all four",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=10,
)
KINDS = {
    "ReLU": nn.activations.relu,
    "leaky ReLU": nn.activations.leaky_relu,
    "ELU": nn.activations.elu,
    "GELU": nn.activations.gelu,
}
DEPTH, WIDTH, N = 30, 256, 64


def run(settings: Settings) -> Numbers:
    """Measure the variance of z in every layer, with both gains."""
    keys = jax.random.split(jax.random.key(0), settings.many)
    gains = {name: nn.moments.gain_of(f) for name, f in KINDS.items()}
    variances: Numbers = {"2": {}, "own": {}}
    for name, f in KINDS.items():
        for rule, gain in (("2", 2.0), ("own", gains[name])):
            kernel = nn.initializers.variance_scaling(gain, "fan_in", "normal")

            def through(key, f=f, kernel=kernel):  # type: ignore[no-untyped-def]
                first, *rest = jax.random.split(key, DEPTH + 1)
                z = jax.random.normal(first, (N, WIDTH))

                def layer(z, key):  # type: ignore[no-untyped-def]
                    z = f(z) @ kernel(key, (WIDTH, WIDTH), jnp.float32)
                    return z, jnp.log10(jnp.mean(z**2))

                return jax.lax.scan(layer, z, jnp.stack(rest))[1]

            variances[rule][name] = jax.jit(jax.vmap(through))(keys)
    return {"gains": gains, "variance": variances}


def plot(numbers: Numbers) -> Figure:
    """Draw the variance of z by layer, with both gains."""
    figure, (panels,) = style.figure(1, 2)
    titles = {"2": "gain 2 (He)", "own": "gain of the activation"}
    for panel, (rule, found) in zip(panels, numbers["variance"].items(), strict=True):
        for i, (name, values) in enumerate(found.items()):
            gain = 2.0 if rule == "2" else numbers["gains"][name]
            style.band(panel, range(1, DEPTH + 1), values, f"{name}, {gain:.3g}", i)
        panel.axhspan(-0.5, 0.5, color="k", alpha=0.08, lw=0)
        panel.set(xlabel=f"layer, {titles[rule]}", ylabel="log₁₀ of the variance of z")
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the variance after the last layer with its start."""
    ends = {
        rule: {name: np.array(values)[:, -1] for name, values in found.items()}
        for rule, found in numbers["variance"].items()
    }
    kept = {
        rule: {name: abs(v.mean()) < 0.5 for name, v in found.items()}
        for rule, found in ends.items()
    }
    he = kept["2"]
    main = he["ReLU"] and he["leaky ReLU"] and not he["ELU"] and not he["GELU"]
    word = word_of(main, all(kept["own"].values()))
    said = {
        rule: ", ".join(f"{name} {v.mean():.2f} ± {spread(v):.2f}" for name, v in found.items())
        for rule, found in ends.items()
    }
    gains = ", ".join(f"{name} {gain:.3f}" for name, gain in numbers["gains"].items())
    lost = [name for name, good in kept["own"].items() if not good]
    return Verdict(
        word,
        float(ends["2"]["ELU"].mean()),
        spread(ends["2"]["ELU"]),
        f"The gains are {gains}. Log10 of the variance of z after {DEPTH} layers with the gain 2:"
        f" {said['2']}; with the own gain: {said['own']}."
        + (f" Even its own gain does not hold {', '.join(lost)}." if lost else "")
        + " The gain of ELU and GELU is right at the variance 1 only: these functions are not"
        " proportional to the size of z, so a deviation can grow from layer to layer.",
        part="He's gain fits ReLU and leaky ReLU and no other" if word == IN_PART else "",
    )
