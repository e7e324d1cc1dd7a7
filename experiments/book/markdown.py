"""Turn the Markdown of a chapter into HTML: formulas between dollars, and code in colours."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight as coloured
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from jaxmlp.cli.page import formula

INSERT = "insert"  # the kind of a fenced block that stands for finished HTML
LIGHT, DARK = "friendly", "github-dark"  # the colours of code


@lru_cache(maxsize=4096)
def _math(latex: str, display: str) -> Markup:
    return formula(latex, display)


def insert(number: int) -> str:
    """Return Markdown that stands for a piece of finished HTML.

    Args:
      number: the place of the HTML in the list that `to_html` is given.

    Returns:
      A fenced block.
    """
    return f"\n```{INSERT}\n{number}\n```\n"


def to_html(text: str, pieces: Sequence[str] = ()) -> Markup:
    """Return Markdown as HTML.

    Headings go one level down, because the page has a title. HTML in the text is shown as letters.

    Args:
      text: Markdown, with formulas as `$...$` or, on lines of their own, `$$...$$`.
      pieces: HTML that `insert` stands for.

    Returns:
      HTML.
    """
    html: str = _parser().render(text, {"pieces": pieces})
    return Markup(html)


def highlight(code: str) -> Markup:
    """Return Python code as HTML in colours.

    Args:
      code: the source.

    Returns:
      A `<div>` of the class `code`. The colours are those of `colours`.
    """
    formatter = HtmlFormatter(cssclass="code", wrapcode=True)
    return Markup(coloured(code, PythonLexer(), formatter))


def colours() -> Markup:
    """Return the style sheet of `highlight`, for light and for dark pages."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".code") for name in (LIGHT, DARK))
    return Markup(f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.inline.ruler.before("escape", "formula", _read_inline)
    may_interrupt = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "formulas", _read_block, {"alt": may_interrupt})
    for kind, draw in {
        "formula": _draw_inline,
        "formulas": _draw_block,
        "fence": _draw_fence,
        "heading_open": _draw_heading,
        "heading_close": _draw_heading,
        "table_open": lambda *_: '<div class="wide"><table>\n',
        "table_close": lambda *_: "</table></div>\n",
    }.items():
        parser.add_render_rule(kind, _method(draw))
    return parser


def _method(draw: Any) -> Any:
    """Return a function as a method, which is what a renderer asks for."""
    return lambda self, tokens, at, options, env: draw(tokens, at, env)


def _read_inline(state: Any, silent: bool) -> bool:
    """Read a formula `$...$` within a line."""
    start = state.pos + 1
    if state.src[state.pos] != "$":
        return False
    end = state.src.find("$", start)
    if end <= start:
        return False
    if not silent:
        state.push("formula", "math", 0).content = state.src[start:end]
    state.pos = end + 1
    return True


def _read_block(state: Any, first: int, after: int, silent: bool) -> bool:
    """Read a formula `$$...$$` that begins and ends a line."""
    lines = range(first, after)
    texts = [state.getLines(n, n + 1, state.blkIndent, False).strip() for n in lines[:40]]
    if not texts or not texts[0].startswith("$$"):
        return False
    ends = [n for n, text in enumerate(texts) if text.endswith("$$") and (n or len(text) > 3)]
    if not ends:
        return False
    if not silent:
        token = state.push("formulas", "math", 0)
        token.content = "\n".join(texts[: ends[0] + 1])[2:-2].strip()
        token.map = [first, first + ends[0] + 1]
        state.line = first + ends[0] + 1
    return True


def _draw_inline(tokens: Any, at: int, env: Any) -> str:
    return str(_math(tokens[at].content, "inline"))


def _draw_block(tokens: Any, at: int, env: Any) -> str:
    return f'<div class="line">{_math(tokens[at].content, "block")}</div>\n'


def _draw_fence(tokens: Any, at: int, env: Any) -> str:
    token = tokens[at]
    if token.info == INSERT:
        return f"{env['pieces'][int(token.content)]}\n"
    return str(highlight(token.content))


def _draw_heading(tokens: Any, at: int, env: Any) -> str:
    """Draw the opening or closing tag of a heading, which has an anchor made of its words."""
    token, level = tokens[at], int(tokens[at].tag[1]) + 1
    if token.nesting < 0:
        return f"</h{level}>\n"
    return f'<h{level} id="{anchor(tokens[at + 1].content)}">'


def anchor(heading: str) -> str:
    """Return the anchor of a heading: its letters and digits, with lines between the words."""
    kept = "".join(letter if letter.isalnum() else " " for letter in heading.lower())
    return "-".join(kept.split())
