"""Shards of small tables and arrays, for the tests of data that are larger than memory."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY = np.datetime64("2020-01-01")


def table(rows=700, seed=0):
    """Return a table with a column of every kind, and gaps in some."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=rows)
    gaps = rng.random(rows) < 0.1
    colours = rng.choice(["red", "green", "blue", "violet"], rows, p=[0.5, 0.3, 0.19, 0.01])
    days = DAY + rng.integers(0, 900, rows).astype("timedelta64[D]")
    label = np.where(number + (colours == "red") + rng.normal(size=rows) / 2 > 0.5, "yes", "no")
    return pa.table(
        {
            "row": np.arange(rows),  # an identifier
            "number": number,
            "gappy": pa.array(number * 3 + 1, mask=gaps),
            "few": rng.integers(0, 4, rows),
            "flag": rng.random(rows) < 0.3,
            "colour": pa.array(colours, mask=rng.random(rows) < 0.05),
            "written": [f"{n:.3f}" for n in number],
            "day": pa.array(days),
            "date": [str(day) for day in days],
            "same": np.full(rows, 7),
            "note": [f"remark {i} of nobody at all" for i in range(rows)],
            "label": label,
        }
    )


def write_parquet(folder, rows, sizes, group=50):
    """Write the rows of a table into shards of some sizes, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for number, size in enumerate(sizes):
        pq.write_table(
            rows.slice(start, size), folder / f"part-{number:02}.parquet", row_group_size=group
        )
        start += size
    assert start == len(rows)
    return folder


def write_arrays(folder, x, y, sizes, suffix=".npy", start_name=""):
    """Write arrays into shards of some sizes, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    start = 0
    for number, size in enumerate(sizes):
        end = start + size
        if suffix == ".npz":
            np.savez(folder / f"part{number}.npz", x=x[start:end], y=y[start:end])
        else:
            np.save(folder / f"x{start_name}_{number}.npy", x[start:end])
            np.save(folder / f"y{start_name}_{number}.npy", y[start:end])
        start = end
    return folder
