"""The sections of the loss: from the raw output to the loss, and from there back to delta.

The losses' own functions compute the numbers; this module only arranges them. Lecture rows A3, A4,
D6, E5, E6, E13.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.explain.formulas import (
    LAYERS,
    LOSSES,
    OUTPUTS,
    SLOPES,
    equation,
    fill,
    with_respect_to,
)
from jaxmlp.explain.rows import source
from jaxmlp.explain.typeset import Line, Section
from jaxmlp.runs.inspection import Inspected

PREDICTION = r"\hat{y}"


ROUNDED = (
    "A probability rounds to 0 or 1 here, so the derivative of its logarithm cannot be computed. "
    "This is why the loss takes the raw outputs: its delta needs no division."
)


class Prediction(NamedTuple):
    """A prediction that is not the raw output itself.

    Attributes:
      forward: its formula and value, after those of the numbers in it.
      backward: the derivative of the loss, and that of the prediction; none if a probability is
        rounded to 0 or 1.
      chain: LaTeX for delta as their product, of `$dp` and `$dpdz`.
    """

    forward: list[Line]
    backward: list[Line]
    chain: str


def loss_forward(inspected: Inspected, z: Any, name: str, targets: Any, y: np.ndarray) -> Section:
    """Return the targets, the prediction and the loss.

    Args:
      inspected: the network.
      z: the raw outputs of one example, `(1, K)`.
      name: LaTeX for them.
      targets: the target as the loss takes it.
      y: the target as the data set has it.

    Returns:
      The section.
    """
    from jaxmlp.training import TASKS

    signature = inspected.signature
    output, value, _ = LOSSES.get(signature.loss, ("", "", ""))
    classes = signature.task == "multiclass"
    y_shown = _softened(inspected, z, targets)[0]
    items: list[Any] = [Line("y", y_shown, source("target") if classes else None)]
    if predicted := _prediction(inspected, z, name, targets):
        items += predicted.forward
        value = value.replace("z_i", rf"{PREDICTION}_i")
    formula = fill(f"L = {value}", {"z": name}) if value else "L"
    items.append(Line(formula, inspected.loss(z, targets), source(signature.loss)))
    if signature.task in ("multiclass", "binary"):
        p = np.asarray(TASKS[signature.task].probabilities(z))[0]
        said, answer = signature.classes[p.argmax()], signature.classes[int(y[0])]
        sure = f" ({p.max():.1%})" if output else ""
        items.append(f"The network predicts {said}{sure}; the target is {answer}.")
    return Section(f"Loss: {inspected.loss.name}", items, "forward")


def loss_backward(inspected: Inspected, z: Any, name: str, targets: Any) -> Section:
    """Return how delta follows from the loss: through the prediction, if there is one.

    Args:
      inspected: the network.
      z: the raw outputs of one example, `(1, K)`.
      name: LaTeX for them.
      targets: the target as the loss takes it.

    Returns:
      The section.
    """
    output, _, rule = LOSSES.get(inspected.signature.loss, ("", "", ""))
    left, delta = with_respect_to(name, True), inspected.loss.gradient(z, targets)[0]
    items: list[Any] = []
    if predicted := _prediction(inspected, z, name, targets):
        items += [*predicted.backward] or [ROUNDED]
        if predicted.backward:
            dp, dpdz = (line.formula.split(" = ")[0] for line in predicted.backward)
            left = f"{left} = {fill(predicted.chain, {'dp': dp, 'dpdz': dpdz})}"
        rule = rule if output else ""  # which is that of dL/dp
    topic = inspected.signature.loss
    place = source(f"{topic} delta") or source(topic)
    items.append(Line(equation(left, rule, {"z": name}), delta, place))
    return Section(f"Backward: {inspected.loss.name}", items, "backward")


def _prediction(inspected: Inspected, z: Any, name: str, targets: Any) -> Prediction | None:
    signature = inspected.signature
    by_z = rf"\frac{{\partial {PREDICTION}}}{{\partial {name}}}"
    if signature.output_activation != "identity":
        return _bounded(inspected, z, name, by_z, targets)
    if output := LOSSES.get(signature.loss, ("", "", ""))[0]:
        y = _softened(inspected, z, targets)
        return _probabilities(output, signature.loss, z, name, by_z, y)
    return None


def _probabilities(output: str, loss: str, z: Any, name: str, by_z: str, y: Any) -> Prediction:
    """Return the prediction of a softmax or of sigmoids, which is inside the loss."""
    import jax

    from jaxmlp.nn import probabilities, softmax_jacobian

    p, formulas = getattr(jax.nn, output)(z), OUTPUTS[output]
    forward = [Line(f"{PREDICTION} = {formulas.name}({name})", p[0], source(output))]
    backward = []
    if ((p > 0) & (p < 1)).all():
        right, function = SLOPES[loss]
        dp = getattr(probabilities, function)(p, y)
        slope = softmax_jacobian(p) if output == "softmax" else p * (1 - p)
        backward = [
            Line(f"{with_respect_to(PREDICTION)} = {right}", dp[0], source(f"{loss} slope")),
            Line(f"{by_z} = {formulas.slope}", slope[0], source(f"{loss} slope")),
        ]
    return Prediction(forward, backward, formulas.chain)


def _bounded(inspected: Inspected, z: Any, name: str, by_z: str, targets: Any) -> Prediction:
    """Return the prediction of a regression whose answers are not negative (lecture row E13)."""
    from jaxmlp.config.factory import loss_of
    from jaxmlp.config.signature import output_activation_of, shift_of

    signature = inspected.signature
    activation: Any = output_activation_of(signature)
    plain = loss_of(dataclasses.replace(signature, output_activation="identity"))
    formulas, inner = LAYERS[signature.output_activation], {"x": "u"}
    a, c = activation(z), shift_of(signature)
    rule, place = LOSSES.get(signature.loss, ("", "", ""))[2], source("output activation")
    return Prediction(
        [
            Line(r"c = \text{mean of the target} / \text{deviation}", c),
            Line(f"u = {name} + c", z[0] + c),
            Line(f"{PREDICTION} = {fill(formulas.forward, inner)} - c", a[0], place),
        ],
        [
            Line(
                equation(with_respect_to(PREDICTION), rule, {"z": PREDICTION}),
                plain.gradient(a, targets)[0],
                source(signature.loss),
            ),
            Line(f"{by_z} = {fill(formulas.slope, inner)}", activation.derivative(z, a)[0], place),
        ],
        OUTPUTS["sigmoid"].chain,
    )


def _softened(inspected: Inspected, z: Any, targets: Any) -> Any:
    from jaxmlp.nn.losses import softened

    return softened(inspected.loss, z, targets, inspected.recipe.label_smoothing)
