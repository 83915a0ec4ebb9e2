"""Durations as Go writes and reads them."""

from __future__ import annotations

import re

from pryv_nomad.simulator.errors import Refusal

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def seconds_of(text: str) -> float:
    """Seconds of a duration such as `1m30s` or `200ms`; a bare number counts seconds. Raises `Refusal` (400)."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Refusal(400, f"Invalid duration: {text}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def go_duration(nanoseconds: int) -> str:
    """A duration as Go prints it: 1m30s, 5s, 100ms, 0s."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1_000_000:g}ms"
    hours, rest = divmod(nanoseconds / 1_000_000_000, 3600)
    minutes, rest = divmod(rest, 60)
    head = f"{int(hours)}h" if hours else ""
    head += f"{int(minutes)}m" if minutes or hours else ""
    return f"{head}{rest:g}s"
