"""The pictures of a run that has ended."""

from typing import TYPE_CHECKING

from jaxmlp.config.recipe import Recipe
from jaxmlp.config.signature import Signature
from jaxmlp.runs.folder import Run
from jaxmlp.runs.judging import Judged

if TYPE_CHECKING:
    from jaxmlp.runs.summary import Outcome


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
    for array in problem.test.examples:
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
    from jaxmlp.runs import figures, score_figures
    from jaxmlp.runs.calibration import reliability
    from jaxmlp.runs.scores import count_pairs

    signature, (answers, true) = judged.network.signature, judged.parts["test"]
    title = f"{dataset}, test set: {len(true):,} examples"
    if signature.task == "regression":
        figure = score_figures.predicted(true, signature.middle(answers), signature.classes, title)
        figures.save(figure, run.path / "predicted.png")
    elif signature.task != "multilabel":
        matrix = count_pairs(true, signature.decide(answers), len(signature.classes))
        figure = figures.confusion(matrix, signature.classes, title)
        figures.save(figure, run.path / "confusion.png")
    if judged.uncalibrated is not None:
        pairs = ("as trained", judged.uncalibrated), ("calibrated", answers)
        curves = {words: reliability(signature, said, true) for words, said in pairs}
        figure = score_figures.calibration(curves, whose_probability(signature), title)
        figures.save(figure, run.path / "calibration.png")


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
        "dropout": recipe.dropout,
        "distorted pictures": recipe.augment,
    }
    return [words for words, given in parts.items() if given]
