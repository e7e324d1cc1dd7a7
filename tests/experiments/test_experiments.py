"""Every experiment, quickly: its verdict is the one on record, and its files are whole."""

import json

import pytest

from experiments import __main__ as command
from experiments import framework, kept, report, runner
from experiments.framework import BEFORE, IN_PART, REFUTED, WORDS, Settings
from jaxmlp.errors import InputError

QUICK = Settings(quick=True)
NAMES = framework.names()


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_one_on_record(name, tmp_path):
    module = framework.load(name)
    verdict = runner.perform(name, QUICK, tmp_path)
    assert verdict.word == module.ABOUT.expected, verdict.says
    assert bool(verdict.part) == (verdict.word == IN_PART)  # which part, and only then
    record = json.loads((tmp_path / name / "numbers.json").read_text())
    assert record["verdict"]["number"] is not None
    assert record["settings"]["seeds"] == 5
    assert (tmp_path / name / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / name / "figure.svg").read_text()
    shown = report.show(name, report.completed(record, tmp_path))
    assert "<math" in shown
    assert f">{verdict.word}<" in shown


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_before_the_run(name):
    module = framework.load(name)
    about = module.ABOUT
    assert framework.claim(module).endswith(".")
    assert about.expected in WORDS
    assert about.rows
    assert all(row[0] in report.DECKS and row[1:].isdigit() for row in about.rows)
    assert all((about.section, about.formula, about.number, about.unit, about.seconds > 0))
    assert about.thresholds[0].why == BEFORE
    assert all(words and why for words, why in about.thresholds)


def test_the_list_shows_all(capsys):
    assert command.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in NAMES)


def test_another_verdict_is_a_failure(capsys, tmp_path, monkeypatch):
    from experiments.claims import squared_error_fades as module

    monkeypatch.setattr(module, "run", lambda settings: {})
    monkeypatch.setattr(module, "plot", lambda numbers: framework_figure())
    wrong = framework.Verdict(REFUTED, 1.0, None, "made up")
    monkeypatch.setattr(module, "verdict", lambda numbers: wrong)
    line = ["squared_error_fades", "--quick", "--out", str(tmp_path)]
    assert command.main(line) == 1
    captured = capsys.readouterr()
    assert f"NOT the verdict on record: {module.ABOUT.expected}" in captured.out
    assert "verdicts that differ from the record: squared_error_fades" in captured.err


def framework_figure():
    from experiments import style

    return style.figure()[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("squared_error_fade", "did you mean 'squared_error_fades'?"),
        ("framework", "unknown experiment 'framework'"),
        ("squared_error_fades --seeds 4", "--seeds must be at least 5, got 4"),
        ("squared_error_fades --dataset iris", "--dataset must be mnist or mnist_5k, got 'iris'"),
        ("squared_error_fades --long", "--long needs an experiment with a long part, got squared"),
        ("--report --out {}/nowhere", "no experiment has run yet"),
    ],
)
def test_bad_input(capsys, tmp_path, line, message):
    assert command.main(line.format(tmp_path).split()) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def long(tmp_path, monkeypatch):
    """Give an experiment a long part that counts its calls, and another folder for its numbers."""
    from experiments.claims import squared_error_fades as module

    calls = []

    def measure(seed):
        calls.append(seed)
        return {"error": [seed + 0.5]}

    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "LONG", {"row": kept.Long("as printed", measure)}, raising=False)
    monkeypatch.setattr(module, "run", lambda settings: {"kept": kept.read(NAME, module.LONG)})
    monkeypatch.setattr(module, "plot", lambda numbers: framework_figure())
    held = framework.Verdict(module.ABOUT.expected, 1.0, None, "made up")
    monkeypatch.setattr(module, "verdict", lambda numbers: held)
    return module, calls


NAME = "squared_error_fades"


def test_long_measurements_are_made_once_and_kept(long, tmp_path, capsys):
    module, calls = long
    line = [NAME, "--quick", "--out", str(tmp_path)]
    assert command.main(line) == 2
    assert "no numbers are kept for 'row'" in capsys.readouterr().err
    assert command.main([*line, "--long", "--seeds", "5"]) == 0
    assert command.main([*line, "--long", "--seeds", "6"]) == 0
    assert calls == [0, 1, 2, 3, 4, 5]
    entry = kept.read(NAME, module.LONG)["row"]
    assert [run["error"] for run in entry["seeds"].values()] == [[k + 0.5] for k in range(6)]
    assert entry["versions"]["jax"]
    assert entry["device"]["cores"]
    page = report.build(tmp_path / "experiments", tmp_path / "report").read_text()
    assert "Some numbers are not from this run." in page
    assert "as printed" in page


def test_numbers_kept_by_another_protocol_do_not_count(long, monkeypatch):
    module, calls = long
    kept.measure(NAME, module.LONG, 1)
    other = {"row": module.LONG["row"]._replace(protocol="otherwise")}
    with pytest.raises(InputError, match="measure them by python -m experiments"):
        kept.read(NAME, other)
    kept.measure(NAME, other, 1)
    assert calls == [0, 0]
    assert kept.read(NAME, other)["row"]["protocol"] == "otherwise"
