"""Nomad's paths over a simulator: dispatch, blocking, and what every answer carries.

The functions behind the paths are in `nomad_jobs.py`, `nomad_cluster.py` and `control.py`; each gets the API and the
request, under the lock, and makes a `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable

from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.http.blocking import wait_for_change
from pryv_nomad.simulator.http.driver import Driver
from pryv_nomad.simulator.http.joblist import JobList
from pryv_nomad.simulator.http.routing import Reply, Request, Table
from pryv_nomad.simulator.simulator import Simulator
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.texts import NO_LEADER

Handler = Callable[["NomadApi", Request], Reply]

READS: Table[Handler] = Table()
WRITES: Table[Handler] = Table()


class NomadApi:
    """Answers requests of Nomad's API. `address` is what the API says of itself (`host:port`)."""

    def __init__(self, driver: Driver) -> None:
        # Their import fills the tables.
        from pryv_nomad.simulator.http import control, nomad_cluster, nomad_jobs, nomad_progress

        self._modules = (control, nomad_cluster, nomad_jobs, nomad_progress)
        self.driver = driver
        self.address = ""
        self.job_list = JobList(driver.simulator.state)

    @property
    def simulator(self) -> Simulator:
        return self.driver.simulator

    @property
    def state(self) -> State:
        return self.driver.simulator.state

    def answer(self, request: Request) -> Reply:
        """The reply to a request; raises `Refusal`."""
        handler = (READS if request.method == "GET" else WRITES).find(request)
        if handler is None:
            raise Refusal(404, "")
        if not request.path.startswith(("/v1/simulator/", "/v1/status/", "/v1/regions")):
            self._require_leader()
        if request.method == "GET":
            return self._read(handler, request)
        return self.driver.call(lambda _simulator: handler(self, request))

    def _require_leader(self) -> None:
        if self.driver.call(lambda simulator: simulator.leaderless):
            raise Refusal(500, NO_LEADER)

    def _read(self, handler: Handler, request: Request) -> Reply:
        if "index" not in request.query or request.path == "/v1/event/stream":
            reply = self.driver.call(lambda _simulator: handler(self, request))
        else:
            reply = self._blocking(handler, request)
        reply.headers.setdefault("X-Nomad-KnownLeader", "true")
        reply.headers.setdefault("X-Nomad-LastContact", "0")
        return reply

    def _blocking(self, handler: Handler, request: Request) -> Reply:
        """Answer once the reply's own index is past the one asked for; a missing object counts as unchanged."""
        found: list[Reply | Refusal] = []

        def index() -> int:
            found[:] = [self._attempt(handler, request)]
            return found[0].index if isinstance(found[0], Reply) else self.state.tables["jobs"]

        with self.driver.changed:
            self.simulator.advance_to(self.driver.moment())
            wait_for_change(self.driver, request, index)
            if not found:
                found[:] = [self._attempt(handler, request)]
        if isinstance(found[0], Refusal):
            raise found[0]
        return found[0]

    def _attempt(self, handler: Handler, request: Request) -> Reply | Refusal:
        try:
            return handler(self, request)
        except Refusal as refusal:
            return refusal


def namespace_of(request: Request) -> str:
    """The namespace a request is about."""
    return request.query.get("namespace") or "default"


def paged(api_items: list[tuple[str, dict[str, object]]], request: Request) -> tuple[list[dict[str, object]], str]:
    """One page of items with their tokens, as `per_page` and `next_token` ask, and the token of the next page."""
    start = request.query.get("next_token", "")
    items = [item for item in api_items if item[0] >= start]
    size = request.number("per_page") or 0
    if size and len(items) > size:
        return [item for _, item in items[:size]], items[size][0]
    return [item for _, item in items], ""
