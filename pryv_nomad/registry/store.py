"""Reads from Consul what a verdict needs of the membership, in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.bridge.reading import list_prefix, members_prefix
from pryv_nomad.bridge.states import Membership, generation_of
from pryv_nomad.registry.verdict import Store, store_of

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul


def read_store(consul: Consul, domain: str) -> Store:
    """What the store holds; a record that cannot be read removes nothing."""
    generation: int | None = None
    records: dict[str, Membership] = {}
    prefix = members_prefix(domain)
    for key, value, _ in consul.kv_list(list_prefix(domain)):
        if key == generation_key(domain):
            generation = generation_of(value)
        elif key.startswith(prefix):
            core = key[len(prefix) :]
            record = Membership.from_text(core, value)
            if record:
                records[core] = record
    return store_of(generation, records)
