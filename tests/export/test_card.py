"""The model card: data, scores, spread, calibration and limits, and its two forms."""

import json
import shutil
from pathlib import Path

import pytest

from jaxmlp import evaluate, train
from jaxmlp.errors import InputError
from jaxmlp.export.card import card_of
from jaxmlp.export.card_forms import Section, Table, as_markdown, as_page
from jaxmlp.runs.folder import Run
from jaxmlp.runs.network import open_network

pytestmark = pytest.mark.usefixtures("compile_quickly")

EVIL = 'a|b*c_[d](e)<script>alert("1")</script>\nf'


def markdown(folder):
    run = Run.open(folder)
    return as_markdown("T", card_of(run, open_network(run)))


def test_a_card_says_what_the_run_knows(digits_run):
    """Every part is there, and its numbers are those of the run's summary."""
    text, summary = markdown(digits_run), json.loads((digits_run / "summary.json").read_text())
    for title in ("Network", "Data", "Scores", "Calibration", "Limits", "Origin"):
        assert f"## {title}\n" in text
    assert f"| {100 * summary['test_accuracy']:.2f} % ±" in text
    assert summary["provenance"]["checksum"] in text
    assert "those of one seed" in text
    assert "The expected calibration error" in text
    per_class = [line for line in text.splitlines() if line.startswith("| 7 | 0.")]
    assert len(per_class) == 1


def test_the_best_run_of_a_sweep_has_its_spread(digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "best")
    (tmp_path / "sweep.json").write_text("{}")
    best = {"valid_accuracy": 0.9, "valid_accuracy_deviation": 0.0123, "seeds": 3}
    (tmp_path / "summary.json").write_text(json.dumps({"configurations": [best]}))
    text = markdown(tmp_path / "best")
    assert "over 3 seeds" in text
    assert "| valid\\_accuracy\\_deviation | 0.01230 |" in text


def test_data_that_have_changed_or_gone_are_said(digits_copy):
    """The card says why nothing was measured anew, and keeps the scores of the run."""
    file = digits_copy / "summary.json"
    summary = json.loads(file.read_text())
    summary["provenance"]["checksum"] = "another"
    file.write_text(json.dumps(summary))
    assert "the data have changed since training" in markdown(digits_copy)
    config = json.loads((digits_copy / "config.json").read_text()) | {"dataset": "no/such.csv"}
    (digits_copy / "config.json").write_text(json.dumps(config))
    text = markdown(digits_copy)
    assert "could not be measured anew: " in text
    assert f"| {100 * summary['test_accuracy']:.2f} % ±" in text
    for name, value in (("examples", 3), ("test_loss", "x"), ("versions", None)):
        file.write_text(json.dumps(summary | {name: value}))
        with pytest.raises(InputError, match=rf"summary\.json: {name} must be"):
            markdown(digits_copy)
    file.unlink()
    with pytest.raises(InputError, match=r"summary\.json"):
        markdown(digits_copy)


def test_an_earlier_run_has_a_card():
    text = markdown(Path(__file__).parents[1] / "runs" / "version_0_1_0" / "whole")
    assert "| task | multiclass |" in text
    assert "The expected calibration error" in text


def test_the_calibration_is_the_one_of_evaluate(digits_run, tmp_path, capsys):
    """The card and the command tell the same groups and the same error."""
    assert evaluate.main([str(digits_run), "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    text = markdown(digits_run)
    assert f"of the two, is {found['calibration_error']:.4f}." in text
    for group in found["calibration"]:
        row = f"{group['examples']:,.0f} | {group['probability']:.4f} | {group['share']:.4f}"
        assert f"| {row} |" in text


FILES = {  # how a table is written, and how the card says it
    "a.csv": ("x;u;y\n{};v;a\n{};w;b\n", ("named in the first line", "semicolon between cells,")),
    "b.csv": (
        "{}\tv\ta\n{}\tw\tb\n",
        ("numbered, as there is no", "blanks between cells,"),
    ),
}


@pytest.mark.parametrize(("name", "expected"), FILES.items(), ids=FILES)
def test_how_a_table_was_read_is_said_as_the_run_said_it(tmp_path, capsys, name, expected):
    text, words = expected
    header, _, rows = text.rpartition("y\n")
    rows = "".join(rows.format(f"{i},5", f"{i},25") for i in range(30))
    (tmp_path / name).write_text(f"{header}y\n{rows}" if header else rows)
    arguments = ["--dataset", str(tmp_path / name), "--epochs", "1", "--hidden", "2"]
    assert train.main([*arguments, "--out", str(tmp_path / "run")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    text = markdown(tmp_path / "run").replace("\\", "")
    for name, start in zip(("columns", "read with"), words, strict=True):
        (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} | "))
        row = line.removeprefix(f"| {name} | ").removesuffix(" |")
        assert row.startswith(start)
        assert row in said
    assert "delimiter" not in text
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    for wrong, message in (([], "must be an object"), ({"x": 1}, "field of a reading")):
        summary["provenance"]["reading"] = wrong
        (tmp_path / "run" / "summary.json").write_text(json.dumps(summary))
        with pytest.raises(InputError, match=rf"summary\.json: .*{message}"):
            markdown(tmp_path / "run")


def test_names_command_neither_form():
    sections = [Section("S", [EVIL, Table(("h",), [(EVIL,)]), Table((), [(EVIL, "x")])])]
    text, page = as_markdown(EVIL, sections), as_page(EVIL, sections)
    assert "<script" not in page
    assert "\\<script\\>" in text
    assert "a|b" not in text
    assert len(text.splitlines()) == len(as_markdown("T", sections).splitlines())
