"""Test both ends of what users install: the oldest and the newest Python and packages.

The oldest end is the lowest Python of `requires-python`, with the lowest version of each package
that pyproject.toml allows; the newest is the newest Python found, with the newest packages. `make
test` tests the Python of `.venv`, which runs this script, in full. An end gets the tests that
another version of a package is most likely to break, `SELECTION`; with `--both` the whole suite.

An end whose Python is missing, or whose packages cannot be installed (no network), is not run, and
the last lines say so. The exit status is 1 if a test failed, or if `--both` could not run both.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
# What broke when the bounds were tried, and what stands nearest to the packages: formulas beside
# jax.grad, rules beside Optax, files read by pyarrow, estimators, saved runs, JSON, a command.
SELECTION = (
    "tests/nn/test_four_ways.py",
    "tests/nn/test_activations.py",
    "tests/nn/test_losses.py",
    "tests/nn/test_products.py",
    "tests/optim/test_optimizers.py",
    "tests/optim/test_since_the_decks.py",
    "tests/data/test_tables.py",
    "tests/data/test_odd_files.py",
    "tests/estimators/test_same_meaning.py",
    "tests/export/test_engines.py",
    "tests/runs/test_earlier_runs.py",
    "tests/test_files.py",
    "tests/test_predict.py",
)
# A deprecation speaks of newer packages than these: old ones give some about what they import.
OF_THE_OLDEST = "-W ignore::DeprecationWarning"
ASK = "import sys; v = sys.version_info; print(v[0], v[1], v.releaselevel)"
ASK_JAX = (
    "import jax, platform; print(f'Python {platform.python_version()}, jax {jax.__version__}')"
)
Version = tuple[int, int]


class Outcome(NamedTuple):
    """What became of an end: `passed`, `FAILED` or `NOT RUN`, and where or why."""

    end: str
    word: str
    text: str


def lowest(project: dict[str, Any], extra: str = "test") -> list[str]:
    """Return a constraint `name==version` for the lowest version allowed of each dependency.

    Args:
      project: the table `project` of pyproject.toml.
      extra: the optional dependencies that count too, with those that they name of the project.

    Returns:
      Constraints for pip.
    """
    optional = project["optional-dependencies"]
    found, lines = [], [*project["dependencies"], *optional[extra]]
    for line in lines:  # grows by what "jaxmlp[notebooks,onnx]" names
        if own := re.fullmatch(rf"{project['name']}\[(.+)\]", line):
            lines += [other for name in own[1].split(",") for other in optional[name]]
        elif bound := re.match(r"([\w.-]+)>=([\d.]+)", line):
            found.append(f"{bound[1]}=={bound[2]}")
        else:
            raise SystemExit(f"a dependency must begin with NAME>=VERSION, got {line!r}")
    return found


def interpreters(folders: list[Path]) -> dict[Version, str]:
    """Return the released Pythons of these folders by their version, the first of each.

    Each is asked: a shim of pyenv may be there, and fail when it is called.
    """
    found: dict[Version, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("python3.*")):
            if re.fullmatch(r"python3\.\d+", path.name):
                done = subprocess.run(
                    [path, "-c", ASK], capture_output=True, text=True, check=False
                )
                answer = done.stdout.split()
                if done.returncode == 0 and answer[2:] == ["final"]:
                    found.setdefault((int(answer[0]), int(answer[1])), str(path))
    return found


def folders() -> list[Path]:
    """Return the folders to look for Pythons in: those of PATH, and pyenv's versions."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [*map(Path, os.get_exec_path()), *sorted(pyenv.glob("versions/*/bin"))]


def run_end(end: str, python: str, constraints: list[str], arguments: str) -> Outcome:
    """Install the project for an end, in an environment of its own, and run its tests."""
    venv = f".venv-{end}-{Path(python).name}"
    make = ["make", f"VENV={venv}", f"PYTHON={python}"]
    env = {"PIP_RETRIES": "1", **os.environ}
    env.pop("MAKEFLAGS", None)  # options of a `make` around this script are not for this one
    if constraints:
        file = ROOT / "build" / f"{end}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(constraints) + "\n")
        env["PIP_CONSTRAINT"] = str(file.relative_to(ROOT))
    done = subprocess.run(
        [*make, f"{venv}/.installed-test"],
        cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write(done.stderr)
        errors = [line.strip() for line in done.stderr.splitlines() if "ERROR: " in line]
        why = (errors or done.stderr.splitlines() or ["make failed"])[-1]
        return Outcome(end, "NOT RUN", f"the packages of {python} cannot be installed: {why}")
    where = subprocess.check_output([ROOT / venv / "bin/python", "-c", ASK_JAX], text=True).strip()
    print(f"{end} end: {where}", flush=True)
    start = time.monotonic()
    tested = subprocess.run([*make, "test", f"ARGS={arguments}"], cwd=ROOT, env=env, check=False)
    word = "FAILED" if tested.returncode else "passed"
    return Outcome(end, word, f"{where}, {time.monotonic() - start:.0f} s")


def run_ends(
    found: dict[Version, str], here: Version, project: dict[str, Any], selection: str
) -> list[Outcome]:
    """Run both ends as far as they are there; of newer Pythons the newest that can be installed."""
    major, minor = map(int, re.findall(r"\d+", project["requires-python"])[:2])
    old = (major, minor)
    if old in found:
        arguments = f"{OF_THE_OLDEST} {selection}"
        outcomes = [run_end("oldest", found[old], lowest(project), arguments)]
    else:
        outcomes = [Outcome("oldest", "NOT RUN", f"no Python {major}.{minor} that runs was found")]
    newer = sorted((version for version in {*found, here} if version > old), reverse=True)
    if not newer:
        outcomes.append(Outcome("newest", "NOT RUN", f"no Python above {major}.{minor} was found"))
    for version in newer:
        if version == here:
            outcomes.append(Outcome("newest", "passed", "it is the Python of `make test`"))
        else:
            outcomes.append(run_end("newest", found[version], [], selection))
        if outcomes[-1].word != "NOT RUN":
            break
    return outcomes


def report(outcomes: list[Outcome]) -> tuple[str, bool]:
    """Return the lines about both ends, and whether both were run."""
    missing = sorted({"oldest", "newest"} - {o.end for o in outcomes if o.word != "NOT RUN"})
    loud = f" THE {' AND THE '.join(missing).upper()} END WAS NOT TESTED " if missing else ""
    lines = [
        " both ends of what users install ".center(100, "="),
        f"here:   the whole suite by `make test`: Python {platform.python_version()}",
        *(f"{o.end}: {o.word}: {o.text}" for o in outcomes),
        loud.center(100, "!" if missing else "="),
    ]
    return "\n".join(lines), not missing


def main(argv: list[str] | None = None) -> int:
    """Test both ends and say what was run.

    Returns:
      The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--both", action="store_true", help="the whole suite, and both must be run")
    args = parser.parse_args(argv)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    selection = "" if args.both else " ".join(SELECTION)
    outcomes = run_ends(interpreters(folders()), sys.version_info[:2], project, selection)
    text, complete = report(outcomes)
    print(text, flush=True)
    return int(any(o.word == "FAILED" for o in outcomes) or (args.both and not complete))


if __name__ == "__main__":
    sys.exit(main())
