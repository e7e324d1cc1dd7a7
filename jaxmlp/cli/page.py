"""Self-contained pages for a browser, made from Jinja2 templates.

`page.html` has the title and the style of every page: it reads well on a phone, in print and in the
dark, and needs no script and no network. A page extends it with `{% extends "page.html" %}` and
fills the blocks `style` and `body`. Jinja2 escapes all text that a template shows.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

HERE = Path(__file__).parent


def render(template: Path, /, **values: Any) -> str:
    """Return the page that a template makes of values.

    Args:
      template: the file. It may extend `page.html`, and use `formula` as a filter.
      **values: what the template shows. `page.html` needs a `title`.

    Returns:
      HTML.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        undefined=StrictUndefined,  # a misspelt name is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["formula"] = formula
    return environment.get_template(template.name).render(values)


def formula(latex: str) -> "Markup":
    """Return a formula as MathML, which browsers draw by themselves.

    Args:
      latex: the formula.

    Returns:
      A `<math>` element. Text in the formula is escaped.
    """
    from xml.etree import ElementTree

    from latex2mathml.converter import convert_to_element
    from markupsafe import Markup

    math = convert_to_element(latex, display="block")
    for element in math.iter():  # latex2mathml writes signs as &#x02212;, and does not escape text
        element.text = re.sub(r"&#x(\w+);", lambda sign: chr(int(sign[1], 16)), element.text or "")
    return Markup(ElementTree.tostring(math, encoding="unicode"))
