"""Odd command lines end in one line, whatever the option and the value."""

import random
import subprocess
import sys
import time

import pytest

from jaxmlp import evaluate, find_rate, gradcheck, predict, train
from jaxmlp.explain.__main__ import main as explain
from jaxmlp.sweep.__main__ import main as sweep
from tests.helpers import assert_refused
from tests.torture import lines

MAINS = {
    "train": train.main,
    "sweep": sweep,
    "find_rate": find_rate.main,
    "gradcheck": gradcheck.main,
    "explain": explain,
    "evaluate": evaluate.main,
    "predict": predict.main,
}
MOST = "at most 2147483647"
DIGITS = "9" * 5000

CASES = [  # command line, and part of the message
    ("train --epochs 1e300", "--epochs: invalid int value: '1e300'"),
    ("train --epochs 9223372036854775808", f"epochs must be {MOST}, got 9223372036854775808"),
    ("train --epochs " + "9" * 400, "epochs must be at most 2147483647, got about 2^1328"),
    (f"train --epochs {DIGITS}", "invalid int value: '9999"),
    ("train --epochs 2147483648", f"epochs must be {MOST}, got 2147483648"),
    ("train --dataset iris --epochs 2147483647 --batch-size 1", "epochs must be at most 198"),
    ("train --epochs -1", "epochs must be at least 1, got -1"),
    ("train --epochs nan", "invalid int value: 'nan'"),
    ("train --hidden 2147483648", f"hidden must be {MOST}"),
    ("train --hidden 4 4294967296", f"hidden must be {MOST}, got 4294967296"),
    ("train --hidden " + "8 " * 10_000, "hidden must be at most 100 values, got 10000"),
    ("train --activation " + "relu " * 101, "activation must be at most 100 values, got 101"),
    ("train --batch-size 1099511627776", f"batch_size must be {MOST}"),
    ("train --dataset iris --batch-size 2147483647", "batch_size must be at most the 108"),
    ("train --seed -1", "seed must be in [0, 2^32), got -1"),
    ("train --seed 4294967296", "seed must be in [0, 2^32)"),
    ("train --seed 1e9", "invalid int value"),
    ("train --patience 1180591620717411303424", f"patience must be {MOST}"),
    ("train --plateau-patience 9223372036854775807", f"plateau_patience must be {MOST}"),
    ("train --valid-size 99999999999", f"valid_size must be {MOST}"),
    ("train --learning-rate 1e309", "learning_rate must be a finite positive number, got inf"),
    ("train --learning-rate nan", "learning_rate must be a finite positive number, got nan"),
    ("train --learning-rate -0.0", "learning_rate must be a finite positive number"),
    ("train --weight-decay inf", "weight_decay must be a finite number >= 0, got inf"),
    ("train --clip-norm 0", "clip_norm must be a finite positive number, got 0.0"),
    ("train --dropout 1", "dropout must be in [0, 1), got 1.0"),
    ("train --dropout nan", "dropout must be in [0, 1), got nan"),
    ("train --beta2 1e400", "beta2 must be in [0, 1), got inf"),
    ("train --min-change=-1e-300", "min_change must be a finite number >= 0"),
    ("train --augment-strength inf", "augment_strength must be a finite positive number"),
    ("train --dataset xor --epochs ''", "invalid int value: ''"),
    ("train --optimizer '\x1b[31m'", r"\x1b[31m"),
    ("train '--\nhidden' 3", r"unknown option --\nhidden; did you mean --hidden?"),
    (f"train --dataset {'x' * 5000}.csv", "xxx ... xxx"),
    (f"train --dataset xor --epochs 1 --out {'x' * 400}", "xxx"),
    (f"train --dataset xor --epochs 1 --out {'x/' * 3000}", "too long"),
    ("train --dataset ~nobody/x.csv", "~nobody/x.csv"),
    ("train --data-dir ~nobody", "~nobody"),
    ("train --dataset \udcff.csv", r"\udcff.csv"),
    ("train --out /dev/null --dataset xor", "is a file"),
    ("train --resume \udcff", r"\udcff"),
    ("train --config /dev/null", "/dev/null is not a whole JSON file"),
    ("train --config /", "/ cannot be read: Is a directory"),
    ("sweep --random 1000000000 learning_rate=1,2", "the number of draws, from 1 to 100000"),
    (f"sweep --random {DIGITS} learning_rate=1,2", "the number of draws, from 1 to 100000"),
    ("sweep --random ² learning_rate=1,2", "the number of draws"),
    (
        "sweep --grid "
        + " ".join(
            f"{name}={','.join(map(str, range(1, 1001)))}"
            for name in ("epochs", "batch_size", "seed")
        ),
        "the runs of a sweep must be at most 100000, got 1000000000",
    ),
    (
        "sweep --random 100000 learning_rate=log:1e-4:1 --grid seed=0,1 hidden=4,8 epochs=1,2",
        "must be at most 100000",
    ),
    ("sweep --dataset iris --grid epochs=1,2147483648", f"epochs must be {MOST}"),
    ("sweep --dataset iris --grid learning_rate=nan", "learning_rate must be a finite"),
    ("sweep --grid seed=-1,0 --dataset iris", "seed must be in [0, 2^32), got -1"),
    (f"sweep --grid seed={DIGITS}", "seed must be a whole number"),
    ("find_rate --steps 1000000000000", "--steps must be at most 1000000"),
    ("find_rate --highest 1e309", "--highest must be finite, got inf"),
    ("find_rate --lowest nan", "--lowest must be positive"),
    ("find_rate --epochs 3", "unknown option --epochs"),
    ("gradcheck --break nan", "unknown layer 'nan'"),
    ("gradcheck --break 1e999", "unknown layer '1e999'"),
    ("gradcheck --hidden 2147483648 --break nan", f"hidden must be {MOST}"),
    ("gradcheck --examples 99999999999999999999", "--examples must be from 1 to"),
    ("explain --example -1", "--example must be from 0 to"),
    ("explain --example 18446744073709551616", "--example must be from 0 to"),
    ("explain --hidden 9", "must be at most 8 numbers wide"),
    ("explain --html /dev/null/x.html", "/dev/null/x.html cannot be written"),
    ("evaluate \udcff", r"there is no run folder \udcff"),
    (f"predict nowhere {'x' * 400}.npy", "there is no run folder nowhere"),
]


@pytest.mark.parametrize(("line", "message"), CASES, ids=[line[:40] for line, _ in CASES])
def test_a_line_that_no_machine_can_run(capsys, tmp_path, monkeypatch, line, message):
    """Each ends within a few seconds, and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    name, *words = line.split(" ")
    words = [word.replace("''", "").replace("'", "") for word in words if word]
    began = time.process_time()
    assert_refused(capsys, name, MAINS[name], words, message)
    assert time.process_time() - began < 5
    assert not [*tmp_path.iterdir()]


def test_lines_drawn_at_random():
    """Some dozens; `python -m tests.torture.lines` runs any number."""
    line = [sys.executable, "-m", "tests.torture.lines", "--count", "40", "--limit", "60"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 inputs, 0 wrong" in done.stdout


def test_drawn_lines_are_many_and_the_same_again():
    drawn = [tuple(lines.odd_line(random.Random(seed))) for seed in range(200)]
    assert len({*drawn}) > 150
    assert {line[0] for line in drawn} >= {*MAINS}
    assert drawn[7] == tuple(lines.odd_line(random.Random(7)))
