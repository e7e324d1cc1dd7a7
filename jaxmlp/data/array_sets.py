"""Make data sets of arrays, whatever names others gave to inputs, targets and parts."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.data.arrays import dtype_and_shape, inputs_from_array, target_from_array
from jaxmlp.data.dataset import Dataset, make_dataset
from jaxmlp.data.picture_form import channels_last, has_channels_first
from jaxmlp.data.splits import split_off_test, split_record
from jaxmlp.data.table_options import TableOptions
from jaxmlp.errors import InputError, listed

SPLIT_KEYS = ("x_train", "y_train", "x_test", "y_test")
WORDS_OF_PARTS = {
    "train": ("train", "training", "tr"),
    "test": ("test", "testing", "te"),
    "valid": ("val", "valid", "validation", "dev"),
}
_INPUTS = (
    *("x", "xs", "images", "image", "imgs", "img", "pictures", "pixels"),
    *("data", "features", "feature", "inputs", "input", "samples"),
)
_NAMES = ("classnames", "targetnames", "labelnames", "classes", "categories", "labels")
_TARGETS = ("y", "ys", "labels", "label", "targets", "target", "classes", "outputs")


class Role(NamedTuple):
    """What an array is: the inputs `x` or targets `y` of a part, or of the whole set."""

    part: str  # train, test, valid or whole
    kind: str  # x or y


def _spellings() -> dict[str, Role]:
    """Return the role of each name, in small letters without separators; usual names first."""
    found = {}
    for kind, names in (("x", _INPUTS), ("y", _TARGETS)):
        for name in names:
            found[name] = Role("whole", kind)
            for part, words in WORDS_OF_PARTS.items():
                for word in words:
                    for spelt in (name + word, word + name, f"{word}set{name}"):
                        found[spelt] = Role(part, kind)
    found |= {"arr0": Role("whole", "x"), "arr1": Role("whole", "y")}  # NumPy's own names
    parts = ((part, word) for part, words in WORDS_OF_PARTS.items() for word in words)
    return found | {word: Role(part, "x") for part, word in parts}


_USUAL = TableOptions()
_ROLES = _spellings()
_RANKS = {name: rank for rank, name in enumerate(_ROLES)}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def roles_of_arrays(names: Mapping[str, Any]) -> dict[Role, str]:
    """Find out by their names which arrays are inputs and which are targets.

    Examples: `x`, `X_train`, `y_test`, `data`, `target`, `train_images`, `val_labels`, `arr_0`.

    Args:
      names: the names of the arrays.

    Returns:
      The name of the array for each role. Of several names for one role the most usual is taken.
    """
    known = sorted((name for name in names if _plain(name) in _ROLES), key=_rank)
    return {_ROLES[_plain(name)]: name for name in reversed(known)}


def _rank(name: str) -> tuple[int, bool]:
    return _RANKS[_plain(name)], name != name.lower()


def holds_examples(names: Mapping[str, Any]) -> bool:
    """Return whether arrays of these names have inputs and targets for training."""
    roles = roles_of_arrays(names)
    return any({Role(part, "x"), Role(part, "y")} <= roles.keys() for part in ("train", "whole"))


def dataset_from_arrays(
    arrays: Mapping[str, np.ndarray],
    name: str,
    provenance: dict[str, Any],
    options: TableOptions = _USUAL,
) -> Dataset:
    """Make a data set of arrays; a fifth is held out where there is no test part.

    The names of the arrays tell which is which (see `roles_of_arrays`). A validation part stands at
    the end of the training part; without a test part it is the test part. Pictures with their
    channels first are turned where this is sure (`has_channels_first`).

    Args:
      arrays: inputs and targets, or those of a training, a test and maybe a validation part.
      name: of the set, also for messages.
      provenance: where the arrays come from.
      options: the size of the test part.

    Returns:
      The data set. Its provenance has a line in `decisions` for what was decided.

    Raises:
      InputError: if an array is missing, does not fit the others, or has no such type or shape.
    """
    parts, notes = _choose_parts(arrays, name)
    xs = {part: inputs_from_array(arrays[x], f"{name}: {x}") for part, (x, _) in parts.items()}
    ys = {part: arrays[y] for part, (_, y) in parts.items()}
    for part, (_, key) in parts.items():
        if len(xs[part]) != len(np.atleast_1d(ys[part])):
            got = ys[part].shape
            raise InputError(f"{name}: {key}: expected {len(xs[part])} targets, got shape {got}")
    for values, what in ((xs, "inputs"), (ys, "targets")):
        _check_alike(values, what, name)
    first = next(iter(parts))
    target = target_from_array(np.concatenate([*ys.values()]), f"{name}: {parts[first][1]}")
    if len(target.y) < 2:
        raise InputError(f"{name}: expected at least 2 examples, got {len(target.y)}")
    shape = xs[first].shape[1:]
    if has_channels_first(shape):
        xs = {part: channels_last(x) for part, x in xs.items()}
        notes.append(f"pictures of shape {shape}: the channels came first, and were put last")
        provenance = {**provenance, "channels": "first"}
    names = _class_names(arrays, target.classes)
    if names is not None and target.task in ("multiclass", "binary"):
        key, classes = names
        target = target._replace(classes=classes)
        notes.append(f"the classes have the names in {key}")
    ends = np.cumsum([len(x) for x in xs.values()])[:-1]
    encoded = dict(zip(parts, np.split(target.y, ends), strict=True))
    whole, how, valid = _arrange(xs, encoded, notes, options, name)
    notes += [target.note] if target.note else []
    provenance = {**provenance, "split": how, **({"decisions": notes} if notes else {})}
    return make_dataset(name, whole, target.task, target.classes, valid=valid, **provenance)


def _class_names(
    arrays: Mapping[str, Any], labels: tuple[str, ...]
) -> tuple[str, tuple[str, ...]] | None:
    """Return the array of the classes' names and the name of each label, if there is such an array.

    It is called `class_names`, `target_names` or the like, and label k is the place of its name.
    """
    for key in arrays:
        if _plain(key) in _NAMES:
            names = np.asarray(arrays[key])
            text = names.ndim == 1 and all(isinstance(one, str) for one in names)
            if text and all(label.isdecimal() and int(label) < len(names) for label in labels):
                return key, tuple(str(names[int(label)]) for label in labels)
    return None


def _choose_parts(
    arrays: Mapping[str, np.ndarray], name: str
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Return the names of inputs and targets of each part, and what was left out, in words."""
    roles = roles_of_arrays(arrays)
    pairs = {
        part: (roles[Role(part, "x")], roles[Role(part, "y")])
        for part in ("train", "valid", "test", "whole")
        if {Role(part, "x"), Role(part, "y")} <= roles.keys()
    }
    if "train" in pairs:
        pairs.pop("whole", None)
    elif "whole" in pairs:
        pairs = {"whole": pairs["whole"]}
    else:
        raise InputError(
            f"{name}: expected the arrays x and y, or {', '.join(SPLIT_KEYS)}, "
            f"got {', '.join(arrays) or 'none'}"
        )
    used = {key for pair in pairs.values() for key in pair}
    others = [key for key in arrays if key not in used and arrays[key] is not None]
    return pairs, [f"arrays left out: {listed(others, 8)}"] if others else []


def _check_alike(values: dict[str, np.ndarray], what: str, name: str) -> None:
    (_, first), *others = values.items()
    words = {"valid": "validation"}
    for part, other in others:
        if first.shape[1:] != other.shape[1:] or _stored_kind(first) != _stored_kind(other):
            raise InputError(
                f"{name}: expected {words.get(part, part)} {what} like the training {what}, "
                f"{dtype_and_shape(first)}, got {dtype_and_shape(other)}"
            )


def _arrange(
    xs: dict[str, np.ndarray],
    ys: dict[str, np.ndarray],
    notes: list[str],
    options: TableOptions,
    name: str,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Any, int]:
    """Return training and test part, how they were split, and the number of validation examples."""
    if "valid" in xs and "test" not in xs:
        notes.append("there is no test part: the validation part is the test part")
        xs["test"], ys["test"] = xs.pop("valid"), ys.pop("valid")
    (x, *_), (y, *_) = xs.values(), ys.values()
    if "test" not in xs:
        held = options.held_out(len(x))
        if "train" in xs:
            notes.append(f"there is no test part: {held} of the examples are held out")
        return split_off_test(x, y, held), split_record(y, options.test_size), 0
    if options.test_size is not None:
        raise InputError(f"{name}: test_size does not apply, since there is a test part")
    valid = len(xs["valid"]) if "valid" in xs else 0
    if valid:
        x, y = (np.concatenate([part["train"], part["valid"]]) for part in (xs, ys))
        notes.append(f"the validation part is the data's own, {valid} examples")
    return (x, y, xs["test"], ys["test"]), "as given", valid


def _stored_kind(array: np.ndarray) -> str:
    """Return `i` for integers, signed or not, `f` for floats, `U` for text of any length."""
    return array.dtype.kind.replace("u", "i")
