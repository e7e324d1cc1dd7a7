"""Training: the compiled step and epoch, the loop, tasks, and checkpoints."""

from jaxmlp.training.augment import Augment, augmentation
from jaxmlp.training.diagnose import Diverged, finite
from jaxmlp.training.evaluation import Split, measure
from jaxmlp.training.loop import Best, Progress, begin, fit, shapes_of_start
from jaxmlp.training.step import Examples, Trainer, TrainState, batches, make_trainer
from jaxmlp.training.stopping import Rules, reason_to_stop
from jaxmlp.training.tasks import BINARY, MULTICLASS, MULTILABEL, REGRESSION, TASKS, Task, task_for

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
    "Progress",
    "Rules",
    "Split",
    "Task",
    "TrainState",
    "Trainer",
    "augmentation",
    "batches",
    "begin",
    "finite",
    "fit",
    "make_trainer",
    "measure",
    "reason_to_stop",
    "shapes_of_start",
    "task_for",
]
