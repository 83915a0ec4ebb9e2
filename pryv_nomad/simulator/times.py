"""Times as Nomad writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(nanoseconds: int) -> str:
    """A moment in nanoseconds since 1970 as RFC 3339 in UTC, without trailing zeros: 2026-01-01T00:00:05.5Z."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    stamp = (_ZERO + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{stamp}{fraction}Z"


def optional_rfc3339(nanoseconds: int) -> str | None:
    """The same, None for 0 (never)."""
    return rfc3339(nanoseconds) if nanoseconds else None
