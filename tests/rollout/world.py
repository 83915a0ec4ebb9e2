"""A platform in one process: the simulator behind the real clients, without sockets, on virtual time.

Each `Process` is a driver's process with clients of its own, which may die at any request: before it was answered, or
after it took effect. Nothing of a dead process reaches anybody any more.
"""

from __future__ import annotations

import copy
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
import requests.adapters
from urllib3 import HTTPResponse

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.clients.transport import Timing
from pryv_nomad.plan.change import Plan
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.rollout.admit import Consent, admit
from pryv_nomad.rollout.carry_out import Site, Start, begin, resume
from pryv_nomad.rollout.events import Event
from pryv_nomad.rollout.head import Head
from pryv_nomad.rollout.interruption import Interruption
from pryv_nomad.rollout.lock import Card
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.revisions import Revisions
from pryv_nomad.rollout.state import State, Step
from pryv_nomad.rollout.survey import survey
from pryv_nomad.rollout.watch import Watch
from pryv_nomad.simulator import NodeSpec, Simulator
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.http.consul_api import ConsulApi
from pryv_nomad.simulator.http.driver import Driver
from pryv_nomad.simulator.http.nomad_api import NomadApi
from pryv_nomad.simulator.http.routing import Reply, Request, encoded

DOMAIN = "pryv.example"
SECOND = 1_000_000_000
Json = dict[str, Any]
Answer = Callable[[Request], Reply]


class Crash(BaseException):
    """kill -9."""


@dataclass
class Requests:
    """Counts the requests of a process, and ends it at one of them. `kinds` counts them by method and path."""

    die_at: int = 0
    after: bool = False
    made: int = 0
    dead: bool = False
    kinds: Counter[str] = field(default_factory=Counter)
    interfere: Callable[[int], None] | None = None
    refuse: Callable[[str, int], Reply | None] | None = None
    """What is answered in place of Nomad or Consul; raises ConnectionError where there is no answer."""

    def through(self, name: str, request: Request, answer: Answer) -> Reply:
        if self.dead:
            raise Crash
        self.made += 1
        self.kinds[f"{name} {request.method}"] += 1
        if self.interfere:
            self.interfere(self.made)
        if self.made == self.die_at and not self.after:
            self.dead = True
            raise Crash
        refused = self.refuse(name, self.made) if self.refuse else None
        if refused is not None:
            return refused
        try:
            reply = answer(request)
        except Refusal as refusal:
            reply = Reply(refusal.text.encode(), status=refusal.status, content_type="text/plain")
        if self.made == self.die_at:
            self.dead = True
            raise Crash
        return reply


class InProcess(requests.adapters.BaseAdapter):
    """Answers requests by a function."""

    def __init__(self, name: str, answer: Answer, header: str, through: Requests) -> None:
        super().__init__()
        self.name, self.answer, self.header, self.through = name, answer, header, through

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        reply = self.through.through(self.name, Request.parse(str(request.method), request.path_url, raw), self.answer)
        content = reply.body if isinstance(reply.body, bytes) else encoded(reply.body)
        headers = {"Content-Type": reply.content_type, self.header: str(reply.index), **reply.headers}
        response = requests.Response()
        response.status_code, response.request, response.url = reply.status, request, str(request.url)
        response.headers.update(headers)
        response.raw = HTTPResponse(io.BytesIO(content), headers, reply.status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class MadeSpec:
    """A spec of one group; `canary` as the core jobs have it."""

    job_id: str
    owner: str
    kind: str
    image: str
    canary: int = 0

    @property
    def json_text(self) -> str:
        update = {
            "MaxParallel": 1,
            "Canary": self.canary,
            "AutoRevert": True,
            "HealthCheck": "task_states",
            "MinHealthyTime": SECOND,
            "HealthyDeadline": 20 * SECOND,
            "ProgressDeadline": 30 * SECOND,
        }
        task = {"Name": "t", "Driver": "docker", "Config": {"image": self.image}, "Resources": {"CPU": 50}}
        job = {
            "ID": self.job_id,
            "Name": self.job_id,
            "Type": "service",
            "Datacenters": ["dc1"],
            "Update": update,
            "Constraints": [{"LTarget": "${meta.pryv}", "RTarget": self.owner, "Operand": "="}],
            "TaskGroups": [{"Name": "g", "Count": 1, "Tasks": [task]}],
        }
        return json.dumps(job, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> str:
        return f"of {self.json_text}"


def core_specs(name: str, image: str, data: str = "mongo:1") -> tuple[MadeSpec, ...]:
    """The data and core jobs of a core."""
    return (
        MadeSpec(f"pryv-data-{name}", name, "data", data),
        MadeSpec(f"pryv-core-{name}", name, "core", image, canary=1),
    )


class World:
    """Both services, and what a platform on them should be."""

    def __init__(
        self,
        cores: int = 3,
        policy: Policy | None = None,
        hostings: int = 1,
        consul: ConsulOptions | None = None,
    ) -> None:
        self._real_consul = consul
        simulator = Simulator(seed=1)
        for place, name in enumerate(["registry", *(f"co{number}" for number in range(1, cores + 1))], start=1):
            simulator.add_node(NodeSpec(name, address=f"10.0.0.{place}", meta={"pryv": name}))
        self._serve(simulator)
        self.names = [f"co{number}" for number in range(1, cores + 1)]
        members = tuple(
            Member(name, f"h{number % hostings}", f"198.51.100.{number + 1}") for number, name in enumerate(self.names)
        )
        chosen = policy or Policy(1, 30.0, strategy="canary", waves=("1", "100%"))
        self.intent = Intent(Platform(DOMAIN, "global", "default"), "1.9.2", members=members, policy=chosen)

    def _serve(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.driver = Driver(simulator, speed=0)
        self._apis = (NomadApi(self.driver), ConsulApi(self.driver))

    def copy(self) -> World:
        """The same world once more, to go another way from here."""
        made = copy.copy(self)
        made._serve(copy.deepcopy(self.simulator))
        return made

    def specs(self, image: str = "core:1", redis: str = "redis:1") -> list[MadeSpec]:
        """The wanted specs."""
        found = [MadeSpec("pryv-redis", "registry", "redis", redis)]
        return found + [spec for name in self.names for spec in core_specs(name, image)]

    def process(self, die_at: int = 0, after: bool = False, name: str = "anna", **fields: Any) -> Process:
        """A new process."""
        return Process(self, Requests(die_at, after), name, **fields)

    def bury(self) -> None:
        """What becomes of a dead process's lock: Consul ends its session, and the lock-delay passes."""
        for session in list(self.simulator.consul.sessions):
            self.simulator.consul.destroy_session(session)
        self.driver.skip(2)

    def clients(self, through: Requests) -> tuple[Nomad, Consul]:
        timing = Timing(sleep=self.driver.skip, roll=lambda: 0.5)
        nomad = Nomad(NomadOptions(address="http://nomad", namespace="default"), timing=timing)
        nomad._requester.session.mount("http://", InProcess("nomad", self._apis[0].answer, "X-Nomad-Index", through))
        if self._real_consul is not None:
            return nomad, Consul(self._real_consul)
        consul = Consul(ConsulOptions(address="http://consul"), timing=timing)
        consul.library.http.session.mount(
            "http://", InProcess("consul", self._apis[1].answer, "X-Consul-Index", through)
        )
        return nomad, consul

    # -- what came of it

    def end_state(self) -> dict[str, Any]:
        """What must be the same however often drivers died."""
        state = self.simulator.state
        jobs = {
            key[1] if isinstance(key, tuple) else str(key): (
                job.version,
                json.dumps(job.spec["TaskGroups"], sort_keys=True),
            )
            for key, job in state.jobs.items()
        }
        deployments = Counter(f"{each.job_id}: {each.status}" for each in state.deployments.values())
        running = Counter(
            f"{each.job.id} {each.job.version}" for each in state.allocs.values() if each.status == "running"
        )
        _, consul = self.clients(Requests())
        records = {job: record.hash for job, record in Records(consul, DOMAIN).read().items()}
        pending = [job for job, record in Records(consul, DOMAIN).read().items() if record.pending]
        listed = sorted(each["ServiceMeta"]["core"] for each in consul.catalog_service("pryv-core"))
        revisions = Revisions(consul, DOMAIN)
        latest = revisions.latest()
        return {
            "jobs": jobs,
            "deployments": deployments,
            "running": running,
            "records": records,
            "pending": pending,
            "listed": listed,
            "revision": (latest, revisions.read(latest).jobs if latest else {}),
        }

    def head(self, rollout: str = "") -> Head:
        """The head of a rollout."""
        return Rollouts(self.clients(Requests())[1], DOMAIN).head(rollout)


class VirtualWatch(Watch):
    """Waits by letting virtual time pass."""

    world: World

    def wait(self, moving: Iterable[Step], limit_s: float | None = None) -> None:
        del moving
        self.world.driver.skip(min(limit_s or 1.0, 1.0))


class NoSignals(Interruption):
    """Ctrl-C is not for these."""

    @contextmanager
    def watched(self) -> Iterator[Interruption]:
        yield self


class Process:
    """A driver's process."""

    def __init__(self, world: World, through: Requests, name: str, **fields: Any) -> None:
        self.world, self.requests = world, through
        self.nomad, self.consul = world.clients(through)
        self.told: list[Event] = []

        def watch(nomad: Nomad) -> VirtualWatch:
            made = VirtualWatch(nomad, world.driver.skip)
            made.world = world
            return made

        self.site = Site(
            self.nomad,
            self.consul,
            DOMAIN,
            self.told.append,
            watch=watch,
            clock=lambda: world.simulator.now / SECOND,
            sleep=world.driver.skip,
            card=Card(name, "host", ""),
            interruption=NoSignals(),
            keep_alive=False,
            **fields,
        )

    def plan(self, specs: Iterable[MadeSpec], intent: Intent | None = None) -> tuple[Plan, Records]:
        records = Records(self.consul, DOMAIN)
        return survey(self.nomad, records, intent or self.world.intent, specs), records

    def run(self, specs: Iterable[MadeSpec], intent: Intent | None = None, **fields: Any) -> State:
        """Plan and begin."""
        plan, records = self.plan(specs, intent)
        admitted, _ = admit(plan, Consent())
        return begin(self.site, Start(admitted, records, records.read(), **fields))

    def resume(self, patience_s: float = 0.0) -> State:
        """Go on with the last rollout."""
        return resume(self.site, patience_s=patience_s)

    def kinds(self, *wanted: str) -> list[tuple[str, str]]:
        return [(event.kind, event.job) for event in self.told if event.kind in wanted]
