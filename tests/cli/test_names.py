"""Names of files, columns and classes are letters, wherever they are shown."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from jaxmlp import evaluate, gradcheck, predict
from jaxmlp.cli import console
from jaxmlp.cli.page import render
from jaxmlp.config.fields import kinds_of
from jaxmlp.config.options import Config
from jaxmlp.errors import printable
from jaxmlp.explain.__main__ import main as explain
from jaxmlp.explain.typeset import Line, Section, as_page, as_text
from jaxmlp.runs import figures
from jaxmlp.sweep.axes import FIXED
from jaxmlp.sweep.results import RunResult, read_results, write_results
from tests.cli.conftest import CLASSES

HARMFUL = ["\x1b", "\x07", "\x9b", "\u202e", "\x00", "\r", "\u2028", "\u2066", "\x7f"]
SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")


def shows_no_command(text):
    return not any(letter in text for letter in HARMFUL)


@pytest.mark.parametrize(
    "text", ["Größe ±", "日本 語", "می\u200cخواهم", "עברית", "é\u0301", "[b] $x$ {y} 👩\u200d🔬"]
)
def test_letters_of_all_languages_stay(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("\udcff.csv", r"\udcff.csv"),
        ("\x85\x9b\u2028\ufeff", r"\x85\x9b\u2028\ufeff"),
    ],
)
def test_what_commands_a_terminal_is_escaped(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize("as_json", [False, True])
def test_commands_show_every_name_as_it_is(odd_run, capsys, as_json):
    run, table = odd_run
    more = ["--json"] if as_json else []
    assert evaluate.main([str(run), *more]) == 0
    assert predict.main([str(run), str(table), *more]) == 0
    assert gradcheck.main(["--run", str(run), "--examples", "2", *more]) == 0
    out, err = capsys.readouterr()
    assert shows_no_command(out + err)
    if as_json:
        evaluated = json.loads(out.splitlines()[0])
        assert sorted(row["class"] for row in evaluated["per_class"]) == sorted(CLASSES)
    else:
        for name in CLASSES:
            assert printable(name) in out


def test_errors_are_one_line(odd_run, tmp_path, capsys):
    run, _ = odd_run
    for name in ("\x1b[2J.csv", "a\nb.csv", "x" * 5000):
        assert predict.main([str(run), str(tmp_path / name)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert len(err) < 500
        assert shows_no_command(err)


def test_progress_takes_markup_for_letters(capsys):
    console.say("[red]x[/red] \x1b[1m")
    console.print_table([("[red]x[/]", ":smile:")], ("[b]", "\x1b"))
    out, err = capsys.readouterr()
    assert err == "[red]x[/red] \\x1b[1m\n"
    assert "[b]" in out
    assert "[red]x[/]" in out
    assert ":smile:" in out
    assert shows_no_command(out)


@pytest.mark.parametrize("name", [*CLASSES, "$", "$$", "a\\$b$", "\\frac{", "_^{}", " ", ""])
def test_pictures_draw_every_name(name):
    """What Matplotlib shows is the name, and no formula."""
    matrix = np.array([[3, 1], [0, 4]])
    figure = figures.confusion(matrix, [name, "b"], name)
    FigureCanvasAgg(figure)
    shown = figure.axes[0].get_xticklabels()[0]
    text, is_formula = shown._preprocess_math(shown.get_text())
    assert not is_formula
    assert text == printable(name) or (text[-1] == "…" and printable(name).startswith(text[:-1]))
    assert len(text) <= figures.LONGEST


@pytest.mark.usefixtures("drawn")
def test_a_picture_of_odd_names_is_drawn_without_a_warning(tmp_path):
    figure = figures.confusion(np.eye(len(CLASSES), dtype=int), CLASSES, CLASSES[3])
    figures.save(figure, tmp_path / "a.png")
    pictures = np.zeros((len(CLASSES), 8, 8, 1))
    figure = figures.mistakes(pictures, CLASSES, CLASSES[::-1], [0.5] * len(CLASSES))
    figures.save(figure, tmp_path / "b.png")
    assert {file.read_bytes()[:4] for file in tmp_path.iterdir()} == {b"\x89PNG"}


def test_explanations_show_names_as_text(odd_run, capsys, tmp_path):
    sections = [Section(name, [name, Line("x", 1.0)]) for name in CLASSES]
    assert shows_no_command(as_text(sections))
    page = as_page("<i>\x1b</i>", sections)
    assert shows_no_command(page)
    assert "<b>" not in page
    assert "{{7*7}}" in page
    assert "&lt;i&gt;" in page
    page = tmp_path / "page.html"
    assert explain(["--html", str(page)]) == 0
    assert "<math" in page.read_text(encoding="utf-8")


def test_a_template_keeps_the_lines_of_a_text(tmp_path):
    (tmp_path / "t.html").write_text("{{ text }}")
    assert render(tmp_path / "t.html", text="a\n\x1b<") == "a\n\\x1b&lt;"


def test_no_text_of_a_sweeps_table_is_a_formula_of_a_spreadsheet():
    """Fields that vary are numbers, or names from a closed list."""
    kinds = kinds_of(Config)
    for field in dataclasses.fields(Config):
        if field.name not in (*FIXED, "fold") and kinds[field.name].element is str:  # K/N
            names = field.metadata["choices"]
            assert names, field.name
            assert not any(name.startswith(SPREADSHEET) for name in names)


def test_negative_numbers_of_a_sweep_stay_numbers(tmp_path):
    points = [{"learning_rate": 1e-05, "hidden": (), "layer_norm": True, "fan": None}]
    numbers = {"epochs": 2, "best_epoch": 1, "train_loss": 1.5e-07, "train_score": -1.5e-07}
    numbers |= {"valid_loss": 0.5, "valid_score": -0.5, "seconds": 0.25}
    results = {0: RunResult("ok", numbers)}
    write_results(tmp_path / "r.csv", points, results, "r2")
    assert read_results(tmp_path / "r.csv", points, "r2") == results
    row = next(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert float(row["valid_r2"]) == -0.5
