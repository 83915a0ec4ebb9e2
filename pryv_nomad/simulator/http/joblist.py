"""The list of jobs, kept serialised: thousands of jobs are listed at every plan, and few of them have changed since."""

from __future__ import annotations

from bisect import insort

from pryv_nomad.simulator.http.routing import encoded
from pryv_nomad.simulator.jobs import stub
from pryv_nomad.simulator.objects import JobKey
from pryv_nomad.simulator.state import State


class JobList:
    """Entries of `GET /v1/jobs` by job; only those that changed are made anew."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._entries: dict[JobKey, bytes] = {}
        self._order: list[JobKey] = []
        state.stale_stubs.update(state.jobs)

    def _refresh(self) -> None:
        for key in self._state.stale_stubs:
            job = self._state.jobs.get(key)
            if job is None:
                if self._entries.pop(key, None) is not None:
                    self._order.remove(key)
                continue
            if key not in self._entries:
                insort(self._order, key)
            self._entries[key] = encoded(stub(self._state, job))
        self._state.stale_stubs.clear()

    def page(
        self, namespace: str, prefix: str, with_meta: bool, per_page: int = 0, start: str = ""
    ) -> tuple[bytes, str]:
        """The list as JSON text, and the token of the next page (empty: none is left)."""
        self._refresh()
        keys = [
            key
            for key in self._order
            if namespace in ("*", key[0]) and key[1].startswith(prefix) and _token(key) >= start
        ]
        token = ""
        if per_page and len(keys) > per_page:
            token = _token(keys[per_page])
            keys = keys[:per_page]
        if with_meta:
            entries = [encoded(stub(self._state, self._state.jobs[key], with_meta=True)) for key in keys]
        else:
            entries = [self._entries[key] for key in keys]
        return b"[" + b",".join(entries) + b"]", token


def _token(key: JobKey) -> str:
    return f"{key[0]}.{key[1]}"
