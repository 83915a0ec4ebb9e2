"""Nomad's event stream as the newest state of deployments and evaluations, kept up to date by a thread of its own.

The stream's buffer is short and it begins at the closest index that is left, so the deployments are listed once before
it is opened and once more when it is known to be open. While it is broken, `live` is False: whoever wants to know must
ask Nomad.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pryv_nomad.errors import PryvNomadError
from pryv_nomad.rollout.state import Rollout

if TYPE_CHECKING:
    from pryv_nomad.clients.nomad import Nomad

TOPICS = ("Deployment:*", "Evaluation:*")
REOPEN_S = 2.0
EVALUATION = ("Status", "StatusDescription", "NextEval", "BlockedEval", "FailedTGAllocs", "ModifyIndex")
Json = Mapping[str, Any]


class News:
    """What the stream told. Methods may be called from any thread."""

    def __init__(self, nomad: Nomad) -> None:
        self._nomad = nomad
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._count = 0
        self._live = False
        self._deployments: dict[tuple[str, int], tuple[int, int, Rollout]] = {}
        self._evaluations: dict[str, Json] = {}
        self._thread = threading.Thread(target=self._run, name="nomad-events", daemon=True)
        self._thread.start()

    @property
    def live(self) -> bool:
        """Whether the stream is open and nothing was missed."""
        return self._live

    @property
    def count(self) -> int:
        """Grows with everything that is new."""
        return self._count

    def deployment(self, job_id: str, index: int) -> Rollout | None:
        """The newest deployment of a job at a JobModifyIndex."""
        with self._changed:
            found = self._deployments.get((job_id, index))
        return found[2] if found else None

    def evaluation(self, evaluation_id: str) -> Json | None:
        """An evaluation, None while the stream has not told of it."""
        with self._changed:
            return self._evaluations.get(evaluation_id)

    def wait(self, seen: int, seconds: float) -> None:
        """Return when there is more than `seen`, or after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != seen or self._stop.is_set(), seconds)

    def close(self) -> None:
        """End the thread; the connection is left to it, which notices with the next event."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    # -- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except PryvNomadError:
                # Whoever looks asks Nomad meanwhile, and meets the error if it stays.
                self._set_live(False)
            self._stop.wait(REOPEN_S)

    def _follow(self) -> None:
        index = self._list()
        opened = False
        for batch in self._nomad.event_stream(index, TOPICS, heartbeats=True):
            if self._stop.is_set():
                return
            if not opened:
                self._list()
                opened = True
            self._take(batch.get("Events") or ())
            self._set_live(True)

    def _list(self) -> int:
        answer = self._nomad.get("deployments", index=0)
        with self._changed:
            for each in answer.body or ():
                self._deployment(each)
            self._count += 1
            self._changed.notify_all()
        return max(answer.index, 1)

    def _take(self, events: Iterable[Json]) -> None:
        with self._changed:
            for event in events:
                payload = event.get("Payload") or {}
                if payload.get("Deployment"):
                    self._deployment(payload["Deployment"])
                elif payload.get("Evaluation"):
                    found = payload["Evaluation"]
                    self._evaluations[found["ID"]] = {key: found.get(key) for key in EVALUATION}
                self._count += 1
            self._changed.notify_all()

    def _deployment(self, each: Json) -> None:
        key = (each["JobID"], int(each.get("JobSpecModifyIndex") or 0))
        version = (int(each.get("CreateIndex") or 0), int(each.get("ModifyIndex") or 0))
        if key not in self._deployments or self._deployments[key][:2] <= version:
            self._deployments[key] = (*version, Rollout.of(each))

    def _set_live(self, live: bool) -> None:
        with self._changed:
            self._live = live
            self._changed.notify_all()
