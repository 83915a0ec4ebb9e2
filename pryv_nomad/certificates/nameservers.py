"""The platform's name servers, asked one by one: does each answer with the TXT record?

They stand in Consul under the service `pryv-dns`, each with the tag of its machine's role. Asked directly and over UDP,
the one way that service-register's dns speaks; no resolver and no cache is between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SERVICE = "pryv-dns"
TIMEOUT_S = 2.0


class Catalog(Protocol):
    """What this needs of Consul's API (`clients.consul.Consul` has it)."""

    def health_service(self, name: str, passing: bool = False) -> list[dict[str, Any]]:
        """Node, Service and Checks of each instance."""


@dataclass(frozen=True, slots=True)
class NameServer:
    """One name server; `address` is empty where Consul has none of this role."""

    role: str
    address: str = ""
    port: int = 0

    def __str__(self) -> str:
        return f"{self.role} at {self.address}:{self.port}" if self.address else self.role


def known(entries: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> list[NameServer]:
    """The name servers among Consul's `entries` of the service, at least one for each of `roles`."""
    return [server for role in roles for server in _with_role(entries, role) or [NameServer(role)]]


def _with_role(entries: Sequence[Mapping[str, Any]], role: str) -> list[NameServer]:
    return [
        NameServer(role, entry["Service"].get("Address") or entry["Node"]["Address"], int(entry["Service"]["Port"]))
        for entry in entries
        if role in (entry["Service"].get("Tags") or ())
    ]


class NameServers:
    """The name servers of a platform. `roles`: the machines that must have one."""

    def __init__(self, consul: Catalog, roles: Sequence[str]) -> None:
        self._consul, self._roles = consul, tuple(roles)

    def values(self, record: str) -> tuple[dict[str, frozenset[str] | None], dict[str, str]]:
        """The TXT values of `record` at each name server, None where it does not answer; and why it does not."""
        found: dict[str, frozenset[str] | None] = {}
        silent: dict[str, str] = {}
        for server in known(self._consul.health_service(SERVICE), self._roles):
            answer = texts(server, record) if server.address else "not in Consul"
            if isinstance(answer, str):
                found[str(server)], silent[str(server)] = None, answer
            else:
                found[str(server)] = answer
        return found, silent


def texts(server: NameServer, record: str) -> frozenset[str] | str:
    """The TXT values of `record` at one name server, or why there is no answer."""
    import dns.exception
    import dns.message
    import dns.query

    # No EDNS and no wish for recursion: the server answers for its own names, and knows no extension.
    query = dns.message.make_query(record, "TXT", flags=0)
    try:
        answer = dns.query.udp(query, server.address, timeout=TIMEOUT_S, port=server.port, ignore_unexpected=True)
    except dns.exception.Timeout:
        return "no answer"
    except (OSError, ValueError, dns.exception.DNSException) as error:
        return f"no answer: {getattr(error, 'strerror', None) or type(error).__name__}"
    return frozenset(_texts(answer))


def _texts(answer: Any) -> Iterator[str]:
    import dns.rdatatype

    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.TXT:
            for item in rrset:
                yield b"".join(item.strings).decode("ascii", "replace")
