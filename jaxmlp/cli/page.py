"""Self-contained pages for a browser, made from Jinja2 templates.

`page.html` has the title and the style of every page. It suits wide screens, phones, print and dark
mode, and needs no script and no network. A template extends it by `{% extends "page.html" %}` and
fills the blocks `style` and `body`. Jinja2 escapes all text that a template shows, and what
would command or turn the text becomes visible (`jaxmlp.errors.printable`).
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.errors import printable

if TYPE_CHECKING:
    from markupsafe import Markup

HERE = Path(__file__).parent


def render(template: Path, /, **values: Any) -> str:
    """Return a page: a template, filled with values.

    Args:
      template: the file. It may extend `page.html` and may use the filter `formula`.
      **values: the variables of the template. `page.html` needs `title`.

    Returns:
      HTML.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,  # a variable that is missing is an error
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["formula"] = formula
    return environment.get_template(template.name).render(values)


def _visible(value: Any) -> Any:
    """Return text with control characters and marks of direction as escapes, all else as it is."""
    if type(value) is not str:  # a number, or HTML that is already safe
        return value
    return "\n".join(map(printable, value.split("\n")))


def formula(latex: str) -> "Markup":
    """Return a formula as MathML, which browsers can draw.

    Args:
      latex: the formula.

    Returns:
      A `<math>` element. Text in the formula is escaped.
    """
    from xml.etree import ElementTree

    from latex2mathml.converter import convert_to_element
    from markupsafe import Markup

    math = convert_to_element(latex, display="block")
    for element in math.iter():  # signs are written as &#x02212; and would be escaped again
        element.text = re.sub(r"&#x(\w+);", lambda sign: chr(int(sign[1], 16)), element.text or "")
    return Markup(ElementTree.tostring(math, encoding="unicode"))
