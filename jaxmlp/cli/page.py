"""Self-contained pages for a browser, made from Jinja2 templates.

`page.html` has the title and the style of every page. It suits wide screens, phones, print and dark
mode, and needs no script and no network. A template extends it by `{% extends "page.html" %}` and
fills the blocks `style` and `body`. Jinja2 escapes all text that a template shows, and what
would command or turn the text becomes visible (`jaxmlp.errors.printable`).
"""

import itertools
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.errors import check, printable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).parent
LACKING = (  # commands that latex2mathml does not know, and what it knows instead
    (r"\\arg\s*\\(min|max)(?![A-Za-z])", r"\\arg\1"),
    (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"),
    (r"\\operatorname\*", r"\\operatorname"),
)
DELIMITERS = {  # behind \big and the like, where latex2mathml leaves the command as it is
    r"\{": "{",
    r"\lbrace": "{",
    r"\}": "}",
    r"\rbrace": "}",
    r"\|": "‖",
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\langle": "⟨",
    r"\rangle": "⟩",
}
OPENING = ("(", "[", "{")  # no space stands between the name of a function and these


def render(template: Path, /, **values: Any) -> str:
    """Return a page: a template, filled with values.

    Args:
      template: the file. It may extend `page.html` and may use the filter `formula`.
      **values: the variables of the template. `page.html` needs `title`.

    Returns:
      HTML.
    """
    return _environment(template.parent).get_template(template.name).render(values)


@lru_cache(maxsize=16)
def _environment(folder: Path) -> "Environment":
    """Return what renders the templates of a folder, each of them compiled once."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,  # a variable that is missing is an error
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["formula"] = formula
    return environment


def _visible(value: Any) -> Any:
    """Return text with control characters and marks of direction as escapes, all else as it is."""
    if type(value) is not str:  # a number, or HTML that is already safe
        return value
    return "\n".join(map(printable, value.split("\n")))


def formula(latex: str, display: str = "block") -> "Markup":
    """Return a formula as MathML, which browsers can draw.

    Args:
      latex: the formula.
      display: "block" for a line of its own, "inline" within a line of text.

    Returns:
      A `<math>` element. Text in the formula is escaped.

    Raises:
      InputError: if the formula has a command that would be shown as letters.
    """
    from xml.etree import ElementTree

    from latex2mathml.converter import convert_to_element
    from markupsafe import Markup

    known = latex
    for lacking, meaning in LACKING:
        known = re.sub(lacking, meaning, known)
    math = convert_to_element(known, display=display)
    for element in math.iter():  # signs are written as &#x02212; and would be escaped again
        element.text = re.sub(r"&#x(\w+);", lambda sign: chr(int(sign[1], 16)), element.text or "")
        element.text = DELIMITERS.get(element.text, element.text)
        check("\\" not in element.text, "a formula", f"without {element.text}", latex)
    for row in [math, *math.iter("mrow"), *math.iter("mtd")]:
        _space_functions(row)
    return Markup(ElementTree.tostring(math, encoding="unicode"))


def _space_functions(row: "Element") -> None:
    """Put a thin space between the name of a function and what follows, as in `log a`.

    Browsers space an operator (`mo`) such as `max` by themselves.
    """
    from xml.etree.ElementTree import Element

    for part, following in list(itertools.pairwise(row)):
        opens = following.tag == "mo" and following.text in OPENING
        if part.tag == "mi" and len(part.text or "") > 1 and not opens:
            row.insert(list(row).index(part) + 1, Element("mspace", width="0.17em"))
