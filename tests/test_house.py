"""The house: imports run downward, names stand for something, and every one of them is tested."""

import ast
import dataclasses
import inspect
from pathlib import Path

import pytest

import jaxmlp
from jaxmlp import data, training
from jaxmlp.config import names, options, recipe

ROOT = Path(jaxmlp.__file__).parent

# A room is a file or folder of jaxmlp/. It may import what stands on a lower floor, and itself.
FLOORS: dict[str, int] = {
    room: floor
    for floor, rooms in enumerate(
        (
            ("errors",),
            ("files", "memory"),
            ("nn", "optim", "data", "cli"),
            ("training",),
            ("config",),
            ("runs",),
            (
                *("train", "evaluate", "predict", "compare", "export", "serve"),
                *("find_rate", "gradcheck", "explain", "sweep", "estimators", "exercise"),
                *("play", "diagnose"),
            ),
            ("__init__", "__main__"),
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


def rooms():
    """Return the files and folders of the first level, apart from what an interpreter leaves."""
    files = [*ROOT.glob("*.py")]
    return files, [path for path in ROOT.iterdir() if (path / "__init__.py").exists()]


def test_every_room_has_its_floor():
    files, folders = rooms()
    modules = {path.stem for path in files if path.suffix == ".py"}
    assert modules | {path.name for path in folders} == FLOORS.keys()


def test_the_first_level_is_seen_at_a_glance():
    assert all(len(kind) <= 15 for kind in rooms())


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
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "jax":
            named += [alias.name for alias in node.names]
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


def test_the_help_lists_every_text_of_an_empty_cell():
    text = options.Config.__dataclass_fields__["missing"].metadata["help"]
    assert text.split("besides ")[1].split(" in small")[0].split() == [*data.gaps.MARKERS[1:]]


def test_tasks_have_the_same_names_everywhere():
    assert names.TASKS == data.TASKS == tuple(training.TASKS)


def test_activations_and_losses_know_their_names():
    for table in (names.ACTIVATIONS, names.LOSSES):
        assert [table[name].name for name in table.names] == list(table.names)


def test_a_rule_s_own_values_are_those_of_its_function():
    """What a command falls back to is what the library's function has for a default."""
    for name, entry in names.OPTIMIZER_TABLE.items():
        defaults = inspect.signature(names.OPTIMIZERS["manual"][name]).parameters
        for argument, field in entry.arguments.items():
            own = entry.own.get(field, getattr(options.Config(), field))
            if own is not None:
                assert defaults[argument].default == own, (name, argument)


def test_a_recipe_has_every_field_of_a_configuration():
    given = {field.name for field in dataclasses.fields(options.Config)}
    made = {field.name for field in dataclasses.fields(recipe.Recipe)} - {"numbers"}
    assert made | set(recipe.Numbers._fields) == given
    assert not made & set(recipe.Numbers._fields)
