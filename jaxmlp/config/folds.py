"""The folds of cross-validation: which training examples validate a run (lecture row C5)."""

from typing import TYPE_CHECKING, NamedTuple

from jaxmlp.errors import InputError, check

if TYPE_CHECKING:
    import numpy as np

    from jaxmlp.data import Dataset

MOST_DIGITS = 9


class Fold(NamedTuple):
    """One of the folds into which the training examples are dealt out, and their number.

    Attributes:
      number: counted from 1.
      of: the number of folds.
    """

    number: int
    of: int


def parse_fold(word: str) -> Fold:
    """Return the fold that a word such as `2/5` names.

    Args:
      word: the number of the fold, and the number of folds.

    Returns:
      The fold.

    Raises:
      InputError: if it names none.
    """
    number, _, of = word.partition("/")
    good = all(
        part.isascii() and part.isdecimal() and part[0] != "0" and len(part) <= MOST_DIGITS
        for part in (number, of)
    )
    good = good and int(of) >= 2 and int(number) <= int(of)
    check(good, "fold", "K/N with N at least 2 and K from 1 to N, such as 2/5", word)
    return Fold(int(number), int(of))


def fold_parts(dataset: "Dataset", word: str, seed: int) -> tuple["np.ndarray", "np.ndarray"]:
    """Return the indices of the examples that a fold leaves for training, and of its own.

    The folds are dealt out of all training examples, also of those in the data's own validation
    part: stratified by class, or made of whole groups.

    Args:
      dataset: the data.
      word: the fold, such as `2/5`.
      seed: the seed of the draw.

    Returns:
      Two arrays of indices, which together are all training examples, each in ascending order.

    Raises:
      InputError: if the examples cannot be dealt out in so many folds, or are ordered in time.
    """
    import numpy as np

    from jaxmlp.data import k_folds, k_folds_of_groups

    fold = parse_fold(word)
    if dataset.ordered:
        raise InputError(
            "folds do not apply to examples ordered in time: a network would learn from later ones"
            " than those that judge it"
        )
    if dataset.groups is not None:
        folds = k_folds_of_groups(dataset.groups, fold.of, seed)
    else:
        stratify = dataset.task in ("multiclass", "binary")
        folds = k_folds(dataset.y_train, fold.of, seed, stratify)
    own = folds == fold.number - 1
    return np.flatnonzero(~own), np.flatnonzero(own)
