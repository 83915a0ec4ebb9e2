"""Wakes the bridge when something may have changed. What it is, the next look reads; a watch knows nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.backoff import Backoff
from pryv_nomad.bridge.desired import desired_key
from pryv_nomad.bridge.entries import SERVICE
from pryv_nomad.bridge.reading import CHECKS, NOTHING, list_prefix
from pryv_nomad.errors import PryvNomadError

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

WAIT_S = 60.0
# Answers that follow one another faster are waited for: a server that does not block must not make a busy loop.
SPACING_S = 0.1
TOPICS = ("Allocation:*", "Node:*", "Job:*")

Look = Callable[[int], int]


class Watch:
    """A thread that looks again and again.

    `look(index)` returns when something newer than `index` may be there, and the index to go on from; after a failure
    it begins at 0, waiting longer each time.
    """

    def __init__(self, name: str, look: Look, wake: threading.Event, stop: threading.Event) -> None:
        self._look, self._wake, self._stop = look, wake, stop
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name=f"watch {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        index, failures, backoff = 0, 0, Backoff()
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                after = self._look(index)
            except PryvNomadError as error:
                # What happened meanwhile is unknown: look, and begin anew.
                index, failures, self.fault = 0, failures + 1, error.message
                self._wake.set()
                self._stop.wait(backoff.pause(failures, random.random()))  # noqa: S311 - no secret
                continue
            if after != index or failures:
                self._wake.set()
            index, failures, self.fault = after, 0, ""
            self._stop.wait(max(0.0, SPACING_S - (time.monotonic() - begun)))


def consul_looks(consul: Consul, domain: str) -> dict[str, Look]:
    """What to watch in Consul: the records, the wanted cores, the catalog, and failing checks."""

    def asking(path: str, params: Mapping[str, str]) -> Look:
        return lambda index: consul.get(path, params, index=index, wait_s=WAIT_S).index

    return {
        "members": asking(f"/v1/kv/{list_prefix(domain)}", {"keys": "", "separator": "/"}),
        "desired": asking(f"/v1/kv/{desired_key(domain)}", {"keys": ""}),
        "catalog": asking(f"/v1/health/service/{SERVICE}", NOTHING),
        "checks": asking("/v1/health/state/critical", CHECKS),
    }


def nomad_look(nomad: Nomad, last_read: Callable[[], int], wake: threading.Event) -> Look:
    """Follows Nomad's event stream from the index at which its allocations were last read, until it breaks."""

    def follow(_: int) -> int:
        events: Any = nomad.event_stream(last_read(), TOPICS, heartbeats=True)
        first = True
        for batch in events:
            if first or batch:
                wake.set()
            first = False
        return 0

    return follow
