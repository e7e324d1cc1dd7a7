"""A run whose classes, column and files have names that mean something to other programs."""

import pytest

from jaxmlp import train

CLASSES = (
    "Größe ±",
    "日本",
    "[red]x[/red]",
    "$\\frac{a$",
    "\x1b[31mred\x1b[0m",
    "a\u202eb\x07\x9b",
    "<b>{{7*7}}</b>",
    "=cmd()",
    "long " * 80 + "name",
)


@pytest.fixture(scope="session")
def odd_run(tmp_path_factory):
    """The folder of a run on a table whose classes have odd names, and the table."""
    folder = tmp_path_factory.mktemp("odd") / "[bold]$x$ \x1b[2J"
    folder.mkdir()
    table = folder / "[i]Größe\x1b.csv"
    rows = [f"{k},{k % 5},{CLASSES[k % len(CLASSES)]}" for k in range(90)]
    table.write_text("\n".join(["a\u202e,[b],class", *rows]), encoding="utf-8")
    line = ["--dataset", str(table), "--epochs", "2", "--hidden", "8", "--quiet"]
    assert train.main([*line, "--out", str(folder / "run")]) == 0
    return folder / "run", table
