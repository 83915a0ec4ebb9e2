"""How long `pryv-nomad` takes to start: whole commands that do next to nothing.

`python -m bench.start` prints medians of 15 runs each.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15
COMMANDS = (["--help"], ["--version"], ["plan", "--help"], ["schema"])


def seconds(arguments: list[str]) -> float:
    """One run, from start to exit."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pryv_nomad", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print the table."""
    for arguments in COMMANDS:
        seconds(arguments)
        print(f"{' '.join(arguments):14} {statistics.median(seconds(arguments) for _ in range(RUNS)):.3f} s")


if __name__ == "__main__":
    main()
