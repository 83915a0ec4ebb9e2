"""A small platform on the simulator, over its real HTTP face, driven by the command line itself."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from pryv_nomad import cli
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.dev.nodes import placed, wishes
from pryv_nomad.model.load import load_cluster
from pryv_nomad.simulator import NodeSpec, Simulator
from pryv_nomad.simulator.http import Serving, serve

# Simulated seconds a second.
SPEED = 200.0

CLUSTER = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings:
  ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}
cores:
  - {name: "co[1-CORES]", hosting: ch, ip: [IPS]}
update: {min_healthy_time: 1s, healthy_deadline: 20s, progress_deadline: 30s}
lifecycle: {kill_timeout: 3s}
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


class Platform:
    """A cluster file, a simulator that could run it, and `pn` to run commands against both."""

    def __init__(self, folder: Path, serving: Serving, cores: int) -> None:
        self.folder = folder
        self.serving = serving
        self.file = folder / "cluster.yml"
        self.env = {
            "PATH": os.environ["PATH"],
            "NO_COLOR": "1",
            "NOMAD_ADDR": serving.nomad_address,
            "CONSUL_HTTP_ADDR": serving.consul_address,
        }
        self.write(cores)

    @property
    def simulator(self) -> Simulator:
        return self.serving.simulator

    def in_real_time(self) -> None:
        """From now on simulated time is real time: locks are kept as long as in Consul."""
        driver = self.serving.driver
        with driver.changed:
            driver._offset, driver._started, driver.speed = driver.moment(), time.monotonic(), 1.0

    @property
    def nomad(self) -> Nomad:
        return Nomad(NomadOptions(address=self.serving.nomad_address, namespace="default"))

    @property
    def consul(self) -> Consul:
        return Consul(ConsulOptions(address=self.serving.consul_address))

    def write(self, cores: int, more: str = "") -> None:
        """Write the cluster file with so many cores."""
        ips = ", ".join(f"198.51.100.{number}" for number in range(1, cores + 1))
        text = CLUSTER.replace("CORES", str(cores)).replace("IPS", ips)
        if cores == 1:
            text = text.replace("co[1-1]", "co1").replace(f"[{ips}]", ips)
        self.file.write_text(text + more)

    def pn(self, *arguments: str, **env: str) -> Result:
        """One command, as on a machine without a terminal."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.env, **env}, clear=True),
            mock.patch.object(sys, "stdin", io.StringIO()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = cli.invoke(["-c", str(self.file), *arguments])
        return Result(code, out.getvalue(), err.getvalue())

    def secrets(self) -> None:
        """Make all secrets, and a certificate."""
        assert self.pn("secrets", "init").code == 0
        assert self.pn("secrets", "tls", "--self-signed").code == 0

    def run(self, *arguments: str) -> Result:
        """`run --yes`, which must succeed."""
        result = self.pn("run", "--yes", *arguments)
        assert result.code == 0, result.out + result.err
        return result

    def index(self, job_id: str) -> int:
        """A job's JobModifyIndex."""
        return int(self.nomad.job(job_id)["JobModifyIndex"])

    def indexes(self) -> dict[str, int]:
        """JobModifyIndex of every job."""
        return {stub["ID"]: stub["JobModifyIndex"] for stub in self.nomad.list_jobs()}


@contextlib.contextmanager
def platform(folder: Path, cores: int = 2, speed: float = SPEED) -> Iterator[Platform]:
    """A platform that serves until the block ends."""
    simulator = Simulator(seed=1)
    with serve(simulator, speed=speed) as serving:
        made = Platform(folder, serving, cores)
        for node in placed(wishes(load_cluster([made.file])), "10.0.0.0/16", {}):
            simulator.add_node(
                NodeSpec(
                    name=node.name,
                    datacenter=node.datacenter,
                    address=node.address,
                    meta=dict(node.meta),
                    attributes={"driver.docker.volumes.enabled": "true", "consul.version": "1.14.11"},
                    host_networks=dict.fromkeys(node.networks, node.address),
                    host_volumes={name: f"/opt/pryv/{name}" for name in node.volumes},
                    cpu=node.cpu,
                    memory=node.memory,
                )
            )
        yield made
