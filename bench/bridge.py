"""Measures the bridge with 10,000 cores: a real Consul, and allocations by script in a process of their own.

    python -m bench.bridge [--cores 10000] [--seconds 30]

Prints how long a full look takes (everything read anew), how long it takes to register all cores from nothing, that a
quiet platform writes nothing, and what 1 % of the cores changing each second costs.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pryv_nomad.bridge.desired import Desired, DesiredCore, desired_key, encode
from pryv_nomad.bridge.loop import COLLECTION, Bridge, Settings
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from tests.bridge.small_nomad import SmallNomad, stubs
from tests.consul_server import ConsulServer, consul_binary

DOMAIN = "pryv.example"


def names(count: int) -> list[str]:
    return [f"co{number}" for number in range(1, count + 1)]


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


# -- Nomad, in a process of its own ------------------------------------------------------------------------------


def serve_nomad(count: int) -> None:
    """Serve allocations; a line `churn N` on standard input makes N cores change each second, `quiet` ends it."""
    server = SmallNomad()
    allocations = [stub for core in names(count) for stub in stubs(core)]
    server.allocations = allocations
    print(server.address, flush=True)
    changing = [0]
    threading.Thread(target=churn, args=(server, changing), daemon=True).start()
    for line in sys.stdin:
        changing[0] = int(line.split()[1]) if line.startswith("churn") else 0


def churn(server: SmallNomad, changing: list[int]) -> None:
    at, pause = 0, threading.Event()
    while True:
        pause.wait(1.0)
        if not changing[0]:
            continue
        with server.moved:
            for step in range(changing[0]):
                stub = server.allocations[2 * ((at + step) % (len(server.allocations) // 2))]
                stub["ClientStatus"] = "pending" if stub["ClientStatus"] == "running" else "running"
            at += changing[0]
            server.index += 1
            server.moved.notify_all()


# -- the measurement ---------------------------------------------------------------------------------------------


class Log:
    """What the bridge says, counted."""

    def __init__(self) -> None:
        self.actions = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        self.actions += sum(event.get("actions", {}).values())


def seconds_used(pid: int) -> float:
    """Processor seconds of another process so far (/proc/PID/stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def look(what: str, bridge: Bridge, servers: tuple[int, int], *, full: bool = True) -> None:
    """One look: how long it took, and what of the processor the bridge, Consul and the scripted Nomad used for it."""
    begun, before = time.process_time(), [seconds_used(pid) for pid in servers]
    tick = bridge.tick(full=full)
    own = time.process_time() - begun
    theirs = [seconds_used(pid) - used for pid, used in zip(servers, before, strict=True)]
    print(
        f"{what}: {tick.seconds:.2f} s (processor: bridge {own:.2f} s, Consul {theirs[0]:.2f} s, "
        f"Nomad {theirs[1]:.2f} s); {sum(tick.actions.values())} actions"
    )


def lead(bridge: Bridge) -> None:
    bridge.leadership.start()
    pause = threading.Event()
    while not bridge.leadership.standing.leading:
        pause.wait(0.05)


def made(consul: Consul, nomad: Nomad, name: str) -> tuple[Bridge, Log]:
    log = Log()
    return Bridge(consul, nomad, Settings(DOMAIN, name), log), log


def measure(
    consul: Consul, nomad: Nomad, control: Any, servers: tuple[int, int], arguments: argparse.Namespace
) -> None:
    cores = tuple(DesiredCore(core, f"h{at % 4}", address(at + 1)) for at, core in enumerate(names(arguments.cores)))
    consul.kv_put(desired_key(DOMAIN), encode(Desired("1.9.2", cores)))

    bridge, _ = made(consul, nomad, "first")
    lead(bridge)
    look("from nothing", bridge, servers)
    bridge.leadership.close()

    bridge, _ = made(consul, nomad, "second")
    lead(bridge)
    look("full look, everything read anew", bridge, servers)
    for _ in range(3):
        look("full look, nothing changed", bridge, servers)
        look("look after a change", bridge, servers, full=False)
    bridge.leadership.close()

    bridge, log = made(consul, nomad, "third")
    thread = threading.Thread(target=bridge.run, daemon=True)
    thread.start()
    time.sleep(8)
    for what, command in (("quiet", "quiet 0"), ("1 % change each second", f"churn {arguments.cores // 100}")):
        before, used, done = raft_index(consul), time.process_time(), log.actions
        control.write(command + "\n")
        control.flush()
        begun = time.monotonic()
        time.sleep(arguments.seconds)
        wall, used = time.monotonic() - begun, time.process_time() - used
        print(
            f"{what}: {100 * used / wall:.0f} % of one processor, {log.actions - done} actions in {wall:.0f} s, "
            f"Consul's index moved by {raft_index(consul) - before}; "
            f"last look {bridge.metrics.value('tick_seconds'):.2f} s"
        )
    bridge.stop()
    thread.join(30)
    print(f"most memory used: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def raft_index(consul: Consul) -> int:
    """The last write of any kind; renewals of sessions are none."""
    stats: dict[str, Any] = consul.agent_self()["Stats"]["raft"]
    return int(stats["last_log_index"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cores", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--nomad", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    gc.set_threshold(*COLLECTION)
    if arguments.nomad:
        serve_nomad(arguments.cores)
        return
    binary = consul_binary()
    if binary is None:
        sys.exit("no consul binary on PATH or in tools/bin (make tools)")
    command = [sys.executable, "-m", "bench.bridge", "--nomad", "--cores", str(arguments.cores)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        server = ConsulServer(binary, Path(folder))
        try:
            assert child.stdout is not None
            url = child.stdout.readline().strip()
            server.start()
            with server.client(timeout_s=20.0) as consul, Nomad(NomadOptions(address=url), timeout_s=20.0) as nomad:
                print(json.dumps({"cores": arguments.cores, "python": sys.version.split()[0]}))
                measure(consul, nomad, child.stdin, (server.pid, child.pid), arguments)
        finally:
            child.terminate()
            server.stop(kill=True)


if __name__ == "__main__":
    main()
