"""Training: one step, the compiled loop around it, the run, and the evaluation of networks.

`step` is one step, `trainer` the compiled loop of steps, `loop` a run of epochs, `lockstep` several
runs side by side. `history` keeps a run's records, and `rules` decide by them when it ends; `judge`
evaluates. `watch` looks inside a network between two epochs. `mesh` says which devices train one
network together, and `exchange` what they send each other.
"""

from jaxmlp.training.augment import Augment, augmentation
from jaxmlp.training.diagnose import Diverged
from jaxmlp.training.history import Best, History, Record
from jaxmlp.training.judge import Judge, Means, make_judge, measure, outputs_of
from jaxmlp.training.loop import Progress, begin, fit, shapes_of_start
from jaxmlp.training.orders import batches
from jaxmlp.training.parts import Part, Split, StreamedPart
from jaxmlp.training.rules import Rules
from jaxmlp.training.step import Examples, TrainState, make_step
from jaxmlp.training.tasks import (
    BINARY,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    TASKS,
    Task,
    quantile_task,
    task_behind,
    task_for,
)
from jaxmlp.training.trainer import Trainer, make_trainer
from jaxmlp.training.trees import finite

__all__ = [
    "BINARY",
    "MULTICLASS",
    "MULTILABEL",
    "REGRESSION",
    "TASKS",
    "Augment",
    "Best",
    "Diverged",
    "Examples",
    "History",
    "Judge",
    "Means",
    "Part",
    "Progress",
    "Record",
    "Rules",
    "Split",
    "StreamedPart",
    "Task",
    "TrainState",
    "Trainer",
    "augmentation",
    "batches",
    "begin",
    "finite",
    "fit",
    "make_judge",
    "make_step",
    "make_trainer",
    "measure",
    "outputs_of",
    "quantile_task",
    "shapes_of_start",
    "task_behind",
    "task_for",
]
