"""How long `pryv-nomad export` takes, whole commands from start to exit, and how much memory.

`python bench/exports.py [--repeat N] [CORES …]` prints a table: medians of N runs (5) for 100 and 1,000 cores and each
target.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGETS = ("compose", "swarm", "kubernetes")
CLUSTER = """\
platform: {{domain: pryv.example, name: Pryv Lab}}
release: 1.9.2
datacenters: [dc1]
hostings: {{ch: {{datacenter: dc1, url: "https://ch.example", name: Switzerland}}}}
cores: [{{name: "co[1-{cores}]", hosting: ch, ip: [{addresses}]}}]
registry: {{ip: 203.0.113.10, private_ip: 10.0.0.1, replica: {{ip: 203.0.113.20}}}}
static: {{ip: 203.0.113.11}}
"""


def measured(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and MB (resident, at most) of one command."""
    begin = time.perf_counter()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(arguments, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        sys.exit(f"{' '.join(arguments)} failed:\n{(folder / 'output').read_text()}")
    return seconds, usage.ru_maxrss / 1024


def export(cores: int, target: str, repeat: int) -> tuple[float, float, int, float]:
    """Median seconds, greatest MB, files and MB of files of an export into a new folder each time."""
    addresses = ", ".join(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}" for number in range(cores))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cluster.yml").write_text(CLUSTER.format(cores=cores, addresses=addresses))
        command = [sys.executable, "-m", "pryv_nomad", "export", target, "-o"]
        runs = [measured([*command, f"out{number}"], folder) for number in range(repeat)]
        files = [path for path in (folder / "out0").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
    return statistics.median(seconds for seconds, _ in runs), max(memory for _, memory in runs), len(files), size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cores", nargs="*", type=int, default=[100, 1_000])
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    print(f"{'cores':>7} {'target':>11} {'seconds':>8} {'MB':>6} {'files':>7} {'MB of files':>12}")
    for cores in asked.cores:
        for target in TARGETS:
            seconds, memory, files, size = export(cores, target, asked.repeat)
            print(f"{cores:>7,} {target:>11} {seconds:>8.2f} {memory:>6.0f} {files:>7,} {size:>12.1f}")


if __name__ == "__main__":
    main()
