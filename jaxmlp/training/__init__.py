"""Training: the compiled step and epoch, the loop, tasks, and checkpoints."""

from jaxmlp.training.augment import Augment, augmentation
from jaxmlp.training.checkpoints import load_metadata, load_tree, save_tree
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
    "load_metadata",
    "load_tree",
    "make_trainer",
    "measure",
    "reason_to_stop",
    "save_tree",
    "shapes_of_start",
    "task_for",
]
