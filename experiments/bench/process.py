"""Complete runs of a library: `python -m experiments.bench.process NAME PROBLEM...`.

Each problem is a JSON object. The library trains it for its `epochs` and prints the test accuracy.
"""

import json
import sys

from experiments.bench.peers import peer
from experiments.bench.problem import Problem
from experiments.bench.worker import accuracy


def main() -> None:
    """Train one problem after another."""
    library = peer(sys.argv[1])
    for text in sys.argv[2:]:
        problem = Problem(**json.loads(text))
        assert problem.epochs is not None
        session = library.start(problem)
        session.train(problem.epochs)
        print(json.dumps({"accuracy": accuracy(session, problem)}), flush=True)


if __name__ == "__main__":
    main()
