"""Read from the source files where names are defined, and which rows and errata they cite.

A docstring cites rows as "lecture row B10" or "lecture rows A3, A4 and B9", errata as "erratum 9"
or "errata 2 and 3". Nothing is imported: the files are parsed.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ROW = r"[A-E][1-9][0-9]?"
AND = r"(?:, and |, | and )"
ROWS = re.compile(rf"[Ll]ecture rows? ({ROW}(?:{AND}{ROW})*)\b")
ERRATA = re.compile(rf"[Ee]rrat(?:um|a) ([0-9]+(?:{AND}[0-9]+)*)")
BARE = re.compile(rf"(?<![\w.'/]){ROW}(?![\w'])")
QUOTED = re.compile(r"`[^`]*`")
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Place(NamedTuple):
    """A line of a file; line 0 is the file as a whole."""

    path: Path
    line: int

    def link(self, folder: Path) -> str:
        """Return the link to it from a file in a folder."""
        up = "../" * len(folder.relative_to(ROOT).parts)
        near = self.path.is_relative_to(folder)
        target = self.path.relative_to(folder) if near else up / self.path.relative_to(ROOT)
        return target.as_posix() + (f"#L{self.line}" if self.line else "")


class Documented(NamedTuple):
    """A name with its docstring.

    Attributes:
      name: dotted, from the module on; a module's own name for the module.
      place: where the name is defined.
      text: the docstring with one space for each run of white space.
    """

    name: str
    place: Place
    text: str

    @property
    def rows(self) -> list[str]:
        """The rows that the docstring cites, each once, in its order."""
        found = [re.findall(ROW, listed) for listed in ROWS.findall(self.text)]
        return list(dict.fromkeys(row for rows in found for row in rows))

    @property
    def errata(self) -> list[int]:
        """The errata that the docstring cites."""
        found = [re.findall("[0-9]+", listed) for listed in ERRATA.findall(self.text)]
        return list(dict.fromkeys(int(number) for numbers in found for number in numbers))

    @property
    def unreadable(self) -> list[str]:
        """What looks like a row but is not cited in the form that this module reads."""
        return BARE.findall(ROWS.sub("", QUOTED.sub("", self.text)))


def module_of(path: Path) -> str:
    """Return the dotted name of a file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def documented(folder: str) -> tuple[Documented, ...]:
    """Return every name with a docstring in the Python files of a folder, in order.

    Args:
      folder: relative to the project's root, such as `"jaxmlp"`.

    Returns:
      Modules, classes, functions, and assignments that a string follows.
    """
    files = sorted((ROOT / folder).rglob("*.py"))
    return tuple(item for path in files for item in _documented(path))


def _documented(path: Path) -> Iterator[Documented]:
    tree, module = _parsed(path), module_of(path)
    text = ast.get_docstring(tree)
    if text is not None:
        yield Documented(module, Place(path, 0), " ".join(text.split()))
    for name, node, text in _named(tree, ""):
        if text is not None:
            yield Documented(f"{module}.{name}", Place(path, node.lineno), " ".join(text.split()))


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _named(parent: ast.Module | DEFINITIONS, prefix: str) -> Iterator[tuple]:
    """Return the name, the node and the docstring of all that a module or class defines."""
    for node, after in zip(parent.body, [*parent.body[1:], None], strict=True):
        if isinstance(node, DEFINITIONS):
            yield prefix + node.name, node, ast.get_docstring(node)
            if isinstance(node, ast.ClassDef):
                yield from _named(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield prefix + target.id, node, _string(after)


def _string(node: ast.stmt | None) -> str | None:
    """Return the text of a statement that is a string, the docstring of an assignment."""
    value = node.value if isinstance(node, ast.Expr) else None
    text = value.value if isinstance(value, ast.Constant) else None
    return text if isinstance(text, str) else None


def locate(name: str) -> Place:
    """Return where a dotted name of the project is defined.

    Args:
      name: of a module, or of a function, class, method or constant in one.

    Returns:
      The file and the line of the definition; for a module, line 0.

    Raises:
      LookupError: if no module of the project defines it.
    """
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        stem = ROOT.joinpath(*parts[:end])
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.exists():
                return _line(path, ".".join(parts[end:]), name)
    raise LookupError(f"{name} is not defined")


def _line(path: Path, rest: str, name: str) -> Place:
    if not rest:
        return Place(path, 0)
    for defined, node, _ in _named(_parsed(path), ""):
        if defined == rest:
            return Place(path, node.lineno)
    raise LookupError(f"{name} is not defined in {path.relative_to(ROOT)}")
