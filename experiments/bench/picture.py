"""The results as one picture: ratios as bars, the growth of our cost as curves."""

from collections.abc import Mapping
from typing import Any

from matplotlib.ticker import LogLocator, NullFormatter

from experiments.bench.peers import NAMES, PEERS
from experiments.bench.results import Results
from experiments.style import COLOURS, LINES, MARKERS, figure

HATCHES = ("", "//", "..", "xx", "--")


def draw(results: Results) -> Any:
    """Draw the picture of all results.

    Args:
      results: the record of each section.

    Returns:
      A figure, or `None` if no result belongs in the picture.
    """
    numbers = {name: record["numbers"] for name, record in results.items()}
    epochs = numbers.get("epochs", {})
    known = (
        (_bars, {shape: of["ratios"] for shape, of in epochs.items()}, "epoch, all in float32"),
        (_bars, _short(epochs), "epoch, ours in bfloat16"),
        (_bars, _processes(numbers), "other waits"),
        (_growth, numbers.get("scaling", {}), "growth of ours"),
    )
    parts = [part for part in known if part[1]]
    if not parts:
        return None
    drawing, panels = figure(1, len(parts), width=5, height=6.4)
    bars: dict[str, Any] = {}  # one legend for all panels with bars
    for panel, (kind, found, title) in zip(panels[0], parts, strict=True):
        kind(panel, found)
        panel.set_title(title)
        if kind is _bars:
            handles, labels = panel.get_legend_handles_labels()
            bars |= dict(zip(labels, handles, strict=True))
    if bars:
        drawing.legend(bars.values(), bars.keys(), loc="outside upper center", ncols=len(bars))
    return drawing


def _short(epochs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the peers in float32, then in their own mixed precision, for each network."""
    ways = {"short": "peers in\nfloat32", "mixed": "peers in\nmixed precision"}
    return {
        f"{shape}, {word}": of[way]
        for shape, of in epochs.items()
        for way, word in ways.items()
        if of.get(way)
    }


def _processes(numbers: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "whole" in numbers:
        found |= {f"to 98 %,\n{kind} cache": numbers["whole"][kind] for kind in ("cold", "warm")}
    if "sweep" in numbers:
        found["sweep of 16"] = numbers["sweep"]["ratios"]
    if "tiny" in numbers:
        found["epoch of\n4-16-3 at 32"] = numbers["tiny"]["ratios"]
    return found


def _bars(panel: Any, found: Mapping[str, Any]) -> None:
    """Draw the median ratio of each library as a bar, and its spread as a whisker."""
    height = 0.8 / len(PEERS)
    for number, name in enumerate(PEERS):
        rows = [(i, of[name]) for i, of in enumerate(found.values()) if name in of]
        if not rows:
            continue
        panel.barh(
            [i + (number - 2) * height for i, _ in rows],
            [of["median"] for _, of in rows],
            height,
            xerr=[
                [of[a] - of[b] for _, of in rows]
                for a, b in (("median", "low"), ("high", "median"))
            ],
            label=NAMES[name],
            color=COLOURS[number],
            hatch=HATCHES[number],
            edgecolor="white",
            error_kw={"lw": 1, "capsize": 2},
        )
    panel.axvline(1, color="black", lw=1)
    panel.set_yticks(range(len(found)), [what.replace(" at ", "\nat ") for what in found])
    panel.invert_yaxis()
    panel.set(xscale="log", xlabel="peer's time / ours (1: as fast)")
    _plain(panel.xaxis)


def _plain(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _growth(panel: Any, found: Mapping[str, Any]) -> None:
    """Draw time (filled) and memory (hollow) along each axis, relative to its first point."""
    for number, (axis, of) in enumerate(found.items()):
        look = {"color": COLOURS[number], "ls": LINES[number], "marker": MARKERS[number], "ms": 5}
        x = [value / of["values"][0] for value in of["values"]]
        for what, face in (("seconds", COLOURS[number]), ("megabytes", "white")):
            y = [value / of[what][0] for value in of[what]]
            label = f"{axis} from {of['values'][0]:,}" if what == "seconds" else None
            panel.plot(x, y, label=label, markerfacecolor=face, **look)
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1))
    panel.set(
        xscale="log",
        yscale="log",
        xlabel="size / the smallest",
        ylabel="seconds per epoch (filled), peak memory (hollow) / at the smallest",
    )
    _plain(panel.xaxis)
    _plain(panel.yaxis)
