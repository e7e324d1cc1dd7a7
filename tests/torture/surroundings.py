"""Bad surroundings: what a command meets on other machines.

`python -m tests.torture.surroundings` tries each and prints which are right: the work is done in
silence, or one line says what is missing. The tables hold lines of a shell, in which `$TRAIN`
trains for an epoch into the folder `run`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TRAIN = f"{sys.executable} -m jaxmlp.train --dataset xor --epochs 1 --out run"
TABLE = "printf 'a,b,c\\n%s' \"$(for k in $(seq 40); do echo $k,$((k % 3)),$((k % 2)); done)\""
QUICK = {  # what needs no work, or is of most use; the status it has, and a part of its line
    "ulimit -v 1000000; $TRAIN": (2, "the address space (ulimit -v) must be at least 1900 MiB"),
    "ulimit -v 200000; $TRAIN": (2, "the address space (ulimit -v) must be at least 1900 MiB"),
    "JAX_PLATFORMS=cuda $TRAIN": (2, "cuda"),
    "JAX_PLATFORMS=nonsense $TRAIN": (2, "nonsense"),
    "JAXMLP_DATA_DIR=~nobody9 $TRAIN --dataset mnist": (2, "~nobody9"),
    "mkdir gone; cd gone; rmdir ../gone; $TRAIN": (2, "the output folder run cannot be made"),
    "$TRAIN --out $'\\xff/\\xfe\\x00'": (0, ""),
    "env -u HOME TMPDIR=/dev/null/nowhere XDG_CACHE_HOME=/dev/null $TRAIN": (0, ""),
    "HOME=/dev/null/nowhere LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $TRAIN <&-": (0, ""),
}
SLOW = {
    "ulimit -v 500000; $TRAIN": (2, "the address space"),
    "ulimit -n 8; $TRAIN": (2, "Too many open files"),
    "ulimit -n 16; $TRAIN": (0, ""),
    "ulimit -n 32; $TRAIN": (0, ""),
    "umask 777; $TRAIN": (0, ""),
    "env -u LANG -u LC_ALL $TRAIN": (0, ""),
    "LC_ALL=nonsense $TRAIN": (0, ""),
    "TERM=nonsense COLUMNS=0 LINES=0 $TRAIN": (0, ""),
    "HOME= $TRAIN": (0, ""),
    "HOME=/etc/passwd $TRAIN": (0, ""),
    "HOME=/dev/null/nowhere MPLCONFIGDIR=/dev/null/nowhere TMPDIR=/dev/null/nowhere $TRAIN": (
        0,
        "",
    ),
    "XDG_CACHE_HOME=relative $TRAIN": (0, ""),
    "XDG_CACHE_HOME=/dev/full $TRAIN": (0, ""),
    "XLA_FLAGS=--nonsense $TRAIN": (1, "Unknown flag in XLA_FLAGS: --nonsense"),
    "$TRAIN --dataset ~nobody9/x.csv": (2, "~nobody9/x.csv"),
    "$TRAIN --data-dir ~nobody9 --dataset mnist": (2, "~nobody9"),
    f"{TABLE} > $'\\xff.csv'; $TRAIN --dataset $'\\xff.csv'": (2, r"\udcff.csv"),
    'mkdir gone; cd gone; rmdir ../gone; $TRAIN --out "$OLDPWD/run"': (0, ""),
    f"$TRAIN --out {'x' * 400}": (2, "File name too long"),
    f"$TRAIN --out {'x/' * 3000}": (2, "File name too long"),
    "$TRAIN --out /proc/run": (2, "/proc/run"),
    "$TRAIN --out /dev/null": (2, "is a file"),
}


def fault(line: str, status: int, words: str) -> str:
    """Return what is wrong when a line runs, or ""."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {**os.environ, "TRAIN": TRAIN, "PYTHONPATH": str(Path(__file__).parents[2])}
        settings.pop("JAX_COMPILATION_CACHE_DIR", None)
        settings.pop("JAX_PLATFORMS", None)
        line = line.replace("$TRAIN", TRAIN)
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=settings, capture_output=True, check=False
        )
    err = done.stderr.decode("utf-8", "replace")
    if done.returncode != status:
        return f"status {done.returncode} instead of {status}: {err[-800:]}"
    if err.count("\n") != bool(words) or words not in err or "Traceback" in err:
        return f"said: {err[-800:]}"
    return ""


if __name__ == "__main__":
    cases = QUICK | SLOW
    found = {line: fault(line, *expected) for line, expected in cases.items()}
    for line, wrong in found.items():
        print(f"{'WRONG' if wrong else 'right'}  {line[:90]}  {wrong}")
    bad = sum(map(bool, found.values()))
    print(f"{len(cases)} surroundings, {bad} wrong")
    sys.exit(bad > 0)
