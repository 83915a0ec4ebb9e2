"""Writes the membership to Consul: a core at a time, the generation after a change. It never takes a core out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.membership import SERVICE, Listed, address_of, generation_key, listed, payload
from pryv_nomad.bridge.states import State
from pryv_nomad.errors import Conflict
from pryv_nomad.plan.intent import Member

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

ATTEMPTS = 5


class Catalog:
    """The cores of one platform in Consul's catalog."""

    def __init__(self, consul: Consul, domain: str) -> None:
        self._consul = consul
        self._domain = domain

    def members(self) -> dict[str, Listed]:
        """The cores that are listed, in one request."""
        return listed(list[Mapping[str, Any]](self._consul.catalog_service(SERVICE)), self._domain)

    def ensure_generation(self) -> bool:
        """Make the generation key where it is missing, before any job that waits for it: "0" where the catalog has no
        member, which lets the registry begin without any core. True when it was made."""
        key = generation_key(self._domain)
        if self._consul.kv_get(key) is not None:
            return False
        try:
            return self._consul.kv_put(key, b"1" if self.members() else b"0", cas=0)
        except Conflict:
            return False

    def enlist(self, member: Member, node: Mapping[str, Any] | None, known: Listed | None) -> tuple[bool, str]:
        """List a core, at its address. (whether something changed, a warning or nothing)."""
        address, warning = address_of(member, node)
        state = State.DRAINING if known and known.state is State.DRAINING else State.ACTIVE
        if not address or known == Listed(member.name, member.hosting, address, state):
            return False, warning
        self._consul.catalog_register(payload(member, address, self._domain, state))
        return True, warning

    def bump_generation(self) -> int:
        """Count one more change. Raises Conflict when others keep counting at the same time."""
        key = generation_key(self._domain)
        for _ in range(ATTEMPTS):
            found = self._consul.kv_get(key)
            value, index = found if found else (b"0", 0)
            following = int(value) + 1 if value.isdigit() else 1
            try:
                self._consul.kv_put(key, str(following).encode(), cas=index)
                return following
            except Conflict:
                continue
        raise Conflict(f"the generation of the membership ({key}) changes too often", "run it again in a moment")
