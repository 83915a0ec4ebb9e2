"""The client of Nomad's API: python-nomad's requester with TLS, time limits, retries and our errors around it.

`Nomad(options, *, timeout_s=10, retries=None, timing=None)`; one object may be shared by threads. Every method takes
`timeout_s` (seconds that the server may be silent, default that of the client) and gives Nomad's own JSON. Errors are
those of `pryv_nomad.errors`: Unreachable, Unauthorized, NotFound, Conflict, else ApiError with Nomad's text.

    list_jobs(prefix="", *, per_page=0, meta=False) -> [stub]       job(job_id) -> job
    job_versions(job_id) -> [job]                                   job_summary(job_id) -> summary
    register(job: mapping | JSON text, *, enforce_index, preserve_counts=False, policy_override=False) -> answer
    plan(job, diff=True, policy_override=False) -> answer           stop(job_id, purge=False) -> answer
    revert(job_id, version, enforce_prior_version) -> answer        parse(hcl, variables="", *, canonicalize=False)
    evaluation(evaluation_id)        evaluations_for_job(job_id) -> [evaluation]
    evaluation_allocations(evaluation_id) -> [stub]                 allocations_for_job(job_id, all=False) -> [stub]
    allocation(allocation_id)        deployments(prefix="") -> [deployment]    deployment(deployment_id)
    deployments_for_job(job_id) -> [deployment]                     latest_deployment(job_id) -> deployment | None
    promote(deployment_id, all=True, groups=None)                   fail_deployment(deployment_id)
    pause_deployment(deployment_id, pause)
    nodes(prefix="", *, resources=True) -> [stub]                   node(node_id)
    drain_node(node_id, deadline_s=3600, enable=True, *, ignore_system_jobs=False)
    node_eligibility(node_id, eligible)
    namespaces() -> [namespace]      namespace(name)                regions() -> [name]
    leader() -> "host:port" | ""     agent_self()                   acl_policies() -> [policy]
    variable(path) -> variable | None                               put_variable(path, items, cas) -> variable
    delete_variable(path, cas)       variables(prefix="") -> [metadata]
    task_log_tail(allocation_id, task, stream="stderr", lines=20) -> [line]
    get(path, params=None, *, index=None, wait_s=None) -> Answer(body, index)
    event_stream(index, topics, *, heartbeats=False, silence_s=30) -> iterator of batches
    library -> nomad.Nomad           close()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pryv_nomad.clients import events
from pryv_nomad.clients.blocking import Answer
from pryv_nomad.clients.nomad_base import Json, NomadConnection
from pryv_nomad.clients.nomad_cluster import ClusterCalls, VariableCalls
from pryv_nomad.clients.nomad_jobs import JobCalls, ProgressCalls

__all__ = ["Answer", "Nomad"]

# What is read from the end of a log for each line asked for, and never more than the second.
BYTES_A_LINE = 512
LOG_BYTES = 256 * 1024
# Nomad sends a heartbeat every 10 s (`nomad/stream/ndjson.go`).
SILENCE_S = 30.0


class StreamCalls(NomadConnection):
    """What is read as a stream of text."""

    def task_log_tail(
        self,
        allocation_id: str,
        task: str,
        stream: str = "stderr",
        lines: int = 20,
        *,
        timeout_s: float | None = None,
    ) -> list[str]:
        """The last `lines` lines that a task wrote to `stream` (stdout or stderr), oldest first.

        Raises NotFound or ApiError where the client or the log is gone. Bytes that are not UTF-8 are replaced.
        """
        size = min(LOG_BYTES, max(1, lines) * BYTES_A_LINE)
        params = {"task": task, "type": stream, "plain": True, "origin": "end", "offset": size, "follow": False}
        with self._requester.call(
            "GET", "client", "fs", "logs", allocation_id, params=params, timeout_s=timeout_s, stream=True
        ) as response:
            content: bytes = self._requester.session.content(response, timeout_s)
        text = content.decode("utf-8", "replace")
        tail = text.splitlines()
        if len(content) >= size and len(tail) > 1:
            tail = tail[1:]
        return tail[-lines:] if lines > 0 else []

    def event_stream(
        self,
        index: int = 0,
        topics: Iterable[str] = ("*",),
        *,
        heartbeats: bool = False,
        silence_s: float = SILENCE_S,
    ) -> Iterator[Json]:
        """Batches `{"Index": n, "Events": [...]}` from about `index` on, for topics such as `Deployment:*`.

        With `heartbeats`, `{}` about every 10 s. The connection is opened at the first step of the iterator and closed
        with it. It ends only in an error: Unreachable when the stream breaks, stops, or is silent for `silence_s`; then
        read the state again, and open another one. It never reconnects by itself.
        """
        with self._requester.call(
            "GET",
            "event",
            "stream",
            params={"index": index, "topic": list(topics)},
            headers={"Accept-Encoding": "identity"},
            timeout_s=silence_s,
            stream=True,
        ) as response:
            session = self._requester.session
            chunks = session.chunks(response, silence_s)
            yield from events.batches(chunks, session.failures.server, heartbeats=heartbeats)


class Nomad(JobCalls, ProgressCalls, ClusterCalls, VariableCalls, StreamCalls):
    """Nomad's API. Made with `NomadOptions`; see the module's text for its methods."""
