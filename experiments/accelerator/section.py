"""One section in a process of its own: `python -m experiments.accelerator.section NAME FILE PLAN`.

`FILE` takes what the section finds; `PLAN` is the plan as JSON.
"""

import json
import sys
import traceback
from importlib import import_module
from pathlib import Path

from experiments.accelerator.plan import Notes, Plan

HOME = "experiments.accelerator"
SECTIONS = {  # in order of importance: where each is measured, and its share of the budget
    "device": (f"{HOME}.device:describe", 0.2),
    "gradients": (f"{HOME}.proofs:gradients", 0.3),
    "default": (f"{HOME}.runs:default", 0.25),
    "epochs": (f"{HOME}.libraries:epochs", 0.3),
    "step": (f"{HOME}.loops:step", 0.25),
    "sweep": (f"{HOME}.loops:sweep", 0.25),
    "precision": (f"{HOME}.loops:precision", 0.25),
    "resume": (f"{HOME}.runs:resume", 0.25),
}


def main(arguments: list[str]) -> int:
    """Measure a section, and return 1 if any piece of it failed."""
    name, file, plan = arguments
    notes = Notes(Path(file))
    module, _, function = SECTIONS[name][0].partition(":")
    try:
        getattr(import_module(module), function)(Plan(**json.loads(plan)), notes)
    except Exception as error:  # noted in the file, with all that was found before
        traceback.print_exc()
        notes.fail(name, error)
    return 1 if notes.errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
