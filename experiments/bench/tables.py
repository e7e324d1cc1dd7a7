"""The results as tables, for the terminal and as Markdown for the README."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.bench.measures import Summary
from experiments.bench.peers import NAMES
from experiments.bench.results import Results
from experiments.bench.targets import TARGETS

VARIED = {  # a comparison of an epoch in other variants -> its title
    "tuned": "An epoch: peer's time, with its own options for speed, over ours",
    "short": "An epoch: peer's time over ours in bfloat16",
    "mixed": "An epoch: peer's time, in its own mixed precision, over ours in bfloat16",
    "gain": "An epoch: a library's time in float32 over its time in mixed precision",
}


class Table(NamedTuple):
    """A title, the names of the columns, and rows of cells."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def tables(results: Results) -> list[Table]:
    """Return every table for which there are results; the targets come last.

    Args:
      results: the record of each section.

    Returns:
      The tables.
    """
    numbers = {name: record["numbers"] for name, record in results.items()}
    found = [
        _ratios("Peer's time over ours", _times(numbers)),
        *(_ratios(title, _epochs(numbers, name)) for name, title in VARIED.items()),
        _ratios("Around training: peer's time over ours", _around(numbers)),
        _commands(numbers),
        _memory(numbers),
        _growth(numbers),
        _targets(numbers),
    ]
    return [table for table in found if table.rows]


def markdown(results: Results) -> str:
    """Return the tables as Markdown, below a line that names the machine and the day."""
    parts = [_measured(results)]
    for title, header, rows in tables(results):
        lines = [header, ("---",) * len(header), *rows]
        parts.append(title + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


def _measured(results: Results) -> str:
    """Return a sentence that names the machine, the days and the versions of the results."""
    records = list(results.values())
    latest = max(records, key=lambda record: record["date"])
    machine, days = latest["machine"], sorted({record["date"][:10] for record in records})
    rounds = min(record["rounds"] for record in records)
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items() if v)
    short = machine.get("bfloat16")  # results of an earlier version do not tell
    able = "" if short is None else f", bfloat16 by {' and '.join(short) or 'no instruction'}"
    return (
        f"Measured {' to '.join(dict.fromkeys((days[0], days[-1])))} on {machine['cores']} cores "
        f"of {machine['processor']} with {machine['gigabytes']} GB{able}, "
        f"Python {machine['python']}, {versions}; "
        f"median of at least {rounds} interleaved rounds (lowest to highest)."
    )


def _times(numbers: Mapping[str, Any]) -> dict[str, Mapping[str, Summary]]:
    found = _epochs(numbers, "ratios")
    if "whole" in numbers:
        found |= {f"process to 98 %, {kind}": numbers["whole"][kind] for kind in ("cold", "warm")}
    if "sweep" in numbers:
        found["sweep of 16"] = numbers["sweep"]["ratios"]
    if "tiny" in numbers:
        found["epoch of 4-16-3 at 32"] = numbers["tiny"]["ratios"]
    return found


def _epochs(numbers: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Summary]]:
    """Return a comparison of `epochs` for each network that has it."""
    of = numbers.get("epochs", {}).items()
    return {f"epoch of {shape}": found[name] for shape, found in of if found.get(name)}


def _around(numbers: Mapping[str, Any]) -> dict[str, Mapping[str, Summary]]:
    return numbers.get("footprint", {}).get("ratios", {})


def _ratios(title: str, found: Mapping[str, Mapping[str, Summary]]) -> Table:
    """A table with a row for each measurement and a column for each library that has results."""
    names = [name for name in NAMES if any(name in of for of in found.values())]
    rows = [
        (what, *(_spread(of[name]) if name in of else "" for name in names))
        for what, of in found.items()
    ]
    return Table(title, ("", *(NAMES[name] for name in names)), rows if names else [])


def _commands(numbers: Mapping[str, Any]) -> Table:
    found = numbers.get("footprint", {"commands": {}})["commands"]
    rows = [(name, _spread(of)) for name, of in found.items()]
    return Table("Our commands' time over a bare interpreter's", ("", "times"), rows)


def _memory(numbers: Mapping[str, Any]) -> Table:
    whole = numbers.get("whole", {"megabytes": {}})
    rows = [
        (NAMES[name], f"{found['median']:.0f}", f"{whole['reached'][name]} of {found['rounds']}")
        for name, found in whole["megabytes"].items()
    ]
    return Table("Runs on MNIST", ("", "peak memory, MB", "reached 98 %"), rows)


def _growth(numbers: Mapping[str, Any]) -> Table:
    exponents = ("time exponent", "late time exponent", "memory exponent")
    rows = [
        (
            f"{axis}, {of['values'][0]:,} to {of['values'][-1]:,}",
            *(f"{of[e]:.2f}" for e in exponents),
        )
        for axis, of in numbers.get("scaling", {}).items()
    ]
    header = ("growth with", "exponent of time", "last three points", "exponent of memory")
    return Table("Growth of our time and memory", header, rows)


def _targets(numbers: Mapping[str, Any]) -> Table:
    rows = []
    for target in TARGETS:
        if target.section not in numbers:
            continue
        found = target.read(numbers[target.section])
        if found is not None:
            bound = f"{'at least' if target.at_least else 'at most'} {target.bound:g}"
            rows.append((target.figure, bound, _spread(found), _word(target.met(found))))
    return Table("Targets", ("figure", "target", "measured", "met"), rows)


def _word(met: bool) -> str:
    return "yes" if met else "no"


def _spread(found: Summary) -> str:
    if found["rounds"] == 1:
        return _short(found["median"])
    return f"{_short(found['median'])} ({_short(found['low'])} to {_short(found['high'])})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
