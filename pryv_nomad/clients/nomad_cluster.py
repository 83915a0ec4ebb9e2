"""Nomad's nodes, namespaces, servers, policies and variables. Bodies are Nomad's own JSON, unchanged."""

from __future__ import annotations

from collections.abc import Mapping

from pryv_nomad.clients.failures import ConflictAfterRetry
from pryv_nomad.clients.nomad_base import Json, NomadConnection
from pryv_nomad.errors import NotFound

NANOSECONDS = 1_000_000_000


class ClusterCalls(NomadConnection):
    """/v1/nodes, /v1/namespaces, /v1/regions, /v1/status, /v1/agent, /v1/acl."""

    def nodes(self, prefix: str = "", *, resources: bool = True, timeout_s: float | None = None) -> list[Json]:
        """Stubs of all clients; with `resources` what each offers and has reserved. Meta and volumes: `node`."""
        params = {"prefix": prefix or None, "resources": resources or None}
        return self._read_list("nodes", timeout_s=timeout_s, params=params)

    def node(self, node_id: str, *, timeout_s: float | None = None) -> Json:
        """One client with Attributes, Meta, HostVolumes, HostNetworks and Drivers. Raises NotFound."""
        found: Json = self._read("node", node_id, timeout_s=timeout_s)
        return found

    def drain_node(
        self,
        node_id: str,
        deadline_s: float = 3600.0,
        enable: bool = True,
        *,
        ignore_system_jobs: bool = False,
        timeout_s: float | None = None,
    ) -> Json:
        """Begin a drain that is forced after `deadline_s` seconds, or end one and make the node eligible again.

        A deadline of 0 never forces; a negative one forces at once.
        """
        drain = {"Deadline": int(deadline_s * NANOSECONDS), "IgnoreSystemJobs": ignore_system_jobs}
        body: Json = {"DrainSpec": drain if enable else None, "MarkEligible": not enable}
        answer: Json = self._write("POST", ["node", node_id, "drain"], timeout_s=timeout_s, body=body)
        return answer

    def node_eligibility(self, node_id: str, eligible: bool, *, timeout_s: float | None = None) -> Json:
        """Let new allocations be placed on a node, or not; what runs there stays."""
        body = {"Eligibility": "eligible" if eligible else "ineligible"}
        answer: Json = self._write("POST", ["node", node_id, "eligibility"], timeout_s=timeout_s, body=body)
        return answer

    def namespaces(self, *, timeout_s: float | None = None) -> list[Json]:
        """All namespaces that the token may see."""
        return self._read_list("namespaces", timeout_s=timeout_s)

    def namespace(self, name: str, *, timeout_s: float | None = None) -> Json:
        """One namespace. Raises NotFound."""
        found: Json = self._read("namespace", name, timeout_s=timeout_s)
        return found

    def regions(self, *, timeout_s: float | None = None) -> list[str]:
        """The names of the regions."""
        found: list[str] = self._read("regions", timeout_s=timeout_s)
        return found

    def leader(self, *, timeout_s: float | None = None) -> str:
        """`address:port` of the leader, empty while there is none."""
        found: str | None = self._read("status", "leader", timeout_s=timeout_s)
        return found or ""

    def agent_self(self, *, timeout_s: float | None = None) -> Json:
        """The agent that answers: `config` (Version, Region, Datacenter, ACL …), `member`, `stats`."""
        found: Json = self._read("agent", "self", timeout_s=timeout_s)
        return found

    def acl_policies(self, *, timeout_s: float | None = None) -> list[Json]:
        """The ACL policies that the token may see."""
        return self._read_list("acl", "policies", timeout_s=timeout_s)


class VariableCalls(NomadConnection):
    """/v1/var and /v1/vars. An error never carries the items of a variable."""

    def variable(self, path: str, *, timeout_s: float | None = None) -> Json | None:
        """A variable with its Items and ModifyIndex, or None when there is none at `path`."""
        try:
            found: Json = self._read(*_segments(path), timeout_s=timeout_s)
        except NotFound:
            return None
        return found

    def put_variable(self, path: str, items: Mapping[str, str], cas: int, *, timeout_s: float | None = None) -> Json:
        """Write a variable whose ModifyIndex is now `cas` (0: must not exist), Conflict otherwise. At most 64 KiB.

        The answer has the new ModifyIndex.
        """
        body = {"Path": path, "Items": dict(items)}
        try:
            answer: Json = self._write(
                "PUT", _segments(path), timeout_s=timeout_s, params={"cas": cas}, body=body, repeatable=True
            )
        except ConflictAfterRetry:
            found = self.variable(path, timeout_s=timeout_s)
            if found is None or found["Items"] != body["Items"]:
                raise
            return found
        return answer

    def delete_variable(self, path: str, cas: int, *, timeout_s: float | None = None) -> None:
        """Delete a variable whose ModifyIndex is now `cas`, Conflict otherwise."""
        try:
            self._write("DELETE", _segments(path), timeout_s=timeout_s, params={"cas": cas}, repeatable=True)
        except ConflictAfterRetry:
            if self.variable(path, timeout_s=timeout_s) is not None:
                raise

    def variables(self, prefix: str = "", *, timeout_s: float | None = None) -> list[Json]:
        """Path, ModifyIndex and times of all variables below `prefix`, without their items."""
        return self._read_list("vars", timeout_s=timeout_s, params={"prefix": prefix or None})


def _segments(path: str) -> list[str]:
    """A variable's path holds slashes, which stand as they are in the URL."""
    return ["var", *path.split("/")]
