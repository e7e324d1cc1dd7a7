"""The script's JSON file as a Markdown table for the README."""

import math
from typing import Any

UNITS = {  # the end of a number's name -> its unit and what it is divided by
    "_microseconds": ("microseconds", 1),
    "_seconds": ("s", 1),
    "_percent": ("%", 1),
    "_megabytes": ("MB", 1),
    "_gigaflop_per_second": ("TFLOP/s", 1000),
    "_per_second": ("a second", 1),
}
LEFT_OUT = ("device", "failures", "examples_per_second", "rounds", "low", "high")


def markdown(record: dict[str, Any]) -> str:
    """Return the numbers of every section as a Markdown table, with what failed or was not run.

    Args:
      record: the content of the script's file.

    Returns:
      Lines: the device, the table.
    """
    device = record["sections"].get("device", {}).get("numbers", {})
    versions = record["machine"]["versions"]
    parts = [
        f"On {len(device.get('devices', ()))} x {device.get('kind', 'an unknown device')}",
        f"jax {versions['jax']}",
        *(", ".join(said) for said in device.get("driver", {}).values()),
        f"{record['machine']['cores']} cores of {record['machine']['processor']}",
        f"{record['dataset']}, {record['date'][:10]}",
    ]
    lines = ["; ".join(parts) + ":", "", "| section | what | result |", "| --- | --- | --- |"]
    for name, section in record["sections"].items():
        if name != "device":
            lines += [f"| {name} | {what} | {text} |" for what, text in _rows(section["numbers"])]
        if section["status"] != "done":
            lines.append(f"| {name} | **{section['status']}** | {section['remark']} |")
    if record["quick"]:
        lines += ["", "Measured with --quick: the numbers mean nothing."]
    return "\n".join(lines)


def _rows(numbers: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Return the name and the text of each number, those of inner groups with the group's name."""
    rows: list[tuple[str, str]] = []
    for name, value in numbers.items():
        whole = f"{before}{name}"
        if name in LEFT_OUT or value is None or value == {}:
            continue
        if isinstance(value, dict) and "median" in value:
            value = value["median"]
        if isinstance(value, dict):
            rows += _rows(value, f"{whole}: ")
        elif not isinstance(value, list):
            rows.append(_in_words(whole, value))
    return rows


def _in_words(name: str, value: Any) -> tuple[str, str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = {True: "yes", False: "no"}.get(value, str(value))
        return name.replace("_", " "), text
    for end, (unit, factor) in UNITS.items():
        for part in (f"{end}: ", end):  # a group's name may hold the unit
            if part in name and (part != end or name.endswith(end)):
                rest = name.replace(part, ": " if part != end else "", 1)
                return rest.replace("_", " ").strip(), f"{_short(value / factor)} {unit}"
    return name.replace("_", " "), _short(value)


def _short(value: float) -> str:
    """Return a number with four digits, and thousands apart."""
    if isinstance(value, int) or value == 0 or not math.isfinite(value):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return (
        f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"
        if (abs(value) >= 1e-3)
        else f"{value:.2g}"
    )
