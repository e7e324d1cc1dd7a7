"""Load any other set of tensorflow-datasets, example by example, from a prepared copy."""

import contextlib
import difflib
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from jaxmlp.data.arrays import Target, check_labels, inputs_from_array, target_from_array
from jaxmlp.data.dataset import Dataset, classification_task, make_dataset
from jaxmlp.data.download import Unavailable, check_reachable, first_cause, silence_tfds
from jaxmlp.data.splits import split_off_test, split_record
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

PREFIX = "tfds:"


def load_tfds(name: str, data_dir: str | PathLike[str] | None = None) -> Dataset:
    """Load a set of tensorflow-datasets; prepare it first if necessary and possible.

    The keys that the set registers for supervised learning name the input and the target. The input
    is an image, a vector, a number, or a dictionary of them: its parts are joined in alphabetical
    order, with class labels one-hot. Splits other than `train` and `test` are not used. If there is
    no `test`, a fifth of `train` is held out.

    Args:
      name: `tfds:NAME`, `tfds:NAME/CONFIG` or `tfds:NAME:VERSION`.
      data_dir: the folder of the prepared copies, by default `~/tensorflow_datasets`.

    Returns:
      The data set.

    Raises:
      Unavailable: if the set is not prepared and its host cannot be reached.
      InputError: if there is no such set, TensorFlow is needed to prepare it, the copy cannot be
        read example by example, it is damaged or needs more memory than `check_memory` allows, or
        the examples are not images or numbers of one shape.
    """
    with silence_tfds():
        builder = _open_builder(name, data_dir)
        keys = builder.info.supervised_keys
        if not keys:
            raise InputError(
                f"{name}: expected supervised_keys with an input and a target, got none"
            )
        parts = [part for part in ("train", "test") if part in builder.info.splits]
        if "train" not in parts:
            raise InputError(
                f"{name}: expected a split named train, got {', '.join(builder.info.splits)}"
            )
        examples = [_read_examples(name, builder, part) for part in parts]
    features = builder.info.features
    xs = [_assemble_inputs(keys[0], features, part, name) for part in examples]
    y, task, classes, _ = _assemble_target(
        keys[1], features, [e for part in examples for e in part], name
    )
    n = len(xs[0])
    arrays = split_off_test(xs[0], y) if len(xs) == 1 else (xs[0], y[:n], xs[1], y[n:])
    return make_dataset(
        name,
        arrays,
        task,
        classes,
        source="tensorflow-datasets",
        version=str(builder.version),
        files=[str(builder.data_dir)],
        url=builder.info.homepage,
        split=split_record(y) if len(xs) == 1 else "as published",
    )


def _open_builder(name: str, data_dir: str | PathLike[str] | None) -> Any:
    """Return the builder of a set, prepared."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    bare = name.removeprefix(PREFIX)
    try:
        with contextlib.suppress(tfds.core.DatasetNotFoundError):
            # The copy is enough; the code of some sets needs TensorFlow to be imported.
            return builder_from_files(bare, data_dir=data_dir)
        builder = tfds.builder(bare, data_dir=data_dir)
        _prepare_copy(builder)
    except tfds.core.DatasetNotFoundError as error:
        near = difflib.get_close_matches(
            bare, tfds.list_builders(with_community_datasets=False), n=1, cutoff=0
        )[0]
        raise InputError(f"{name}: there is no such set; the nearest is {near!r}") from error
    except Unavailable as error:
        raise Unavailable(f"{name} is not prepared in {builder.data_dir}, and {error}") from error
    except Exception as error:  # the code of a set may raise anything
        reason = first_cause(error)
        if reason == "No module named 'tensorflow'":
            reason = "that needs TensorFlow, which is not installed"
        raise InputError(f"{name} is not prepared yet and cannot be prepared: {reason}") from error
    return builder


def _prepare_copy(builder: Any) -> None:
    import tensorflow_datasets as tfds

    if builder.url_infos:
        check_reachable(next(iter(builder.url_infos)))
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(file_format="array_record", download_config=config)


def _read_examples(name: str, builder: Any, part: str) -> list[dict[str, Any]]:
    try:
        source = builder.as_data_source(split=part)
        first = source[0] if len(source) else {}
        size = len(source) * _size_in_bytes(first)
        check_memory(size, f"{name}: the {len(source)} examples of {part} take about")
        return [source[i] for i in range(len(source))]
    except NotImplementedError as error:
        raise InputError(
            f"{name}: expected a copy in the format array_record, got "
            f"{builder.info.file_format.value} in {builder.data_dir}; prepare it again with "
            "file_format=array_record"
        ) from error
    except InputError:
        raise
    except Exception as error:  # a damaged copy makes the library raise anything
        raise InputError(
            f"{name}: the copy in {builder.data_dir} cannot be read: {first_cause(error)}"
        ) from error


def _size_in_bytes(value: Any) -> int:
    """Return the size of an example's numbers, as they lie in memory."""
    if isinstance(value, Mapping):
        return sum(map(_size_in_bytes, value.values()))
    return np.asarray(value).nbytes


def _assemble_inputs(
    key: Any, features: Any, examples: list[dict[str, Any]], name: str
) -> np.ndarray:
    if isinstance(key, str):
        x = _stack_feature(features[key], [example[key] for example in examples], f"{name}: {key}")
    else:
        keys = key.values() if isinstance(key, Mapping) else key
        x = np.concatenate(
            [_flatten(_assemble_inputs(k, features, examples, name)) for k in keys], axis=1
        )
    return inputs_from_array(x if x.ndim > 1 else _flatten(x), name)


def _stack_feature(feature: Any, values: list[Any], where: str) -> np.ndarray:
    """Return one feature of all examples as one array `(N, ...)`."""
    from tensorflow_datasets import features

    if isinstance(feature, features.FeaturesDict):
        columns = [
            _stack_feature(feature[k], [v[k] for v in values], f"{where}/{k}")
            for k in sorted(feature)
        ]
        return np.concatenate([_flatten(column) for column in columns], axis=1)
    x = _stack_equal_shapes(values, where)
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where}: expected numbers, got {feature}")
    if isinstance(feature, features.ClassLabel):
        check_labels(x, feature.num_classes, where)
        x = np.eye(feature.num_classes)[x]
    return x


def _stack_equal_shapes(values: list[Any], where: str) -> np.ndarray:
    shapes = sorted({np.shape(value) for value in values})
    if len(shapes) > 1:
        raise InputError(
            f"{where}: expected examples of one shape, got {shapes[0]} and {shapes[-1]}"
        )
    return np.stack(values)


def _flatten(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).astype(np.float64)


def _assemble_target(key: Any, features: Any, examples: list[dict[str, Any]], name: str) -> Target:
    from tensorflow_datasets.core.features import ClassLabel

    if not isinstance(key, str):
        raise InputError(
            f"{name}: expected one feature as the target, got a group: {', '.join(map(str, key))}"
        )
    where, feature = f"{name}: {key}", features[key]
    y = _stack_equal_shapes([example[key] for example in examples], where)
    if not isinstance(feature, ClassLabel):
        return target_from_array(y, where)
    check_labels(y, feature.num_classes, where)
    classes = tuple(feature.names)
    return Target(y.astype(np.int32), classification_task(classes), classes)
