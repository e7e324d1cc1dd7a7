"""Find the source code of what a chapter names."""

import ast
import importlib
import inspect
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from jaxmlp.errors import InputError, unknown

ROOT = Path(__file__).parents[2]


class Source(NamedTuple):
    """A piece of source code.

    Attributes:
      code: the text, without docstrings.
      file: the path of its file in the project.
      line: its first line in the file.
    """

    code: str
    file: str
    line: int


def source_of(path: str, *inner: str) -> Source:
    """Return the source code of a function, a class or a constant.

    With a function comes what is said of it below it, such as the gradient of a loss
    (`@cross_entropy.defgradient`) or the derivative of an activation.

    Args:
      path: where it is defined, such as `jaxmlp.nn.layers.dense`.
      *inner: names of functions inside it, if only these are wanted.

    Returns:
      The source.

    Raises:
      InputError: if there is no such module, or it does not define the name.
    """
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:  # ValueError: an empty name
        raise InputError(f"no module {module_name!r} for the code of {path!r}") from error
    text, body = _read(module)
    found = [node for node in body if _is_about(node, name)]
    if not found or name not in _defined(body):
        raise unknown(f"name in {module_name}", name, sorted(_defined(body)))
    if inner:
        defined = {
            node.name: node for node in ast.walk(found[0]) if isinstance(node, ast.FunctionDef)
        }
        for wanted in inner:
            if wanted not in defined:
                raise unknown(f"function in {path}", wanted, sorted(defined))
        found = [defined[wanted] for wanted in inner]
    code = "\n\n".join(_text(text.splitlines(), node) for node in found)
    file = Path(inspect.getfile(module)).relative_to(ROOT)
    return Source(code, file.as_posix(), _first_line(found[0]))


@lru_cache(maxsize=64)
def _read(module: ModuleType) -> tuple[str, list[ast.stmt]]:
    """Return the text of a module and its statements."""
    text = inspect.getsource(module)
    return text, ast.parse(text).body


def _defined(body: list[ast.stmt]) -> set[str]:
    """Return the names that the statements of a module define."""
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _is_about(node: ast.stmt, name: str) -> bool:
    """Return whether a statement defines a name, or completes it (`name.defgradient`)."""
    if name in _defined([node]):
        return True
    if isinstance(node, ast.FunctionDef):
        return any(_belongs_to(decorator, name) for decorator in node.decorator_list)
    return isinstance(node, ast.Expr) and _belongs_to(node.value, name)


def _belongs_to(node: ast.expr, name: str) -> bool:
    """Return whether an expression is `name.method` or a call of it."""
    if isinstance(node, ast.Call):
        node = node.func
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _text(lines: list[str], node: ast.stmt) -> str:
    """Return the lines of a statement without docstrings, moved to the margin."""
    first = _first_line(node)
    last = node.end_lineno or first
    left_out: set[int] = set()
    for inside in ast.walk(node):
        if isinstance(inside, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inside):
            said = inside.body[0]
            left_out |= set(range(said.lineno, (said.end_lineno or said.lineno) + 1))
            left_out |= _blank_after(lines, said.end_lineno or said.lineno)
    kept = [lines[n - 1] for n in range(first, last + 1) if n not in left_out]
    return inspect.cleandoc("\n" + "\n".join(kept)).rstrip() + "\n"


def _blank_after(lines: list[str], last: int) -> set[int]:
    return {last + 1} if last < len(lines) and not lines[last].strip() else set()
