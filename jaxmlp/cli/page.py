"""One self-contained page for a browser: typeset formulas, no script, no network.

It reads on a phone, in print, and in the dark.
"""

import html
from string import Template

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>$style</style></head>
<body><h1>$title</h1>
$body</body></html>
""")
STYLE = """
:root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --edge: #d5dae0;
  --good: #1a7f37; --bad: #cf222e; --so-so: #9a6700; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --ink: #e6e8ea; --edge: #363c43;
  --good: #56c271; --bad: #ff7b72; --so-so: #d4a72c; --link: #79b8ff; } }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
a { color: var(--link); }
p { margin: .4rem 0; }
.line { overflow: auto hidden; padding: .25rem 0; }
math { font-size: 1.1rem; padding: .25rem 0; }
math[display] { width: max-content; margin: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--edge);
  vertical-align: top; }
section { margin: 1.4rem 0; }
@media print { .line { overflow: visible; } }
@media (max-width: 30rem) { body { padding: .6rem; font-size: .95rem; } math { font-size: 1rem; }
  table { font-size: .85rem; } th, td { padding-right: .5rem; } }
"""


def page(title: str, body: str, style: str = "") -> str:
    """Return a whole page.

    Args:
      title: plain text.
      body: HTML.
      style: CSS beside that of every page.

    Returns:
      HTML.
    """
    return PAGE.substitute(title=html.escape(title), style=STYLE + style, body=body)


def formula(latex: str) -> str:
    """Return a formula as MathML, which browsers draw by themselves.

    Args:
      latex: the formula.

    Returns:
      HTML, on a line of its own that scrolls where it is too wide.
    """
    from latex2mathml.converter import convert

    return f'<div class="line">{convert(latex, display="block")}</div>'
