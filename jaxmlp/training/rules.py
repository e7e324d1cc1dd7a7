"""The rules that end a run early, lower its rate and choose its best epoch; they read records."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jaxmlp.training.judge import Means

SCORE = "score"  # the monitor that watches the task's score
LAST = "last"  # the monitor that chooses nothing; the third is "loss"


class Rules(NamedTuple):
    """The rules that end a run before its last epoch or lower its learning rate.

    Lecture rows C5, C7.

    Attributes:
      patience: stop after this many epochs of which none is better; `None` for never.
      monitor: what makes an epoch better, on the validation part: `score`, the higher (lecture row
        C7: early stopping on the zero-one error), or `loss`, the lower. The best parameters follow
        it too. With `last` every epoch is better than those before: the validation part chooses
        nothing.
      min_improvement: an epoch is better only by at least this.
      min_decrease: stop when the mean training losses of two epochs differ by less than this,
        `|L(w_t) - L(w_{t-1})|`. This is "the decrease in function value" of the lecture (lecture
        row C7): a sign of little progress, so a loss that rises by more does not end the run.
      min_change: stop when the parameters move by less than this in an epoch, `|w_t - w_{t-1}|`
        (lecture row C7).
      plateau: multiply the learning rate by `factor` after this many epochs without progress
        (lecture row C5); `None` for never. Progress is a training loss a thousandth below the
        lowest of the epochs before. The epochs are counted anew after each change of the rate, and
        the lowest loss is kept, as in Keras' `ReduceLROnPlateau`; PyTorch's waits for one epoch
        more.
      factor: what a plateau multiplies the learning rate by; the lecture divides by 10.
    """

    patience: int | None = None
    monitor: str = SCORE
    min_improvement: float = 0.0
    min_decrease: float = 0.0
    min_change: float = 0.0
    plateau: int | None = None
    factor: float = 0.1

    def gain(self, valid: Means) -> float:
        """Return what the rules watch, the greater the better: the score, or minus the loss."""
        return valid.score if self.monitor == SCORE else -valid.loss

    def better(self, valid: Means, best: Means) -> bool:
        """Return whether an epoch is better than the best before it.

        Args:
          valid: the means over the validation part after the epoch.
          best: those of the best epoch so far.

        Returns:
          Whether it gains at least `min_improvement`. Without that bound, the lower loss decides
          between equal scores. With the monitor `last`, always.
        """
        if self.monitor == LAST:
            return True
        gain, before = self.gain(valid), self.gain(best)
        equal = gain == before and not self.min_improvement
        return self._gains(gain, before) or bool(equal and valid.loss < best.loss)

    def _gains(self, gain: float, before: float) -> bool:
        """Return whether a gain is progress: more than before, by at least `min_improvement`."""
        return bool(gain > before and gain >= before + self.min_improvement)

    def epochs_without_progress(self, valid: Iterable[Means]) -> int:
        """Return the number of epochs since the best one; a lower loss alone is no progress.

        Args:
          valid: the means over the validation part after each epoch.

        Returns:
          The number of epochs.
        """
        best, waited = -math.inf, 0
        for means in valid:
            gain = self.gain(means)
            best, waited = (gain, 0) if self._gains(gain, best) else (best, waited + 1)
        return waited

    def progress_saturated(self, losses: Sequence[float], factors: Sequence[float]) -> bool:
        """Return whether the learning rate should fall now.

        Args:
          losses: the mean training loss of each epoch.
          factors: what plateaus had multiplied the rate of each epoch by.

        Returns:
          Whether there was no progress for `plateau` epochs at the same rate.
        """
        if self.plateau is None or len(losses) <= self.plateau:
            return False
        if factors[-self.plateau] != factors[-1]:  # lowered less than `plateau` epochs ago
            return False
        before, lately = losses[: -self.plateau], losses[-self.plateau :]
        return min(lately) > 0.999 * min(before)
