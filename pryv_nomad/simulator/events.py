"""The event stream: what changed, in Nomad's form (`nomad/stream` and `nomad/state/events.go`, 1.6.5).

The buffer holds the last 100 indexes, so whoever asks for an older one starts at the closest that is left. A short
log of every event (`log`, optional) is what tests compare: no payload, only who changed to what.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

BUFFER_SIZE = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream."""

    index: int
    topic: str
    type: str
    key: str
    namespace: str
    filter_keys: tuple[str, ...]
    payload: Json

    def to_json(self) -> Json:
        return {
            "FilterKeys": list(self.filter_keys) or None, "Index": self.index, "Key": self.key,
            "Namespace": self.namespace, "Payload": self.payload, "Topic": self.topic, "Type": self.type,
        }  # fmt: skip


class EventBuffer:
    """Collects events by index. Payloads are made only while `capture` is on: a simulation without listeners of the
    stream does not pay for them."""

    def __init__(self, capture: bool = True, keep_log: bool = False) -> None:
        self.capture = capture
        self.log: list[tuple[int, str, str, str, str]] | None = [] if keep_log else None
        self._batches: deque[tuple[int, list[Event]]] = deque(maxlen=BUFFER_SIZE)

    def publish(
        self,
        index: int,
        topic: str,
        kind: str,
        key: str,
        namespace: str,
        filter_keys: Iterable[str],
        payload: Callable[[], Json],
        summary: str = "",
    ) -> None:
        """Add an event. `payload` is called at once or never; `summary` goes to the log."""
        if self.log is not None:
            self.log.append((index, topic, kind, key, summary))
        if not self.capture:
            return
        event = Event(index, topic, kind, key, namespace, tuple(item for item in filter_keys if item), payload())
        if self._batches and self._batches[-1][0] == index:
            self._batches[-1][1].append(event)
        else:
            self._batches.append((index, [event]))

    def last_index(self) -> int:
        """The index of the newest events, 0 while there are none."""
        return self._batches[-1][0] if self._batches else 0

    def oldest_index(self) -> int:
        """The index of the oldest events that are left; the newest of all while there are none."""
        return self._batches[0][0] if self._batches else 1

    def after(self, index: int) -> list[tuple[int, list[Event]]]:
        """The batches that came after an index."""
        return [(number, events) for number, events in list(self._batches) if number > index]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a listener asked for: topics with keys (`*` for all) and a namespace (`*` for all)."""

    topics: tuple[tuple[str, str], ...]
    namespace: str

    @classmethod
    def parse(cls, topics: Iterable[str], namespace: str) -> Subscription:
        """Read `topic` parameters such as `Job:web` or `Deployment`; none means everything."""
        parsed = []
        for text in topics:
            topic, _, key = text.partition(":")
            parsed.append((topic or "*", key or "*"))
        return cls(tuple(parsed) or (("*", "*"),), namespace or "default")

    def matches(self, event: Event) -> bool:
        """Whether a listener gets the event. Nodes have no namespace, everyone gets them."""
        if self.namespace != "*" and event.namespace and event.namespace != self.namespace:
            return False
        return any(
            topic in ("*", event.topic) and (key in ("*", event.key) or key in event.filter_keys)
            for topic, key in self.topics
        )
