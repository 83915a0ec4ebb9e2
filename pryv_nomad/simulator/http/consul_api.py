"""Consul's paths over a simulator's Consul."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator.consul import Consul
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.http.blocking import wait_for_change
from pryv_nomad.simulator.http.driver import Driver
from pryv_nomad.simulator.http.routing import Reply, Request, Table

Json = dict[str, Any]
Handler = Callable[["ConsulApi", Request], Reply]

READS: Table[Handler] = Table()
WRITES: Table[Handler] = Table()

VERSION = "1.14.11"


class ConsulApi:
    """Answers requests of Consul's API."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.address = ""

    @property
    def consul(self) -> Consul:
        return self.driver.simulator.consul

    def answer(self, request: Request) -> Reply:
        """The reply to a request; raises `Refusal`."""
        handler = (READS if request.method == "GET" else WRITES).find(request)
        if handler is None:
            raise Refusal(404, "Invalid URL path: not a recognized HTTP API endpoint")
        if request.method != "GET":
            return self.driver.call(lambda _simulator: handler(self, request))
        with self.driver.changed:
            self.driver.simulator.advance_to(self.driver.moment())
            return self._read(handler, request)

    def _read(self, handler: Handler, request: Request) -> Reply:
        self.consul.sync()
        reply = handler(self, request)
        if request.query.get("index"):

            def index() -> int:
                nonlocal reply
                self.consul.sync()
                reply = handler(self, request)
                return reply.index

            wait_for_change(self.driver, request, index)
        reply.headers.setdefault("X-Consul-KnownLeader", "true")
        reply.headers.setdefault("X-Consul-LastContact", "0")
        return reply


# -- KV


def _no_key(index: int) -> Reply:
    return Reply(b"", index, status=404, content_type="text/plain")


@READS.route("GET", "/v1/kv/{key...}")
def read_key(api: ConsulApi, request: Request) -> Reply:
    key, store = request.args["key"], api.consul.kv
    if request.flag("recurse") or request.flag("keys"):
        found = store.under(key)
        index = store.index_under(key) or api.consul.index
        if not found:
            return _no_key(index)
        if request.flag("keys"):
            return Reply(_keys([entry.key for entry in found], key, request.query.get("separator", "")), index)
        return Reply([entry.to_json() for entry in found], index)
    entry = store.entries.get(key)
    if entry is None:
        return _no_key(store.index_under(key) or api.consul.index)
    if request.flag("raw"):
        return Reply(entry.value, entry.modify_index, content_type="application/octet-stream")
    return Reply([entry.to_json()], entry.modify_index)


def _keys(keys: list[str], prefix: str, separator: str) -> list[str]:
    """Keys up to the separator that follows the prefix, each once."""
    if not separator:
        return keys
    shown: dict[str, None] = {}
    for key in keys:
        end = key.find(separator, len(prefix))
        shown[key if end < 0 else key[: end + len(separator)]] = None
    return list(shown)


@WRITES.route("PUT", "/v1/kv/{key...}")
def write_key(api: ConsulApi, request: Request) -> Reply:
    if not request.args["key"]:
        raise Refusal(400, "Missing key name")
    return Reply(
        api.consul.put(
            request.args["key"], request.body, request.number("flags") or 0, request.number("cas"),
            request.query.get("acquire", ""), request.query.get("release", ""),
        )
    )  # fmt: skip


@WRITES.route("DELETE", "/v1/kv/{key...}")
def delete_key(api: ConsulApi, request: Request) -> Reply:
    return Reply(api.consul.delete(request.args["key"], request.flag("recurse"), request.number("cas")))


@WRITES.route("PUT", "/v1/txn")
def transaction(api: ConsulApi, request: Request) -> Reply:
    try:
        operations = json.loads(request.body)
    except ValueError as error:
        raise Refusal(400, f"Failed to parse body: {error}") from error
    results, errors = api.consul.transact(operations)
    if errors:
        return Reply({"Results": None, "Errors": errors}, status=409)
    return Reply({"Results": results or None, "Errors": None})


# -- sessions


@WRITES.route("PUT", "/v1/session/create")
def create_session(api: ConsulApi, request: Request) -> Reply:
    return Reply({"ID": api.consul.create_session(request.json())})


@WRITES.route("PUT", "/v1/session/renew/{id}")
def renew_session(api: ConsulApi, request: Request) -> Reply:
    return Reply([api.consul.renew_session(request.args["id"]).to_json()])


@WRITES.route("PUT", "/v1/session/destroy/{id}")
def destroy_session(api: ConsulApi, request: Request) -> Reply:
    api.consul.destroy_session(request.args["id"])
    return Reply(True)


@READS.route("GET", "/v1/session/info/{id}")
def session_info(api: ConsulApi, request: Request) -> Reply:
    session = api.consul.sessions.get(request.args["id"])
    return Reply([session.to_json()] if session is not None else [], api.consul.session_index)


@READS.route("GET", "/v1/session/list")
def sessions(api: ConsulApi, _request: Request) -> Reply:
    return Reply([session.to_json() for session in api.consul.sessions.values()], api.consul.session_index)


# -- catalog and health


@WRITES.route("PUT", "/v1/catalog/register")
def register(api: ConsulApi, request: Request) -> Reply:
    api.consul.register(request.json())
    return Reply(True)


@WRITES.route("PUT", "/v1/catalog/deregister")
def deregister(api: ConsulApi, request: Request) -> Reply:
    api.consul.deregister(request.json())
    return Reply(True)


def _tags(request: Request) -> list[str]:
    return [value for name, value in request.pairs if name == "tag"]


def _meta_matches(request: Request, meta: dict[str, str]) -> bool:
    wanted = [value.partition(":") for name, value in request.pairs if name == "node-meta"]
    return all(meta.get(key) == value for key, _, value in wanted)


@READS.route("GET", "/v1/catalog/services")
def services(api: ConsulApi, _request: Request) -> Reply:
    return Reply(api.consul.catalog.names(), api.consul.catalog.index)


@READS.route("GET", "/v1/catalog/service/{name}")
def service(api: ConsulApi, request: Request) -> Reply:
    catalog, name = api.consul.catalog, request.args["name"]
    found = catalog.instances(name, _tags(request))
    shown = [node.instance(item) for node, item in found if _meta_matches(request, node.meta)]
    return Reply(shown, catalog.service_index.get(name, catalog.index))


@READS.route("GET", "/v1/catalog/nodes")
def nodes(api: ConsulApi, request: Request) -> Reply:
    catalog = api.consul.catalog
    shown = [node.to_json() for _, node in sorted(catalog.nodes.items()) if _meta_matches(request, node.meta)]
    return Reply(shown, catalog.index)


@READS.route("GET", "/v1/catalog/node/{name}")
def node(api: ConsulApi, request: Request) -> Reply:
    catalog = api.consul.catalog
    found = catalog.nodes.get(request.args["name"])
    if found is None:
        return Reply(None, catalog.index)
    services = {key: item.to_json() for key, item in found.services.items()}
    return Reply({"Node": found.to_json(), "Services": services}, catalog.index)


@READS.route("GET", "/v1/catalog/datacenters")
def datacenters(_api: ConsulApi, _request: Request) -> Reply:
    return Reply(["dc1"])


@READS.route("GET", "/v1/health/service/{name}")
def health_service(api: ConsulApi, request: Request) -> Reply:
    catalog, name = api.consul.catalog, request.args["name"]
    found = catalog.instances(name, _tags(request))
    if request.flag("passing"):
        found = [(node, item) for node, item in found if node.passing(item)]
    shown = [node.entry(item) for node, item in found if _meta_matches(request, node.meta)]
    return Reply(shown, catalog.service_index.get(name, catalog.index))


@READS.route("GET", "/v1/health/node/{name}")
def health_node(api: ConsulApi, request: Request) -> Reply:
    catalog = api.consul.catalog
    found = catalog.nodes.get(request.args["name"])
    return Reply(list(found.checks.values()) if found is not None else [], catalog.index)


@READS.route("GET", "/v1/health/state/{state}")
def health_state(api: ConsulApi, request: Request) -> Reply:
    catalog, wanted = api.consul.catalog, request.args["state"]
    checks = [check for node in catalog.nodes.values() for check in node.checks.values()]
    return Reply([check for check in checks if wanted in ("any", check["Status"])], catalog.index)


# -- the server


@READS.route("GET", "/v1/status/leader")
def leader(api: ConsulApi, _request: Request) -> Reply:
    return Reply("" if api.driver.simulator.leaderless else "127.0.0.1:8300")


@READS.route("GET", "/v1/status/peers")
def peers(_api: ConsulApi, _request: Request) -> Reply:
    return Reply(["127.0.0.1:8300"])


@READS.route("GET", "/v1/agent/self")
def agent_self(api: ConsulApi, _request: Request) -> Reply:
    tags = {"role": "consul", "dc": "dc1", "simulator": "pryv-nomad", "build": VERSION}
    return Reply(
        {
            "Config": {
                "Datacenter": "dc1", "PrimaryDatacenter": "dc1", "NodeName": "simulator", "NodeID": "",
                "Revision": "", "Server": True, "Version": VERSION,
            },
            "Member": {"Name": "simulator", "Addr": api.address.partition(":")[0], "Status": 1, "Tags": tags},
            "Stats": {"consul": {"leader": "true"}}, "Meta": {},
        }
    )  # fmt: skip


@READS.route("GET", "/v1/agent/members")
def agent_members(api: ConsulApi, request: Request) -> Reply:
    return Reply([agent_self(api, request).body["Member"]])


@READS.route("GET", "/v1/agent/services")
def agent_services(api: ConsulApi, _request: Request) -> Reply:
    own = api.consul.catalog.nodes["simulator"]
    return Reply({key: item.to_json() for key, item in own.services.items() if key != "consul"})
