"""Drives a simulator by the machine's clock, for several threads at once.

Simulated time runs `speed` times as fast as real time. A thread of its own sleeps until the next event is due and wakes
whoever waits for a change (blocking queries, event streams); there is no polling.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.simulator import Simulator

T = TypeVar("T")


class Driver:
    """Owns the lock of a simulator. `changed` is notified whenever something may have changed."""

    def __init__(self, simulator: Simulator, speed: float = 1.0) -> None:
        self.simulator = simulator
        self.speed = speed
        self.changed = threading.Condition(threading.RLock())
        self._offset = simulator.now
        self._started = time.monotonic()
        self._stopping = False
        self._sleeping_until = 0
        self._thread = threading.Thread(target=self._run, name="simulator-clock", daemon=True)

    def start(self) -> None:
        self._started = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wake everyone who waits; no call is answered afterwards."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        self._thread.join()

    @property
    def stopping(self) -> bool:
        return self._stopping

    def moment(self) -> int:
        """The simulated time just now, in nanoseconds since 1970."""
        return self._offset + int((time.monotonic() - self._started) * self.speed * SECOND)

    def skip(self, seconds: float) -> None:
        """Let simulated time jump ahead; all that is due meanwhile happens."""
        with self.changed:
            self._offset += int(seconds * SECOND)
            self.simulator.advance_to(self.moment())
            self.changed.notify_all()

    def call(self, action: Callable[[Simulator], T]) -> T:
        """Do something with the simulator, at the simulated moment of the call."""
        with self.changed:
            before = self.simulator.changes
            self.simulator.advance_to(self.moment())
            try:
                return action(self.simulator)
            finally:
                self.simulator.settle()
                if self.simulator.changes != before or self._due_sooner():
                    self.changed.notify_all()

    def _due_sooner(self) -> bool:
        due = self.simulator.state.timeline.next_due()
        return due is not None and due < self._sleeping_until

    def _run(self) -> None:
        with self.changed:
            while not self._stopping:
                before = self.simulator.changes
                self.simulator.advance_to(self.moment())
                if self.simulator.changes != before:
                    self.changed.notify_all()
                due = self.simulator.state.timeline.next_due()
                if due is None:
                    self._sleeping_until = 1 << 62
                    self.changed.wait()
                else:
                    self._sleeping_until = due
                    self.changed.wait(max(0.0, (due - self.moment()) / SECOND / self.speed) + 0.0002)
