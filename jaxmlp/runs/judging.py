"""What a trained network says of the parts of its data; calibration, if the recipe asks for it."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.cli.console import say
from jaxmlp.config.problem import Problem
from jaxmlp.runs.calibration import reliability, temperature_of
from jaxmlp.runs.network import Network
from jaxmlp.runs.scores import rmse_by_r2, scores_of
from jaxmlp.training import Split
from jaxmlp.training.judge import outputs_of

Answers = tuple[np.ndarray, np.ndarray]  # what the network says, and the truth


class Judged(NamedTuple):
    """A network, and what it says.

    Attributes:
      network: the network, calibrated if its recipe says so.
      parts: its answers and the truth of each part, where the answers are finite. The training part
        is judged only if a threshold makes its accuracy another than the one in training.
      uncalibrated: its answers to the test part before it was calibrated, if it was.
    """

    network: Network
    parts: dict[str, Answers]
    uncalibrated: np.ndarray | None

    def calibration(self) -> dict[str, float] | None:
        """Return the temperature, and its effect on the test part; `None` without calibration."""
        if self.uncalibrated is None:
            return None
        signature, (answers, true) = self.network.signature, self.parts["test"]
        found = {"temperature": signature.temperature}
        for words, said in (("before", self.uncalibrated), ("after", answers)):
            scores = scores_of(signature, said, true)
            found[f"test_log_loss_{words}"] = scores["log_loss"]
            found[f"test_calibration_error_{words}"] = reliability(signature, said, true).error
        return found

    def scores(self, problem: Problem, train_r2: float | None) -> dict[str, dict[str, float]]:
        """Return the scores of each part.

        Args:
          problem: what was trained.
          train_r2: the score of the training part, if it is a regression.

        Returns:
          Scores by their names, by part.
        """
        scores = {
            name: scores_of(self.network.signature, *pair) for name, pair in self.parts.items()
        }
        rmse = rmse_by_r2(problem, problem.train)
        if rmse is not None and train_r2 is not None:
            scores["train"] = {f"rmse {problem.signature.classes[0]}": rmse(train_r2)}
        return scores


def judge_parts(problem: Problem, params: Any) -> Judged:
    """Ask a network for the validation and the test part.

    Args:
      problem: what was trained.
      params: the parameters, on the device.

    Returns:
      The network, with what it says.
    """
    network = Network(problem.recipe, problem.signature, jax.tree.map(np.asarray, params))
    splits = {"valid": problem.valid, "test": problem.test}
    if problem.signature.threshold != 0.5:
        splits["train"] = problem.train
    asked = {}
    for name, split in splits.items():
        if split is not None:
            split = split.sample
            outputs = outputs_of(problem.trainer.judge, params, split)
            if np.isfinite(outputs).all():
                asked[name] = outputs, _truth(problem, split)
    calibrated = _calibrated(network, asked) if problem.recipe.calibrate else network
    parts = {n: (calibrated.interpret_outputs(z), true) for n, (z, true) in asked.items()}
    before = None
    if calibrated is not network and "test" in asked:
        before = network.interpret_outputs(asked["test"][0])
    return Judged(calibrated, parts, before)


def _truth(problem: Problem, split: Split) -> np.ndarray:
    """Return a part's targets as a data set has them."""
    target = problem.signature.target_preprocessing
    if target is not None:
        each = split.targets[:, :: len(problem.signature.quantiles) or 1]
        undone: np.ndarray = target.undo(each.astype(np.float64))
        return undone
    if problem.task.name == "multilabel":
        return split.targets
    return split.targets.reshape(-1).astype(int)


def _calibrated(network: Network, asked: dict[str, Answers]) -> Network:
    """Return a network at the temperature that suits its validation part best."""
    found = None
    if "valid" in asked:
        found = temperature_of(network.signature, *asked["valid"])
    if found is None:
        say(
            "WARNING: not calibrated: on the validation part no temperature from 0.01 to 100 is"
            " best, as where every answer is right"
        )
        return network
    return dataclasses.replace(
        network, signature=dataclasses.replace(network.signature, temperature=found)
    )
