"""Find out what data are that are larger than memory: target, task, test part, columns."""

import re
from dataclasses import replace
from typing import Any

import numpy as np

from jaxmlp.data.array_shards import ArrayShards
from jaxmlp.data.columns import Columns
from jaxmlp.data.convert_task import conversion
from jaxmlp.data.dealing import TEST, are_chosen
from jaxmlp.data.digest import SAMPLE, Cells, Digest
from jaxmlp.data.shard_folders import Shards
from jaxmlp.data.shards import TableShards
from jaxmlp.data.splits import TEST_SEED
from jaxmlp.data.spread import Spread, one_by_one
from jaxmlp.data.stream_targets import LABELLED, find_array_targets, find_table_targets
from jaxmlp.data.streams import Stream
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_targets import Fitted
from jaxmlp.data.tables import NAMED_COLUMNS, columns_before, fit_columns
from jaxmlp.data.target_choice import TARGETS, choose_targets, line_of_first
from jaxmlp.data.user_files import refuse_table_options
from jaxmlp.errors import InputError, shown

PEEKED = 64  # blocks that tell which column is predicted, if the user does not
LISTED = 20  # files that the provenance names


def open_stream(
    shards: Shards,
    options: TableOptions,
    task: str | None = None,
    columns: Columns | None = None,
    classes: tuple[str, ...] | None = None,
    spread: Spread = one_by_one,
) -> Stream:
    """Find out what the data in some shards are, without holding all of them.

    Args:
      shards: the files.
      options: what the user says of a table; of arrays only the size of the test part.
      task: one of `jaxmlp.data.TASKS` for another task than that of the targets.
      columns: how a trained network's table became inputs; `None` to decide it.
      classes: of a trained network, if the data are others than those that it was trained on: they
        may lack some of its classes. `None` to find them.
      spread: how passes over the data go through the blocks, here and later.

    Returns:
      The data, without a validation part.

    Raises:
      InputError: if an option does not apply or names no column, the target cannot be predicted,
        or there is too little to learn from.
    """
    if isinstance(shards, ArrayShards):
        refuse_table_options(options, f"{shards.name}: ", "arrays, whose target is y")
        stream = _stream_of_arrays(shards, options, spread)
    else:
        stream = _stream_of_table(shards, options, columns, task, classes, spread)
    if task is None or task == stream.task:
        return stream
    names = ("y",) if stream.columns is None else stream.columns.target
    known, rows = stream.targets.known, stream.size(0)
    task, classes, change = conversion(stream.task, stream.classes, names, known, rows, task)
    return replace(stream, task=task, classes=classes, change=change)


def _stream_of_arrays(shards: ArrayShards, options: TableOptions, spread: Spread) -> Stream:
    targets = find_array_targets(shards, spread)
    target = targets.target
    lines = [target.note] if target.note else []
    size = _test_size(shards, options, int(targets.totals.sum()))
    known = target.task, target.classes
    stream = Stream(shards.name, shards, targets, *known, None, {}, size, spread=spread)
    return replace(stream, provenance=_provenance(stream, options, lines))


def _stream_of_table(
    shards: TableShards,
    options: TableOptions,
    columns: Columns | None,
    task: str | None,
    classes: tuple[str, ...] | None,
    spread: Spread,
) -> Stream:
    name, nothing = shards.name, shards.empty()
    options.check(nothing.column_names, name)
    for option in ("group", "time"):
        if getattr(options, option):
            given = shown(getattr(options, option))
            raise InputError(
                f"{name}: {option} does not apply to data that are read window by window, got"
                f" {given}: test names a test part of its own"
            )
    chosen: list[str] = []
    if columns is None:
        names, chosen = choose_targets(_peek(shards, options), options, name, NAMED_COLUMNS, None)
        before, decided = columns_before(nothing, names, options, name, NAMED_COLUMNS, None)
    else:
        before, decided = columns, []
    fitted = None if classes is None else Fitted(before, classes, task)
    targets = find_table_targets(shards, before, options, fitted, spread)
    size = _test_size(shards, options, int(targets.totals.sum()))
    known = str(targets.fitted.task), targets.fitted.classes
    stream = Stream(name, shards, targets, *known, before, {}, size, spread=spread)
    lines = list(targets.lines)
    if columns is None:
        found, more = _fit(stream, decided, options)
        stream = replace(stream, columns=found)
        lines = [*(chosen or line_of_first(found, options)), *lines, *more]
    return replace(stream, provenance=_provenance(stream, options, lines))


def _peek(shards: TableShards, options: TableOptions) -> Any:
    """Return rows from everywhere in a table whose names do not tell the target."""
    import pyarrow as pa

    usual = any(name.lower() in TARGETS for name in shards.schema.names)
    if options.target is not None or usual:
        return shards.empty()
    total = sum(block.rows for block in shards.blocks)
    if total <= SAMPLE:
        return pa.concat_tables([p for block in shards.blocks for p in shards.pieces(block)])
    places = np.unique(np.linspace(0, len(shards.blocks) - 1, PEEKED).astype(int))
    return pa.concat_tables([next(shards.pieces(shards.blocks[i])) for i in places])


def _fit(stream: Stream, decided: list[str], options: TableOptions) -> tuple[Columns, list[str]]:
    """Go through the table once, and decide how its columns become inputs."""
    shards, rows = stream.shards, int(stream.targets.totals.sum())
    assert isinstance(shards, TableShards)
    assert stream.columns is not None
    digest = Digest(shards.schema, rows, options.categorical)
    numbers = [number for number, block in enumerate(stream.blocks) if not block.test]
    before = stream.targets.before.sum(axis=1)

    def look(i: int) -> list[Cells]:
        found, seen = [], int(before[numbers[i]])
        for dealt in stream.dealt(numbers[i]):
            ranks = np.arange(seen, seen + len(dealt.parts))
            chosen = are_chosen(ranks, rows, min(SAMPLE, rows), 0)
            found.append(digest.among(dealt.given, chosen, dealt.parts != TEST))
            seen += len(ranks)
        return found

    for found in stream.spread(look, len(numbers)):
        for cells in found:
            digest.take(cells)
    table, train = digest.table()
    try:
        columns, lines = fit_columns(table, stream.columns, decided, train, options, stream.name)
    except InputError as error:
        if rows <= SAMPLE:
            raise
        raise InputError(re.sub(r", row \d+:", ":", str(error))) from None
    if rows > SAMPLE:
        lines.append(
            f"columns were decided by {len(table):,} of {rows:,} rows: {SAMPLE:,} chosen evenly,"
            " and each different text"
        )
    return columns, lines


def _test_size(shards: Shards, options: TableOptions, rows: int) -> int:
    """Return how many rows are held out: none, if there are shards for it."""
    if any(block.test for block in shards.blocks):
        if options.test_size is not None:
            raise InputError(f"{shards.name} has a test part: test_size does not apply")
        return 0
    if rows < 2:
        raise InputError(f"{shards.name}: expected at least 2 rows, got {rows}")
    return options.held_out(rows)


def _provenance(stream: Stream, options: TableOptions, lines: list[str]) -> dict[str, Any]:
    shards = stream.shards
    files = (
        shards.files
        if isinstance(shards, TableShards)
        else [file for pair in shards.pairs for file in dict.fromkeys(pair)]
    )
    split: dict[str, Any] = {"test": "shards of its own"}
    if stream.test_size:
        share = stream.test_size / int(stream.targets.totals.sum())
        given = share if options.test_size is None else options.test_size
        split = {"test": given, "seed": TEST_SEED, "stratified": stream.task in LABELLED}
        split["by"] = "a hash of each row's number"
    return {
        "source": "shards",
        "version": f"sha256:{shards.checksum}",
        "checksum": shards.checksum,
        "files": [str(file) for file in files[:LISTED]],
        "shards": len(files),
        "split": split,
        "decisions": lines,
    }
