"""What a network expects and returns: all that is needed beside its weights to use it."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config.names import OUTPUT_ACTIVATIONS
from jaxmlp.config.own_parts import is_own, part_saved
from jaxmlp.config.schema import SIGNATURE, checked
from jaxmlp.data import PictureForm, Preprocessing, iterate_chunks
from jaxmlp.data.columns import Columns
from jaxmlp.data.drawings import Drawing
from jaxmlp.errors import check, shown
from jaxmlp.training import TASKS, Task, quantile_task, task_behind
from jaxmlp.training.tasks import central


@dataclass(frozen=True)
class Signature:
    """What a network expects and returns: all that is needed beside its weights to use it.

    Attributes:
      input_shape: the shape of one example, without the batch axis.
      task: the name of the task.
      loss: the name of the loss.
      classes: the names of classes, labels or predicted values.
      preprocessing: the scaling of the inputs.
      raw: whether inputs are stored as the data set has them and preprocessed in every step. Inputs
        in float64 are preprocessed before they are stored, because float32 could make different
        numbers equal.
      target_preprocessing: the scaling of the targets, in regression.
      columns: how a table's rows become numbers, or `None`.
      background: the background of all pictures of the training part, `dark` or `light`, if any.
      white: the largest value that their pixels can have.
      scaled: whether arrays on another scale are brought to that of `white`; not in old runs.
      channels_first: whether the user's pictures have their channels first.
      drawing: how the training pictures were scaled and centred, if they are such drawings.
      temperature: what raw outputs are divided by before they become probabilities
        (`jaxmlp.nn.temperature`).
      threshold: of two classes, the probability of the second above which it is the answer.
      quantiles: those that a regression answers with, ascending; none for one number.
      output_activation: of a regression, the name of `f` behind the raw output z. In the target's
        unit the answer is `m + s z` for the identity, with the target's mean m and deviation s, and
        `s f(z + m / s)` for the others (`jaxmlp.nn.outputs`): it is never negative.
    """

    input_shape: tuple[int, ...]
    task: str
    loss: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    raw: bool = False
    target_preprocessing: Preprocessing | None = None
    columns: dict[str, Any] | None = None
    background: str | None = None
    white: float = 255.0
    scaled: bool = False
    channels_first: bool = False
    drawing: Drawing | None = None

    temperature: float = 1.0
    threshold: float = 0.5
    quantiles: tuple[float, ...] = ()
    output_activation: str = "identity"

    @property
    def pictures(self) -> PictureForm:
        """The form of the pictures that the network learned from."""
        names = PictureForm._fields
        return PictureForm(**{name: getattr(self, name) for name in names})

    @property
    def answers(self) -> tuple[str, ...]:
        """The name of each answer: of a class, label or value, or of each quantile of a value."""
        if not self.quantiles:
            return self.classes
        return tuple(f"{name} {q:g} quantile" for name in self.classes for q in self.quantiles)

    def middle(self, answers: np.ndarray) -> np.ndarray:
        """Return one answer for each value, `(N, values)`: of quantiles, the most central one."""
        if not self.quantiles:
            return answers
        return answers[:, central(self.quantiles) :: len(self.quantiles)]

    def values_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return the outputs of a regression in the unit of the target.

        The quantiles of a value are sorted: where two outputs cross, this brings both nearer to
        the true quantiles (Chernozhukov, Fernandez-Val and Galichon 2010).

        Args:
          outputs: of a regression, `(N, K)`.

        Returns:
          `(N, K)`, float64.
        """
        if not self.quantiles:
            return self._in_unit(outputs.astype(np.float64))
        each = outputs.astype(np.float64).reshape(len(outputs), -1, len(self.quantiles))
        undone = self._in_unit(each.transpose(0, 2, 1)).transpose(0, 2, 1)
        return np.sort(undone, axis=2).reshape(outputs.shape)

    def _in_unit(self, z: np.ndarray) -> np.ndarray:
        target = self.target_preprocessing
        assert target is not None
        if self.output_activation == "identity":
            return np.asarray(target.undo(z))
        z = z + target.offset * target.scale
        a = np.logaddexp(z, 0) if self.output_activation == "softplus" else np.maximum(z, 0)
        return np.asarray(a / target.scale)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the answers to probabilities of classes, or of labels.

        Args:
          probabilities: `(N, classes)`.

        Returns:
          The number of the class of each example, `(N,)`; of labels, whether each applies.
        """
        if self.task == "multilabel":
            return probabilities > 0.5
        if len(self.classes) == 2:
            return (probabilities[:, 1] > self.threshold).astype(int)
        return probabilities.argmax(axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as it is saved."""
        saved = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("preprocessing", "target_preprocessing"):
            saved[name] = saved[name] and saved[name].to_dict()
        saved["drawing"] = self.drawing and self.drawing._asdict()
        return saved

    @staticmethod
    def from_dict(saved: Any, where: object) -> "Signature":
        """Return the record that was saved; a field that is missing takes its default.

        Args:
          saved: what `to_dict` returned.
          where: the file, for error messages.

        Returns:
          The signature.

        Raises:
          InputError: if a field is missing, unknown or wrong, or two do not go together.
        """
        values = checked(saved, SIGNATURE, where, "spec")
        values["loss"] = part_saved(values["loss"], f"{where}: spec.loss")
        for name in ("preprocessing", "target_preprocessing"):
            record = values.get(name)
            values[name] = record and Preprocessing.from_dict(record)
        record = values.get("drawing")
        values["drawing"] = record and Drawing(**record)
        signature = Signature(**values)
        signature._check_agreement(f"{where}: spec")
        return signature

    def _check_agreement(self, where: str) -> None:
        """Reject fields that do not go together."""
        count, features = len(self.classes), self.input_shape[-1:]
        least = "two names" if self.task == "binary" else "at least one name"
        good = count == 2 if self.task == "binary" else count > 0
        check(good, f"{where}.classes", least, shown(self.classes))
        check(len(features) > 0, f"{where}.input_shape", "at least one size", None)
        check(
            is_own(self.loss) or self.loss in TASKS[self.task].losses,
            f"{where}.loss",
            f"for {self.task} data",
            self.loss,
        )
        if self.drawing is not None:
            check(
                len(self.input_shape) == 3 and self.drawing.box <= min(self.input_shape[:2]),
                f"{where}.drawing.box",
                f"at most a side of {self.input_shape}",
                self.drawing.box,
            )
        _check_scaling(self.preprocessing, features, f"{where}.preprocessing")
        quantiles = self.quantiles
        given = (self.loss == "quantile") == (len(quantiles) > 0)
        good = given and quantiles == tuple(sorted({*quantiles}))
        words = "ascending with the loss quantile, and absent with another"
        check(good, f"{where}.quantiles", words, shown(quantiles))
        target, regression = self.target_preprocessing, self.task == "regression"
        good = regression or self.output_activation == "identity"
        words = "identity for classes and labels"
        check(good, f"{where}.output_activation", words, self.output_activation)
        expected = "given for regression and for nothing else"
        check((target is not None) == regression, f"{where}.target_preprocessing", expected, target)
        if target is not None:
            _check_scaling(target, (count,), f"{where}.target_preprocessing")
        if self.columns is not None and not isinstance(self.columns.get("categorical"), dict):
            found = len(Columns.from_dict(self.columns).input_names)
            size = math.prod(self.input_shape)
            check(found == size, f"{where}.columns", f"for {size} inputs", found)


def _check_scaling(scaling: Preprocessing, shape: tuple[int, ...], name: str) -> None:
    """Reject a scaling that does not fit the features, or that no data give."""
    for part in ("offset", "scale"):
        got = getattr(scaling, part).shape
        check(got in ((), shape), f"{name}.{part}", f"one number, or of shape {shape}", got)
    least = float(scaling.scale.min())
    check(least > 0, f"{name}.scale", "positive", least)


def task_of(signature: Signature) -> Task:
    """Return what is asked of a network."""
    if signature.task != "regression":
        return TASKS[signature.task]
    task, activation = quantile_task(signature.quantiles), output_activation_of(signature)
    return task if activation is None else task_behind(activation, task)


def output_activation_of(signature: Signature) -> nn.Activation | None:
    """Return the activation from raw outputs to predictions, or `None` if they are the same."""
    if signature.output_activation == "identity":
        return None
    activation = OUTPUT_ACTIVATIONS[signature.output_activation]
    return nn.outputs.standardised(activation, shift_of(signature))


def shift_of(signature: Signature) -> Any:
    """Return, for each output of a regression, the target's mean in deviations, `(K,)`."""
    target = signature.target_preprocessing
    assert target is not None
    # methods, since in a sweep the numbers are traced; float64, whatever is computed in
    return (target.offset * target.scale).ravel().repeat(len(signature.quantiles) or 1)


def prepare(signature: Signature) -> Callable[[jax.Array], jax.Array]:
    """Return what a step does to stored inputs: it preprocesses what is raw."""

    def ready(x: jax.Array) -> jax.Array:
        x = x.astype(jnp.result_type(float))  # float64 where JAX computes in it, else float32
        return signature.preprocessing(x) if signature.raw else x

    return ready


def stored(signature: Signature, x: np.ndarray) -> np.ndarray:
    """Return inputs as they are kept on the device: raw, or preprocessed in their own precision.

    Args:
      signature: holds the preprocessing.
      x: inputs as the data set has them.

    Returns:
      The array itself, or a new one of the type that is computed in.

    Raises:
      InputError: if the shape of an example is not the network's.
    """
    shape = signature.input_shape
    check(x.shape[1:] == shape, "the shape of an example", f"{shape} as in training", x.shape[1:])
    if signature.raw:
        return x
    ready, end = np.empty(x.shape, jnp.result_type(float)), 0
    for part in iterate_chunks(x, np.arange(len(x))):
        start, end = end, end + len(part)
        with np.errstate(over="ignore"):  # an answer that is not finite is refused later
            ready[start:end] = signature.preprocessing(part)
    return ready


def encoded(signature: Signature, y: np.ndarray) -> np.ndarray:
    """Return targets as the loss takes them: encoded for the task, in regression also scaled.

    Args:
      signature: holds preprocessing and task.
      y: targets as the data set has them.

    Returns:
      Labels `(N,)` or numbers `(N, K)`.
    """
    y = signature.target_preprocessing(y) if signature.target_preprocessing else y
    return task_of(signature).encode(y)


def arrays_from(
    signature: Signature, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return examples as they are kept on the device.

    Args:
      signature: holds preprocessing and task.
      x: inputs as the data set has them.
      y: targets as the data set has them.
      weights: one per example; `None` for all 1.

    Returns:
      Inputs, targets and weights.

    Raises:
      InputError: if the shape of an example is not the network's.
    """
    targets = encoded(signature, y)
    weights = np.ones(len(x), jnp.result_type(float)) if weights is None else weights
    return stored(signature, x), targets, weights
