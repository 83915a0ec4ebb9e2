"""`/v1/nodes`, namespaces, variables, and what the servers say of themselves."""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.http.nomad_api import READS, WRITES, NomadApi, namespace_of, paged
from pryv_nomad.simulator.http.routing import Reply, Request
from pryv_nomad.simulator.nodes import node_json, node_stub

Json = dict[str, Any]

VERSION = "1.6.5"


# -- nodes


@READS.route("GET", "/v1/nodes")
def nodes(api: NomadApi, request: Request) -> Reply:
    prefix = request.query.get("prefix", "")
    found = sorted((node.id, node) for node in api.state.nodes.values() if node.id.startswith(prefix))
    page, token = paged([(key, {"node": node}) for key, node in found], request)
    shown: list[Any] = [entry["node"] for entry in page]
    reply = Reply([node_stub(node, request.flag("resources")) for node in shown], api.state.tables["nodes"])
    if token:
        reply.headers["X-Nomad-NextToken"] = token
    return reply


@READS.route("GET", "/v1/node/{id}")
def node(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.cluster.find(request.args["id"])
    return Reply(node_json(found), found.modify_index)


@READS.route("GET", "/v1/node/{id}/allocations")
def node_allocations(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.cluster.find(request.args["id"])
    here = [alloc for alloc in api.state.allocs.values() if alloc.node_id == found.id]
    index = max((alloc.modify_index for alloc in here), default=1)
    return Reply([alloc.to_json() for alloc in here], index)


@WRITES.route("PUT POST", "/v1/node/{id}/drain")
def drain(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.cluster.find(request.args["id"])
    given = request.json()
    api.simulator.drainer.set(found, given.get("DrainSpec"), bool(given.get("MarkEligible")))
    if given.get("DrainSpec") is None and given.get("MarkEligible"):
        api.simulator.cluster.set_eligibility(found, True)
    return _node_answer(api)


@WRITES.route("PUT POST", "/v1/node/{id}/eligibility")
def eligibility(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.cluster.find(request.args["id"])
    wanted = request.json().get("Eligibility")
    if wanted not in ("eligible", "ineligible"):
        raise Refusal(500, f'invalid scheduling eligibility "{wanted}"')
    api.simulator.cluster.set_eligibility(found, wanted == "eligible")
    return _node_answer(api)


def _node_answer(api: NomadApi) -> Reply:
    index = api.state.index
    return Reply({"EvalCreateIndex": 0, "EvalIDs": None, "Index": index, "NodeModifyIndex": index})


# -- namespaces


@READS.route("GET", "/v1/namespaces")
def namespaces(api: NomadApi, request: Request) -> Reply:
    prefix = request.query.get("prefix", "")
    found = [value for name, value in sorted(api.state.namespaces.items()) if name.startswith(prefix)]
    return Reply(found, api.state.tables["namespaces"])


@READS.route("GET", "/v1/namespace/{name}")
def namespace(api: NomadApi, request: Request) -> Reply:
    found = api.state.namespaces.get(request.args["name"])
    if found is None:
        raise Refusal(404, "Namespace not found")
    return Reply(found, found["ModifyIndex"])


@WRITES.route("PUT POST", "/v1/namespace")
@WRITES.route("PUT POST", "/v1/namespaces")
@WRITES.route("PUT POST", "/v1/namespace/{name}")
def put_namespace(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    name = request.args.get("name") or str(given.get("Name") or "")
    if not name:
        raise Refusal(500, "invalid name")
    api.state.put_namespace(name, str(given.get("Description") or ""), given.get("Meta"))
    return Reply(None, api.state.index)


@WRITES.route("DELETE", "/v1/namespace/{name}")
def delete_namespace(api: NomadApi, request: Request) -> Reply:
    name = request.args["name"]
    if name == "default":
        raise Refusal(500, "can not delete default namespace")
    if any(space == name and not job.stopped for (space, _), job in api.state.jobs.items()):
        raise Refusal(500, f'namespace "{name}" has non-terminal jobs in regions: [global]')
    api.state.tables["namespaces"] = api.state.commit()
    api.state.namespaces.pop(name, None)
    return Reply(None, api.state.index)


# -- variables


@READS.route("GET", "/v1/vars")
def variables(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.variables.listed(namespace_of(request), request.query.get("prefix", ""))
    page, token = paged([(f"{item['Namespace']}.{item['Path']}", item) for item in found], request)
    reply = Reply(page, api.state.tables["variables"])
    if token:
        reply.headers["X-Nomad-NextToken"] = token
    return reply


@READS.route("GET", "/v1/var/{path...}")
def variable(api: NomadApi, request: Request) -> Reply:
    found = api.simulator.variables.read(namespace_of(request), request.args["path"])
    return Reply(found, found["ModifyIndex"])


@WRITES.route("PUT POST", "/v1/var/{path...}")
def put_variable(api: NomadApi, request: Request) -> Reply:
    given = request.json()
    path, items = request.args["path"], given.get("Items")
    written = api.simulator.variables.write(namespace_of(request), path, items, request.number("cas"))
    return Reply(written, written["ModifyIndex"])


@WRITES.route("DELETE", "/v1/var/{path...}")
def delete_variable(api: NomadApi, request: Request) -> Reply:
    api.simulator.variables.delete(namespace_of(request), request.args["path"], request.number("cas"))
    return Reply(status=204)


# -- the servers


@READS.route("GET", "/v1/status/leader")
def leader(api: NomadApi, _request: Request) -> Reply:
    return Reply("" if api.simulator.leaderless else api.address)


@READS.route("GET", "/v1/status/peers")
def peers(api: NomadApi, _request: Request) -> Reply:
    return Reply([api.address])


@READS.route("GET", "/v1/regions")
def regions(_api: NomadApi, _request: Request) -> Reply:
    return Reply(["global"])


def _member(api: NomadApi) -> Json:
    host, _, port = api.address.partition(":")
    return {
        "Addr": host, "DelegateCur": 4, "DelegateMax": 5, "DelegateMin": 2, "Name": "simulator.global",
        "Port": int(port or 0), "ProtocolCur": 2, "ProtocolMax": 5, "ProtocolMin": 1, "Status": "alive",
        "Tags": {
            "build": VERSION, "dc": "dc1", "region": "global", "role": "nomad", "simulator": "pryv-nomad", "vsn": "1",
        },
    }  # fmt: skip


@READS.route("GET", "/v1/agent/self")
def agent_self(api: NomadApi, _request: Request) -> Reply:
    return Reply(
        {
            "config": {
                "ACL": {"Enabled": False}, "Datacenter": "dc1", "Region": "global", "Server": {"Enabled": True},
                "Client": {"Enabled": False},
                "Version": {"Revision": "", "Version": VERSION, "VersionMetadata": "", "VersionPrerelease": ""},
            },
            "member": _member(api), "stats": {"nomad": {"leader": "true", "server": "true"}},
        }
    )  # fmt: skip


@READS.route("GET", "/v1/agent/members")
def agent_members(api: NomadApi, _request: Request) -> Reply:
    return Reply({"Members": [_member(api)], "ServerDC": "dc1", "ServerName": "simulator", "ServerRegion": "global"})


@READS.route("GET", "/v1/agent/health")
def agent_health(_api: NomadApi, _request: Request) -> Reply:
    return Reply({"server": {"message": "ok", "ok": True}})


@READS.route("GET", "/v1/acl/policies")
def acl_policies(_api: NomadApi, _request: Request) -> Reply:
    raise Refusal(400, "ACL support disabled")


@WRITES.route("PUT POST", "/v1/system/gc")
def collect_garbage(_api: NomadApi, _request: Request) -> Reply:
    return Reply(None)
