"""The journal of a search, which Optuna's own tools read: `optuna.journal` in the sweep's folder.

    storage = optuna.storages.JournalStorage(JournalFileBackend("sweeps/iris/optuna.journal"))
    study = optuna.load_study(study_name=None, storage=storage)

`sweep.json` and `results.csv` rule, and the journal follows: what they have and it lacks is added.
So it can be behind after a crash, but never ahead, and a search goes on without it.
"""

import os
from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from jaxmlp.errors import InputError
from jaxmlp.sweep.search import load_optuna

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

JOURNAL, STUDY = "optuna.journal", "sweep"
LOCK = ".lock"  # at the end of the name of the link that locks the journal
LOCKS = rf"optuna\.journal\{LOCK}([0-9a-f-]+\.rename)?"  # the second while it is unlocked


class Journal:
    """The journal of a search."""

    def __init__(self, folder: Path) -> None:
        """Open the journal, or begin one.

        Args:
          folder: of the sweep, which this process holds.

        Raises:
          InputError: if the journal is damaged.
        """
        self._path = folder.absolute() / JOURNAL  # so that the link of the lock leads to it
        _mend(self._path)
        optuna = load_optuna()
        damages = (optuna.exceptions.OptunaError, ArithmeticError, AttributeError, LookupError)
        try:
            backend = optuna.storages.journal.JournalFileBackend(str(self._path))
            self._storage = optuna.storages.JournalStorage(backend)
            known = STUDY in optuna.get_all_study_names(self._storage)
            make = (
                optuna.load_study if known else partial(optuna.create_study, direction="maximize")
            )
            self._study = make(study_name=STUDY, storage=self._storage)
        except (*damages, AssertionError, TypeError, ValueError) as error:
            raise InputError(f"{self._path} is damaged ({error}); {_MEND}") from None

    def follow(self, trials: Sequence["FrozenTrial"]) -> None:
        """Add the trials that the journal lacks, and tell the values of those that have ended.

        Args:
          trials: all trials of the search so far.

        Raises:
          InputError: if the journal has other trials.
        """
        known = self._study.get_trials(deepcopy=False)
        for number, (old, trial) in enumerate(zip_longest(known, trials)):
            if old is None:
                self._study.add_trial(trial)
            elif trial is None or not _may_become(old, trial):
                raise InputError(f"{self._path} has another trial {number}; {_MEND}")
            elif trial.state != old.state:
                self._tell(number, trial)

    def _tell(self, number: int, trial: "FrozenTrial") -> None:
        """Tell the end of a trial, with all that is known of it."""
        study = self._storage.get_study_id_from_name(STUDY)
        own = self._storage.get_trial_id_from_study_id_trial_number(study, number)
        for name, value in trial.user_attrs.items():
            self._storage.set_trial_user_attr(own, name, value)
        self._study.tell(number, trial.value, trial.state)


def _may_become(old: "FrozenTrial", trial: "FrozenTrial") -> bool:
    """Return whether a trial of the journal is one of the search, of now or of earlier."""
    same = (old.state, old.value) == (trial.state, trial.value)
    return old.params == trial.params and (same or not old.state.is_finished())


_MEND = "delete it, and it is written anew when the sweep is resumed"


def _mend(path: Path) -> None:
    """Remove what a process left that was killed while it wrote: its lock, and a line cut short."""
    path.with_name(path.name + LOCK).unlink(missing_ok=True)
    if path.is_file():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
