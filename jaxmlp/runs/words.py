"""Numbers and records in words, as a command prints them."""

import math
from collections.abc import Callable

from jaxmlp.config.recipe import Recipe
from jaxmlp.training import Record
from jaxmlp.training.rules import LAST

DIGITS = 4  # significant digits
LARGEST, SMALLEST = 1e15, 1e-9  # beyond these sizes a number is written with an exponent


def in_digits(value: float, scale: float | None = None) -> str:
    """Write a number with four significant digits of a scale, and no exponent.

    All digits before the decimal point are written. A value near 1,700,000,000 in a target that
    varies by 100 is 1700000123.4, and an error of 0.00003412 is not 0.0000.

    Args:
      value: the number.
      scale: the size that counts, such as the deviation of the target; `None` for the number's own.

    Returns:
      The text.
    """
    size = abs(value if scale is None else scale)
    if not math.isfinite(value) or not math.isfinite(size) or size == 0:
        return f"{value:.{DIGITS}g}"
    if not SMALLEST < size < LARGEST:
        return f"{value:.{DIGITS - 1}e}"
    places = DIGITS - 1 - math.floor(math.log10(size))
    return f"{value:.{max(0, places)}f}"


def score_in_words(name: str, value: float) -> str:
    """Write a score: an accuracy in percent, any other score with four decimals."""
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4f}"


def record_in_words(
    record: Record, score: str, rmse: Callable[[float], float] | None = None
) -> str:
    """Write losses, score and speed of an epoch in one line.

    Args:
      record: the metrics of the epoch.
      score: the name of the task's score.
      rmse: turns an r2 into an error in the target's unit, if one number tells it.

    Returns:
      The line.
    """
    parts = [f"loss {in_digits(record.train.loss)}"]
    if record.valid is not None:
        parts.append(f"valid loss {in_digits(record.valid.loss)}")
    part, judged = ("", record.train) if record.valid is None else ("valid ", record.valid)
    parts.append(f"{part}{score} {judged.score:.4f}")
    if rmse is not None:
        parts.append(f"{part}rmse {in_digits(rmse(judged.score))}")
    parts.append(f"{record.examples_per_second:,.0f} examples/s")
    return "  ".join(parts)


def recipe_in_words(recipe: Recipe, scaling: str, steps: int) -> str:
    """Write in one line how a network is trained; `config.json` says it in full.

    Args:
      recipe: what the run is made of.
      scaling: the scaling of the inputs.
      steps: the number of steps of the whole run.

    Returns:
      The line.
    """
    numbers, chosen = recipe.numbers, recipe.valid_size and recipe.monitor != LAST
    behind = recipe.output_activation
    parts = [
        f"inputs {scaling}",
        f"{recipe.optimizer} at {numbers.learning_rate:g} ({recipe.schedule})",
        f"weight decay {numbers.weight_decay:.2g}" if numbers.weight_decay else "",
        f"average of the weights (decay {numbers.ema:g})" if numbers.ema is not None else "",
        f"sharpness-aware within {numbers.sam:g}" if numbers.sam is not None else "",
        f"weights of a unit within {numbers.max_norm:g}" if numbers.max_norm is not None else "",
        f"inputs moved by {numbers.adversarial:g} to where the loss is greater"
        if numbers.adversarial is not None
        else "",
        f"dropout {recipe.dropout:g}" if recipe.dropout else "",
        f"input dropout {recipe.input_dropout:g}" if recipe.input_dropout else "",
        f"input noise {recipe.input_noise:g}" if recipe.input_noise else "",
        f"{behind} behind the output" if behind != "identity" else "",
        f"{steps:,} steps of {recipe.batch_size}"
        + (f" in {recipe.precision}" if recipe.precision != "float32" else ""),
        f"the epoch with the best {recipe.monitor}" if chosen else "the last epoch",
    ]
    return ", ".join(part for part in parts if part)
