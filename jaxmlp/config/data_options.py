"""What a user chooses about the data."""

from dataclasses import dataclass

from jaxmlp.config.fields import (
    POSITIVE,
    at_least,
    between,
    option,
)
from jaxmlp.config.names import (
    AUGMENTATIONS,
    PREPROCESSING,
    TASKS,
)

OF_TABLES = (  # the fields that say something about the columns and rows of a table
    *("target", "drop", "keep", "categorical", "numeric", "missing"),
    *("weight", "group", "time", "test", "test_size"),
)
READING = ("header", "delimiter", "decimal", "thousands", "quote", "encoding")  # of a text table
ABOUT_DATA = ("data_dir", "task", "picture_size", "window_rows", *READING, *OF_TABLES)


@dataclass(frozen=True)
class DataOptions:
    """The fields of a configuration that say which data there are, and how they are read."""

    dataset: str = option(
        "mnist", "name of a data set, tfds:NAME, or path of a file or folder", group="data"
    )
    data_dir: str | None = option(None, "folder with the files of the data set")
    target: str | None = option(
        None, "column of a table to predict; commas separate several; or first, or last"
    )
    picture_size: int | None = option(
        None,
        "height and width of an example from a folder of pictures; default their own size, or if"
        " they differ the median, at most 64",
        must_be=between(1, 4096),
    )
    drop: tuple[str, ...] = option((), "columns of a table that are no inputs")
    keep: tuple[str, ...] = option(
        (), "columns that are inputs, although they look like identifiers, free text or constants"
    )
    categorical: tuple[str, ...] = option((), "columns of which each value is a category")
    numeric: tuple[str, ...] = option((), "columns of numbers, also if each has a unit")
    missing: tuple[str, ...] = option(
        (),
        "texts in empty cells, besides ? na n/a #n/a nan null none nil - -- . missing <na> in small"
        " or capital letters",
    )
    weight: str | None = option(None, "column that tells how much a row counts in training")
    group: str | None = option(None, "column whose equal cells stay in one part of the data")
    time: str | None = option(None, "column that orders the rows; the latest are the test part")
    test: str | None = option(None, "file of a table with the test part")
    test_size: float | None = option(
        None,
        "share of the examples in the test part, or their number if it is at least 1; default 0.2",
        must_be=POSITIVE,
    )
    header: bool | None = option(
        None, "the first line of a text table names the columns; default decided by looking at it"
    )
    delimiter: str | None = option(
        None,
        "what stands between the cells of a text table, also tab or blanks; this and the next four:"
        " default found by looking",
    )
    decimal: str | None = option(None, "decimal sign of the numbers in a text table, . or ,")
    thousands: str | None = option(None, "what groups the digits of long numbers, or none")
    quote: str | None = option(None, "what stands around some cells of a text table, or none")
    encoding: str | None = option(None, "encoding of a text table, such as utf-8 or latin-1")
    task: str | None = option(None, "kind of prediction; default chosen from the target", TASKS)
    preprocessing: str | None = option(
        None,
        "scaling of the inputs, fitted on the training part; auto: scale if uint8, else zscore;"
        " default robust for a table, else auto",
        PREPROCESSING,
    )
    augment: tuple[str, ...] = option(
        (), "distortions of pictures, drawn anew in every training step", AUGMENTATIONS.names
    )
    augment_strength: float = option(1.0, "factor on the size of the distortions", must_be=POSITIVE)
    valid_size: int | None = option(
        None,
        "number of validation examples, taken from the training set; default the data's own"
        " validation part, or a tenth, at most 5000",
        must_be=at_least(0),
    )
    window_rows: int | None = option(
        None,
        "number of training examples in memory at once, of data in .parquet, .npy or .npz shards;"
        " 0 for all; default all if they fit, else as many as take a quarter of --memory",
        must_be=at_least(0),
    )
    fold: str | None = option(
        None, "validate on the K-th of N folds of the training set, written K/N, such as 2/5"
    )
