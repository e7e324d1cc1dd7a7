"""scikit-learn's rules to end a run, read by the same loop as the rules of `jaxmlp.training`."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from jaxmlp.optim.base import Params
from jaxmlp.training import Best, History, Means, Rules, Task

SMALLEST_RATE = 1e-6  # `adaptive` divides a rate above it
DIVISOR = 5.0


class Strictly(Rules):
    """Rules by which an epoch is better only with a greater score; the loss decides nothing."""

    def better(self, valid: Means, best: Means) -> bool:
        """Return whether the score of an epoch is greater than the best before it."""
        return valid.score > best.score


@dataclass
class Progress:
    """What the rules remember, also from one call of `fit` or `partial_fit` to the next.

    Attributes:
      best_loss: the lowest mean training loss.
      best_score: the greatest validation score.
      waited: the number of epochs since the last that was better by `tol`.
      factor: what the rate has been multiplied by.
    """

    best_loss: float = math.inf
    best_score: float = -math.inf
    waited: int = 0
    factor: float = 1.0


class Curve(History):
    """A history that ends a run when the loss, or the score, does not improve by `tol`.

    The run ends, or with `adaptive` the rate is divided by 5, after more than `patience` epochs in
    a row, each with a loss above the lowest minus `tol`, or a validation score below the greatest
    plus `tol` where there is a validation part.
    """

    def __init__(
        self,
        task: Task,
        best: Best,
        progress: Progress,
        *,
        tol: float,
        patience: float,
        rate: float,
        adaptive: bool,
        verbose: bool,
    ) -> None:
        """Begin a history.

        Args:
          task: the task, which computes the score.
          best: the parameters at the start.
          progress: what the rules remember of earlier calls; it is kept up to date.
          tol: the least improvement that counts.
          patience: the number of epochs without it; infinity for never.
          rate: the learning rate that `progress.factor` multiplies.
          adaptive: whether the rate is divided before the run ends.
          verbose: whether to print each epoch.
        """
        super().__init__(task, best, lambda epoch: rate, Strictly())
        self.progress, self._tol, self._patience, self._rate = progress, tol, patience, rate
        self._adaptive, self._verbose = adaptive, verbose
        self._reason: str | None = None

    def add_epoch(
        self,
        train: Means,
        valid: Means | None,
        params: Callable[[], Params],
        seconds: float,
        examples_per_second: float,
    ) -> None:
        """Add the record of an epoch, as `History` does, and apply the rules."""
        super().add_epoch(train, valid, params, seconds, examples_per_second)
        now, what = self.progress, "Training loss"
        worse = train.loss > now.best_loss - self._tol
        if valid is not None:
            worse, what = valid.score < now.best_score + self._tol, "Validation score"
            now.best_score = max(now.best_score, valid.score)
        else:
            now.best_loss = min(now.best_loss, train.loss)
        now.waited = now.waited + 1 if worse else 0
        self._print(f"Iteration {len(self.records)}, loss = {train.loss:.8f}")
        if valid is not None:
            self._print(f"Validation score: {valid.score:f}")
        if now.waited > self._patience:
            self._lower_or_end(
                f"{what} did not improve more than tol={self._tol:f} for"
                f" {self._patience} consecutive epochs."
            )

    def _lower_or_end(self, words: str) -> None:
        """Divide the rate if that is asked for and it is not too small; else end the run."""
        rate = self._rate * self.progress.factor
        if self._adaptive and rate > SMALLEST_RATE:
            self.progress.factor /= DIVISOR
            self.progress.waited = 0
            self._print(f"{words} Setting learning rate to {rate / DIVISOR:f}")
            return
        self._reason = f"{words} Stopping."
        self._print(self._reason)

    def _print(self, line: str) -> None:
        if self._verbose:
            print(line)

    def rate_factor(self) -> float:
        """Return the factor of the learning rate in the coming epoch."""
        return self.progress.factor

    def reason_to_stop(self) -> str | None:
        """Return why the run should end now, in words; `None` if it should go on."""
        return self._reason

    def epochs_ahead(self) -> int:
        """Return the number of epochs that can run before a rule may apply, at least 1."""
        if self._patience == math.inf:
            return sys.maxsize
        return max(1, int(self._patience) + 1 - self.progress.waited)
