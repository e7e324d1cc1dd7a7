"""Everything that is tried in hundreds and thousands: `python -m tests.torture [--share X]`.

Each part prints its figures, and can be run alone: `python -m tests.torture.kills --count 100`.
"""

import argparse
import subprocess
import sys

PARTS = {  # a module of this folder, and how many it tries
    "kills": 500,
    "files": 10_000,
    "forge": 2_000,
    "lines": 1_000,
    "surroundings": None,
    "estimators": None,
}


def main() -> int:
    """Run every part; the status is 1 if anything was wrong in one of them."""
    parser = argparse.ArgumentParser(description="Kill, damage, forge and fuzz.")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the usual numbers, such as 0.01; default 1"
    )
    options = parser.parse_args()
    failed = []
    for part, count in PARTS.items():
        print(f"--- {part}", flush=True)
        how_many = [] if count is None else ["--count", str(max(1, round(options.share * count)))]
        if subprocess.run([sys.executable, "-m", f"tests.torture.{part}", *how_many]).returncode:
            failed.append(part)
    print(f"--- wrong: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
