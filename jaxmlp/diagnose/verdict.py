"""The verdict on a run: which rules found a fault, without those that only follow from another."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.diagnose import rules
from jaxmlp.diagnose.evidence import Evidence
from jaxmlp.diagnose.rules import Finding


class Rule(NamedTuple):
    """A rule of the diagnosis.

    Attributes:
      name: of the fault.
      row: of the lectures, that teaches it.
      find: looks for it.
      explains: the names of faults that follow from it, and are not named beside it.
    """

    name: str
    row: str
    find: Callable[[Evidence], Finding | None]
    explains: tuple[str, ...] = ()


SLOW = ("too low a rate", "underfitting")
RULES = (
    Rule(
        "unscaled inputs",
        "E7",
        rules.unscaled_inputs,
        ("too high a rate", "dead units", "saturated units", "vanishing gradients", *SLOW),
    ),
    Rule(
        "equal units",
        "B8",
        rules.equal_units,
        ("too high a rate", "dead units", "saturated units", "vanishing gradients", *SLOW),
    ),
    Rule(
        "too high a rate",
        "B3",
        rules.high_rate,
        ("dead units", "saturated units", "vanishing gradients", "overfitting", *SLOW),
    ),
    Rule("dead units", "B11", rules.dead_units, ("vanishing gradients", *SLOW)),
    Rule("saturated units", "B11", rules.saturated_units, ("vanishing gradients", *SLOW)),
    Rule(
        "vanishing gradients",
        "E8",
        rules.vanishing_gradients,
        ("too high a rate", "dead units", "saturated units", *SLOW),
    ),
    Rule("too low a rate", "B3", rules.low_rate, SLOW[1:]),
    Rule("overfitting", "C7", rules.overfitting, SLOW),
    Rule("underfitting", "C7", rules.underfitting),
)


class Named(NamedTuple):
    """A fault that is named.

    Attributes:
      rule: which it is.
      finding: what was seen, and what to try.
      follows: the faults that follow from it.
    """

    rule: Rule
    finding: Finding
    follows: "tuple[Named, ...]" = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        found = self.finding
        words = {"says": found.says, "advice": found.advice, "row": self.rule.row}
        follows = [{"fault": one.rule.name, "says": one.finding.says} for one in self.follows]
        return {"fault": self.rule.name, **words, "follows": follows}


def verdict(found: Evidence) -> list[Named]:
    """Return the faults of a run, causes before what follows from them.

    Args:
      found: what the run left.

    Returns:
      The faults; those that another explains stand with it.
    """
    named = [Named(rule, seen) for rule in RULES if (seen := rule.find(found)) is not None]
    causes = [one for one in named if not any(_explains(other, one) for other in named)]
    return [
        cause._replace(follows=tuple(one for one in named if _explains(cause, one)))
        for cause in causes
    ]


def _explains(cause: Named, other: Named) -> bool:
    """Return whether a fault follows from another, which was there no later."""
    if other.rule.name not in cause.rule.explains:
        return False
    order = [rule.name for rule in RULES]
    when = [(one.finding.since, order.index(one.rule.name)) for one in (cause, other)]
    return when[0] < when[1]


def looked_at(found: Evidence) -> dict[str, Any]:
    """Return the numbers that a verdict rests on.

    Args:
      found: what the run left.

    Returns:
      For JSON: the loss, and of each layer its state at the last epoch that was seen.
    """
    losses, judged = found.training, found.validation
    numbers: dict[str, Any] = {
        "epochs": len(losses),
        "training_loss": [losses[0], losses[-1]] if len(losses) else [],
        "validation_loss": [judged.min(), judged[-1]] if len(judged) else [],
        "layers": [],
    }
    for track in found.tracks:
        row: dict[str, Any] = {"number": track.number, "name": track.name}
        for field in ("dead_share", "saturated_share", "gradient_norm"):
            row[field] = _plain(track.of(field)[-1])
        row["update_ratio"] = _plain(rules.middle(track.of("update_ratio")))
        numbers["layers"].append(row)
    return numbers


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
