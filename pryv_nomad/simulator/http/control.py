"""`/v1/simulator/…`: what a real Nomad does not have: nodes to add, faults to arm, a clock to turn.

GET  /v1/simulator/nodes                 the nodes as they were asked for
PUT  /v1/simulator/nodes                 {"nodes": [{"name": "n1", "meta": {…}, …}]}; keys: `NodeSpec`
GET  /v1/simulator/faults                the armed faults, each with how often it `struck`
PUT  /v1/simulator/faults                {"faults": [{"kind": "task_fails", …}]}; kinds and keys: `faults.py`
DELETE /v1/simulator/faults              disarm all
GET  /v1/simulator/clock                 {"now": nanoseconds, "time": RFC 3339, "speed": 100}
PUT  /v1/simulator/clock                 {"advance": seconds}: jump ahead
"""

from __future__ import annotations

from dataclasses import asdict

from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import fault_from_json, fault_to_json
from pryv_nomad.simulator.http.nomad_api import READS, WRITES, NomadApi
from pryv_nomad.simulator.http.routing import Reply, Request
from pryv_nomad.simulator.nodes import NodeSpec
from pryv_nomad.simulator.times import rfc3339


@READS.route("GET", "/v1/simulator/nodes")
def nodes(api: NomadApi, _request: Request) -> Reply:
    return Reply([{**asdict(node.spec), "id": node.id, "status": node.status} for node in api.state.nodes.values()])


@WRITES.route("PUT POST", "/v1/simulator/nodes")
def put_nodes(api: NomadApi, request: Request) -> Reply:
    given = request.json().get("nodes")
    if not isinstance(given, list):
        raise Refusal(400, 'the body must be {"nodes": [...]}')
    specs = [NodeSpec.from_json(item) for item in given]
    return Reply([api.simulator.add_node(spec).id for spec in specs])


@READS.route("GET", "/v1/simulator/faults")
def faults(api: NomadApi, _request: Request) -> Reply:
    armed = zip(api.simulator.faults.faults, api.simulator.faults.struck(), strict=True)
    return Reply([{**fault_to_json(fault), "struck": struck} for fault, struck in armed])


@WRITES.route("PUT POST", "/v1/simulator/faults")
def put_faults(api: NomadApi, request: Request) -> Reply:
    given = request.json().get("faults")
    if not isinstance(given, list):
        raise Refusal(400, 'the body must be {"faults": [...]}')
    api.simulator.inject(*[fault_from_json(item) for item in given])
    return Reply({"armed": len(given)})


@WRITES.route("DELETE", "/v1/simulator/faults")
def clear_faults(api: NomadApi, _request: Request) -> Reply:
    api.simulator.faults.clear()
    return Reply(None)


@READS.route("GET", "/v1/simulator/clock")
def clock(api: NomadApi, _request: Request) -> Reply:
    now = api.simulator.now
    return Reply({"now": now, "time": rfc3339(now), "speed": api.driver.speed})


@WRITES.route("PUT POST", "/v1/simulator/clock")
def turn_clock(api: NomadApi, request: Request) -> Reply:
    seconds = request.json().get("advance")
    if not isinstance(seconds, int | float) or seconds < 0:
        raise Refusal(400, "advance must be a number of seconds")
    api.driver.skip(seconds)
    return clock(api, request)
