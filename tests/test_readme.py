"""The README is true: its Python runs, its file tree and links are those of the project."""

import doctest
import inspect
import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from jaxmlp.data import load
from jaxmlp.training import step

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
MY_PARTS = next(block for block in BLOCKS if block.startswith("# my_parts.py\n"))


def test_its_python_runs(tmp_path, monkeypatch, capsys):
    """Three lines that train and three that predict, one after the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "0")
    images = load("digits").x_test
    scope = {"images": images}
    blocks = [block for block in BLOCKS if "import " in block or "load(" in block]
    blocks.remove(MY_PARTS)
    train, predict, estimator, library = blocks
    assert [sum(map(bool, block.splitlines())) for block in (train, predict)] == [3, 3]
    for block in (train, predict, library):
        exec(block, scope)
    accuracy = float(capsys.readouterr().out.splitlines()[0])
    assert accuracy > 0.9
    exec(estimator, {})
    assert float(capsys.readouterr().out) > 0.9
    right = np.mean(scope["labels"] == load("digits").y_test.astype(str))
    assert right == pytest.approx(accuracy)
    assert scope["probabilities"].shape == (len(images), 10)


def test_write_your_own(tmp_path, monkeypatch, capsys):
    """Its file is a part that passes, its check says what it prints, and its commands run."""
    section = README.partition("## Write your own\n")[2].partition("\n## ")[0]
    assert MY_PARTS in section
    assert len([line for line in MY_PARTS.splitlines() if line.strip()]) <= 20
    monkeypatch.chdir(tmp_path)
    Path("my_parts.py").write_text(MY_PARTS)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    session = re.search(r"```\n(>>> .*?)```", section, re.S)[1].replace("\n...\n", "\nmine, ...\n")
    example = doctest.DocTestParser().get_doctest(session, {}, "README", None, None)
    assert runner.run(example, out=lambda text: print(text)).failed == 0, capsys.readouterr().out
    commands = re.findall(r"^\$ jaxmlp (.*)$", section, re.M)
    assert len(commands) == 4
    for command in commands:
        name, *arguments = shlex.split(command)
        arguments += ["--epochs", "1", "--quiet"] if name == "train" else []
        assert import_module(f"jaxmlp.{name}").main(arguments) == 0, command
    assert "my_parts.py:mish" in capsys.readouterr().out


def test_it_shows_the_step_as_it_is():
    """But for the line breaks, as it stands deeper in the file."""
    shown = next(block for block in BLOCKS if block.startswith("def step("))
    source = inspect.getsource(step.make_step)
    assert without_space(shown) in without_space(source)


def without_space(code):
    return re.sub(r",?([)\]])", r"\1", "".join(code.split()))


def test_its_file_tree_is_the_project_s():
    """Every file and folder of the first two levels of the package, each with a line."""
    tree = re.search(r"```\n(jaxmlp/ .*?)```", README, re.S)[1]
    shown, room = set(), ""
    for line in tree.splitlines():
        name, words = line.split(maxsplit=1)
        assert len(words) > 10, line
        room = room if line.startswith("  ") else name
        shown.add(room + name if line.startswith("  ") else name)
    assert all((ROOT / name).exists() for name in shown)
    package = ROOT / "jaxmlp"
    present = {path.name for path in package.iterdir() if path.is_file()}
    present |= {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    assert {f"jaxmlp/{name}" for name in present} <= shown


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_its_links_lead_somewhere(document):
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)h][^)]*)\)", text):
        assert (ROOT / target).exists(), target


def test_every_formula_family_is_linked():
    linked = set(re.findall(r"\((jaxmlp/(?:nn|optim)/\w+\.py)\)", README))
    plumbing = {"__init__.py", "base.py", "models.py", "precision.py", "types.py"}
    plumbing |= {"windows.py"}
    files = [*(ROOT / "jaxmlp/nn").glob("*.py"), *(ROOT / "jaxmlp/optim").glob("*.py")]
    formulas = {str(p.relative_to(ROOT)) for p in files if p.name not in plumbing}
    assert formulas <= linked
