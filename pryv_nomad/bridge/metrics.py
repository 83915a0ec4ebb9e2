"""What the bridge counts, as text for Prometheus and as datagrams for StatsD.

Written by hand: two dozen numbers of one process need no library, and the text format is four lines of rules
(https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "pryv_nomad_bridge_"
# What fits into one datagram on any network.
DATAGRAM = 1400

Labels = tuple[tuple[str, str], ...]

HELP: Mapping[str, tuple[str, str]] = {
    "leader": ("gauge", "1 while this bridge leads, 0 while it stands by."),
    "members": ("gauge", "Cores by state of membership."),
    "cores": ("gauge", "Listed cores by status of their check."),
    "list_generation": ("gauge", "The count of changes of the registry's list."),
    "tick_seconds": ("gauge", "How long the last look took."),
    "tick_timestamp_seconds": ("gauge", "When the last look succeeded, in seconds since 1970."),
    "consul_up": ("gauge", "1 when Consul answered the last look."),
    "nomad_up": ("gauge", "1 when Nomad answered the last look."),
    "ticks_total": ("counter", "Looks by outcome: steady, changed, standby, failed."),
    "actions_total": ("counter", "What was done, by kind."),
    "terms_total": ("counter", "How often this bridge became leader."),
    "faults_total": ("counter", "Failures by source."),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One number; counters only grow."""

    name: str
    labels: Labels
    value: float


class Metrics:
    """The numbers of one bridge. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, Labels], float] = {}
        self._sent: dict[tuple[str, Labels], float] = {}

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[name, _labels(labels)] = value

    def count(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        key = (name, _labels(labels))
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + by

    def value(self, name: str, **labels: str) -> float:
        """What it is now, 0 where it never was set."""
        with self._lock:
            return self._values.get((name, _labels(labels)), 0.0)

    def samples(self) -> list[Sample]:
        """All numbers, in the order of their names."""
        with self._lock:
            return [Sample(name, labels, value) for (name, labels), value in sorted(self._values.items())]

    def statsd(self) -> list[bytes]:
        """Datagrams for StatsD: gauges as they are, counters as what came since the last call."""
        lines = list(self._statsd_lines())
        datagrams: list[bytes] = []
        for line in lines:
            if datagrams and len(datagrams[-1]) + 1 + len(line) <= DATAGRAM:
                datagrams[-1] += b"\n" + line
            else:
                datagrams.append(line)
        return datagrams

    def _statsd_lines(self) -> Iterator[bytes]:
        for sample in self.samples():
            name = PREFIX.replace("_bridge_", ".bridge.") + ".".join(
                (sample.name, *(value for _, value in sample.labels))
            )
            if HELP[sample.name][0] == "gauge":
                yield f"{name}:{sample.value:g}|g".encode()
                continue
            key = (sample.name, sample.labels)
            grown = sample.value - self._sent.get(key, 0.0)
            self._sent[key] = sample.value
            if grown:
                yield f"{name}:{grown:g}|c".encode()


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def prometheus(samples: list[Sample], told: Mapping[str, tuple[str, str]] = HELP, prefix: str = PREFIX) -> str:
    """The text that Prometheus scrapes; `told` says kind and meaning of each number."""
    lines, last = [], ""
    for sample in samples:
        kind, text = told[sample.name]
        name = prefix + sample.name
        if sample.name != last:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            last = sample.name
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels)
        lines.append(f"{name}{{{labels}}} {sample.value!r}" if labels else f"{name} {sample.value!r}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class StatsdSender:
    """Sends datagrams to a StatsD. A lost one is a lost one."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError for a host that has no address."""
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._address: Any = address
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)

    def send(self, metrics: Metrics) -> None:
        """Send the numbers of now."""
        for datagram in metrics.statsd():
            try:
                self._socket.sendto(datagram, self._address)
            except OSError:
                metrics.count("faults_total", source="statsd")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
