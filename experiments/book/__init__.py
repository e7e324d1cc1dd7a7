"""The chapters of the report: connected prose about the lectures, one Markdown file a deck.

A chapter is Markdown with formulas between dollars, and with five calls of Jinja2:

- `{{ experiment("name") }}`, on a line of its own, places an experiment: its claim as a heading,
  its formula, figure, verdict, threshold and command. Every experiment has one place.
- `{{ code("jaxmlp.nn.layers.dense", "forward") }}`, on a line of its own, shows source code.
- `{{ rows("A3", "A4") }}`, within a sentence, links rows of the lectures.
- `{{ errata() }}`, on a line of its own, lists the errata of the slides.
- `{% call answer() %} ... {% endcall %}` folds the answer to an exercise.

A new experiment takes one line in a chapter.
"""
