"""What can be wrong in the folder of a run or a sweep: one thing in one file, of every kind."""

import copy
import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

DEEP = "a place for something deep"
VALUES = (None, True, "", "x", "1", [], {}, [[]], [None], ["x"], {"x": 1}, -1, 0, 0.5, 1e308, 2**70)
VALUES += (-(2**70), float("nan"), float("inf"), 10**400, DEEP, "\0", "é" * 300)
CELLS = ("", "x", "-1", "0", "0.5", "nan", "inf", "1e308", str(2**70), "[]", "{}", "\0", '"')
CELLS += ("1" * 5000,)


class Forgery(NamedTuple):
    """A wrong folder.

    Attributes:
      name: what is wrong.
      file: in which file, relative to the folder.
      forge: makes it wrong.
    """

    name: str
    file: str
    forge: Callable[[Path], None]


def as_text(document: Any) -> str:
    """Return JSON with what is no JSON as well: NaN, and 10,000 nested lists."""
    return json.dumps(document).replace(json.dumps(DEEP), "[" * 10_000 + "]" * 10_000)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Go through all places of a JSON value: in a list the first and the last."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for i in {0, len(value) - 1} if value else ():
            yield from places(value[i], (*path, i))


def forged_documents(document: Any) -> Iterator[tuple[str, Any]]:
    """Go through documents that are wrong in one place, with the place."""
    for path in places(document):
        where = ".".join(map(str, path)) or "the whole"

        def changed(change: Callable[[Any, Any], None], path: tuple[Any, ...] = path) -> Any:
            holder = {"": copy.deepcopy(document)}
            inner: Any = holder
            for key in ("", *path)[:-1]:
                inner = inner[key]
            change(inner, ("", *path)[-1])
            return holder.get("", {})

        for value in VALUES:
            label = "something deep" if value is DEEP else repr(value)[:40]
            yield (
                f"{where} = {label}",
                changed(lambda inner, key, v=value: inner.__setitem__(key, v)),
            )
        yield f"{where} removed", changed(lambda inner, key: inner.__delitem__(key))

        def add(inner: Any, key: Any) -> None:
            if isinstance(inner[key], dict):
                inner[key]["foreign"] = 1
            elif isinstance(inner[key], list):
                inner[key] += [*inner[key][-1:], None]
            else:
                inner[key] = [inner[key]]

        yield f"{where} with more", changed(add)


def write_json(file: str, document: Any, folder: Path) -> None:
    (folder / file).write_text(as_text(document), encoding="utf-8")


def write_line(file: str, number: int, document: Any, folder: Path) -> None:
    lines = (folder / file).read_text().splitlines()
    lines[number] = as_text(document)
    (folder / file).write_text("\n".join(lines) + "\n")


def write_metadata(file: str, document: Any, folder: Path) -> None:
    save_file(load_file(folder / file), folder / file, {"jaxmlp": as_text(document)})


def metadata_of(path: Path) -> str:
    with safe_open(path, framework="numpy") as file:
        return file.metadata()["jaxmlp"]


def write_array(file: str, name: str, change: Callable[[Any], Any], folder: Path) -> None:
    text, arrays = metadata_of(folder / file), load_file(folder / file)
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    save_file(arrays, folder / file, {"jaxmlp": text})


def with_first(value: float, array: Any) -> Any:
    changed = array.astype(float)
    changed.reshape(-1)[:1] = value
    with np.errstate(invalid="ignore"):  # a whole number has no NaN: it is another one then
        return changed.astype(array.dtype)


ARRAYS: dict[str, Callable[[Any], Any]] = {
    "nan": partial(with_first, np.nan),
    "inf": partial(with_first, np.inf),
    "minus one": partial(with_first, -1),
    "largest": partial(with_first, 2**30),
    "with one more axis": lambda a: a[None],
    "cut": lambda a: a.reshape(-1)[:-1],
    "float16": lambda a: a.astype(np.float16),
    "float64": lambda a: a.astype(np.float64),
    "int64": lambda a: a.astype(np.int64),
    "uint32": lambda a: a.astype(np.uint32),
}


def write_rows(file: str, rows: list[list[str]], folder: Path) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    (folder / file).write_text(out.getvalue())


def stray(name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"\0\0\0\1Bud1\xff")


def instead(file: str, content: bytes | None, folder: Path) -> None:
    """Put other bytes, or a folder, in the place of a file."""
    (folder / file).unlink()
    if content is None:
        (folder / file).mkdir()
    else:
        (folder / file).write_bytes(content)


def of_document(file: str, document: Any, write: Callable[..., None]) -> list[Forgery]:
    return [
        Forgery(f"{file}: {name}", file, partial(write, file, wrong))
        for name, wrong in forged_documents(document)
    ]


def of_any_file(folder: Path, file: str) -> list[Forgery]:
    half = (folder / file).read_bytes()
    contents = {"empty": b"", "half": half[: len(half) // 2], "noise": b"\xff\xfe\0" * 99}
    contents |= {"a folder": None, "null": b"null", "a list": b"[1, 2]\n", "twice": half * 2}
    return [
        Forgery(f"{file}: {name}", file, partial(instead, file, content))
        for name, content in contents.items()
    ]


def of_tree(folder: Path, file: str) -> list[Forgery]:
    found = of_document(file, json.loads(metadata_of(folder / file)), write_metadata)
    for name in load_file(folder / file):
        for label, change in ARRAYS.items():
            forge = partial(write_array, file, name, change)
            found.append(Forgery(f"{file}: {name} {label}", file, forge))
    return found


def run_forgeries(folder: Path) -> list[Forgery]:
    """Return everything that can be wrong in one place of a run's folder."""
    found = of_document("config.json", json.loads((folder / "config.json").read_text()), write_json)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    for i in {0, len(lines) - 1}:
        write = partial(
            lambda file, document, folder, i: write_line(file, i, document, folder), i=i
        )
        found += of_document("metrics.jsonl", json.loads(lines[i]), write)
    for label, order in {
        "swapped": lines[::-1],
        "twice": lines[:1] * 2,
        "short": lines[1:],
    }.items():
        content = "".join(f"{line}\n" for line in order).encode()
        forge = partial(instead, "metrics.jsonl", content)
        found.append(Forgery(f"metrics.jsonl: {label}", "metrics.jsonl", forge))
    trees = [file.name for file in sorted(folder.glob("*.safetensors"))]  # in a sweep no model yet
    for file in trees:
        found += of_tree(folder, file)
    for file in ("config.json", "metrics.jsonl", *trees):
        found += of_any_file(folder, file)
    for name in (".DS_Store", "evaluation/.DS_Store", "Thumbs.db"):
        found.append(Forgery(f"stray {name}", "", partial(stray, name)))
    return found


def sweep_forgeries(folder: Path) -> list[Forgery]:
    """Return everything that can be wrong in one place of a sweep's folder."""
    found = of_document("sweep.json", json.loads((folder / "sweep.json").read_text()), write_json)
    rows = [*csv.reader((folder / "results.csv").read_text().splitlines())]
    for i, j in itertools.product((0, 1, len(rows) - 1), range(len(rows[0]))):
        for cell in CELLS:
            wrong = copy.deepcopy(rows)
            wrong[i][j] = cell
            name = f"results.csv: row {i} {rows[0][j]} = {cell[:20]!r}"
            found.append(Forgery(name, "results.csv", partial(write_rows, "results.csv", wrong)))
    more = {"twice": rows + rows[1:], "swapped": [rows[0], *rows[:0:-1]], "header": rows[:1]}
    more |= {"longer": [[*row, "1"] for row in rows], "shorter": [row[:-1] for row in rows]}
    more |= {"one longer": [*rows[:-1], [*rows[-1], "1"]], "none": []}
    for name, wrong in more.items():
        forge = partial(write_rows, "results.csv", wrong)
        found.append(Forgery(f"results.csv: {name}", "results.csv", forge))
    for file in ("sweep.json", "results.csv"):
        found += of_any_file(folder, file)
    for run in (path.name for path in (folder / "runs").iterdir()):
        for forgery in run_forgeries(folder / "runs" / run)[::40]:
            inside = f"runs/{run}"
            forge = partial(
                lambda folder, f, inside: f(folder / inside), f=forgery.forge, inside=inside
            )
            found.append(Forgery(f"{inside}: {forgery.name}", f"{inside}/{forgery.file}", forge))
    for name in (".DS_Store", "runs/.DS_Store", "runs/mine/notes.txt", "runs/7/.DS_Store"):
        found.append(Forgery(f"stray {name}", "", partial(stray, name)))
    return found
