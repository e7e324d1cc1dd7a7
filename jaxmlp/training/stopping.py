"""When to end a run early, and when to lower its learning rate (C5, C7).

Every rule is a function of the epochs' records alone, so a resumed run decides as an uninterrupted
one would.
"""

import sys
from typing import Any, NamedTuple

Records = list[dict[str, Any]]


class Rules(NamedTuple):
    """What ends a run before its last epoch, and what divides its learning rate.

    Attributes:
      patience: stop after this many epochs without a better validation score (early stopping on the
        zero-one error).
      min_decrease: stop when the training loss changes by less than this from epoch to epoch,
        `|L(w_t) - L(w_{t-1})|`.
      min_change: stop when the parameters move by less than this in an epoch, `|w_t - w_{t-1}|`. An
        epoch that was interrupted in its middle is not judged.
      plateau: multiply the learning rate by `factor` after this many epochs in which the training
        loss did not fall by a thousandth.
      factor: a tenth, as the lecture says.
    """

    patience: int | None = None
    min_decrease: float = 0.0
    min_change: float = 0.0
    plateau: int | None = None
    factor: float = 0.1


def reason_to_stop(rules: Rules, records: Records, score: str) -> str | None:
    """Return why a run should end now, in words, or `None`.

    Args:
      rules: the rules.
      records: of the complete epochs.
      score: the task's score.

    Returns:
      The reason.
    """
    if not records:
        return None
    change = records[-1].get("parameter_change")
    if change is not None and change < rules.min_change:
        return f"the parameters moved by {change:.3g}, less than {rules.min_change:g}"
    if len(records) > 1:
        decrease = abs(records[-1]["train_loss"] - records[-2]["train_loss"])
        if decrease < rules.min_decrease:
            return f"the training loss changed by {decrease:.3g}, less than {rules.min_decrease:g}"
    if rules.patience is None:
        return None
    waited = _waited(records, score)
    return f"no better validation {score} for {waited} epochs" if waited >= rules.patience else None


def undisturbed(rules: Rules, records: Records, score: str) -> int:
    """Return how many epochs are sure to pass before a rule can apply, at least 1.

    Args:
      rules: the rules.
      records: of the complete epochs.
      score: the task's score.

    Returns:
      The number; so many epochs need no look at their records in between.
    """
    if rules.min_decrease or rules.min_change or rules.plateau is not None:
        return 1
    if rules.patience is None:
        return sys.maxsize
    return max(1, rules.patience - _waited(records, score))


def _waited(records: Records, score: str) -> int:
    """Return for how many epochs the validation score has not been better than before."""
    scores = [record[f"valid_{score}"] for record in records]
    if not scores or None in scores:
        return 0
    return len(scores) - 1 - scores.index(max(scores))


def saturated(rules: Rules, records: Records) -> bool:
    """Return whether progress has saturated since the learning rate was last lowered.

    Args:
      rules: the rules.
      records: of the complete epochs.

    Returns:
      Whether to lower the rate now.
    """
    if rules.plateau is None or not records:
        return False
    factor = records[-1]["rate_factor"]
    losses = [record["train_loss"] for record in records if record["rate_factor"] == factor]
    before, lately = losses[: -rules.plateau], losses[-rules.plateau :]
    return bool(before) and min(lately) > 0.999 * min(before)
