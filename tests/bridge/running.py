"""A bridge in a thread of the test, what it said, and what Consul's catalog lists."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pryv_nomad.bridge.desired import Desired, DesiredCore, desired_key, encode
from pryv_nomad.bridge.entries import SERVICE, Found, found
from pryv_nomad.bridge.loop import Bridge, Settings
from pryv_nomad.bridge.states import LISTED
from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad

DOMAIN = "pryv.example"


def wanting(*cores: str, ip: str = "", external: bool = False) -> Desired:
    return Desired("1.9.2", tuple(DesiredCore(core, "ch", ip, external) for core in cores))


def want(consul: Consul, desired: Desired) -> None:
    """Record the wanted cores, as a run does."""
    consul.kv_put(desired_key(DOMAIN), encode(desired))


def catalog(consul: Consul) -> dict[str, Found]:
    """What the catalog holds, by core."""
    items = consul.get(f"/v1/health/service/{SERVICE}").body or []
    return {each.entry.core: each for each in (found(item, DOMAIN) for item in items) if each}


def listed(consul: Consul) -> set[str]:
    """The cores that a template would list."""
    return {core for core, each in catalog(consul).items() if each.entry.state in LISTED}


def empty(consul: Consul) -> None:
    """Take out all that is ours."""
    for session in consul.get("/v1/session/list").body or ():
        consul.session_destroy(session["ID"])
    for item in consul.get(f"/v1/catalog/service/{SERVICE}").body or ():
        consul.catalog_deregister({"Node": item["Node"]})
    consul.library.kv.delete("pryv-nomad/", recurse=True)


class Running:
    """A bridge that runs, and its log."""

    def __init__(self, consul: Consul, nomad: Nomad, name: str = "one", **settings: Any) -> None:
        self.log: list[Mapping[str, Any]] = []
        values = {"full_s": 2.0} | settings
        self.bridge = Bridge(consul, nomad, Settings(DOMAIN, name, **values), self.log.append)
        self.thread = threading.Thread(target=self.bridge.run, daemon=True)

    @property
    def last(self) -> str:
        """What it said last."""
        return self.sentences()[-1] if self.log else ""

    def sentences(self) -> list[str]:
        return [str(event["sentence"]) for event in self.log]


@contextmanager
def running(consul: Consul, nomad: Nomad, name: str = "one", **settings: Any) -> Iterator[Running]:
    """A bridge that runs until the block ends."""
    made = Running(consul, nomad, name, **settings)
    made.thread.start()
    try:
        yield made
    finally:
        made.bridge.stop()
        made.thread.join(30)
        assert not made.thread.is_alive()
