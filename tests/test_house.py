"""The house: imports run downward, names stand for something, and every one of them is tested."""

import ast
from pathlib import Path

import pytest

import jaxmlp
from jaxmlp import data, training
from jaxmlp.config import names, options

ROOT = Path(jaxmlp.__file__).parent

# A room is a file or folder of jaxmlp/. It may import what stands on a lower floor, and itself.
FLOORS: dict[str, int] = {
    room: floor
    for floor, rooms in enumerate(
        (
            ("errors", "files"),
            ("nn", "optim", "data", "cli"),
            ("training",),
            ("config",),
            ("runs",),
            ("train", "evaluate", "predict", "find_rate", "gradcheck", "explain", "sweep"),
            ("__init__",),
        )
    )
    for room in rooms
}
MACHINE_MADE = {"referees.py"}  # the only module that may name optax or differentiate by machine
SOURCES = sorted(ROOT.rglob("*.py"))


def imported(source: Path) -> set[str]:
    """Return every module of the project that a file imports, as parts after `jaxmlp.`."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative import"
            found.add(node.module)
            if node.module == "jaxmlp":
                found |= {f"jaxmlp.{alias.name}" for alias in node.names}
    return found


def test_every_room_has_its_floor():
    rooms = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__pycache__"} == FLOORS.keys()


def test_the_first_level_is_seen_at_a_glance():
    shown = [path for path in ROOT.iterdir() if path.name != "__pycache__"]
    folders = [path for path in shown if path.is_dir()]
    assert len(folders) <= 10
    assert len(shown) - len(folders) <= 10


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(source):
    room = source.relative_to(ROOT).parts[0].removesuffix(".py")
    for module in imported(source):
        package, _, rest = module.partition(".")
        assert package not in ("experiments", "tests"), f"{source} imports {module}"
        other = rest.partition(".")[0]
        if package == "jaxmlp" and other not in ("", "__version__", room):
            assert FLOORS[other] < FLOORS[room], f"{source} imports {module}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_referees_differentiate_by_machine(source):
    if source.name in MACHINE_MADE:
        return
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert not {module for module in imported(source) if module.startswith("optax")}
    derivatives = ("grad", "value_and_grad", "vjp", "jvp", "jacobian", "jacfwd", "jacrev")
    named = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "jax"
    ]
    assert not set(named) & set(derivatives)


@pytest.mark.parametrize(
    "table",
    [
        names.ACTIVATIONS,
        names.LEARNED_ACTIVATIONS,
        names.FORWARD_ONLY,
        names.INITIALIZERS,
        names.LOSSES,
        names.SCHEDULES,
        *names.OPTIMIZERS.values(),
    ],
    ids=lambda table: table.module,
)
def test_every_name_stands_for_something(table):
    for name in table.names:
        assert callable(table[name])


def test_tasks_have_the_same_names_everywhere():
    assert options.TASK_NAMES == data.TASKS == tuple(training.TASKS)


def test_activations_and_losses_know_their_names():
    for table in (names.ACTIVATIONS, names.LOSSES):
        assert [table[name].name for name in table.names] == list(table.names)
