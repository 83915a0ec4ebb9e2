"""A registry on this machine: stand-in registers, each with consul-template and a follower.

Every part is a process of its own, as on a platform.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pryv_nomad.bridge.entries import Entry, node_name
from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.bridge.states import State
from pryv_nomad.clients.consul import Consul
from pryv_nomad.settings.snippets import own_file
from pryv_nomad.specs.escape import go_string
from tests.consul_server import ConsulServer, until
from tests.ports import free_ports

from .texts import DOMAIN, PROVIDERS, document

HERE = Path(__file__).parent
KNOWN = json.dumps(PROVIDERS)
START_S = 0.4
SERVICE = "pryv-register"


def binary(name: str) -> str | None:
    """A binary of this machine, PATH first."""
    import shutil

    built = Path(__file__).parents[2] / "tools" / "bin" / name
    return shutil.which(name) or (str(built) if built.is_file() else None)


class Processes:
    """Processes of a test, each with a log; all are gone when it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], **environment: str) -> None:
        """Start a process under a name; its output is in `NAME.log`."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CONSUL_", "NOMAD_"))}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=kept | environment
            )

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End it and wait for that; none of that name is fine."""
        process = self._running.pop(name, None)
        if process:
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)

    def alive(self, name: str) -> bool:
        """Whether it runs."""
        return name in self._running and self._running[name].poll() is None

    def log(self, name: str) -> str:
        """What it said."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop_all(self) -> None:
        """End all, the last first."""
        for name in reversed(list(self._running)):
            self.stop(name)


class Supervisor(ThreadingHTTPServer):
    """Restarts a process of the farm when asked, as Nomad or systemd does: ends it, starts it, answers."""

    daemon_threads = True

    def __init__(self, farm: Farm) -> None:
        super().__init__(("127.0.0.1", 0), _Ask)
        self.farm = farm
        self.restarts: list[int] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Ask(BaseHTTPRequestHandler):
    server: Supervisor

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        number = int(self.path.rpartition("/")[2])
        self.server.restarts.append(number)
        self.server.farm.stop_register(number)
        self.server.farm.start_register(number)
        self.send_response(200)
        self.end_headers()


class Farm:
    """The registry. `instances` registers; `settle` is the followers' (the edge's template waits 0.2 to 1 s here)."""

    def __init__(self, folder: Path, consul: ConsulServer, instances: int = 2) -> None:
        self.folder, self.consul = folder, consul
        self.processes = Processes(folder)
        self.client: Consul = consul.client()
        self.numbers = range(instances)
        ports = free_ports(2 * instances)
        self.ports, self.follower_ports = ports[:instances], ports[instances:]
        self.supervisor = Supervisor(self)
        self._enlisted: set[int] = set()
        self.good = folder / "good" / "register.json"
        for number in self.numbers:
            self.live(number).parent.mkdir(parents=True)
            (self.home(number) / "own.json").write_text(json.dumps(document({})))

    # -- where things are

    def home(self, number: int) -> Path:
        return self.folder / f"register-{number}"

    def live(self, number: int) -> Path:
        return self.home(number) / "conf" / "register.json"

    def candidate(self, number: int) -> Path:
        return self.home(number) / "candidate" / "register.json"

    # -- the cores

    def count_changes(self, generation: int) -> None:
        self.client.kv_put(generation_key(DOMAIN), str(generation).encode())

    def join(self, core: str, hosting: str = "ch", address: str = "192.0.2.1", state: State = State.ACTIVE) -> None:
        entry = Entry(core, hosting, address, state=state)
        name = node_name(core)
        node = {"Node": name, "Address": address, "NodeMeta": entry.node()["Meta"]}
        self.client.catalog_register(node | {"Service": entry.service(DOMAIN), "Check": entry.check()})

    def leave(self, core: str) -> None:
        self.client.catalog_deregister({"Node": node_name(core)})

    # -- the parts

    def start_register(self, number: int) -> None:
        command = [sys.executable, str(HERE / "standin_register.py")]
        command += [str(self.ports[number]), str(self.live(number)), str(START_S)]
        self.processes.start(f"register-{number}", command)

    def stop_register(self, number: int) -> None:
        self.processes.stop(f"register-{number}")

    def start_template(self, number: int) -> None:
        home = self.home(number)
        source = home / "register.ctmpl"
        source.write_text(own_file("register.json", DOMAIN, KNOWN, str(home / "own.json"), go_string))
        told = home / "seen.ctmpl"
        told.write_text(
            f'{{{{ keyOrDefault "{generation_key(DOMAIN)}" "none" }}}} {{{{ len (service "pryv-core|any") }}}}'
        )
        templates = [f"{source}:{self.candidate(number)}", f"{told}:{home / 'seen'}"]
        self.run_template(f"template-{number}", templates)

    def seen(self, number: int) -> str:
        """What an instance's consul-template knows by now: the count of changes, and how many cores."""
        file = self.home(number) / "seen"
        return file.read_text() if file.exists() else ""

    def run_template(self, name: str, templates: Sequence[str], *more: str) -> None:
        program = binary("consul-template")
        assert program
        command = [program, "-consul-retry-attempts=0", "-kill-signal=SIGTERM", "-log-level=warn", *more]
        command += [f"-template={each}" for each in templates]
        self.processes.start(name, command, CONSUL_HTTP_ADDR=f"127.0.0.1:{self.consul.port}")

    def start_follower(self, number: int, settle: float = 2.5, *more: str) -> None:
        restart = f"{self.supervisor.port} /{number}"
        command = [sys.executable, "-m", "pryv_nomad", "registry", "follow", "--domain", DOMAIN]
        command += ["--candidate", str(self.candidate(number)), "--live", str(self.live(number))]
        command += ["--good", str(self.good), "--service", SERVICE, "--name", f"register-{number}"]
        command += ["--instance", f"127.0.0.1:{self.ports[number]}"]
        command += ["--probe", f"http://127.0.0.1:{self.ports[number]}/service/info"]
        command += ["--listen", f"127.0.0.1:{self.follower_ports[number]}", "--gather", "1", "--settle", str(settle)]
        command += ["--restart-command", f"{sys.executable} {HERE / 'ask.py'} {restart}", *more]
        self.processes.start(f"follower-{number}", command, CONSUL_HTTP_ADDR=self.consul.address)

    def enlist(self, number: int) -> None:
        """Register the instance with Consul as its job does: its own check, and its follower's."""
        port, follower = self.ports[number], self.follower_ports[number]
        checks = [
            {"Name": name, "HTTP": f"http://127.0.0.1:{asked}{path}", "Interval": "1s", "Timeout": "1s"}
            for name, asked, path in (("register", port, "/service/info"), ("serving", follower, "/serving"))
        ]
        service = {"ID": f"register-{number}", "Name": SERVICE, "Address": "127.0.0.1", "Port": port}
        self._enlisted.add(number)
        self._agent("register", service | {"Tags": ["registry"], "Checks": checks})

    def _agent(self, verb: str, body: Any) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.consul.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("PUT", f"/v1/agent/service/{verb}", json.dumps(body))
            assert connection.getresponse().status == 200

    def start(self) -> None:
        """All instances, until Consul shows them healthy."""
        for number in self.numbers:
            self.start_template(number)
            self.start_follower(number)
        for number in self.numbers:
            until(self.live(number).exists, 30, f"file {number} is there: {self.said(number)}")
            self.start_register(number)
            self.enlist(number)
        until(lambda: self.passing() == len(self.numbers), 30, "all registers are healthy")

    def passing(self) -> int:
        """How many instances Consul shows as healthy."""
        return len(self.client.health_service(SERVICE, passing=True))

    def listed(self, number: int) -> set[str]:
        """The cores that a register has read."""
        return self.cores_at(self.ports[number])

    def cores_at(self, port: int) -> set[str]:
        """The cores that the register at a port has read."""
        return {core for cores in json.loads(_get(port, "/hostings")[1]).values() for core in cores}

    def listed_or_none(self, number: int) -> set[str] | None:
        """The same, None while it does not answer."""
        try:
            return self.listed(number)
        except OSError:
            return None

    def in_file(self, number: int) -> set[str]:
        """The cores in a register's file, empty where there is none."""
        try:
            found = json.loads(self.live(number).read_text())
        except FileNotFoundError:
            return set()
        return {core for cores in found["net"]["hostings"].values() for core in cores}

    def events(self, number: int) -> list[dict[str, Any]]:
        """What a follower logged."""
        lines = self.processes.log(f"follower-{number}").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said(self, number: int) -> str:
        return self.processes.log(f"follower-{number}")[-3000:] + self.processes.log(f"template-{number}")[-2000:]

    def metrics(self, number: int) -> str:
        return self.ask(number, "/metrics")[1]

    def ask(self, number: int, path: str) -> tuple[int, str]:
        """(status, text) of a follower's answer."""
        return _get(self.follower_ports[number], path)

    def ask_or_none(self, number: int, path: str) -> tuple[int, str] | None:
        """The same, None while it does not listen."""
        try:
            return self.ask(number, path)
        except OSError:
            return None

    def close(self) -> None:
        self.processes.stop_all()
        self.supervisor.shutdown()
        self.supervisor.server_close()
        for number in self._enlisted:
            self._agent(f"deregister/register-{number}", None)
        self.client.close()


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@contextlib.contextmanager
def farm(folder: Path, consul: ConsulServer, instances: int = 2) -> Iterator[Farm]:
    """A farm that is not started yet; all of it is gone when the block ends."""
    made = Farm(folder, consul, instances)
    try:
        yield made
    finally:
        made.close()
