"""The follower beside a register or a name server: one thread for the file, one for the process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.metrics import Metrics, prometheus
from pryv_nomad.registry.lock import ReloadLock
from pryv_nomad.registry.reload import Manner, Timing
from pryv_nomad.registry.reloader import Instance, Reloader
from pryv_nomad.registry.restarts import Restarter
from pryv_nomad.registry.serving import HELP, PREFIX, Answer, Server
from pryv_nomad.registry.store import read_store
from pryv_nomad.registry.swap import Files
from pryv_nomad.registry.swapper import Swapper

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

LOOK_S = 0.02
"""Seconds between two looks at the candidate: what a join waits for us at most."""
STALE_S = 60.0
"""A thread that has not come round for so long makes /healthz fail."""

Write = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to follow. `name` tells this instance from others in the lock and the log."""

    domain: str
    name: str
    files: Files
    instance: Instance
    timing: Timing = field(default_factory=Timing)
    manner: Manner = field(default_factory=Manner)


class Follower:
    """Runs until `stop`."""

    def __init__(
        self, consul: Consul, settings: Settings, probe: Callable[[], bool], restart: Restarter, write: Write
    ) -> None:
        self.settings, self.metrics = settings, Metrics()
        self._write = write
        self._stop, self._changed = threading.Event(), threading.Event()
        self._rounds = {"file": time.monotonic(), "process": time.monotonic()}
        files = settings.files
        self.swapper = Swapper(files, lambda: read_store(consul, settings.domain), self._say, self.metrics)
        self.swapper.restore()
        loaded = files.loaded()
        self._lock = ReloadLock(consul, settings.domain, settings.name)
        self.reloader = Reloader(
            consul,
            self._lock,
            settings.instance,
            probe,
            restart,
            say=self._say,
            metrics=self.metrics,
            timing=settings.timing,
            manner=settings.manner,
            running=self.swapper.standing.live if loaded is None else loaded,
            note=files.note_loaded,
        )

    def serve(self, address: tuple[str, int]) -> Server:
        """Answer over HTTP. Raises OSError for a port that is taken."""
        answers = {"/serving": self.serving, "/healthz": self.health}
        return Server(address, answers, lambda: prometheus(self.metrics.samples(), HELP, PREFIX))

    def run(self) -> None:
        """Follow until `stop`."""
        self._say("info", "begin", f"following {self.settings.files.candidate} for {self.settings.instance.service}")
        process = threading.Thread(target=self._follow_process, name="process", daemon=True)
        process.start()
        while not self._stop.is_set():
            self._rounds["file"] = time.monotonic()
            if self.swapper.look():
                self._changed.set()
            self._stop.wait(LOOK_S)
        self._changed.set()
        process.join(30)
        self._lock.close()
        self._say("info", "end", "stopped")

    def stop(self) -> None:
        """End `run`; a reload that is under way is left to whoever follows next."""
        self._stop.set()
        self._changed.set()

    def serving(self) -> Answer:
        """Whether the edge may lead to the process."""
        if not self.swapper.standing.live:
            return False, "there is no file yet"
        return self.reloader.serving, self.reloader.sentence or "begins"

    def health(self) -> Answer:
        """Whether this follower does its work, and nothing stands in its way."""
        late = [name for name, when in self._rounds.items() if time.monotonic() - when > STALE_S]
        if late:
            return False, f"the {late[0]} has not been looked at for {STALE_S:g} s"
        standing = self.swapper.standing
        if standing.refused:
            return False, f"the latest candidate is not used: {standing.refused}"
        if self.reloader.alarm:
            return False, self.reloader.sentence
        if standing.waiting:
            return bool(standing.live), "no candidate yet: Consul has no list, or does not answer"
        return True, self.reloader.sentence or "begins"

    def _follow_process(self) -> None:
        while not self._stop.is_set():
            self._changed.clear()
            pause = self.reloader.step(self.swapper.standing.live)
            self._rounds["process"] = time.monotonic()
            self._changed.wait(pause)

    def _say(self, level: str, event: str, text: str, **more: Any) -> None:
        self._write(log_line(level, event, text, {"instance": self.settings.name, **more}, datetime.now(UTC)))


def log_line(level: str, event: str, text: str, more: Mapping[str, Any], now: datetime) -> str:
    """One line of the log, as JSON."""
    said = {"time": now.isoformat(timespec="milliseconds"), "level": level, "event": event, "text": text, **more}
    return json.dumps(said, ensure_ascii=False)
