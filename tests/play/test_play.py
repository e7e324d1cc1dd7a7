"""`python -m jaxmlp.play`: one file, with the data and the trained network that are named."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from jaxmlp.config.options import Config
from jaxmlp.play import __main__ as play
from jaxmlp.play.content import USUAL
from jaxmlp.runs.fit import fit
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")


class Scripts(HTMLParser):
    """The scripts of a page, as a browser finds them."""

    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        """Note a tag, and begin a script."""
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.found.append([dict(attributes), ""])

    def handle_data(self, data):
        """Add to the script that is open."""
        if self.cdata_elem == "script":
            self.found[-1][1] += data


def written(tmp_path, *arguments):
    """Write a page, and return its text and its content."""
    file = tmp_path / "page.html"
    assert play.main([*map(str, arguments), "--out", str(file)]) == 0
    text = file.read_text()
    parser = Scripts()
    parser.feed(text)
    (content,) = (body for kind, body in parser.found if kind.get("id") == "content")
    return text, json.loads(content), parser


def write_table(path, columns, classes=("a", "b"), rows=60):
    """Write a table whose third column tells the class, and whose first tells it less well."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % len(classes)
    x = rng.normal(size=(rows, len(columns)))
    if len(columns) > 2:
        x[:, 2] += 5 * labels
        x[:, 0] += labels
    lines = [
        ",".join([*map(str, row), f'"{classes[k]}"']) for row, k in zip(x, labels, strict=True)
    ]
    path.write_text("\n".join([",".join([*columns, "kind"]), *lines]) + "\n")
    return path


def test_the_page_is_one_file_without_a_network(tmp_path, capsys):
    text, content, parser = written(tmp_path, "--no-drawing")
    assert [record["name"] for record in content["datasets"]] == [*USUAL]
    assert content["run"] is None
    for tag, attributes in parser.tags:
        assert not {"src", "href", "srcset", "action"} & attributes.keys(), (tag, attributes)
    outside = re.compile(r"@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|\bimport\(|https?://")
    assert not {found for found in outside.findall(text) if "www.w3.org" not in found}
    assert len(text) < 3_000_000
    assert capsys.readouterr().out.endswith("MB; open it in a browser\n")


def test_a_table_comes_first(tmp_path):
    file = write_table(tmp_path / "my.csv", ["height", "weight", "age"])
    _, content, _ = written(tmp_path, file, "--target", "kind")
    mine, *others = content["datasets"]
    assert (mine["kind"], mine["title"], mine["task"]) == ("table", "my.csv", "binary")
    assert mine["columns"] == ["height", "weight", "age"]
    assert [record["name"] for record in others] == [*USUAL]


def test_two_columns_of_a_table_are_points(tmp_path):
    file = write_table(tmp_path / "my.csv", [f"c{k}" for k in range(50)])
    _, content, _ = written(tmp_path, "--dataset", file, "--columns", "c7", "c2")
    mine = content["datasets"][0]
    assert (mine["kind"], mine["columns"]) == ("points", ["c2", "c7"])
    assert len(mine["options"]["drop"]) == 48


def test_two_columns_of_a_set_that_comes_with_a_package(tmp_path):
    wanted = ["mean radius", "worst texture"]
    _, content, _ = written(tmp_path, "breast_cancer", "--columns", *wanted)
    mine = content["datasets"][0]
    assert (mine["kind"], mine["columns"], mine["as_file"]) == ("points", wanted, True)


def test_columns_beside_drop_are_refused(tmp_path, capsys):
    file = write_table(tmp_path / "my.csv", ["x1", "x2", "x3"])
    arguments = [str(file), "--columns", "x1", "--drop", "x2"]
    message = "--columns names all inputs; --drop x2 is idle"
    assert_refused(capsys, "play", play.main, arguments, message)


def test_fifty_columns_are_too_many_and_the_telling_ones_are_named(tmp_path, capsys):
    file = write_table(tmp_path / "my.csv", [f"c {k}" for k in range(50)])
    message = "has 50 inputs, and the page takes at most 16; choose two by --columns, such as"
    assert_refused(capsys, "play", play.main, ["--dataset", str(file)], message)
    told = "--columns 'c 2' 'c 0' (these tell most: c 2, c 0, "
    assert_refused(capsys, "play", play.main, ["--dataset", str(file)], told)


def test_a_named_toy_stands_once(tmp_path):
    _, content, _ = written(tmp_path, "--dataset", "sine")
    assert content["datasets"][0]["name"] == "sine"
    assert len(content["datasets"]) == len(USUAL)


def test_of_large_data_the_page_holds_a_part_and_says_so(tmp_path, capsys):
    text, content, _ = written(tmp_path, "mnist_5k")
    assert content["datasets"][0]["whole"] == [4000, 1000]
    said = "the page holds 1,530 of 4,000 training examples and 382 of 1,000 test examples"
    assert said in " ".join(capsys.readouterr().out.split())
    assert len(text) < 3_000_000


def test_a_class_that_looks_like_a_script_stays_a_text(tmp_path):
    hostile = "</script><script>alert(1)</script><!--"
    file = write_table(tmp_path / "my.csv", ["x1", "x2"], (hostile, "b"))
    _, content, parser = written(tmp_path, file)
    assert hostile in content["datasets"][0]["classes"]
    _, _, usual = written(tmp_path, "--no-drawing")
    assert len(parser.found) == len(usual.found)
    assert not any("alert(1)" in body for kind, body in parser.found if "id" not in kind)


def test_a_run_is_in_the_page(tmp_path, digits_run):
    _, content, _ = written(tmp_path, "--run", digits_run)
    run = content["run"]
    assert (run["task"], run["picture"]) == ("multiclass", [8, 8])
    assert [layer["outputs"] for layer in run["layers"]] == [32, 10]
    assert run["examples"]["shape"] == [20, 64]
    first = content["datasets"][0]
    assert (first["name"], first["options"]) == (
        "digits",
        {"dataset": "digits", "task": "multiclass"},
    )
    assert first["preprocessing"]["scale"] == pytest.approx(run["preprocessing"]["scale"], 1e-7)


def test_a_run_of_an_earlier_version_is_in_the_page(tmp_path):
    old = Path(__file__).parents[1] / "runs" / "version_0_1_0" / "whole"
    _, content, _ = written(tmp_path, "--run", old)
    assert content["run"]["layers"][-1]["activation"] == "identity"


def test_a_run_without_its_data_is_in_the_page_without_examples(tmp_path, capsys):

    file = write_table(tmp_path / "my.csv", ["x1", "x2"])
    fit(Config(dataset=str(file), epochs=1, hidden=(3,)), out=tmp_path / "run")
    file.unlink()
    capsys.readouterr()
    _, content, _ = written(tmp_path, "--run", tmp_path / "run")
    assert content["run"]["columns"] == ["x1", "x2"]
    assert content["run"]["examples"] is None
    assert "without examples: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "page.txt"], "--out must be a file that ends in .html, got 'page.txt'"),
        (["--out", "/nowhere/page.html"], "the folder of /nowhere/page.html does not exist"),
        (["--dataset", "mooons"], "did you mean 'moons'?"),
        (["--dataset", "/nowhere.csv"], "/nowhere.csv"),
        (["--run", "/nowhere"], "/nowhere"),
        (["--columns", "a", "b"], "--columns needs a data set: --dataset FILE"),
        (["--target", "a"], "--target needs a data set: --dataset FILE"),
        (["--dataset", "moons", "--columns", "a"], "--columns is for a table, got moons"),
        (["--dataset", "iris", "--columns", "a"], "unknown column 'a', expected one of sepal"),
        (["--dataset", "breast_cancer"], "choose two by --columns, such as --columns 'worst"),
        (["iris", "--columns", "a", "--drop", "b"], "drop does not apply to the data set 'iris'"),
        (["--epochs", "3"], "unknown option --epochs"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_refused(capsys, "play", play.main, arguments, message)
    assert not [*tmp_path.iterdir()]
