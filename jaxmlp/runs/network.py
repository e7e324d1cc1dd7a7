"""A trained network: its parameters, and all that is needed to use them, without user code."""

import dataclasses
import warnings
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxmlp.config.complete import task_and_loss
from jaxmlp.config.factory import arithmetic, build_judge
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files, Paths, with_parts
from jaxmlp.config.own_parts import is_own
from jaxmlp.config.recipe import Recipe, recipe_of
from jaxmlp.config.schema import MODEL as MODEL_RECORD
from jaxmlp.config.signature import Signature, stored
from jaxmlp.data import Inputs, inputs_in_memory, read_inputs
from jaxmlp.errors import DataWarning, InputError, check, listed
from jaxmlp.runs.checkpoints import load_metadata, load_tree, save_tree
from jaxmlp.runs.folder import MODEL, Run
from jaxmlp.runs.layers import network_in_words
from jaxmlp.runs.scores import scores_of
from jaxmlp.training import Judge, Task
from jaxmlp.training.judge import predict_all

if TYPE_CHECKING:
    from jaxmlp.nn import Layer


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network.

    Attributes:
      recipe: what its run was made of.
      signature: what it expects and returns.
      params: its parameters.
      path: the folder of its run, if it has one.
    """

    recipe: Recipe
    signature: Signature
    params: Any
    path: Path | None = None

    def __repr__(self) -> str:
        """Return the run, the data, the task and the layers, on one screen."""
        return network_in_words(self.recipe, self.signature, self.path)

    @cached_property
    def judge(self) -> Judge:
        """The compiled functions that judge it."""
        return build_judge(self.recipe, self.signature)

    @property
    def model(self) -> "Layer":
        """The network as a layer."""
        return self.judge.model

    @property
    def task(self) -> Task:
        """What is asked of it."""
        return self.judge.task

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes, labels or predicted values, in the order of its outputs."""
        return self.signature.answers

    @property
    def deviations(self) -> list[float]:
        """The deviation of each predicted value in the training part; of numbers only."""
        target = self.signature.target_preprocessing
        if target is None:
            return []
        each = np.repeat(np.ravel(1 / target.scale), len(self.signature.quantiles) or 1)
        return [float(d) for d in each]

    def read(self, path: str | PathLike[str]) -> Inputs:
        """Read a picture, an array or a table as inputs of the network.

        Args:
          path: the file.

        Returns:
          The inputs, their names, and what was done to them.

        Raises:
          InputError: if the file is missing, empty or damaged, or does not hold such inputs.
        """
        return read_inputs(path, *self._form_of_inputs)

    def interpret_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Return what raw outputs say: probabilities, or values in the target's own unit.

        Args:
          outputs: of the network, `(N, K)`.

        Returns:
          `(N, classes)`, or `(N, values)`.

        Raises:
          InputError: if an output is not finite.
        """
        values = np.asarray(self.task.probabilities(self._at_temperature(outputs)))
        regression = self.task.name == "regression"
        answers = self.signature.values_of(values) if regression else values
        bad = np.flatnonzero(~np.isfinite(answers).all(axis=1))
        if len(bad):
            raise InputError(
                f"the network has no answer for example {bad[0]}, counted from 0: inputs or weights"
                f" are too large for {self.recipe.precision}"
            )
        return answers

    def _at_temperature(self, outputs: np.ndarray) -> np.ndarray:
        temperature = self.signature.temperature
        return outputs if temperature == 1 else outputs / np.asarray(temperature, outputs.dtype)

    def predict(self, inputs: Any) -> np.ndarray:
        """Predict the class of each example, or its values.

        Args:
          inputs: one example or a batch as an array; the rows of a table, as a `pyarrow.Table`, a
            data frame, a mapping from names to columns or a list of mappings; a picture, the path
            of a file, or a list of these.

        Returns:
          The names of the classes `(N,)`; for labels, whether each applies `(N, labels)`; for
          numbers, the values in the target's own unit, `(N,)`, or `(N, outputs)` for several, such
          as several quantiles of a value, in the order of `classes`.

        Raises:
          InputError: if the inputs do not fit the network.

        Warns:
          DataWarning: if something about the inputs was changed, such as their scale.
        """
        found = self.answers(self.encode(inputs))
        if self.task.name == "regression":
            return found[:, 0] if found.shape[1] == 1 else found
        said = self.signature.decide(found)
        return said if self.task.name == "multilabel" else np.array(self.classes)[said]

    def predict_proba(self, inputs: Any) -> np.ndarray:
        """Return the probability of each class, or of each label, in the order of `classes`.

        Args:
          inputs: as for `predict`.

        Returns:
          `(N, classes)`.

        Raises:
          InputError: if the inputs do not fit the network, or it predicts numbers.
        """
        if self.task.name == "regression":
            raise InputError("predict_proba is for classes, and this network predicts numbers")
        return self.answers(self.encode(inputs))

    def inputs_of(self, given: Any) -> Inputs:
        """Return inputs in the form of the data set, with what was done to them.

        Args:
          given: as for `predict`.

        Returns:
          The inputs, not preprocessed.

        Raises:
          InputError: if the inputs do not fit the network.
        """
        return inputs_in_memory(given, *self._form_of_inputs)

    def encode(self, inputs: Any) -> np.ndarray:
        """Return inputs in the form of the data set, as `answers` takes them.

        Args:
          inputs: as for `predict`.

        Returns:
          Not preprocessed, `(N, *input_shape)`.

        Raises:
          InputError: if the inputs do not fit the network.

        Warns:
          DataWarning: if something about the inputs was changed, such as their scale.
        """
        found = self.inputs_of(inputs)
        for note in found.notes:
            warnings.warn(note, DataWarning, stacklevel=3)
        return found.x

    def scores(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Judge the network by what it should say: `jaxmlp.runs.scores` lists the scores.

        Args:
          inputs: as for `predict`.
          targets: for each example the name of its class; whether each label applies,
            `(N, labels)`; or the values in the target's own unit, `(N,)` or `(N, values)`.

        Returns:
          The scores by their names, as `evaluate` has them.

        Raises:
          InputError: if the inputs do not fit the network, or the targets do not fit the inputs.
        """
        answers, y = self.answers(self.encode(inputs)), np.asarray(targets)
        if self.task.name in ("multiclass", "binary"):
            places = {name: i for i, name in enumerate(self.classes)}
            check(y.shape == (len(answers),), "targets", f"of shape ({len(answers)},)", y.shape)
            for name in map(str, y):
                check(name in places, "a target", f"one of {listed(self.classes, 20)}", name)
            return scores_of(self.signature, answers, np.array([places[str(name)] for name in y]))
        y = y[:, None] if y.ndim == 1 else y
        expected = len(answers), len(self.signature.classes)
        check(y.shape == expected, "targets", f"of shape {expected}", y.shape)
        return scores_of(self.signature, answers, y)

    @property
    def _form_of_inputs(self) -> tuple[Any, ...]:
        """The form in which inputs may come."""
        s = self.signature
        return s.input_shape, s.columns, s.pictures

    def answers(self, x: np.ndarray) -> np.ndarray:
        """Predict from inputs in the form of the data set.

        Args:
          x: not preprocessed, `(N, *input_shape)`.

        Returns:
          Probabilities of classes or labels, or values in the target's own unit, `(N, K)`.

        Raises:
          InputError: if the shape of an example is not the network's, or an answer is not finite.
        """
        with arithmetic(self.recipe.precision):
            kept = stored(self.signature, x)
            outputs = predict_all(self.judge, self.params, kept, np.arange(len(kept)))
            return self.interpret_outputs(outputs)


def load(
    run: str | PathLike[str],
    *,
    parts: Paths = (),
    changed_parts: bool = False,
) -> Network:
    """Load the network of a run.

    Args:
      run: the folder of the run.
      parts: the file, or the files, with the parts of one's own that the run was made with. Code
        is never taken from a run.
      changed_parts: whether these files may have changed since.

    Returns:
      The network.

    Raises:
      InputError: if there is no run in the folder, or a file of it is missing, broken, or of a
        later version, or a part of one's own is missing or has changed.
    """
    files = dataclasses.replace(Files.of(parts), changed=changed_parts)
    return open_network(Run.open(Path(run)), files)


def open_network(run: Run, parts: Files = NO_FILES, known: Config | None = None) -> Network:
    """Load the network of a run that is open; see `load`.

    Args:
      run: the run.
      parts: the files of its parts of one's own.
      known: another configuration, whose parts are loaded already.

    Returns:
      The network.
    """
    file = run.path / MODEL
    if not file.exists():
        raise InputError(f"{run.path} is not a complete run: it has no {MODEL}")
    saved = load_metadata(file, MODEL_RECORD)
    config = with_parts(Config.from_dict(saved["config"], file), parts, known)
    recipe = recipe_of(config, file)
    signature = Signature.from_dict(saved["spec"], file)
    if is_own(signature.loss):
        signature = dataclasses.replace(signature, loss=recipe.loss)
    task, _ = task_and_loss(recipe.task, recipe.loss)  # two classes may take an output each
    check(task.name == signature.task, f"{file}: spec.task", task.name, signature.task)
    with arithmetic(recipe.precision):
        model = build_judge(recipe, signature).model
        like = jax.eval_shape(
            lambda key: model.init(key, signature.input_shape)[0], jax.random.key(0)
        )
        params = jax.tree.map(np.asarray, load_tree(file, like))
    return Network(recipe, signature, params, run.path)


def save_network(run: Run, network: Network) -> None:
    """Write a network into the folder of its run: its parameters, and all that uses them."""
    record = {
        "config": network.recipe.to_config().to_dict(),
        "spec": network.signature.to_dict(),
    }
    save_tree(run.path / MODEL, network.params, record)
