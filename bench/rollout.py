"""How long a canary release of a fleet takes beside its lower bound, and what it asks of Nomad and Consul.

    python -m bench.rollout [CORES]        (default 100)

Against the simulator over HTTP, in a process of its own and on real time. The lower bound is the sum over the waves of
what one core needs: the start of its canary, its first check, and min_healthy_time.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.plan import started
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.rollout.carry_out import Site, Start, begin
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.survey import survey
from pryv_nomad.simulator.runner import Timing

DOMAIN = "pryv.example"
MIN_HEALTHY_S = 15.0
SECOND = 1_000_000_000
KINDS = frozenset({"promote", "fail", "create", "renew", "destroy"})
WAVES = ("1", "10%", "50%", "100%")


@dataclass(frozen=True)
class CoreSpec:
    """The core job of a core: one canaried group."""

    owner: str
    image: str
    healthy_s: float
    kind: str = "core"

    @property
    def job_id(self) -> str:
        return f"pryv-core-{self.owner}"

    @property
    def json_text(self) -> str:
        update = {
            "MaxParallel": 1,
            "Canary": 1,
            "AutoRevert": True,
            "HealthCheck": "task_states",
            "MinHealthyTime": int(self.healthy_s * SECOND),
            "HealthyDeadline": 60 * SECOND,
            "ProgressDeadline": 120 * SECOND,
        }
        task = {"Name": "core", "Driver": "docker", "Config": {"image": self.image}, "Resources": {"CPU": 50}}
        group = {"Name": "api", "Count": 1, "Tasks": [task]}
        job = {"ID": self.job_id, "Name": self.job_id, "Type": "service", "Datacenters": ["dc1"]}
        return json.dumps({**job, "Update": update, "TaskGroups": [group]}, sort_keys=True)

    @property
    def hash(self) -> str:
        return self.json_text


@dataclass
class Fleet:
    """A fleet of cores on the simulator."""

    nomad: Nomad
    consul: Consul
    names: list[str]

    def run(self, image: str, policy: Policy, healthy_s: float) -> float:
        """Bring every core to an image; the seconds that it took."""
        members = tuple(Member(name, "ch", "198.51.100.1") for name in self.names)
        intent = Intent(Platform(DOMAIN, "global", "default"), image, members=members, policy=policy)
        records = Records(self.consul, DOMAIN)
        plan = survey(self.nomad, records, intent, [CoreSpec(name, image, healthy_s) for name in self.names])
        begun = time.perf_counter()
        begin(Site(self.nomad, self.consul, DOMAIN, lambda _event: None), Start(plan, records, records.read()))
        return time.perf_counter() - begun


def counting(session: Any) -> Counter[str]:
    """Counts the requests of a client from now on, by method and kind of path."""
    counts: Counter[str] = Counter()
    send = session.request

    def request(method: str, url: str, **rest: Any) -> Any:
        parts = url.split("/v1/", 1)[1].split("?")[0].split("/")
        counts[" ".join([method, *(part for part in parts[:2] if part in KINDS or part == parts[0])])] += 1
        return send(method, url, **rest)

    session.request = request
    return counts


def add_nodes(address: str, cores: int) -> None:
    """Nodes that have room for two versions of every core."""
    nodes = [{"name": f"n{number}", "address": f"10.0.{number}.1"} for number in range(cores // 10 + 1)]
    body = json.dumps({"nodes": nodes}).encode()
    request = urllib.request.Request(f"{address}/v1/simulator/nodes", body, method="PUT")  # noqa: S310 - loopback
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - loopback


def main(cores: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        process, nomad_address, consul_address = started(Path(name))
        try:
            add_nodes(nomad_address, cores)
            nomad = Nomad(NomadOptions(address=nomad_address, namespace="default"))
            consul = Consul(ConsulOptions(address=consul_address))
            fleet = Fleet(nomad, consul, [f"co{number}" for number in range(1, cores + 1)])
            fleet.run("core:1", Policy(cores, 120.0), 0.1)
            asked = counting(nomad._requester.session), counting(consul.library.http.session)
            policy = Policy(cores, 120.0, strategy="canary", waves=WAVES)
            took = fleet.run("core:2", policy, MIN_HEALTHY_S)
            head = Rollouts(consul, DOMAIN).head()
        finally:
            process.terminate()
            process.wait(10)
    timing = Timing()
    bound = head.waves * ((timing.start + timing.check) / SECOND + MIN_HEALTHY_S)
    print(f"{cores} cores in {head.waves} waves: {took:.1f} s, lower bound {bound:.1f} s, ratio {took / bound:.3f}")
    for service, counts in zip(("Nomad", "Consul"), asked, strict=True):
        total = counts.total()
        told = ", ".join(f"{what} {number}" for what, number in counts.most_common(8))
        print(f"{service}: {total} requests, {total / cores:.2f} a core ({told})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
