"""Read the columns to predict: what they ask for, and what a trained network would be asked."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.arrays import (
    MOST_CLASSES,
    Target,
    are_labels,
    target_from_codes,
    target_from_numbers,
)
from jaxmlp.data.cells import Notation, is_text, numbers_of, texts_of
from jaxmlp.data.column import refuse_cell
from jaxmlp.data.column_kinds import FEW, ODD_SHARE
from jaxmlp.data.columns import Columns
from jaxmlp.data.dataset import classification_task
from jaxmlp.errors import listed, naming

if TYPE_CHECKING:
    import pyarrow as pa

NAMED = 10  # classes that a message names


@dataclass(frozen=True)
class Fitted:
    """What a trained network expects of a table, and what it answers.

    Attributes:
      columns: how rows become inputs.
      classes: the names of its classes, labels or values.
      task: what is asked of it; `None` for another question about the same inputs.
    """

    columns: Columns
    classes: tuple[str, ...]
    task: str | None


def read_target(
    table: "pa.Table",
    columns: Columns,
    where: str,
    fitted: Fitted | None = None,
    notation: Notation | None = None,
) -> Target:
    """Read the columns to predict.

    Args:
      table: the rows, none without a target.
      columns: names the target and how the table writes numbers.
      where: the name of the table in a message.
      fitted: the classes and the task of a trained network; `None` to find them.
      notation: how the table writes numbers; `None` for the training table's.

    Returns:
      The target.

    Raises:
      InputError: if a cell is neither a number nor a class, or not one of the network's classes.
    """
    names, notation = columns.target, (notation or columns.notation)
    if fitted is not None and fitted.task is not None:
        return _target_again(table, fitted, names, where, notation)
    here = f"{where}: column {names[0]!r}"
    cells = table[names[0]]
    if len(names) == 1:
        with naming(here):
            numbers, bad = _numbers(cells, notation)
        texts = is_text(cells.type) and 2 * bad.sum() > len(bad)
        if str(cells.type) == "bool" or texts or _few_texts(cells, bad):
            return _classes(texts_of(cells), here)
        refuse_cell(cells, bad, here, "a number", "; --missing {cell} leaves such rows out")
        _refuse_infinite(cells, numbers, here)
        if are_labels(numbers, _are_whole(cells), MOST_CLASSES):
            different, codes = np.unique(numbers, return_inverse=True)
            return target_from_codes(codes, [str(int(label)) for label in different], here)
        return target_from_numbers(numbers[:, None], names)
    values = np.stack(
        [checked_numbers(table[n], notation, f"{where}: column {n!r}") for n in names], 1
    )
    if np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all():  # one-hot rows
        return Target(values.argmax(axis=1).astype(np.int32), classification_task(names), names)
    return target_from_numbers(values, names)


def _few_texts(cells: Any, bad: np.ndarray) -> bool:
    """Return whether texts among numbers are classes, such as `1`, `2`, `3+`: all frequent."""
    frequent = bad.mean() >= ODD_SHARE and len(cells.unique()) <= min(FEW, len(cells) // 3)
    return bool(bad.any()) and frequent


def _classes(texts: Any, where: str) -> Target:
    import pyarrow as pa
    import pyarrow.compute as pc

    classes = pc.unique(texts).sort().to_pylist()
    codes = pc.index_in(texts, pa.array(classes, pa.string())).to_numpy(zero_copy_only=False)
    return target_from_codes(codes, classes, where)


def _numbers(cells: Any, notation: Notation) -> tuple[np.ndarray, np.ndarray]:
    return numbers_of(cells, np.zeros(len(cells), bool), notation)


def checked_numbers(cells: Any, notation: Notation, where: str) -> np.ndarray:
    """Return the cells of a column as finite numbers, `(rows,)`, or refuse the first other one."""
    with naming(where):
        values, bad = _numbers(cells, notation)
    refuse_cell(cells, bad, where, "a number")
    _refuse_infinite(cells, values, where)
    return values


def _refuse_infinite(cells: Any, values: np.ndarray, where: str) -> None:
    refuse_cell(cells, ~np.isfinite(values), where, "a finite number")


def _are_whole(cells: Any) -> bool:
    """Return whether the cells are written as whole numbers: by their type, or as texts."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if is_text(cells.type):
        return bool(pc.all(pc.match_substring_regex(cells, r"^\s*[-+]?\d+\s*$")).as_py())
    return bool(types.is_integer(cells.type))


def _target_again(
    table: "pa.Table", fitted: Fitted, names: tuple[str, ...], where: str, notation: Notation
) -> Target:
    """Read the targets of rows as those of a trained network."""
    task, classes = fitted.task, fitted.classes
    if task == "regression" or (task == "multilabel" and len(names) > 1):
        values = [checked_numbers(table[n], notation, f"{where}: column {n!r}") for n in names]
        y = np.stack(values, axis=1)
        return Target(y.astype(np.float32) if task == "multilabel" else y, task, classes)
    if len(names) > 1:
        values = [checked_numbers(table[n], notation, f"{where}: column {n!r}") for n in names]
        codes = np.stack(values, axis=1).argmax(axis=1)
    else:
        codes = _codes(table[names[0]], classes, f"{where}: column {names[0]!r}")
    if task == "multilabel":
        return Target(np.eye(len(classes), dtype=np.float32)[codes], task, classes)
    return Target(codes.astype(np.int32), str(task), classes)


def _codes(cells: Any, classes: tuple[str, ...], where: str) -> np.ndarray:
    """Number cells by the classes of a trained network; 1.0 is the class 1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = texts_of(cells)
    if all(re.fullmatch(r"-?\d+", name) for name in classes):
        texts = pc.replace_substring_regex(texts, r"^\+|\.0*$", "")
    known = pa.array([name.lower() if str(cells.type) == "bool" else name for name in classes])
    places = pc.index_in(texts, known)
    refuse_cell(cells, pc.is_null(places).to_numpy(), where, f"one of {_listed(classes)}")
    return places.to_numpy(zero_copy_only=False)


def _listed(names: tuple[str, ...]) -> str:
    return listed([repr(name) for name in names], NAMED)
