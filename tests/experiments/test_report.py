"""The report: whole, escaped, and readable without a network."""

import json
import re

import numpy as np
import pytest
from matplotlib.text import Text

from experiments import framework, report, style
from experiments.framework import BEFORE, HOLDS, IN_PART
from jaxmlp.errors import InputError

NAME = "squared_error_fades"


def record(**other):
    """A record as an experiment writes it."""
    about = {
        "rows": ["A3", "A4"],
        "section": "a section",
        "formula": r"\arg \min_x f",
        "number": "the ratio",
        "unit": "ratio",
        "thresholds": [["above 2", BEFORE]],
    } | other.pop("about", {})
    verdict = {"word": HOLDS, "number": 2.5, "spread": 0.25, "says": "It is.", "part": ""}
    return {
        "name": NAME,
        "claim": "A claim.",
        "about": about,
        "verdict": verdict | other.pop("verdict", {}),
        "settings": {"seeds": 5, "quick": False},
        "data": {},
        "seconds": 1.0,
        "numbers": {},
        "table": [],
    } | other


def write(folder, made):
    (folder / NAME).mkdir()
    (folder / NAME / "numbers.json").write_text(json.dumps(made))
    (folder / NAME / "figure.svg").write_text('<svg width="300pt" height="200pt"/>')


@pytest.fixture
def page(tmp_path):
    """The whole report with one experiment in it."""
    write(tmp_path, record())
    return report.build(tmp_path, tmp_path).read_text()


def test_a_report_of_nothing(tmp_path):
    with pytest.raises(InputError, match="no experiment has run yet"):
        report.build(tmp_path, tmp_path)


def test_a_record_of_an_earlier_version(tmp_path):
    old = record()
    del old["table"]
    write(tmp_path, old)
    with pytest.raises(InputError, match=f"earlier version; run python -m experiments {NAME}"):
        report.build(tmp_path, tmp_path)


def test_a_figure_without_a_width(tmp_path):
    write(tmp_path, record())
    (tmp_path / NAME / "figure.svg").write_text("<svg/>")
    with pytest.raises(InputError, match="must be an SVG with a width in points, got '<svg/>'"):
        report.build(tmp_path, tmp_path)


def test_it_needs_no_network(page):
    """No address of the page leads outside it."""
    assert set(re.findall(r'(?:src|href)="([^"#:]*[#:])', page)) == {"#", "data:"}
    assert "url(" not in page
    assert "@import" not in page
    assert "http" not in page.replace("http://www.w3.org/1998/Math/MathML", "")


def test_every_link_has_its_place(page):
    places = re.findall(r'id="([^"]+)"', page)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places)


def test_no_formula_shows_a_command(page):
    formulas = re.findall(r"<math.*?</math>", page, re.DOTALL)
    assert len(formulas) > 300
    assert not [math for math in formulas if "\\" in math]


def test_tables_are_no_pictures(page):
    """The only pictures are figures of experiments that have run."""
    assert re.findall(r"<img[^>]* width=\"(\d+)\"", page) == ["400"]  # 300 pt
    assert "<table" in page


def test_the_verdict_table(page):
    """Row, claim, verdict, and the number that decides with its name and unit."""
    row = re.search(r"<tr><td><a href=.#row-A3.*?</tr>", page, re.DOTALL)[0]
    text = " ".join(re.sub(r"<[^>]*>", " ", row).split())
    assert text == "A3 A4 A claim. holds the ratio: 2.5 ± 0.25 (ratio)"


def test_what_has_not_run_says_how_to_run_it(page):
    others = [name for name in framework.names() if name != NAME]
    for name in others:
        assert page.count(f'<section class="experiment" id="{name}">') == 1
        assert f"Run it by <code>python -m experiments {name}</code>" in page
    assert f"{len(others)} experiments have not run yet." in page


def shown(tmp_path, made):
    write(tmp_path, made)
    return report.show(NAME, report.completed(made, tmp_path))


def test_the_history_of_a_threshold(tmp_path):
    """All forms of the threshold with their reasons, the last one also in the open."""
    history = [["above 2", BEFORE], ["above 3", "2 was met by chance"]]
    html = shown(tmp_path, record(about={"thresholds": history}))
    folded = html[html.index("<details") : html.index("</details>")]
    assert [folded.count(words) for pair in history for words in pair] == [1, 1, 1, 1]
    assert "above 3" in html.replace(folded, "")
    assert BEFORE not in html.replace(folded, "")


def test_a_table_of_numbers(tmp_path):
    html = shown(tmp_path, record(table=[["what", "how much"], ["`x`", "1 < 2"]]))
    assert "<tr><th>what</th><th>how much</th></tr>" in html
    assert "<tr><td><code>x</code></td><td>1 &lt; 2</td></tr>" in html


def test_a_threshold_that_was_never_changed(tmp_path):
    html = shown(tmp_path, record())
    assert "<details" not in html
    assert f"({BEFORE})" in html


def test_the_part_that_holds(tmp_path):
    html = shown(tmp_path, record(verdict={"word": IN_PART, "part": "the left half"}))
    assert "holds in part</span>, namely the left half." in html


def test_the_report_shows_text_as_letters(tmp_path):
    """Nothing that a record says can become markup or a template, but for code in backticks."""
    odd = "<script>alert(1)</script> & {{ 7 * 7 }}"
    text = f"{odd} `x < 1` ` alone"
    kept = {
        "protocol": odd,
        "date": "2026-01-02",
        "versions": {"jax": odd},
        "device": {"cores": 2, "machine": odd},
        "seeds": {"0": {"seconds": 90.0}},
    }
    made = record(
        claim=text,
        about={
            "section": odd,
            "formula": rf"a < \text{{{odd}}}",
            "number": text,
            "unit": odd,
            "thresholds": [[odd, odd], [text, odd]],
        },
        verdict={"says": text, "part": odd},
        data={odd: {"source": odd}},
        numbers={"kept": {odd: kept}},
    )
    html = shown(tmp_path, made)
    assert "49" not in html
    letters = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {{ 7 * 7 }}"
    assert html.count(letters) == 18
    assert html.count("<code>x &lt; 1</code> ` alone") == 5
    page = report.build(tmp_path, tmp_path).read_text()
    assert "<script" not in page
    assert page.count(letters) == 22  # and four in the table


@pytest.mark.parametrize(
    ("rows", "columns", "drawn"),
    [
        (1, 1, (1, 1)),
        (1, 2, (1, 2)),
        (1, 3, (2, 2)),
        (2, 2, (2, 2)),
        (2, 3, (4, 2)),
        (1, 5, (3, 2)),
    ],
)
def test_figures_fit_the_page(rows, columns, drawn):
    """However many panels: the page's width, two in a row, and each in the place that was asked."""
    figure, panels = style.figure(rows, columns)
    assert panels.shape == (rows, columns)
    assert len(figure.axes) == rows * columns
    assert figure.get_size_inches()[0] <= style.PAGE
    assert figure.axes[0].get_gridspec().get_geometry() == drawn
    places = [panel.get_subplotspec().num1 for panel in panels.ravel()]
    assert places == sorted(places)


def test_letters_are_large_enough(tmp_path):
    """No letter is smaller than the small text, and long labels are broken into lines."""
    figure, ((panel, _, _),) = style.figure(1, 3)
    panel.plot([1, 2], np.ones(2), label="a line")
    for number in range(4):
        panel.plot([1, 2], [number, 1], label=f"another line, number {number}")
    legend = panel.legend(fontsize=5, ncols=5)
    assert legend._ncols == 1  # two of these names are wider than the panel
    assert legend.get_bbox_to_anchor().y0 == panel.bbox.y1  # so it stands above
    panel.set_xticks([1, 1.3, 1.6], ["a long name", "another long name", "one more name"])
    panel.set_xlabel("a label that is much too long for a panel as narrow as this one is")
    style.save(figure, tmp_path / "figure")
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert min(sizes) >= style.SMALLEST
    assert "\n" in panel.get_xlabel()
    assert next(iter(panel.get_xticklabels())).get_text() == "a\nlong\nname"
