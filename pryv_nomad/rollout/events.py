"""What a run tells while it goes on: values, shown as lines, as a live view, or as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `kind`: started, registered, adopted, progress, promoted, healthy, stopping, stopped,
    member, failed, failing, halted, wave, gate, hook, paused, resumed, detached, explained, warning, waiting,
    finished, interrupted. `job` is empty for what concerns the whole."""

    kind: str
    text: str
    job: str = ""
    detail: tuple[str, ...] = ()


Tell = Callable[[Event], None]
