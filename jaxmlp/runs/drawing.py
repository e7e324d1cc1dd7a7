"""The pictures of a run that has ended, and of an evaluation of its network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.config.recipe import Recipe
from jaxmlp.config.signature import Signature
from jaxmlp.runs.folder import EVALUATION_FILES, Run
from jaxmlp.runs.judging import Judged
from jaxmlp.runs.output import remove_abandoned

if TYPE_CHECKING:
    from jaxmlp.runs.summary import Outcome

PARTS = {name: f"{name} set:" for name in ("train", "valid", "test")} | {"all": "all"}


def draw_run(run: Run, outcome: "Outcome", judged: Judged) -> None:
    """Write the run's pictures: its curves, and how good it is on the test part.

    It frees the examples on the device, because drawing takes memory of its own.

    Args:
      run: the run's folder.
      outcome: the outcome of the training.
      judged: what the network says of each part.

    Raises:
      OSError: if a picture cannot be written.
    """
    problem, records = outcome.problem, outcome.history.records
    for array in problem.test.sample.examples:
        array.delete()

    from jaxmlp.runs import figures

    if records:
        names = problem.signature.loss, problem.task.score
        kept = int(outcome.history.best.epoch)
        figure = figures.curves(records, *names, only_in_training(problem.recipe), kept)
        figures.save(figure, run.path / "curves.png")
    if "test" in judged.parts:
        draw_answers(run, judged, problem.recipe.dataset)


def draw_answers(run: Run, judged: Judged, dataset: str) -> None:
    """Draw what a network says of the test part: of classes, of numbers, and its calibration.

    Args:
      run: the run's folder.
      judged: what the network says of each part.
      dataset: the name of the data.

    Raises:
      OSError: if a picture cannot be written.
    """
    from jaxmlp.runs import figures, metrics, score_figures
    from jaxmlp.runs.calibration import reliability

    signature, (answers, true) = judged.network.signature, judged.parts["test"]
    title = f"{dataset}, test set: {len(true):,} examples"
    if signature.task == "regression":
        figure = score_figures.predicted(true, signature.middle(answers), signature.classes, title)
        figures.save(figure, run.path / "predicted.png")
    elif signature.task != "multilabel":
        matrix = metrics.confusion(true, signature.decide(answers), len(signature.classes))
        figure = figures.confusion(matrix, signature.classes, title)
        figures.save(figure, run.path / "confusion.png")
    if judged.uncalibrated is not None:
        pairs = ("as trained", judged.uncalibrated), ("calibrated", answers)
        curves = {words: reliability(signature, said, true) for words, said in pairs}
        figure = score_figures.calibration(curves, whose_probability(signature), title)
        figures.save(figure, run.path / "calibration.png")


def draw_evaluation(
    folder: Path,
    result: dict[str, Any],
    signature: Signature,
    x: np.ndarray,
    y: np.ndarray,
    answers: np.ndarray,
) -> None:
    """Draw into a folder how good the network is, and its most confident mistakes.

    Args:
      folder: the folder; it is made if there is none.
      result: what `evaluate_examples` found, perhaps with `importance` and `partial`.
      signature: of the network.
      x: inputs, `(N, ...)`.
      y: targets, as a data set has them.
      answers: what the network says, `(N, K)`.

    Raises:
      OSError: if a picture cannot be written.
    """
    from jaxmlp.runs import figures, score_figures
    from jaxmlp.runs.calibration import reliability

    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder, EVALUATION_FILES)
    part, drawn = result["split"], {}
    title = f"{result['dataset']}, {PARTS[part]} {len(y):,} examples"
    if signature.task == "regression":
        drawn["predicted"] = score_figures.predicted(
            y, signature.middle(answers), signature.classes, title
        )
    else:
        curve = {"this network": reliability(signature, answers, y)}
        what = whose_probability(signature)
        drawn["calibration"] = score_figures.calibration(curve, what, title)
    if "confusion" in result:
        matrix = np.array(result["confusion"])
        drawn["confusion"] = figures.confusion(matrix, signature.classes, title)
    worst = result.get("most_confident_mistakes")
    if worst and x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        columns = ([row[key] for row in worst] for key in ("true", "predicted", "probability"))
        drawn["mistakes"] = figures.mistakes(x[[row["index"] for row in worst]], *columns)
    if "importance" in result:
        grows = result["importance_is"].removeprefix("growth of the ")
        drawn["importance"] = score_figures.importance(result["importance"], grows, title)
    if "partial" in result:
        unit = "mean answer (its own unit)" if "r2" in result else "mean probability"
        drawn["partial"] = score_figures.partial(result["partial"], unit, title)
    for name, figure in drawn.items():
        figures.save(figure, folder / f"{part}-{name}.png")


def whose_probability(signature: Signature) -> str:
    """Return in words whose probability a calibration curve shows; see `reliability`."""
    if signature.task == "multilabel":
        return "a label"
    return signature.classes[1] if len(signature.classes) == 2 else "the likeliest class"


def only_in_training(recipe: Recipe) -> list[str]:
    """Return what makes a run's training loss another function than its validation loss."""
    parts = {
        "smoothed targets": recipe.label_smoothing,
        "class weights": recipe.class_weights != "none",
        "dropout": recipe.dropout or recipe.input_dropout,
        "input noise": recipe.input_noise,
        "distorted pictures": recipe.augment,
    }
    return [words for words, given in parts.items() if given]
