"""A library at work in a process of its own: `python -m experiments.bench.worker NAME`.

Reads one request a line from standard input and answers each with one line, both JSON.
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

SESSIONS: list[Session] = []  # the latest one


def start(name: str, problem: dict[str, Any]) -> dict[str, Any]:
    """Begin a session with a problem, in place of the one before."""
    SESSIONS[:] = [peer(name).start(Problem(**problem))]
    return {}


def train(name: str, epochs: int = 1) -> dict[str, Any]:
    """Train, and tell how long it took."""
    began = time.perf_counter()
    SESSIONS[0].train(epochs)
    return {"seconds": time.perf_counter() - began}


def predict(name: str, n: int, repeats: int = 1) -> dict[str, Any]:
    """Judge the first test examples some times over, and tell how long it took once."""
    began = time.perf_counter()
    for _ in range(repeats):
        SESSIONS[0].predict(n)
    return {"seconds": (time.perf_counter() - began) / repeats}


def product(name: str, library: str, size: int, seconds: float = 0.15) -> dict[str, Any]:
    """Multiply two square matrices of float32 for a while, and tell the best rate."""
    from experiments.bench.products import rate

    return {"rate": rate(library, size, seconds)}


def peak(name: str) -> dict[str, Any]:
    """Tell the largest resident memory of this process so far, in MB."""
    return {"megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """Return the largest resident memory of this process so far, in 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: what getrusage says there includes the process that started us
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def accuracy(session: Session, problem: Problem) -> float:
    """Return the share of test examples that the network names right."""
    labels = arrays(problem)[3]
    return float((session.predict(len(labels)) == labels).mean())


ANSWERS = {f.__name__: f for f in (start, train, predict, product, peak)}


def main() -> None:
    """Answer until there are no more requests; whatever else is printed goes to the errors."""
    name = sys.argv[1]
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        reply = ANSWERS[request.pop("ask")](name, **request)
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
