"""Tells of each transition of a rollout: webhooks, one StatsD counter, one JSON log line. Never stops a rollout.

    notifier = notifier_of(policy.notifications, "pryv.example")
    tell = notifier.listening(tell)          # the same stream of events, told to both
    …
    notifier.close()

A thread of its own sends: a chat that is down costs the rollout nothing. What cannot be told is counted, and told by
`close`.
"""

from __future__ import annotations

import json
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pryv_nomad.gates.requesting import NoAnswer
from pryv_nomad.hooks.calling import post
from pryv_nomad.model.gates import Notifications, Statsd
from pryv_nomad.rollout.events import Event, Tell

QUIET = frozenset({"waiting", "progress"})
"""Kinds of events that are no transition."""
NOTABLE = frozenset(
    {"started", "resumed", "paused", "wave", "halted", "failed", "finished", "interrupted", "explained", "hook"}
)
"""Kinds that webhooks are told of; thousands of cores have one `healthy` each, and nobody reads that."""
MOST_WAITING = 1_000
CLOSE_S = 15.0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Notifier:
    """Sends to all who want to know. `begin` says which rollout it is; `moment` gives the time."""

    wanted: Notifications
    platform: str
    rollout: str = ""
    moment: Callable[[], str] = _now
    failures: list[str] = field(default_factory=list)
    _queue: queue.Queue[Mapping[str, Any] | None] = field(default_factory=lambda: queue.Queue(MOST_WAITING))
    _thread: threading.Thread | None = None

    def listening(self, tell: Tell) -> Tell:
        """The same stream of events, of which this one is told too."""

        def both(event: Event) -> None:
            tell(event)
            self.fire(event)

        return both

    def begin(self, rollout: str) -> None:
        """Which rollout it is about from now on."""
        self.rollout = rollout
        self.fire(Event("started", "is driven from here"))

    def fire(self, event: Event) -> None:
        """Tell of an event, where it is a transition. Does not block, and does not raise."""
        if event.kind in QUIET:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="notifications", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(self._document(event))
        except queue.Full:
            self.failures.append("too many notifications wait; one was left out")

    def close(self, limit_s: float = CLOSE_S) -> tuple[str, ...]:
        """Send what waits, for at most so long. What could not be told, each cause once."""
        if self._thread is not None:
            try:
                self._queue.put(None, timeout=limit_s)
            except queue.Full:
                self.failures.append("notifications still wait")
            self._thread.join(limit_s)
            if self._thread.is_alive():
                self.failures.append(f"notifications were not sent within {limit_s:g} s")
            self._thread = None
        return tuple(dict.fromkeys(self.failures))

    def _document(self, event: Event) -> dict[str, Any]:
        about = f"{self.platform}, rollout {self.rollout}" if self.rollout else self.platform
        job = f"{event.job}: " if event.job else ""
        return {
            "version": 1,
            "time": self.moment(),
            "platform": self.platform,
            "rollout": self.rollout,
            "kind": event.kind,
            "job": event.job,
            "text": f"{about}: {job}{event.text}",
            "detail": list(event.detail),
        }

    def _send_all(self) -> None:
        while (document := self._queue.get()) is not None:
            self._count(document)
            self._log(document)
            if document["kind"] in NOTABLE:
                self._post(document)

    def _post(self, document: Mapping[str, Any]) -> None:
        for webhook in self.wanted.webhooks:
            try:
                post(webhook, document)
            except NoAnswer as error:
                self.failures.append(str(error))

    def _count(self, document: Mapping[str, Any]) -> None:
        if self.wanted.statsd is None:
            return
        try:
            _count(self.wanted.statsd, str(document["kind"]))
        except OSError as error:
            self.failures.append(f"StatsD: {error.strerror or 'cannot be sent to'}")

    def _log(self, document: Mapping[str, Any]) -> None:
        if self.wanted.log is None:
            return
        try:
            with Path(self.wanted.log).open("a", encoding="utf-8") as file:
                file.write(json.dumps(document, ensure_ascii=False) + "\n")
        except OSError as error:
            self.failures.append(f"{self.wanted.log}: {error.strerror or 'cannot be written'}")


def _count(statsd: Statsd, kind: str) -> None:
    """One datagram: `PREFIX.rollout.KIND:1|c`."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", kind)
    family, kind_, protocol, _, address = socket.getaddrinfo(statsd.host, statsd.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind_, protocol) as sender:
        sender.sendto(f"{statsd.prefix}.rollout.{name}:1|c".encode(), address)


def notifier_of(entries: Iterable[Mapping[str, Any]], platform: str) -> Notifier:
    """Who a policy wants told (`Policy.notifications`, at most one section)."""
    section = next((Notifications.model_validate(each) for each in entries), Notifications())
    return Notifier(section, platform)
