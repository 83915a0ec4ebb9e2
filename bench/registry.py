"""Measures a core's way into register.json: real Consul, real consul-template, a follower of ours.

    python -m bench.registry [--joins 200] [--cores 100] [--wait 50ms:1s]

For each join: seconds from the moment at which the core's registration is sent to Consul until the candidate is
rendered (consul-template alone), and until the file in place has the core (with check and swap). `--cores` are listed
before. `--wait` is consul-template's, as the jobs have it; 0s:0s shows the bare path.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pryv_nomad.bridge.entries import Entry, node_name
from pryv_nomad.settings.snippets import own_file
from pryv_nomad.specs.escape import go_string
from tests.consul_server import ConsulServer, consul_binary
from tests.registry.farm import KNOWN, Farm, farm
from tests.registry.texts import DOMAIN


def name(number: int) -> str:
    """Names of one length, so that none is the end of another."""
    return f"co{number:05}"


def join(registry: Farm, number: int) -> None:
    """Register a core as the bridge does: node, service and check in one transaction."""
    core = name(number)
    entry = Entry(core, "ch" if number % 2 else "fr", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    registry.client.txn(
        [
            {"Node": {"Verb": "set", "Node": entry.node()}},
            {"Service": {"Verb": "set", "Node": node_name(core), "Service": entry.service(DOMAIN)}},
            {"Check": {"Verb": "set", "Check": entry.check()}},
        ]
    )


def wait_until(holds: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Look every half millisecond."""
    pause, end = threading.Event(), time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        pause.wait(0.0005)


def has(path: Path, core: str) -> bool:
    """Whether a file names a core; a file is small beside what Consul takes."""
    try:
        return f'"{core}"'.encode() in path.read_bytes()
    except FileNotFoundError:
        return False


def measure(registry: Farm, cores: int, joins: int) -> tuple[list[float], list[float]]:
    """Seconds until candidate and file in place have the core, for each join."""
    rendered, swapped = [], []
    for number in range(cores + 1, cores + joins + 1):
        begun = time.monotonic()
        join(registry, number)
        wait_until(lambda number=number: has(registry.candidate(0), name(number)))  # type: ignore[misc]
        rendered.append(time.monotonic() - begun)
        wait_until(lambda number=number: has(registry.live(0), name(number)))  # type: ignore[misc]
        swapped.append(time.monotonic() - begun)
    return rendered, swapped


def percentile(values: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--joins", type=int, default=200)
    options.add_argument("--cores", type=int, default=100)
    options.add_argument("--wait", default="50ms:1s")
    given = options.parse_args()
    binary = consul_binary()
    if binary is None:
        raise SystemExit("no consul binary: `make tools` builds it")
    with tempfile.TemporaryDirectory() as folder:
        server = ConsulServer(binary, Path(folder))
        server.start()
        try:
            with farm(Path(folder) / "farm", server, instances=1) as registry:
                for number in range(1, given.cores + 1):
                    join(registry, number)
                registry.count_changes(1)
                source = registry.home(0) / "register.ctmpl"
                own = str(registry.home(0) / "own.json")
                source.write_text(own_file("register.json", DOMAIN, KNOWN, own, go_string))
                registry.run_template("template-0", [f"{source}:{registry.candidate(0)}"], f"-wait={given.wait}")
                registry.start_follower(0)
                wait_until(lambda: has(registry.live(0), name(given.cores)), 60)
                rendered, swapped = measure(registry, given.cores, given.joins)
        finally:
            server.stop(kill=True)
    told = {
        "joins": given.joins,
        "cores_before": given.cores,
        "wait": given.wait,
        **{
            f"{what}_{label}_ms": round(percentile(values, share), 1)
            for what, values in (("rendered", rendered), ("replaced", swapped))
            for label, share in (("p50", 0.5), ("p99", 0.99))
        },
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
