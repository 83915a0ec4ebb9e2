"""The TXT values of open challenges in Consul KV, where dns.json's template reads them.

A JSON list of texts, written with check-and-set, so that two renewals keep out of each other's values. All values of
one renewal are written at once: each change of the list restarts dns, and an ACME server wants both at the same time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from pryv_nomad.errors import Conflict
from pryv_nomad.settings.snippets import challenges_key

MOST = 4
"""Two renewals at once. Their answer still fits the 512 bytes of a DNS answer over UDP, and service-register's dns
speaks nothing else (`src/dns/ndns.js`, maxSend). What killed renewals left behind is pushed out."""

ATTEMPTS = 5
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
"""The base64url text of a SHA-256 (RFC 8555, 8.4); dns.json's template lets nothing else through."""


class Keys(Protocol):
    """What this needs of Consul's API (`clients.consul.Consul` has it)."""

    def kv_get(self, key: str) -> tuple[bytes, int] | None:
        """Value and ModifyIndex, or None."""

    def kv_put(self, key: str, value: bytes, cas: int | None = None) -> bool:
        """Write if the index is `cas`. Raises Conflict."""


class Challenges:
    """The list of one platform."""

    def __init__(self, consul: Keys, domain: str) -> None:
        self._consul, self._key = consul, challenges_key(domain)

    def publish(self, values: Iterable[str]) -> None:
        """Add values. Raises Conflict when others change the list all the time."""
        self._change(tuple(sorted(values)), ())

    def withdraw(self, values: Iterable[str]) -> None:
        """Remove values; what is not there is no error."""
        self._change((), tuple(values))

    def _change(self, more: Sequence[str], less: Sequence[str]) -> None:
        conflict: Conflict | None = None
        for _ in range(ATTEMPTS):
            value, index = self._consul.kv_get(self._key) or (b"[]", 0)
            there = parse(value)
            wanted = changed(there, more, less)
            if wanted == there:
                return
            try:
                self._consul.kv_put(self._key, json.dumps(wanted, separators=(",", ":")).encode(), cas=index)
                return
            except Conflict as error:
                conflict = error
        assert conflict is not None  # noqa: S101 - the loop ends by itself after a conflict only
        raise conflict


def changed(there: Sequence[str], more: Sequence[str], less: Sequence[str]) -> list[str]:
    """The list with `more` at its end and without `less`, at most `MOST` values, the newest."""
    kept = [value for value in there if value not in less and value not in more]
    return [*kept, *more][-MOST:]


def parse(text: bytes) -> list[str]:
    """The values of the list. What is not one of a challenge is left out: the list is written anew from these."""
    try:
        values = json.loads(text)
    except ValueError:
        return []
    listed = values if isinstance(values, list) else []
    return [value for value in listed if isinstance(value, str) and _VALUE.fullmatch(value)]
