"""What Consul says of the instances of our service: whether ours is on the list, and how many others are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def standing(entries: Iterable[Mapping[str, Any]], address: str, port: int) -> tuple[bool | None, tuple[int, int]]:
    """(whether ours passes, None where it is not there; (number of others, of them passing)).

    `entries` are those of `GET /v1/health/service/NAME`; ours is known by its address and port.
    """
    ours: bool | None = None
    count = passing = 0
    for entry in entries:
        service = entry["Service"]
        where = service.get("Address") or entry["Node"].get("Address"), service.get("Port")
        healthy = all(check.get("Status") == "passing" for check in entry.get("Checks") or ())
        if where == (address, port):
            ours = healthy
        else:
            count, passing = count + 1, passing + healthy
    return ours, (count, passing)
