"""How long `pryv-nomad plan` takes when nothing changed: the whole command, against the simulator over HTTP.

    python -m bench.plan [CORES]        (default 1000)

Nomad gets one list request, Consul one read; what remains is starting Python, loading the model and hashing the specs.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.model.load import load_cluster
from pryv_nomad.plan.observed import Record
from pryv_nomad.rollout.records import prefix
from pryv_nomad.specs.render import Specs, render

TIMES = 5
TEXT = """\
platform: {{domain: pryv.example, name: Bench}}
release: 1.9.2
datacenters: [dc1]
hostings: {{ch: {{datacenter: dc1, url: "https://ch.example", name: Switzerland}}}}
cores: [{{name: "co[1-{cores}]", hosting: ch}}]
"""


def registered(specs: Specs, nomad: Nomad, consul: Consul, domain: str) -> int:
    """Register and record every spec, as a finished run leaves them. The number of jobs."""
    hashes = {}
    for spec in specs:
        nomad.register(spec.json_text, enforce_index=0)
        hashes[spec.job_id] = (spec.hash, spec.owner, spec.kind)
    for stub in nomad.list_jobs():
        digest, owner, kind = hashes[stub["ID"]]
        record = Record(digest, stub["JobModifyIndex"], 0, owner, kind, "ch", "1.9.2")
        consul.kv_put(prefix(domain) + stub["ID"], record.to_text().encode())
    return len(hashes)


def measured(argv: list[str], env: dict[str, str]) -> tuple[list[float], float, str]:
    """Seconds of each of TIMES runs, the mean of their CPU seconds, and what the last one said."""
    seconds, said = [], ""
    before = cpu_seconds()
    for _ in range(TIMES):
        begun = time.perf_counter()
        said = subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout
        seconds.append(time.perf_counter() - begun)
    return seconds, (cpu_seconds() - before) / TIMES, said


def cpu_seconds() -> float:
    """What ended child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def started(folder: Path) -> tuple[subprocess.Popen[str], str, str]:
    """A simulator in a process of its own (its work must not slow ours), and its two addresses."""
    file = folder / "addresses"
    argv = [sys.executable, "-m", "pryv_nomad.simulator", "--port", "0", "--consul-port", "0"]
    process = subprocess.Popen([*argv, "--address-file", str(file)], stdout=subprocess.DEVNULL, text=True)
    end = time.monotonic() + 30
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < end, "the simulator does not start"
        assert process.poll() is None, "the simulator ended"
        time.sleep(0.05)
    found = json.loads(file.read_text())
    return process, found["nomad"], found["consul"]


def main(cores: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "cluster.yml"
        file.write_text(TEXT.format(cores=cores))
        process, nomad_address, consul_address = started(folder)
        try:
            nomad = Nomad(NomadOptions(address=nomad_address, namespace="default"))
            consul = Consul(ConsulOptions(address=consul_address))
            cluster = load_cluster([file])
            jobs = registered(render(cluster), nomad, consul, cluster.domain)
            env = {**os.environ, "NOMAD_ADDR": nomad_address, "CONSUL_HTTP_ADDR": consul_address}
            argv = [sys.executable, "-m", "pryv_nomad", "-c", str(file), "plan"]
            seconds, cpu, said = measured(argv, env)
        finally:
            process.terminate()
            process.wait(10)
    print(said.strip())
    print(
        f"plan of {cores} cores ({jobs} jobs) without changes: "
        f"median {statistics.median(seconds):.2f} s, best {min(seconds):.2f} s of {TIMES}; {cpu:.2f} s of CPU"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
