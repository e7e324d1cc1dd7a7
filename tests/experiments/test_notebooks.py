"""The chapters as notebooks: what the chapters place is in them, and their cells run."""

import re

import nbformat
import pytest
from nbclient import NotebookClient

from experiments import __main__ as command
from experiments.book import chapter, notebooks
from experiments.book.examples import EXAMPLES
from experiments.framework import names
from experiments.lectures.errata import ERRATA

QUICKEST = "gates_route_gradients"  # other tests run them all
EXPERIMENT = re.compile(r'cells\.experiment\("(\w+)"\)')


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of the notebooks, as the command writes them."""
    folder = tmp_path_factory.mktemp("project") / "build" / "notebooks"
    assert command.main(["--notebooks", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def chapters(folder):
    """The notebooks, by the name of their chapter."""
    return {file: nbformat.read(folder / f"chapter_{file}.ipynb", 4) for file in chapter.CHAPTERS}


def of_type(made, kind):
    return [cell.source for cell in made.cells if cell.cell_type == kind]


def test_a_notebook_holds_what_its_chapter_places(chapters):
    """Every section, experiment, piece of code with an example, and folded answer."""
    read = dict(zip(chapter.CHAPTERS, chapter.read(lambda name: ""), strict=True))
    shown = set()
    for file, made in chapters.items():
        nbformat.validate(made)
        prose, code = "\n".join(of_type(made, "markdown")), of_type(made, "code")
        assert prose.startswith(f"# {read[file].title}\n")
        headings = [f"## {title}" for title, _ in read[file].sections]
        assert re.findall("^## .*", prose, re.MULTILINE) == headings
        assert EXPERIMENT.findall("\n".join(code)) == read[file].placed
        assert prose.count("<summary>Answer</summary>") == read[file].html.count('class="answer"')
        assert "```insert" not in prose
        shown |= {re.search(r'cells.source\("([\w.]+)"', c)[1] for c in code if "cells.source" in c}
    assert shown == set(EXAMPLES)
    assert sorted(name for c in read.values() for name in c.placed) == sorted(names())


def test_every_erratum_is_shown(chapters):
    prose = "\n".join(of_type(chapters["errata"], "markdown"))
    for erratum in ERRATA:
        assert f"### {erratum.number}. {erratum.title}" in prose
        assert all(slip.printed in prose and slip.right in prose for slip in erratum.slips)


def test_the_cells_run(chapters, folder, monkeypatch):
    """All code of all chapters, each from a clean start, and the quickest experiment."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    client = NotebookClient(
        nbformat.v4.new_notebook(), timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    outputs = []
    with client.setup_kernel():
        for made in chapters.values():
            client.nb = made
            client.kc.execute("%reset -f")
            for number, cell in enumerate(made.cells):
                found = EXPERIMENT.match(cell.source)
                if cell.cell_type == "code" and (not found or found[1] == QUICKEST):
                    client.execute_cell(cell, number)  # raises if the cell does
                    assert cell.outputs or "sys.path" in cell.source, cell.source
                    outputs += cell.outputs if found else []
    shown = [output.data for output in outputs if "data" in output]
    assert any("image/svg+xml" in data for data in shown)
    assert any("Verdict: **holds**" in data.get("text/markdown", "") for data in shown)


def test_no_notebook_takes_the_place_of_a_file(tmp_path, capsys):
    (tmp_path / "chapter_c.ipynb").symlink_to("nowhere")
    assert command.main(["--notebooks", str(tmp_path)]) == 2
    assert "chapter_c.ipynb exists, and stays as it is" in capsys.readouterr().err
    assert len([*tmp_path.iterdir()]) == 1


def test_a_missing_nbformat_names_the_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("jaxmlp.cli.extras.find_spec", lambda name: None)
    assert command.main(["--notebooks", str(tmp_path / "x")]) == 2
    assert "try: pip install 'jaxmlp[notebooks]'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("jaxmlp.nn.layers.dense", "from jaxmlp.nn import dense"),
        ("jaxmlp.nn.softmax.softmax", "from jaxmlp.nn import softmax"),
        ("jaxmlp.nn.losses.cross_entropy", "from jaxmlp.nn.losses import cross_entropy"),
        ("jaxmlp.optim.descent.sgd", "from jaxmlp.optim import sgd"),
        ("jaxmlp.optim.muon.newton_schulz", "from jaxmlp.optim.muon import newton_schulz"),
    ],
)
def test_names_are_imported_from_where_users_do(path, line):
    assert notebooks.imported(path) == line
