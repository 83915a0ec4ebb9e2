"""Ctrl-C, held back while an action is under way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked to stop, and when that takes effect."""

    def __init__(self) -> None:
        self.asked = False
        self._held = False

    @contextmanager
    def watched(self) -> Iterator[Interruption]:
        """Take SIGINT for the time of the block (only in the main thread does Python allow it)."""
        before = signal.signal(signal.SIGINT, self._arrived)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """An action: an interruption waits for its end."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def check(self) -> None:
        """Raise KeyboardInterrupt when it was asked for."""
        if self.asked:
            raise KeyboardInterrupt

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if not self._held:
            raise KeyboardInterrupt


class Asked(Interruption):
    """An interruption by a call in place of a signal: for drivers that run in a thread."""

    @contextmanager
    def watched(self) -> Iterator[Interruption]:
        """No signal is taken."""
        yield self

    def ask(self) -> None:
        """Stop driving after the action under way."""
        self.asked = True
