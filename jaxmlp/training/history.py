"""The history of a run: a record for each epoch, and the best parameters.

The records alone decide when a run ends early (lecture row C7) and when its learning rate falls
(lecture row C5), so a resumed run decides as an uninterrupted one would. A run alone and runs side
by side share this.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.optim.base import Params
from jaxmlp.training.judge import Means
from jaxmlp.training.rules import SCORE, Rules
from jaxmlp.training.tasks import Task
from jaxmlp.training.trees import copy_to_host, distance
from jaxmlp.training.types import Shapes

LEAST_FACTOR = 5e-9  # a plateau does not take the factor below this


@dataclass(frozen=True)
class Record:
    """The metrics of one epoch.

    Attributes:
      epoch: counted from 1.
      train: the means over the epoch's steps, while the parameters change. The loss is the one that
        is minimised: with smoothed targets, class weights, dropout or distorted pictures it is
        another function than that of the validation part, and often larger.
      valid: the means over the validation part after the epoch; `None` without such a part. The
        loss is the plain one, without any of these.
      rate_factor: what plateaus have multiplied the learning rate by.
      learning_rate: the learning rate of the epoch's last step.
      parameter_change: `|w_t - w_{t-1}|`; `None` if no rule asks for it, or if the parameters
        before the epoch are unknown (version 0.1 did not save them).
      seconds: the time that the epoch took, with its evaluation.
      examples_per_second: the speed of the steps, without the evaluation.
    """

    epoch: int
    train: Means
    valid: Means | None
    rate_factor: float
    learning_rate: float
    parameter_change: float | None = None
    seconds: float = 0.0
    examples_per_second: float = 0.0

    def to_dict(self, score: str) -> dict[str, Any]:
        """Return the record as a line of `metrics.jsonl`.

        Args:
          score: the name of the task's score.

        Returns:
          A dictionary for JSON, with the score under the task's name for it.
        """
        line: dict[str, Any] = {"epoch": self.epoch}
        for part, means in (("train", self.train), ("valid", self.valid)):
            line[f"{part}_loss"], line[f"{part}_{score}"] = means or (None, None)
        for name in ("parameter_change", "rate_factor", "learning_rate"):
            line[name] = getattr(self, name)
        return line | {"seconds": self.seconds, "examples_per_second": self.examples_per_second}

    @staticmethod
    def from_dict(line: dict[str, Any], score: str) -> "Record":
        """Return the record that `to_dict` made this line of.

        Args:
          line: a line of `metrics.jsonl`.
          score: the name of the task's score.

        Returns:
          An equal record.
        """
        parts = {
            part: Means(line[f"{part}_loss"], line[f"{part}_{score}"])
            for part in ("train", "valid")
            if line[f"{part}_loss"] is not None
        }
        return Record(
            epoch=line["epoch"],
            train=parts["train"],
            valid=parts.get("valid"),
            rate_factor=line["rate_factor"],
            learning_rate=line["learning_rate"],
            parameter_change=line.get("parameter_change"),
            seconds=line["seconds"],
            examples_per_second=line["examples_per_second"],
        )


class Best(NamedTuple):
    """The best parameters by the rules' monitor; without a validation part, the latest.

    Attributes:
      params: the parameters.
      epoch: the epoch that ended with them, counted from 1; 0 before the first.
      score: their validation score.
      loss: their validation loss.
    """

    params: Params
    epoch: np.int64
    score: np.float64
    loss: np.float64

    @staticmethod
    def before(params: Params | Shapes) -> "Best":
        """Return the start of a run; every epoch is better.

        Args:
          params: the parameters before the first step, or their shapes.

        Returns:
          A best of epoch 0, with the worst score and loss.
        """
        worst = np.float64(np.finfo(np.float64).max)
        return Best(params, np.int64(0), -worst, worst)

    def or_better(
        self, epoch: int, valid: Means | None, params: Callable[[], Params], rules: Rules
    ) -> "Best":
        """Return the better of this and an epoch's parameters.

        Args:
          epoch: counted from 1.
          valid: the means over the validation part; with `None` the latest epoch is the best.
          params: returns the epoch's parameters; called only if they are kept.
          rules: what is better.

        Returns:
          The best of the epochs so far.
        """
        if valid is None:
            return self._replace(params=params(), epoch=np.int64(epoch))
        best = Means(float(self.loss), float(self.score))
        if self.epoch and not rules.better(valid, best):
            return self
        return Best(params(), np.int64(epoch), np.float64(valid.score), np.float64(valid.loss))


class History:
    """The records and the best parameters of a run, and the rules that read them.

    Attributes:
      task: the task, which names the score.
      rules: when to stop early, and when to lower the rate.
      best: the best parameters so far.
      records: the records of the complete epochs.
      epoch_start: the parameters before the first step of the current epoch, if a rule compares
        them with those at its end; else `None`.
    """

    def __init__(
        self,
        task: Task,
        best: Best,
        rate_of: Callable[[int], float],
        rules: Rules | None = None,
        records: Iterable[Record] = (),
        epoch_start: Params | None = None,
    ) -> None:
        """Begin a history, or continue one.

        Args:
          task: the task, which names the score.
          best: the best parameters so far.
          rate_of: `epoch -> learning rate` at its last step, without the factor of plateaus; epochs
            are counted from 1.
          rules: when to stop early and when to lower the rate; `None` for never.
          records: the records of the complete epochs.
          epoch_start: the parameters before the current epoch, if it has begun.
        """
        self.task, self.best, self.rules = task, best, rules or Rules()
        self.records = list(records)
        self._rate_of = rate_of
        self.epoch_start = epoch_start

    def remember_parameters(self, params: Params) -> None:
        """Keep the parameters at the start of an epoch, if a rule compares them with its end.

        Args:
          params: the parameters before the epoch's first step.
        """
        if self.rules.min_change:
            self.epoch_start = copy_to_host(params)

    def add_epoch(
        self,
        train: Means,
        valid: Means | None,
        params: Callable[[], Params],
        seconds: float,
        examples_per_second: float,
    ) -> None:
        """Add the record of an epoch, and keep its parameters if they are the best.

        Args:
          train: the means over the epoch's steps.
          valid: the means over the validation part after the epoch; `None` without such a part.
          params: returns the parameters after the epoch; called only if they are used.
          seconds: the time that the epoch took.
          examples_per_second: the speed of its steps.
        """
        epoch, factor = len(self.records) + 1, self.rate_factor()
        self.best = self.best.or_better(epoch, valid, params, self.rules)
        change = None
        if self.rules.min_change:
            start = self.epoch_start
            change = None if start is None else distance(params(), start)
            self.epoch_start = params()
        rate = self._rate_of(epoch) * factor
        times = seconds, examples_per_second
        self.records.append(Record(epoch, train, valid, factor, rate, change, *times))

    def rate_factor(self) -> float:
        """Return the factor of the learning rate in the coming epoch (lecture row C5)."""
        factor = self.records[-1].rate_factor if self.records else 1.0
        if self.rules.plateau is None:
            return factor
        pairs = [(record.train.loss, record.rate_factor) for record in self.records]
        losses, factors = zip(*pairs, strict=True) if pairs else ((), ())
        lower = factor * self.rules.factor
        if lower < LEAST_FACTOR or not self.rules.progress_saturated(losses, factors):
            return factor
        return float(np.float32(factor) * np.float32(self.rules.factor))  # as the step has it

    def reason_to_stop(self) -> str | None:
        """Return why the run should end now, in words; `None` if it should go on.

        Lecture row C7.
        """
        if not self.records:
            return None
        rules, change = self.rules, self.records[-1].parameter_change
        if change is not None and change < rules.min_change:
            return f"the parameters moved by {change:.3g}, less than {rules.min_change:g}"
        if len(self.records) > 1:
            losses = [record.train.loss for record in self.records[-2:]]
            fell = abs(losses[1] - losses[0])
            if fell < rules.min_decrease:
                return f"the training loss changed by {fell:.3g}, less than {rules.min_decrease:g}"
        if rules.patience is None:
            return None
        waited = self._epochs_without_progress()
        if waited < rules.patience:
            return None
        what = self.task.score if rules.monitor == SCORE else rules.monitor
        least = f" by at least {rules.min_improvement:g}" if rules.min_improvement else ""
        return f"no better validation {what}{least} for {waited} epochs"

    def epochs_ahead(self) -> int:
        """Return the number of epochs that can run before any rule may apply, at least 1.

        Nothing needs to read the records between these epochs.
        """
        rules = self.rules
        if rules.min_decrease or rules.min_change or rules.plateau is not None:
            return 1
        if rules.patience is None:
            return sys.maxsize
        return max(1, rules.patience - self._epochs_without_progress())

    def _epochs_without_progress(self) -> int:
        """Return the number of epochs since the best one."""
        return self.rules.epochs_without_progress(r.valid for r in self.records if r.valid)
