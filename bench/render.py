"""How long `pryv-nomad render` takes, whole commands from start to exit, and how much memory.

`python -m bench.render [--repeat N] [CORES …]` prints a table: medians of N runs (5) for 100, 1,000 and 10,000
cores, three jobs each. Beside it, per job: `nomad job run -output`, where there is a nomad.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLUSTER = """\
platform: {{domain: pryv.example, name: Pryv Lab}}
release: 1.9.2
datacenters: [dc1]
hostings: {{ch: {{datacenter: dc1, url: "https://ch.example", name: Switzerland}}}}
cores: [{{name: "co[1-{cores}]", hosting: ch}}]
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


def render(cores: int, form: str, repeat: int) -> tuple[float, float, int]:
    """Median seconds, greatest MB, and jobs of rendering a cluster to one file a job."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cluster.yml").write_text(CLUSTER.format(cores=cores))
        command = [sys.executable, "-m", "pryv_nomad", "render", "-o", "out", "--format", form]
        runs = [measured(command, folder) for _ in range(repeat)]
        jobs = sum(1 for _ in (folder / "out").iterdir())
    return statistics.median(seconds for seconds, _ in runs), max(memory for _, memory in runs), jobs


def nomad(repeat: int) -> float | None:
    """Median seconds of `nomad job run -output` for one job of a core; None without a nomad."""
    program = shutil.which("nomad")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cluster.yml").write_text(CLUSTER.format(cores=1))
        measured([sys.executable, "-m", "pryv_nomad", "render", "-o", "out", "--only", "*-co1"], folder)
        files = sorted((folder / "out").iterdir())
        return statistics.median(
            measured([program, "job", "run", "-output", str(file)], folder)[0] for file in files * repeat
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cores", nargs="*", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    print(f"{'cores':>7} {'jobs':>7} {'format':>7} {'seconds':>8} {'ms a job':>9} {'MB':>6}")
    for cores in asked.cores:
        for form in ("json", "hcl"):
            seconds, memory, jobs = render(cores, form, asked.repeat)
            print(f"{cores:>7,} {jobs:>7,} {form:>7} {seconds:>8.2f} {seconds / jobs * 1000:>9.2f} {memory:>6.0f}")
    alone = nomad(asked.repeat)
    print("nomad job run -output:", "no nomad here" if alone is None else f"{alone * 1000:.0f} ms a job")


if __name__ == "__main__":
    main()
