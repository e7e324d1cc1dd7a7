"""The house: imports run downward, names stand for something, and every one of them is tested."""

import ast
from pathlib import Path

import pytest

import jaxmlp
from jaxmlp import config, data, registry, training

ROOT = Path(jaxmlp.__file__).parent

# a module may import what stands on a lower floor, or in its own subpackage
FLOORS = {
    "errors": 0,
    "files": 0,
    "nn": 1,
    "optim": 1,
    "data": 1,
    "training": 2,
}
FRONT_DOOR = 3
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


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(source):
    room = source.relative_to(ROOT).parts[0].removesuffix(".py")
    floor = FLOORS.get(room, FRONT_DOOR)
    for module in imported(source):
        package, _, rest = module.partition(".")
        assert package not in ("experiments", "tests"), f"{source} imports {module}"
        other = rest.partition(".")[0]
        if package == "jaxmlp" and other and other != room:
            below = FLOORS.get(other, FRONT_DOOR)
            assert below < floor or floor == below == FRONT_DOOR, f"{source} imports {module}"


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
        registry.ACTIVATIONS,
        registry.LEARNED_ACTIVATIONS,
        registry.FORWARD_ONLY,
        registry.INITIALIZERS,
        registry.LOSSES,
        registry.SCHEDULES,
        *registry.OPTIMIZERS.values(),
    ],
    ids=lambda table: table.module,
)
def test_every_name_stands_for_something(table):
    for name in table.names:
        assert callable(table[name])


def test_tasks_have_the_same_names_everywhere():
    assert config.TASK_NAMES == data.TASKS == tuple(training.TASKS)


def test_activations_and_losses_know_their_names():
    for table in (registry.ACTIVATIONS, registry.LOSSES):
        assert [table[name].name for name in table.names] == list(table.names)
