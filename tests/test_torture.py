"""A few of the damaged inputs that `tests/torture` makes in thousands: none may go wrong."""

import signal

import numpy as np
import pytest

from tests.torture.files import kinds, main, read_all
from tests.torture.mutate import mutations


@pytest.fixture(autouse=True)
def alarm():
    """Put back what the runner does with the clock's signal."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, before)


def test_damaged_files_are_read_or_refused(tmp_path):
    figures = read_all(600, 0, tmp_path)
    assert figures.wrong == []
    assert 0 < figures.read < figures.inputs == 600


def test_good_files_are_read(tmp_path):
    """Else the damage would not be tested, but the way a file is called."""
    for kind in kinds().values():
        for content in kind.good:
            path = tmp_path / f"good{kind.suffix}"
            path.write_bytes(content)
            if (
                not any(odd in content for odd in (b"<c8", b"<U3", b"|S4", b"<M8"))
                or b"PK" in content
            ):
                kind.read(path)


def test_the_same_seed_makes_the_same_damage():
    made = [mutations(b"content" * 9, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_the_command_prints_figures_and_fails_with_a_fault(capsys, monkeypatch, tmp_path):
    assert main(["--count", "24", "--seed", "5"]) == 0
    assert "inputs 24  read " in capsys.readouterr().out

    def fail(path, *_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("tests.torture.files.read_idx", fail)
    assert main(["--count", "24", "--seed", "5", "--keep", str(tmp_path)]) == 1
    assert "ZeroDivisionError: a bug" in capsys.readouterr().out
    assert len(list(tmp_path.iterdir())) == 6  # of the three kinds that are IDX files
