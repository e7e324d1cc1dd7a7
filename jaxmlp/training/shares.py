"""How the rows of a window or of a part are shared among the processes that train together.

Each process reads the rows of its share alone. All know how many rows each has, so that they agree
on where a row lies. A process by itself has all rows, in their order.
"""

import numpy as np


def share_bounds(rows: int, many: int) -> np.ndarray:
    """Return where the share of each process begins and ends; shares differ by a row at most.

    Args:
      rows: the number of rows.
      many: the number of processes.

    Returns:
      int64 `(many + 1,)`: process `p` has the rows from bound `p` up to bound `p + 1`.
    """
    found: np.ndarray = np.arange(many + 1, dtype=np.int64) * rows // many
    return found


def places_of(counts: np.ndarray, held: int) -> np.ndarray:
    """Return where rows lie that the processes have put on their devices one share after another.

    Args:
      counts: the number of rows of each process, `(many,)`.
      held: the number of rows that each process has room for.

    Returns:
      int32 `(rows,)`.
    """
    places = [p * held + np.arange(count) for p, count in enumerate(counts)]
    return np.concatenate(places).astype(np.int32)


def window_ranges(first: int, rows: int, window: int, own: int, many: int) -> np.ndarray:
    """Return the rows of each window that a process reads.

    Args:
      first: the row that the first window begins with.
      rows: the number of rows of all windows, and of those before.
      window: the number of rows of each window but the last.
      own: the number of the process.
      many: the number of processes.

    Returns:
      int64 `(windows, 2)`: where its rows begin and end.
    """
    found = []
    for start in range(first, rows, window):
        bounds = start + share_bounds(min(window, rows - start), many)
        found.append(bounds[own : own + 2])
    return np.array(found)
