"""The chapters of the report: what they name exists, and every experiment has one place."""

import re
from pathlib import Path

import pytest

from experiments import framework
from experiments.book import chapter, markdown
from experiments.book.source import ROOT, source_of
from experiments.lectures.errata import ERRATA
from experiments.lectures.rows import ROWS
from jaxmlp.errors import InputError


@pytest.fixture(scope="module")
def chapters():
    return chapter.read(lambda name: f"<p>{name}</p>")


def test_every_experiment_has_a_place():
    """To place one, write `{{ experiment("its_name") }}` on a line of a chapter."""
    assert chapter.unplaced() == []


def test_each_deck_has_a_chapter(chapters):
    """It has prose, derivations, code, exercises with answers, and says where to read on."""
    for letter, made in zip("ABCDE", chapters[:5], strict=True):
        assert made.title.startswith(f"{letter}. ")
        words = re.sub(r"<math.*?</math>|<[^>]*>", " ", str(made.html), flags=re.DOTALL).split()
        assert len(words) > 1200
        assert made.html.count('class="line"') >= 4
        assert made.html.count('class="source"') >= 3
        assert made.html.count('class="answer"') >= 3
        assert made.html.count('class="answer"') == made.html.count("<strong>Exercise.</strong>")
        assert "Where to read on." in made.html


def test_each_row_is_linked_from_the_chapter_of_its_deck(chapters):
    for letter, made in zip("ABCDE", chapters[:5], strict=True):
        linked = set(re.findall(r'href="#row-(\w+)"', made.html))
        assert linked == {row for row in ROWS if row[0] == letter}


def test_no_dollar_is_left(chapters):
    """All formulas are closed, and none is in a piece of code."""
    for made in chapters:
        text = re.sub(r"<pre>.*?</pre>", "", str(made.html), flags=re.DOTALL)
        assert "$" not in text


def written(folder: Path, text: str) -> list[chapter.Chapter]:
    """Read a book whose first chapter is this text."""
    for name in chapter.CHAPTERS:
        (folder / f"{name}.md").write_text("# Title\n")
    (folder / "a.md").write_text(f"# Title\n\n{text}\n")
    return chapter.read(lambda name: f"<p>{name}</p>", folder)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('experiment("squared_error_fade")', "did you mean 'squared_error_fades'"),
        ('rows("A3", "A99")', "unknown row of the lectures 'A99'"),
        ('code("jaxmlp.nn.layer.dense")', "no module 'jaxmlp.nn.layer'"),
        ('code("dense")', "no module ''"),
        ('code("jaxmlp.nn.layers.dens")', "did you mean 'dense'"),
        ('code("jaxmlp.nn.layers.check")', "unknown name in jaxmlp.nn.layers 'check'"),
        ('code("jaxmlp.nn.layers.dense", "forwards")', "did you mean 'forward'"),
        ('experiment("the_errata") }} {{ experiment("the_errata")', "must be placed once"),
    ],
)
def test_what_a_chapter_names_has_to_exist(tmp_path, call, message):
    with pytest.raises(InputError, match=r"^chapter a: ") as raised:
        written(tmp_path, f"{{{{ {call} }}}}")
    assert message in str(raised.value)


def test_two_chapters_cannot_place_the_same(tmp_path):
    written(tmp_path, "")
    for name in "ab":
        (tmp_path / f"{name}.md").write_text('# Title\n\n{{ experiment("the_errata") }}\n')
    with pytest.raises(InputError, match="chapter b: an experiment must be placed once"):
        chapter.read(lambda name: "", tmp_path)


def test_what_a_chapter_shows(tmp_path):
    text = """## A section: *one*

{{ experiment("the_errata") }}

See {{ rows("A3") }}, $a_i < b_i$ and `$x$`.

{% call answer() %}
It is $2^3$, not <b>9</b>.
{% endcall %}
"""
    made = written(tmp_path, text)[0]
    assert made.placed == ["the_errata"]
    assert made.sections == [("A section: *one*", "a-section-one")]
    assert "<p>the_errata</p>" in made.html
    assert '<h3 id="a-section-one">' in made.html
    assert '<a href="#row-A3">A3</a>' in made.html
    assert "<mo>&lt;</mo>" in made.html
    assert "<code>$x$</code>" in made.html
    answer = made.html[made.html.index("<details") :]
    assert "<msup>" in answer
    assert "&lt;b&gt;9&lt;/b&gt;" in answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n$$x$$\nb", ["<p>a</p>", 'display="block"', "<p>b</p>"]),
        ("$$\nx\n- y\n$$", ['display="block"', "<mo>−</mo>"]),
        ("- one\n\n  $$x$$", ["<li>", 'display="block"']),
        ("| a |\n|---|\n| $x_1$ |", ["<td><math", "<msub>"]),
        ("it costs 5 $", ["<p>it costs 5 $</p>"]),
        ("$$ never closed", ["<p>$$ never closed</p>"]),
        ("*$a*b$*", ["<em><math", "<mo>*</mo>"]),
        ("<i>x</i>", ["&lt;i&gt;x&lt;/i&gt;"]),
        ("```python\nx = 1\n```", ['class="code"', '<span class="n">x</span>']),
    ],
)
def test_markdown_with_formulas(text, shown):
    html = markdown.to_html(text)
    assert [part for part in shown if part not in html] == []


def test_code_comes_from_the_source():
    """Its lines stand in the file, from the line that is named on, without docstrings."""
    for path, inner, first in (
        ("jaxmlp.nn.layers.dense", ("forward", "backward"), "def forward("),
        ("jaxmlp.nn.layers.dense", ("backward",), "def backward("),
        ("jaxmlp.nn.losses.cross_entropy", (), "@loss"),
        ("jaxmlp.nn.layers.Layer", (), "@dataclass"),
        ("jaxmlp.nn.gates.mul", (), "mul = "),
    ):
        found = source_of(path, *inner)
        lines = (ROOT / found.file).read_text().splitlines()
        assert found.code.startswith(first)
        assert lines[found.line - 1].strip() == found.code.splitlines()[0].rstrip()
        stripped = {line.strip() for line in lines}
        assert {line.strip() for line in found.code.splitlines()} <= stripped
        assert '"""' not in found.code


def test_a_function_comes_with_its_derivative():
    assert "@cross_entropy.defgradient" in source_of("jaxmlp.nn.losses.cross_entropy").code
    assert "relu.defderivative" in source_of("jaxmlp.nn.activations.relu").code
    assert "def softplus" not in source_of("jaxmlp.nn.activations.relu").code


def test_claims_are_sentences_with_closed_code():
    for name in framework.names():
        assert framework.claim(framework.load(name)).count("`") % 2 == 0


def test_all_errata_are_a_chapter(chapters):
    """Each shows what is printed beside what is right."""
    made = next(made for made in chapters if made.title == "Errata of the slides")
    for erratum in ERRATA:
        start = made.html.index(f'id="erratum-{erratum.number}"')
        shown = made.html[start : made.html.index("</section>", start)]
        assert shown.count("<math") == 2 * len(erratum.slips)
        assert all(f'href="#row-{row}"' in shown for row in erratum.rows)
