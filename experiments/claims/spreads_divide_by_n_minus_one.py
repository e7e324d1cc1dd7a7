r"""A spread that divides by n - 1 is right, and intervals made with n are too short.

From a normal distribution of variance 1 we draw samples of n values, many times, as five seeds give
five values. We average both variances, and count how often the 95 % interval of the mean covers the
true mean: the t interval that all our verdicts use, with the spread by n - 1; the same with the
spread by n; and the mean -+ 1.96 deviations of the mean. A distribution that is not normal, the
exponential one, shows what the t interval takes for granted (deck A, "What is Variance?").
"""

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

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
    all_of,
    word_of,
)
from experiments.statistics import LEVEL, interval, spread
from jaxmlp.nn.moments import population_variance, sample_variance

ABOUT = About(
    rows=("A11",),
    section="What is variance?",
    formula=r"s^2 = \frac{1}{n - 1} \sum_i (x_i - \bar{x})^2, \qquad \mathrm{E}[s^2] ="
    r" \mathrm{Var}(X), \qquad \bar{x} \mp t_{n-1} \frac{s}{\sqrt{n}}",
    number="coverage of the 95 % interval of five values, by n - 1 minus by n",
    unit="points",
    thresholds=(
        Threshold(
            "for n = 5, the mean of the variance by n - 1 is within 1 % of the true one, and that"
            " of the variance by n is more than 10 % below it (main clause); the coverage of the t"
            " interval is within half a point of 95 % with the spread by n - 1, and more than a"
            " point below it with the spread by n; each by a 95 % interval over ten seeds",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=5,
)
SIZES = (2, 3, 5, 10, 20, 50)
KINDS = ("t, by n - 1", "t, by n", "1.96, by n - 1", "t, by n - 1, exponential")


def run(settings: Settings) -> Numbers:
    """Average both variances, and count how often each interval covers the true mean."""
    samples = 10_000 if settings.quick else 40_000
    shape = settings.many, len(SIZES)
    found = {name: np.zeros(shape) for name in ("by n - 1", "by n", *KINDS)}
    for seed, i in np.ndindex(shape):
        rng, n = np.random.default_rng([seed, i]), SIZES[i]
        x = jnp.asarray(rng.normal(size=(n, samples)))
        sample, population = np.asarray(sample_variance(x)), np.asarray(population_variance(x))
        found["by n - 1"][seed, i], found["by n"][seed, i] = sample.mean(), population.mean()
        t = stats.t.ppf((1 + LEVEL) / 2, n - 1)
        z = stats.norm.ppf((1 + LEVEL) / 2)
        skew = jnp.asarray(rng.exponential(size=(n, samples)) - 1)
        halves = (
            (x, t, sample),
            (x, t, population),
            (x, z, sample),
            (skew, t, np.asarray(sample_variance(skew))),
        )
        for kind, (values, width, variance) in zip(KINDS, halves, strict=True):
            covered = np.abs(np.mean(values, axis=0)) <= width * np.sqrt(variance / n)
            found[kind][seed, i] = covered.mean()
    return {"sizes": SIZES, "found": found}


def plot(numbers: Numbers) -> Figure:
    """Draw both variances and the coverage against the number of values."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, name in enumerate(("by n - 1", "by n")):
        values = numbers["found"][name]
        style.band(left, numbers["sizes"], values, f"variance {name}", i, marker=style.MARKERS[i])
    left.set(ylabel="mean of the variance (true: 1)")
    for i, name in enumerate(KINDS):
        percent = 100 * np.array(numbers["found"][name])
        style.band(right, numbers["sizes"], percent, name, i, marker=style.MARKERS[i])
    right.axhline(100 * LEVEL, color="k", lw=0.8)
    right.set(ylabel="intervals that cover the true mean, %")
    for panel in (left, right):
        panel.set_xscale("log")
        panel.set_xticks(numbers["sizes"], [str(n) for n in numbers["sizes"]])
        panel.set_xticks([], minor=True)
        panel.set_xlabel("number of values n")
        panel.legend(frameon=False, loc="lower right")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Judge bias and coverage for five values."""
    at = list(numbers["sizes"]).index(5)
    of = {name: np.array(values)[:, at] for name, values in numbers["found"].items()}
    right, wrong = interval(of["by n - 1"] - 1), interval(of["by n"] - 1)
    covers = {name: interval(100 * (of[name] - LEVEL)) for name in KINDS}
    ours, theirs = covers["t, by n - 1"], covers["t, by n"]
    word = word_of(
        all_of(max(-right.low, right.high) < 0.01, wrong.high < -0.1),
        max(-ours.low, ours.high) < 0.5,
        theirs.high < -1,
    )
    gap = 100 * (of["t, by n - 1"] - of["t, by n"])
    listed = ", ".join(f"{name} {100 * of[name].mean():.1f} %" for name in KINDS)
    return Verdict(
        word,
        float(gap.mean()),
        spread(gap),
        f"With five values, the mean of the variance is {of['by n - 1'].mean():.3f} by n - 1 and"
        f" {of['by n'].mean():.3f} by n, where the true one is 1 and (n - 1) / n is 0.8. The true"
        f" mean is covered by: {listed}. Five seeds want the quantile of t, 2.78, and not 1.96:"
        " that costs more than the choice of n. An interval assumes values that are about normal.",
        part="the variance by n - 1 is unbiased" if word == IN_PART else "",
    )
