"""Show formulas and numbers as text for a terminal, or as a page for a browser."""

import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.cli.page import render
from jaxmlp.errors import printable
from jaxmlp.explain.rows import Cited, Row, rows_of

HERE = Path(__file__).parent
WIDTH = 100  # letters in a line of text
TEMPLATE, DRAWING = HERE / "explanation.html", HERE / "drawing.html"
SCRIPT = HERE / "steps.js"


SYMBOLS = {
    "delta": "δ",
    "sigma": "σ",
    "alpha": "α",
    "beta": "β",
    "epsilon": "ε",
    "eta": "η",
    "lambda": "λ",
    "mu": "μ",
    "Phi": "Φ",
    "varphi": "φ",
    "odot": "⊙",
    "sum": "Σ",
    "ge": "≥",
    "top": "ᵀ",
}


PLAIN: tuple[tuple[str, Any], ...] = (  # replacements that turn LaTeX into text, in this order
    (r"\^\{\[(\w+)\](\\top)?\}", r"[\1]\2"),
    (r"\\hat\{y\}", "ŷ"),
    (r"\\hat\{(\w)\}", "\\1\N{COMBINING CIRCUMFLEX ACCENT}"),
    (r"\\sqrt\{([^{}]*)\}", r"√(\1)"),
    (r"\\frac\{(.*?)\}\{(.*?)\}", r"\1/\2"),
    (r"\^\{\\top\}", "ᵀ"),
    (r"\\(text|operatorname)\{(.*?)\}", r"\2"),
    (r"\\partial ", "∂"),
    (r"\\, ?", ""),
    (r"\\([A-Za-z]+)", lambda found: SYMBOLS.get(found[1], found[1])),
    (r"[{}]", ""),
    (r" +", " "),
    (r" ,", ","),
)


class Line(NamedTuple):
    """A formula and its value.

    Attributes:
      formula: LaTeX.
      value: a number, a vector (shown as a column) or a matrix.
      cited: where it is taught, if that is known.
    """

    formula: str
    value: Any
    cited: Cited | None = None


class Remark(NamedTuple):
    """A text with its source.

    Attributes:
      remark: the text.
      cited: where it is taught, if that is known.
      loud: whether it is set apart, since the reader should not miss it.
    """

    remark: str
    cited: Cited | None = None
    loud: bool = False


class Parameter(NamedTuple):
    """An array of the parameters, as it is shown.

    Attributes:
      layer: the title of its layer.
      name: LaTeX, such as `W^{[1]}`.
      transposed: whether it is shown transposed, as in the lectures.
    """

    layer: str
    name: str
    transposed: bool

    def shown(self, value: Any) -> Any:
        """Return an array like this one as the lectures have it."""
        return value.T if self.transposed else value


class Section(NamedTuple):
    """A part of an explanation.

    Attributes:
      title: the heading.
      items: what is below it: a `Line`, a `Remark`, a picture of gates, or text.
      direction: `forward`, `backward`, `update`, or empty.
    """

    title: str
    items: list[Any]
    direction: str = ""


def as_text(sections: list[Section]) -> str:
    """Return the explanation as text.

    Args:
      sections: the parts, in order.

    Returns:
      Lines of at most 100 characters.
    """
    parts = [
        "\n".join([printable(section.title), *(_text(item) for item in section.items)])
        for section in sections
    ]
    rows = [f"{row.name}  {row.title}. {_where(row)}" for row in _rows_of(sections)]
    if rows:
        parts.append("\n".join(["Lecture rows", *map(_paragraph, rows)]))
    return "\n\n".join(parts)


def _rows_of(sections: list[Section]) -> list[Row]:
    items = (item for section in sections for item in section.items)
    return rows_of(getattr(item, "cited", None) for item in items)


def _where(row: Row) -> str:
    return f"{row.deck}: {'; '.join(row.sections)}"


def _paragraph(text: str) -> str:
    return textwrap.fill(printable(text), 98, initial_indent="  ", subsequent_indent="  ")


def _text(item: Any) -> str:
    if isinstance(item, str):
        return _paragraph(item)
    if isinstance(item, Remark):
        return _paragraph(f"{'! ' if item.loud else ''}{item.remark}{_tag(item)}")
    if not isinstance(item, Line):
        return textwrap.indent(str(item), "  ")
    rows, left = _rows(item.value), f"  {plain(item.formula)} ="
    if np.ndim(item.value) < 2:
        cells = "  ".join(row[0] for row in rows)
        right = f"({cells})ᵀ" if len(rows) > 1 else cells
        if len(left) + len(right) + len(_tag(item)) < WIDTH:
            return f"{left} {right}{_tag(item)}"
        return f"{_tagged(left, item)}\n      {right}"
    width = max(len(cell) for row in rows for cell in row)
    ends = ["[]"] if len(rows) == 1 else ["⎡⎤", *["⎢⎥"] * (len(rows) - 2), "⎣⎦"]
    padded = ("  ".join(cell.rjust(width) for cell in row) for row in rows)
    lines = (f"      {end[0]} {row} {end[1]}" for end, row in zip(ends, padded, strict=True))
    return "\n".join([_tagged(left, item), *lines])


def _tagged(left: str, item: Line) -> str:
    """Return the beginning of a line with its source, which may need a line of its own."""
    tag = _tag(item)
    return f"{left}{tag}" if len(left) + len(tag) <= WIDTH else f"{left}\n   {tag}"


def _tag(item: Line | Remark) -> str:
    """Return where a line is taught, as text behind it."""
    return f"   [{item.cited.row or item.cited.section}]" if item.cited else ""


def as_page(title: str, sections: list[Section]) -> str:
    """Return the explanation as a page for a browser.

    Args:
      title: the heading of the page.
      sections: the parts, in order.

    Returns:
      HTML with the formulas in MathML; it needs no other file.
    """
    from markupsafe import Markup

    script = Markup(SCRIPT.read_text(encoding="utf-8"))
    rows = _rows_of(sections)
    return render(
        TEMPLATE, title=title, sections=sections, rows=rows, script=script, equation=_equation
    )


def as_drawing(picture: Any) -> str:
    """Return the drawing of a graph of gates as SVG.

    Args:
      picture: the picture, see `jaxmlp.explain.circuits`.

    Returns:
      SVG; it needs no other file.
    """
    return render(DRAWING, picture=picture)


def _equation(line: Line) -> str:
    """Return LaTeX for `formula = value`."""
    value = r" \\ ".join(" & ".join(map(_power, row)) for row in _rows(line.value))
    matrix = rf"\begin{{matrix}} {value} \end{{matrix}}"
    return f"{line.formula} = {matrix if np.size(line.value) > 1 else f'{{{value}}}'}"


def plain(latex: str) -> str:
    """Return a formula as text: `z^{[1]}` becomes `z[1]`.

    Args:
      latex: the formula.

    Returns:
      Text without backslashes and braces.
    """
    for pattern, text in PLAIN:
        latex = re.sub(pattern, text, latex)
    return latex


def _numbers(values: np.ndarray) -> list[str]:
    """Return numbers as text, with four decimals or as powers of ten, all alike."""
    values = np.asarray(values, np.float64) + 0.0  # + 0.0 turns -0.0 into 0.0
    largest = np.abs(values).max()
    if (values == values.round()).all() and largest < 1000:
        return [f"{value:.0f}" for value in values]
    form = ".4f" if 0.01 <= largest < 100 else ".2e"
    return [format(value, form) if value else "0" for value in values]


def _rows(value: Any) -> list[list[str]]:
    """Return a value as the rows of a matrix; a vector is a column."""
    array = np.asarray(value)
    matrix = array if array.ndim == 2 else array.reshape(-1, 1)
    cells = iter(_numbers(matrix.ravel()))
    return [[next(cells) for _ in row] for row in matrix]


def _power(number: str) -> str:
    """Return a number in LaTeX: `1.5e-03` becomes `1.5 * 10^-3`."""
    return re.sub(r"e([+-]\d+)", lambda m: rf" \cdot 10^{{{int(m[1])}}}", number)
