"""What a run found out about its data: the target, the task, the baseline, and what to beware of.

The baseline is the score of a network that gives every example the same answer: the most frequent
class of the training part, or the mean of its values. A score counts by what it is above it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jaxmlp.cli.console import print_table, say
from jaxmlp.config.problem import Problem
from jaxmlp.config.signature import Signature
from jaxmlp.data import Columns, Reading, Source
from jaxmlp.data.picture_form import has_channels_first
from jaxmlp.errors import listed
from jaxmlp.runs.words import in_digits, score_in_words
from jaxmlp.training import TASKS
from jaxmlp.training.tally import Tally
from jaxmlp.training.types import HostTargets

FEW = 10  # examples of a part whose score says little
MOST = 0.9  # share of a class with which the accuracy says little
DECISIONS = 20  # lines about the data
NAMED = 8  # columns and classes that a line names
PARTS = {"train": "training", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Facts:
    """What a run found out about its data.

    Attributes:
      source: where the data come from.
      signature: what the network expects and returns.
      targets: the encoded targets of each part, `train`, `valid` and `test`, or what is to be known
        of them; a part may be missing.
    """

    source: Source
    signature: Signature
    targets: Mapping[str, HostTargets | Tally]

    @property
    def score(self) -> str:
        """The name of the task's score."""
        return TASKS[self.signature.task].score

    @property
    def target(self) -> list[str]:
        """The names of the targets: the columns of a table, the outputs of a regression."""
        columns = self.signature.columns
        if columns is not None:
            return list(columns["target"])
        return list(self.signature.classes) if self.signature.task == "regression" else []

    @cached_property
    def tallies(self) -> dict[str, Tally]:
        """What is to be known of the targets of each part."""
        found = self.targets.items()
        return {name: t if isinstance(t, Tally) else Tally.of(t) for name, t in found}

    @property
    def answer(self) -> np.ndarray:
        """The same answer for every example, as an encoded target: it scores the baseline."""
        train = self.tallies["train"]
        if self.signature.task == "regression":
            return train.mean
        if self.signature.task == "multilabel":
            return train.mean > 0.5
        return np.array(train.labels.argmax())

    def baseline(self, part: str) -> float:
        """Return the score of the same answer for every example of a part.

        Args:
          part: `train`, `valid` or `test`.

        Returns:
          An accuracy, or r2.
        """
        own, answer = self.tallies[part], self.answer
        if self.signature.task == "regression":
            error = float(np.mean(own.variance + (own.mean - answer) ** 2))
            return TASKS["regression"].finish(error, own.in_short())
        if self.signature.task == "multilabel":
            return float(np.mean(np.where(answer, own.mean, 1 - own.mean)))
        return float(own.labels[answer] / own.examples) if answer < len(own.labels) else 0.0

    def same_answer(self) -> str:
        """Return in words what answers the baseline gives."""
        if self.signature.task == "regression":
            return "always the mean"
        if self.signature.task == "multilabel":
            return "always the more frequent answer"
        return f"always {self.signature.classes[int(self.answer)]!r}"

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as `summary.json` has them."""
        classified = self.signature.task != "regression"
        scores = {f"{part}_{self.score}": self.baseline(part) for part in self.targets}
        return {
            "target": self.target,
            "classes": len(self.signature.classes) if classified else None,
            "baseline": {"answer": self.same_answer(), **scores},
            "warnings": self.warnings(),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return the lines that a command prints first, each with its heading."""
        sizes = [f"{self.tallies[part].examples:,} for {PARTS[part]}" for part in self.targets]
        rows = [("data", f"{self.source.name}: {', '.join(sizes)}")]
        if record := self.source.provenance.get("reading"):
            reading = Reading.from_dict(record)
            names = [*_columns(self.signature.columns), *self.target]
            rows.append(("columns", f"{listed(names, NAMED)} ({reading.header_in_words()})"))
            rows.append(("read with", reading.in_words()))
        rows.append(("target", self._target_in_words()))
        decisions = self.decisions
        lines = decisions[:DECISIONS]
        if len(decisions) > len(lines):
            lines.append(f"and {len(decisions) - len(lines)} more in summary.json")
        return [*rows, *(("decided" if i == 0 else "", line) for i, line in enumerate(lines))]

    @property
    def decisions(self) -> list[str]:
        """A line for each thing that was decided about the data, such as a column left out."""
        return list(self.source.provenance.get("decisions", ()))

    def _target_in_words(self) -> str:
        task, target = self.signature.task, self.signature.target_preprocessing
        if target is not None:
            numbers = zip(np.ravel(target.offset), np.ravel(1 / target.scale), strict=True)
            each = zip(self.target, numbers, strict=True)
            parts = [f"{name} ({_mean_in_words(*pair)})" for name, pair in each]
            return f"{listed(parts, NAMED)}: regression"
        kind = "labels" if task == "multilabel" else "classes"
        share = score_in_words(self.score, self.baseline("train"))
        return (
            f"{listed(self.target, NAMED) + ': ' if self.target else ''}{task},"
            f" {len(self.signature.classes)} {kind}; {self.same_answer()} is right for {share}"
        )

    def warnings(self) -> list[str]:
        """Return a line for each thing that makes a score say less than it seems to."""
        found = []
        shape, most = self.signature.input_shape, self.tallies["train"].examples
        if has_channels_first(shape):  # of a `Dataset`: arrays have been turned
            found.append(
                f"pictures of shape {shape} seem to have their channels first; expected"
                " (height, width, channels)"
            )
        for part, tally in self.tallies.items():
            if part != "train" and tally.examples < min(FEW, most):
                number = _examples(tally.examples)
                found.append(f"the {PARTS[part]} part has only {number}: its score says little")
        if self.signature.task in ("multiclass", "binary"):
            found += self._warnings_of_classes()
        return found

    def _warnings_of_classes(self) -> list[str]:
        found, classes = [], self.signature.classes
        own = self.tallies["train"].labels
        counts = np.concatenate([own, np.zeros(len(classes) - len(own), own.dtype)])
        unseen = [name for name, count in zip(classes, counts, strict=True) if count == 0]
        if unseen:
            found.append(
                f"the training part has no example of {listed([*map(repr, unseen)], NAMED)}"
            )
        share = counts.max() / counts.sum()
        if share >= MOST:
            found.append(
                f"{score_in_words('accuracy', share)} of the training part is"
                f" {classes[int(counts.argmax())]!r}: look at the balanced accuracy"
            )
        return found


def facts_of(problem: Problem, source: Source) -> Facts:
    """Return the facts about the data of a problem."""
    parts = {"train": problem.train, "valid": problem.valid, "test": problem.test}
    targets = {name: split.tally for name, split in parts.items() if split is not None}
    return Facts(source, problem.signature, targets)


def show_facts(facts: Facts, quiet: bool) -> None:
    """Print what a run found out about its data; if it is quiet, only the warnings."""
    if not quiet:
        print_table(facts.rows())
    for line in facts.warnings():
        say(f"WARNING: {line}")


def _columns(record: dict[str, Any] | None) -> list[str]:
    """Return the names of the columns that are inputs."""
    if record is None:
        return []
    return [column.name for column in Columns.from_dict(record).inputs]


def _examples(count: int) -> str:
    return f"{count} example{'s' if count != 1 else ''}"


def _mean_in_words(mean: float, deviation: float) -> str:
    return f"mean {in_digits(mean, deviation)}, deviation {in_digits(deviation)}"
