"""Blocking queries: an answer waits until something newer than the caller's index exists."""

from __future__ import annotations

import time
from collections.abc import Callable

from pryv_nomad.simulator.durations import seconds_of
from pryv_nomad.simulator.http.driver import Driver
from pryv_nomad.simulator.http.routing import Request

# Without `wait`, a query waits this long (seconds); more than the second is cut.
DEFAULT_WAIT = 300.0
LONGEST_WAIT = 600.0


def wait_for_change(driver: Driver, request: Request, index: Callable[[], int]) -> None:
    """Return when `index()` is past the request's `index` parameter, or its `wait` time is over.

    The caller holds the lock, which is released while this waits.
    """
    asked = request.number("index") or 0
    if asked <= 0:
        return
    seconds = min(seconds_of(request.query.get("wait") or f"{DEFAULT_WAIT}s"), LONGEST_WAIT)
    end = time.monotonic() + seconds
    while index() <= asked and not driver.stopping:
        left = end - time.monotonic()
        if left <= 0:
            return
        driver.changed.wait(left)
