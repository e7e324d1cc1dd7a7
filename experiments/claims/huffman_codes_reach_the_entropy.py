r"""Huffman codes of longer blocks approach the entropy, and a wrong table costs the divergence.

Bits that are 1 with probability q are coded in blocks of m, by a Huffman code for the true q and by
one for a wrong p. The average length per bit is compared with `H(q)` and `H(q, p)`. It is computed
exactly and measured on random streams, where the lengths of the blocks' codes are added up (deck C,
appendix A). The appendix's last formula lacks its minus signs: its loss is never positive, so it
cannot be a length (erratum 5).
"""

import heapq

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
from jaxmlp.nn.information import cross_entropy, entropy, kl_divergence

ABOUT = About(
    rows=("C10",),
    section="The cross entropy loss and information theory; coding for efficiency",
    formula=r"H(q) \le \frac{\bar{\ell}_m}{m} < H(q) + \frac{1}{m}, \qquad"
    r" H(q, p) = -q \log_2 p - (1 - q) \log_2 (1 - p) = H(q) + KL(q \| p)",
    number="excess of the average length over the entropy, 12 bits, the worst source",
    unit="share of the entropy",
    thresholds=(
        Threshold(
            "for every q and m, the average length per bit lies between H(q) and H(q) + 1/m, and at"
            " m = 12 it is within 2 % of H(q) (main clause); for q = 0.1 and p from 0.02 to 0.5,"
            " the extra cost of the table for p is within 0.02 bits of KL(q || p); streams agree"
            " within 3 %",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=3,
)
SOURCES, TRUE = (0.05, 0.1, 0.3), 0.1
BELIEFS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
LONGEST = 12


def huffman(probabilities: np.ndarray) -> np.ndarray:
    """Return the length of each symbol's code: join the two least likely until one is left."""
    lengths = np.zeros(len(probabilities), int)
    heap = [(p, i, [i]) for i, p in enumerate(probabilities)]
    heapq.heapify(heap)
    count = len(heap)
    while len(heap) > 1:
        (p, _, left), (q, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        lengths[left + right] += 1
        heapq.heappush(heap, (p + q, count, left + right))
        count += 1
    return lengths


def _blocks(q: float, m: int) -> np.ndarray:
    """Return the probability of each of the `2^m` blocks."""
    ones = np.array([i.bit_count() for i in range(2**m)])
    return q**ones * (1 - q) ** (m - ones)


def _pair(p: jax.Array) -> jax.Array:
    return jnp.stack([p, 1 - p], axis=1)


def run(settings: Settings) -> Numbers:
    """Code each source in blocks of 1 to 12 bits, and one of them with wrong tables."""
    m = range(1, LONGEST + 1)
    rates = {str(q): [_blocks(q, k) @ huffman(_blocks(q, k)) / k for k in m] for q in SOURCES}
    table = huffman(_blocks(TRUE, LONGEST))
    right = _blocks(TRUE, LONGEST) @ table / LONGEST
    prices = [
        _blocks(TRUE, LONGEST) @ huffman(_blocks(p, LONGEST)) / LONGEST - right for p in BELIEFS
    ]
    streams = []
    for seed in range(settings.seeds):
        bits = np.random.default_rng(seed).random((5000, LONGEST)) < TRUE
        streams.append(table[bits @ (1 << np.arange(LONGEST))].mean() / LONGEST)
    p = _pair(jnp.asarray(BELIEFS))
    q = jnp.broadcast_to(_pair(jnp.asarray([TRUE])), p.shape)
    sources, grid = jnp.asarray(SOURCES), jnp.linspace(0.01, 0.55, 109)
    return {
        "m": list(m),
        "rates": rates,
        "entropy": entropy(_pair(sources)),
        "prices": prices,
        "divergence": kl_divergence(q, p),
        "cross_entropy": cross_entropy(q, p),
        "grid": grid,
        "curve": kl_divergence(_pair(jnp.full_like(grid, TRUE)), _pair(grid)),
        "streams": streams,
        "right": right,
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the average lengths by block, and the extra cost of a wrong table."""
    figure, ((left, right),) = style.figure(1, 2)
    pairs = zip(numbers["rates"].items(), numbers["entropy"], strict=True)
    for i, ((q, rates), least) in enumerate(pairs):
        style.band(left, numbers["m"], rates, f"q = {q}", i, marker=style.MARKERS[i])
        left.axhline(least, color=style.COLOURS[i], lw=0.8)
        left.text(LONGEST, least - 0.012, f"H = {least:.3f}", ha="right", va="top", fontsize=8)
    left.set_xlabel("block length m, bits")
    left.set_ylabel("code bits per bit")
    left.set_ylim(0.2, 1.05)
    style.band(right, numbers["grid"], numbers["curve"], "KL(q || p)", 0)
    right.plot(BELIEFS, numbers["prices"], "o", color="k", label="measured, m = 12")
    right.set_xlabel("assumed probability p (the true one is q = 0.1)")
    right.set_ylabel("extra cost, code bits per bit")
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare lengths with entropies, and extra costs with divergences."""
    m = np.array(numbers["m"])
    extra = {
        q: np.array(rates) - least
        for (q, rates), least in zip(numbers["rates"].items(), numbers["entropy"], strict=True)
    }
    bounded = all(np.all((e > -1e-6) & (e < 1 / m)) for e in extra.values())
    close = max(e[-1] / least for e, least in zip(extra.values(), numbers["entropy"], strict=True))
    gaps = np.abs(np.array(numbers["prices"]) - np.array(numbers["divergence"]))
    off, at = float(gaps.max()), BELIEFS[int(gaps.argmax())]
    others = float(np.sort(gaps)[-2])
    streams = np.array(numbers["streams"]) / numbers["right"]
    main = bounded and close < 0.02
    word = word_of(main, off < 0.02, bool(np.all(np.abs(streams - 1) < 0.03)))
    return Verdict(
        word,
        float(close),
        None,
        f"{'All' if bounded else 'Not all'} averages lie in [H, H + 1/m). With blocks of 12 bits"
        f" they exceed H(q) by at most {100 * close:.1f} %; coding single bits costs 1 bit each."
        f" The table for p = 0.5 costs {numbers['prices'][-1]:.3f} bits more, and KL is"
        f" {numbers['divergence'][-1]:.3f}. The largest difference between the two is {off:.3f} at"
        f" p = {at}, the next largest is {others:.3f}. At p = 0.02, the block of zeros has"
        " probability 0.78 and should cost 0.35 bits, but no code is shorter than one bit; so the"
        " other blocks get shorter codes, as if p were less extreme. Streams of 60,000 bits take"
        f" {streams.mean():.3f} ± {spread(streams):.3f} of the exact length. Cross-entropy,"
        " with its minus signs, is a cost in bits.",
        part=f"lengths approach the entropy; the divergence is the price except at p = {at}"
        if word == IN_PART
        else "",
    )
