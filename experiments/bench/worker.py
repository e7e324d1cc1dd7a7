"""A library in a process of its own: `python -m experiments.bench.worker NAME`.

It reads requests from standard input, one per line, and answers each with one line; both are JSON.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from experiments.bench.peers import Session, peer
from experiments.bench.problem import Problem, arrays

SESSIONS: list[Session] = []  # holds the latest session only


def start(name: str, problem: dict[str, Any]) -> dict[str, Any]:
    """Start a session with a problem, in place of the previous session."""
    SESSIONS[:] = [peer(name).start(Problem(**problem))]
    return {}


def train(name: str, epochs: int = 1) -> dict[str, Any]:
    """Train, and return the time taken."""
    began = time.perf_counter()
    SESSIONS[0].train(epochs)
    return {"seconds": time.perf_counter() - began}


def predict(name: str, n: int, repeats: int = 1) -> dict[str, Any]:
    """Predict the first `n` test examples repeatedly, and return the mean time."""
    began = time.perf_counter()
    for _ in range(repeats):
        SESSIONS[0].predict(n)
    return {"seconds": (time.perf_counter() - began) / repeats}


def product(name: str, library: str, size: int, seconds: float = 0.15) -> dict[str, Any]:
    """Multiply two square matrices of float32 for some seconds, and return the best rate."""
    from experiments.bench.products import rate

    return {"rate": rate(library, size, seconds)}


def peak(name: str) -> dict[str, Any]:
    """Return the largest resident memory of this process so far, in MB, as an answer."""
    return {"megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """Return the largest resident memory of this process so far, in 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, getrusage includes the process that started this one
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def accuracy(session: Session, problem: Problem) -> float:
    """Return the share of test examples that the network classifies correctly."""
    labels = arrays(problem)[3]
    return float((session.predict(len(labels)) == labels).mean())


ANSWERS = {f.__name__: f for f in (start, train, predict, product, peak)}


def main() -> None:
    """Answer all requests; any other output goes to standard error."""
    name = sys.argv[1]
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        reply = ANSWERS[request.pop("ask")](name, **request)
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
