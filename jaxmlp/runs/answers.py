"""What a network answers to many inputs: as records, as lines to read, and as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.files import write_atomically
from jaxmlp.runs.network import Network
from jaxmlp.runs.words import in_digits

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Answers:
    """The answers to the examples of one input.

    Attributes:
      network: the network.
      names: the name of each example.
      rows: the table that the examples come from, if they come from one.
      values: probabilities, or values in the target's own unit, `(N, K)`.
    """

    network: Network
    names: Sequence[str]
    rows: "pa.Table | None"
    values: np.ndarray

    @cached_property
    def best(self) -> np.ndarray:
        """The number of the class of each example, `(N,)`; of labels, whether each applies."""
        return self.network.signature.decide(self.values)

    def records(self) -> Iterator[dict[str, Any]]:
        """Go through the answers as records for JSON."""
        task, classes = self.network.task.name, self.network.classes
        for i, name in enumerate(self.names):
            named = dict(zip(classes, map(float, self.values[i]), strict=True))
            if task == "regression":
                yield {"input": name, "prediction": named}
            elif task == "multilabel":
                chosen = [label for label, yes in zip(classes, self.best[i], strict=True) if yes]
                yield {"input": name, "prediction": chosen, "probabilities": named}
            else:
                best = classes[self.best[i]]
                found = {"input": name, "prediction": best, "probability": named[best]}
                yield found | {"probabilities": named}

    def in_words(self) -> Iterator[tuple[str, str, str]]:
        """Go through the answers as lines: the example, the prediction, its probability."""
        task, classes = self.network.task.name, self.network.classes
        deviations = self.network.deviations
        for i, name in enumerate(self.names):
            row = self.values[i]
            if task == "regression":
                each = zip(classes, row, deviations, strict=True)
                yield name, ", ".join(f"{c} {in_digits(float(v), d)}" for c, v, d in each), ""
            elif task == "multilabel":
                chosen = [label for label, yes in zip(classes, self.best[i], strict=True) if yes]
                yield name, ", ".join(chosen) or "none", ""
            else:
                best = self.best[i]
                yield name, classes[best], f"{row[best]:.4f}"

    def table(self) -> "pa.Table":
        """Return the rows of the input with the answers beside them.

        The new columns are `prediction` and `probability of CLASS`, or `prediction of NAME` for
        each of several values or labels. A name that the input has already gets a further `_`.
        """
        import pyarrow as pa

        rows = self.rows
        if rows is None:
            rows = pa.table({"input": list(self.names)})
        for name, column in self._columns():
            while name in rows.column_names:
                name += "_"
            rows = rows.append_column(name, pa.array(column))
        return rows

    def _columns(self) -> Iterator[tuple[str, Any]]:
        task, classes = self.network.task.name, self.network.classes
        if task == "regression":
            one = len(classes) == 1
            names = ["prediction" if one else f"prediction of {name}" for name in classes]
            yield from zip(names, self.values.T, strict=True)
            return
        if task == "multilabel":
            for name, column in zip(classes, self.best.T, strict=True):
                yield f"prediction of {name}", column
        else:
            yield "prediction", np.array(classes, object)[self.best]
        for name, column in zip(classes, self.values.T, strict=True):
            yield f"probability of {name}", column


def table_of(found: Sequence[Answers]) -> "pa.Table":
    """Return the answers to several inputs as one table; a column that one lacks is empty there.

    Args:
      found: the answers to each input.

    Returns:
      The table.
    """
    import pyarrow as pa

    return pa.concat_tables([one.table() for one in found], promote_options="permissive")


def write_table(table: "pa.Table", path: Path) -> None:
    """Write a table as a file, all at once.

    Args:
      table: the table.
      path: a `.csv` or a `.parquet` file.

    Raises:
      OSError: if it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    if path.suffix.lower() == ".csv":
        pyarrow.csv.write_csv(table, sink)
    else:
        pyarrow.parquet.write_table(table, sink)
    write_atomically(path, sink.getvalue().to_pybytes())
