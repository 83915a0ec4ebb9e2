"""The roll of cores: what the stores, the catalog and the cluster file say of each, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pryv_nomad.bridge.entries import SERVICE, Found, found
from pryv_nomad.bridge.reading import members_prefix
from pryv_nomad.bridge.states import Membership, State

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul


@dataclass(frozen=True, slots=True)
class Row:
    """One core. `state` is empty for one that only the cluster file has; `health` and `why` are its check's."""

    core: str
    hosting: str
    state: str
    address: str
    health: str
    why: str
    wanted: bool
    since: str = ""


def roll(consul: Consul, domain: str, wanted: Mapping[str, str]) -> list[Row]:
    """A row a core, in the order of the cluster file, then the others. `wanted`: core → hosting of the cluster file."""
    prefix = members_prefix(domain)
    records = {key.removeprefix(prefix): value for key, value, _ in consul.kv_list(prefix)}
    members = {name: record for name, text in records.items() if (record := Membership.from_text(name, text))}
    instances = (found(item, domain) for item in consul.health_service(SERVICE))
    catalog = {each.entry.core: each for each in instances if each}
    others = sorted({*members, *catalog} - set(wanted))
    return [_row(name, wanted, members.get(name), catalog.get(name)) for name in (*wanted, *others)]


def _row(name: str, wanted: Mapping[str, str], member: Membership | None, listed: Found | None) -> Row:
    entry = listed.entry if listed else None
    # A removed core that the catalog still has is what the list says, not what the record wishes.
    state = str(member.state) if member else str(entry.state) if entry else ""
    address = (entry.address if entry else "") or (member.address if member else "")
    hosting = wanted.get(name) or (member.hosting if member else "") or (entry.hosting if entry else "")
    gone = state == State.GONE
    return Row(
        core=name,
        hosting=hosting,
        state=state,
        address="" if gone and not entry else address,
        health=entry.status if entry else "",
        why=entry.output if entry else "",
        wanted=name in wanted,
        since=member.since if member else "",
    )
