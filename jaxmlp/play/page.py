"""The page: one HTML file with its style, its scripts and its content."""

import json
from pathlib import Path
from typing import Any

from jaxmlp import __version__
from jaxmlp.cli.page import render
from jaxmlp.errors import check
from jaxmlp.play.engine import engine

HERE = Path(__file__).parent
SCRIPTS = (  # those of the page; each may use what stands in those before it
    *("page_setting", "page_data", "page_check", "page_run", "page_terms", "page_digit"),
    *("page_draw", "page_painter", "page_curves", "page_network", "page_output", "page_weights"),
    *("page_inspect", "page_layers", "page_controls", "page_pick", "page_lessons", "page_share"),
    *("page_pad", "page_trial", "page_words", "page"),
)


def as_json(value: Any) -> str:
    """Return a value as JSON that cannot end the `<script>` element it stands in.

    HTML ends a script at `</script`, and treats `<!--` in it in a way of its own; so `<`, `>` and
    `&` are written as escapes, which JSON reads as the same letters.

    Args:
      value: what JSON can say.

    Returns:
      JSON in ASCII, without `<`, `>` and `&`.

    Raises:
      ValueError: if a number is not finite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def page_of(title: str, content: dict[str, Any]) -> str:
    """Return the page.

    Args:
      title: its title.
      content: what `jaxmlp.play.content.content_of` returns.

    Returns:
      HTML.
    """
    from markupsafe import Markup

    scripts = [engine(), *(_read(f"{name}.js") for name in SCRIPTS)]
    for script in scripts:
        check("</script" not in script, "a script of the page", "without </script", "</script")
    return render(
        HERE / "page.html",
        title=title,
        version=__version__,
        style=Markup(_read("page.css")),
        content=Markup(as_json(content)),
        lessons=Markup(as_json(json.loads(_read("lessons.json")))),
        scripts=[Markup(script) for script in scripts],
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
