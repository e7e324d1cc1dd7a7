"""The rules of a diagnosis: each looks for one fault in what a run left.

A rule has a threshold, a reason for it, and the row of the lectures that teaches the fault. It says
what it saw with numbers, and what to try.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jaxmlp.diagnose.evidence import Evidence, Track

DEAD = 0.4  # share of a layer's units; healthy layers of ReLU keep below a quarter
SATURATED = 0.6  # share of all values; trained layers of tanh reach a half and still learn
VANISHED = 0.01  # of the last layer's gradient; two powers of ten less than a healthy network's
LONG_STEP = 0.1  # of the weights; a healthy step is about 1e-3 of them, the longest below 1e-2
SHORT_STEP = 2e-4  # of the weights, at its longest: a thousand such steps change little
RISEN = 1.1  # times the loss of the start: worse than before the first step
LEARNED = 0.5  # of the loss of the start: a network that gets below this has learned something
ALIKE = 1e-4  # of the size of a layer's values; float32 has 1e-7
LARGE_INPUT, SMALL_INPUT = 10.0, 0.01  # scaled inputs are about 1
OVERFITTED, OF_START = 1.2, 0.05  # times the least validation loss, and a share of the first one
GAP = 0.5  # of the validation loss: above it the training loss is not far from it
STILL_FALLING = 0.05  # of the loss, over the last tenth of the epochs,
WORTH = 0.01  # and this much of the loss of the first epoch


class Finding(NamedTuple):
    """A fault that was found.

    Attributes:
      says: what was seen, with its numbers.
      advice: what to try.
      since: the epoch at whose end it was first seen.
    """

    says: str
    advice: str
    since: int = 0


def percent(share: float) -> str:
    """Return a share in whole percent."""
    return f"{100 * share:.0f} %"


def small(number: float) -> str:
    """Return a number of any size in two digits."""
    return f"{number:.2g}"


def dead_units(found: Evidence) -> Finding | None:
    """Find layers of which many units are dead at the end (lecture row B11).

    A dead unit has the slope 0 on every example of the probe, so nothing reaches its weights.
    """
    bad = _layers_above(found, "dead_share", DEAD)
    if not bad:
        return None
    says = _listed(
        f"{share.track.words}: {percent(share.last)} of its {share.track.units} units are dead"
        f"{_since(found, share.since)}"
        for share in bad
    )
    since = min(share.since for share in bad)
    if since == 0 and found.whole:
        return Finding(says, "start with the initializer he_normal, or use leaky_relu", since)
    return Finding(says, "lower the rate, or use leaky_relu", since)


def saturated_units(found: Evidence) -> Finding | None:
    """Find layers of sigmoid or tanh that are saturated at the end (lecture row B11).

    Far from 0 their slope is almost 0, so little of the gradient passes.
    """
    bad = _layers_above(found, "saturated_share", SATURATED)
    if not bad:
        return None
    says = _listed(
        f"{share.track.words}: {percent(share.last)} of its values are saturated"
        f"{_since(found, share.since)}"
        for share in bad
    )
    since = min(share.since for share in bad)
    if since == 0 and found.whole:
        advice = "start with smaller weights (the initializer xavier_normal), or use relu"
        return Finding(says, advice, since)
    return Finding(says, "lower the rate, or use relu", since)


def vanishing_gradients(found: Evidence) -> Finding | None:
    """Find a first layer whose gradient is far smaller than the last one's (lecture row E8)."""
    if len(found.kernels) < 3:
        return None
    first, last = found.kernels[0], found.kernels[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = first.of("gradient_norm") / last.of("gradient_norm")
    if not (ratios[0] < VANISHED or middle(ratios) < VANISHED):
        return None
    worst = int(np.argmax(ratios < VANISHED))  # the first of them
    epoch = int(found.epochs[worst])
    says = (
        f"the gradient of {first.words} has {small(ratios[worst])} times the norm of that of"
        f" {last.words}{_when(found, epoch)}"
    )
    advice = "use relu with the initializer he_normal, layer normalisation, or fewer layers"
    return Finding(says, advice, epoch)


def high_rate(found: Evidence) -> Finding | None:
    """Find steps that are too long: training breaks off, or is worse than the start.

    Lecture row B3: too high a rate is erratic.
    """
    advice = "divide the rate by 10"
    if found.diverged is not None:
        return Finding(f"training broke off: {found.diverged}", advice)
    losses, longest = found.training, _longest(found)
    if not len(losses) or (found.whole and longest.share < LONG_STEP):
        return None
    start = found.start_loss or losses[0]
    if losses.max() > RISEN * start:
        epoch = int(losses.argmax())
        how = f"the training loss rose from {small(start)} to {small(losses[epoch])}"
        how += f" in epoch {epoch + 1}"
    elif found.whole and losses[-1] > LEARNED * start:
        how = f"the training loss is {small(losses[-1])}, not far from the {small(start)} before"
    else:
        return None
    return Finding(f"{how}, and {longest.words}" if found.whole else how, advice, longest.epoch)


def low_rate(found: Evidence) -> Finding | None:
    """Find steps that are too short: each changes little, and little was learned.

    Lecture row B3: too low a rate is slow.
    """
    losses, longest = found.training, _longest(found)
    if not found.whole or len(losses) < 2 or not 0 < longest.share < SHORT_STEP:
        return None
    start = found.start_loss or losses[0]
    if losses[-1] < LEARNED * start:
        return None
    says = (
        f"no step changed a layer by more than {small(longest.share)} of its weights (about 1e-3 is"
        f" usual), and the training loss went from {small(start)} to {small(losses[-1])} only"
    )
    return Finding(says, "multiply the rate by 10, or find one by jaxmlp.find_rate")


def equal_units(found: Evidence) -> Finding | None:
    """Find hidden layers whose units all start alike (lecture rows B8, D9).

    Units that are alike get the same gradient, and so stay alike, unless dropout parts them.
    """
    bad = []
    for track in found.kernels[:-1]:
        size = np.hypot(track.of("mean"), track.of("deviation"))
        alike = track.of("units_apart") <= ALIKE * size
        if track.units > 1 and alike[0]:
            bad.append(f"{track.words}: its {track.units} units are all alike")
            bad[-1] += _when(found, int(found.epochs[0])) + (" and at the end" if alike[-1] else "")
    if not bad:
        return None
    return Finding(_listed(bad), "start with random weights, such as the initializer he_normal")


def unscaled_inputs(found: Evidence) -> Finding | None:
    """Find inputs that are far larger or smaller than 1 (lecture row E7)."""
    first = found.watched[0] if found.watched else {}
    largest = first.get("inputs", {}).get("largest_feature")
    if largest is None or SMALL_INPUT <= largest <= LARGE_INPUT or largest == 0:
        return None
    says = (
        f"the inputs are not scaled: the largest feature has a root mean square of {small(largest)}"
    )
    return Finding(says, "scale them: preprocessing zscore, or auto")


def overfitting(found: Evidence) -> Finding | None:
    """Find a validation loss that rises while the training loss falls (lecture row C7)."""
    losses, train = found.validation, found.training
    if len(losses) < 3 or not np.isfinite(losses).all():
        return None
    best = int(losses.argmin())
    rise = losses[-1] - losses[best]
    risen = losses[-1] > OVERFITTED * losses[best] and rise > OF_START * losses[0]
    if not risen or train[-1] >= min(train[best], GAP * losses[-1]):
        return None
    says = (
        f"since epoch {best + 1} the validation loss rose from {small(losses[best])} to"
        f" {small(losses[-1])}, while the training loss fell from {small(train[best])} to"
        f" {small(train[-1])}"
    )
    advice = "stop earlier (patience), or use weight decay, dropout or more data"
    return Finding(says, advice, best + 1)


def underfitting(found: Evidence) -> Finding | None:
    """Find a training loss that still falls at the last epoch (lecture row C7)."""
    losses, n = found.training, len(found.training)
    if n < 2:
        return None
    back = max(1, n // 10)
    fell = losses[-1 - back] - losses[-1]
    if not fell > max(STILL_FALLING * losses[-1 - back], WORTH * losses[0]):
        return None
    says = (
        f"the training loss still falls at the end: from {small(losses[-1 - back])} to"
        f" {small(losses[-1])} in the last {back} of {n} epochs"
    )
    return Finding(says, f"train longer, for {2 * n} epochs", n)


class _Share(NamedTuple):
    """A layer whose share is too large at the end, and since when without a break."""

    track: Track
    last: float
    since: int


def _layers_above(found: Evidence, field: str, limit: float) -> list[_Share]:
    """Return the layers whose share is above a limit at the last epoch that was seen."""
    bad = []
    for track in found.tracks:
        shares = track.of(field)
        if shares[-1] >= limit:
            below = np.flatnonzero(~(shares >= limit))
            first = below[-1] + 1 if len(below) else 0
            bad.append(_Share(track, float(shares[-1]), int(found.epochs[first])))
    return bad


def _listed(parts: Iterable[str]) -> str:
    """Join the first three layers, and count the others."""
    each = list(parts)
    more = [f"and so in {len(each) - 3} more layers"] if len(each) > 3 else []
    return "; ".join(each[:3] + more)


def _when(found: Evidence, epoch: int) -> str:
    if not found.whole:
        return ""
    return " at the start" if epoch == 0 else f" after epoch {epoch}"


def _since(found: Evidence, epoch: int) -> str:
    if not found.whole:
        return ""
    return " from the start on" if epoch == 0 else f" since epoch {epoch}"


def middle(values: np.ndarray) -> float:
    """Return the median of the values that are finite; NaN, if none is."""
    good = values[np.isfinite(values)]
    return float(np.median(good)) if len(good) else np.nan


class _Step(NamedTuple):
    """A step: the epoch at whose end it was seen, the layer, and how much of it changes."""

    epoch: int
    track: Track | None
    share: float

    @property
    def words(self) -> str:
        """The step in words."""
        assert self.track is not None
        when = f" after epoch {self.epoch}" if self.epoch else " at the start"
        return f"a step{when} changes {self.track.words} by {percent(self.share)} of its weights"


def _longest(found: Evidence) -> _Step:
    """Return the longest step that was seen, relative to the weights of its layer."""
    best = _Step(0, None, 0.0)
    for track in found.kernels:
        shares = np.nan_to_num(track.of("update_ratio"))
        k = int(shares.argmax())
        if shares[k] > best.share:
            best = _Step(int(found.epochs[k]), track, float(shares[k]))
    return best
