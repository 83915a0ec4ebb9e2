"""How long `pryv-nomad simulate` takes for a large platform: the whole command, in a process of its own.

python -m bench.simulate [CORES]        (default 5000; the target is 20 s)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXT = """\
platform: {{domain: pryv.example, name: Bench}}
release: 1.9.2
datacenters: [dc1]
hostings:
  ch: {{datacenter: dc1, url: "https://ch.example", name: Switzerland}}
  us: {{datacenter: dc1, url: "https://us.example", name: United States}}
cores: [{{name: "co[1-{half}]", hosting: ch}}, {{name: "us[1-{half}]", hosting: us}}]
update: {{max_unavailable: {most}}}
"""
CASES = ((32, "core,edge"), (5, "core"), (1, "core"))


def main(cores: int) -> None:
    """Measure each case once and print."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "cluster.yml"
        for most, kinds in CASES:
            file.write_text(TEXT.format(half=cores // 2, most=most))
            argv = [sys.executable, "-m", "pryv_nomad", "-c", str(file), "simulate", "--changes", kinds, "--json"]
            begun = time.perf_counter()
            said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
            seconds = time.perf_counter() - begun
            played = json.loads(said)
            hours = played["duration_s"] / 3600
            print(f"{cores} cores, {kinds}, max_unavailable {most}: {seconds:.1f} s for a rollout of {hours:.1f} h")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
