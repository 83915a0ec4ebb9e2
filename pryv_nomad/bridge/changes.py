"""What an operator does to a core's membership: drain it, end that, remove it. Everything else the bridge does.

A change is one transaction on Consul: the record, the count of changes and, for a removal, the record of the wanted
cores and the catalog's entry. So a bridge sees all of it or nothing. The copy in Nomad Variables follows; where it
cannot be written now, the bridge writes it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge import mirror
from pryv_nomad.bridge.desired import decode, desired_key, encode
from pryv_nomad.bridge.entries import SERVICE, Entry, found, node_name
from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.bridge.reading import NomadReader, members_prefix
from pryv_nomad.bridge.states import LISTED, Membership, State, generation_of, newer
from pryv_nomad.clients.consul import kv_operation
from pryv_nomad.errors import NotFound, PryvNomadError, Refused

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

ALLOWED = {
    State.ACTIVE: frozenset({State.DRAINING}),
    State.DRAINING: frozenset({State.ACTIVE}),
    State.GONE: frozenset({State.JOINING, State.ACTIVE, State.DRAINING}),
}
"""State to come → the states from which an operator may bring it about."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The record before and after (the same where nothing was to be done), and what could not be done now."""

    before: Membership
    after: Membership
    warning: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What stands in Consul: the record and the indexes that guard the change."""

    record: Membership
    index: int
    entry: Entry | None


def change_state(consul: Consul, nomad: Nomad, domain: str, core: str, to: State, now: str) -> Changed:
    """Bring a core into the state `to` (active, draining or gone); `now` is when, ISO 8601.

    Raises NotFound for a core that nobody knows, Refused for a state that does not follow, Conflict when somebody
    changed the membership meanwhile.
    """
    reader = NomadReader(nomad)
    unread = _unread(reader)
    kept = _kept(consul, domain, core, reader.state.mirror, unread)
    if kept.record.state is to:
        return Changed(kept.record, kept.record)
    if kept.record.state not in ALLOWED.get(to, ()):
        raise Refused(
            f"core {core} is {kept.record.state}, which cannot become {to}",
            "`pryv-nomad core list` shows the states",
        )
    after = kept.record.changed(now, state=to)
    count = _transact(consul, domain, kept, after)
    return Changed(kept.record, after, _mirrored(reader, after, count, unread))


def _unread(reader: NomadReader) -> PryvNomadError | None:
    """Read the copy in Nomad; why not, where it cannot be read."""
    try:
        reader.read_mirror()
    except PryvNomadError as error:
        return error
    return None


def _kept(consul: Consul, domain: str, core: str, copy: mirror.Mirror | None, unread: PryvNomadError | None) -> _Kept:
    """The newer of both records. Without one in Consul, as after it was emptied, the copy must be there to be asked: a
    record that is older than the copy's would be overruled by it."""
    key = members_prefix(domain) + core
    text = consul.kv_get(key)
    items = consul.get(f"/v1/health/service/{SERVICE}", {"filter": f'Node.Node == "{node_name(core)}"'}).body or ()
    instances = filter(None, (found(item, domain) for item in items))
    entry = next((each.entry for each in instances if each.entry.core == core), None)
    record = Membership.from_text(core, text[0]) if text else None
    if record is None and unread is not None:
        raise unread
    other = copy.members.get(core) if copy else None
    if other is not None:
        record = newer(record, other) if record else other
    if record is None and entry is not None:
        record = Membership(core, entry.state, entry.hosting, entry.address, entry.port)
    if record is None:
        raise NotFound(f"core {core} is not known to the registry", "`pryv-nomad core list` shows those that are")
    return _Kept(record, text[1] if text else 0, entry)


def _transact(consul: Consul, domain: str, kept: _Kept, after: Membership) -> int:
    """Carry the change out; the count of changes after it."""
    counted = consul.kv_get(generation_key(domain))
    count = (generation_of(counted[0]) or 0) if counted else 0
    count += kept.record.state in LISTED or after.state in LISTED
    text = after.to_text().encode()
    operations = [
        kv_operation("cas", members_prefix(domain) + after.core, text, index=kept.index),
        kv_operation("cas", generation_key(domain), str(count).encode(), index=counted[1] if counted else 0),
        *(_removal(consul, domain, after.core) if after.state is State.GONE else _update(kept.entry, after, domain)),
    ]
    consul.txn(operations)
    return count


def _removal(consul: Consul, domain: str, core: str) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = [{"Node": {"Verb": "delete", "Node": {"Node": node_name(core)}}}]
    stored = consul.kv_get(desired_key(domain))
    desired = decode(stored[0]) if stored else None
    if stored and desired and desired.without(core) != desired:
        value = encode(desired.without(core))
        operations.append(kv_operation("cas", desired_key(domain), value, index=stored[1]))
    return operations


def _update(entry: Entry | None, after: Membership, domain: str) -> list[dict[str, Any]]:
    if entry is None:
        return []
    service = Entry(after.core, after.hosting, entry.address, after.port, entry.release, after.state).service(domain)
    return [{"Service": {"Verb": "set", "Node": node_name(after.core), "Service": service}}]


def _mirrored(reader: NomadReader, after: Membership, count: int, unread: PryvNomadError | None) -> str:
    """Write the record to Nomad Variables; why not, where it cannot be done."""
    try:
        if unread is not None:
            raise unread
        present = reader.state.mirror or mirror.Mirror()
        members = {**present.members, after.core: after}
        shards = mirror.shards_for(len(members), present.shards)
        changed = members if shards != present.shards else [after.core]
        variables = mirror.variables_of(members.values(), changed, shards, count)
        reader.write(variables | mirror.variables_of_generation(count), lambda: None)
    except PryvNomadError as error:
        return f"the copy in Nomad's variables is as it was ({error.message}); the bridge brings it up to date"
    return ""
