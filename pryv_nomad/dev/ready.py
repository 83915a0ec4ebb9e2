"""Waits until a local cluster can take jobs, and says which part is late when it cannot."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pryv_nomad.dev import processes
from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.dev.state import Running
from pryv_nomad.errors import Unhealthy


def get(address: str, port: int, path: str, method: str = "GET", body: object = None) -> Any:
    """The JSON that an agent answers, None where it does not answer or answers with an error."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        content = answer.read()
        return json.loads(content or b"null") if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def has_leader(address: str, port: int) -> bool:
    """Whether the agent (of Nomad or Consul) knows a leader."""
    return bool(get(address, port, "/v1/status/leader"))


def late_nodes(port: int, nodes: Sequence[NodeWish], *, docker: bool) -> list[str]:
    """Names of the nodes that cannot take jobs yet: not ready, Consul not seen, or no Docker where there should be."""
    known = {node["Name"]: node for node in get("127.0.0.1", port, "/v1/nodes") or () if node["Status"] == "ready"}
    return [node.name for node in nodes if not _is_ready(port, known.get(node.name), docker)]


def _is_ready(port: int, stub: dict[str, Any] | None, docker: bool) -> bool:
    if stub is None:
        return False
    if docker and not stub["Drivers"].get("docker", {}).get("Healthy"):
        return False
    node = get("127.0.0.1", port, f"/v1/node/{stub['ID']}") or {}
    return "consul.version" in (node.get("Attributes") or {})


def wait(what: str, condition: Callable[[], bool], started: Sequence[Running], patience: float) -> None:
    """Wait for `condition`. Raises Unhealthy at once when a process ends, or after `patience` seconds."""
    ended: list[Running] = []

    def settled() -> bool:
        ended.extend(each for each in started if not processes.is_alive(each.pid, each.started))
        return bool(ended) or condition()

    arrived = processes.wait_until(settled, patience, pause=0.1)
    if ended:
        raise Unhealthy(f"{ended[0].name} ended at once; its last words:\n{last_lines(ended[0].log)}", _LOOK)
    if not arrived:
        raise Unhealthy(f"{what}: not within {patience:.0f} s", _LOOK)


_LOOK = "the logs are in the local cluster's folder; `pryv-nomad dev down` takes it away"


def last_lines(log: str, count: int = 8) -> str:
    """The end of a log."""
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-count:])
