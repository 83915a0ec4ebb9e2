"""What must change in the stores and in Consul's catalog: a function of what is wanted, seen, registered and stored.

Rules that hold whatever comes: a core that was listed stays listed until an operator removes it; what a store lost
comes back from the other; what stands in the catalog and in no store is taken over, not taken out. When everything is
as it should be there is no action at all, so a quiet platform writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pryv_nomad.bridge.actions import (
    Action,
    BumpGeneration,
    Decision,
    Deregister,
    MirrorDesired,
    MirrorGeneration,
    MirrorMember,
    Register,
    SaveDesired,
    SaveMember,
    Stores,
    UpdateCheck,
)
from pryv_nomad.bridge.desired import Desired, DesiredCore
from pryv_nomad.bridge.entries import CRITICAL, LONGEST_OUTPUT, PASSING, WARNING, Entry, Found
from pryv_nomad.bridge.observed import Observed
from pryv_nomad.bridge.sentences import sentence_of
from pryv_nomad.bridge.states import Membership, State, merged

NOT_WANTED = "not in the cluster file any more; `pryv-nomad core remove` would take it out"
DRAINING = "draining, though release 1.9 goes on giving it new users"


def reconcile(
    desired: Desired | None,
    observed: Mapping[str, Observed],
    registered: Iterable[Found],
    stores: Stores,
    now: str,
) -> Decision:
    """Decide. `desired` None: nobody recorded a cluster file; a core that is not in `observed`: nothing is known of it.

    The order of the actions: records to Consul KV, then to Nomad, then the catalog, then the count. So a core stands in
    both stores before the registry can list it, and an emptied Consul gets its count, which templates wait for, when
    the list is whole again.
    """
    foreign = stores.unreadable | stores.taken
    instances = tuple(sorted((each for each in registered if each.entry.core not in foreign), key=_order))
    wanted = {core.name: core for core in desired.cores if core.name not in foreign} if desired else {}
    before = {core: each for core, each in merged(stores.kv, stores.mirror or {}).items() if core not in foreign}
    members = before
    if stores.mirror is not None:
        _join(members, wanted, now)
    for instance in instances:
        _adopt(members, instance, now)
    for core in members.keys() & wanted.keys():
        members[core] = _followed(members[core], wanted[core], observed.get(core), now)
    asked = wanted if desired else None
    catalog = _catalog_actions(members, asked, observed, instances)
    saves = tuple(SaveMember(each) for each in _unlike(members, stores.kv))
    mirrored = stores.mirror if stores.mirror is not None else members
    mirror = tuple(MirrorMember(each) for each in _unlike(members, mirrored))
    actions = (*saves, *_desired_actions(desired, stores), *mirror, *_count(stores, members, catalog))
    return Decision(actions, members, sentence_of(members, wanted, desired, observed, stores, actions))


def _unlike(members: Mapping[str, Membership], store: Mapping[str, Membership]) -> list[Membership]:
    """The records that `store` has otherwise or not at all, by name."""
    found = [member for core, member in members.items() if store.get(core) != member]
    return sorted(found, key=lambda member: member.core)


def _join(after: dict[str, Membership], wanted: Mapping[str, DesiredCore], now: str) -> None:
    """A record for each wanted core that has none, or was removed and is wanted again."""
    for core, wish in wanted.items():
        known = after.get(core)
        if known is None:
            after[core] = Membership(core, State.JOINING, wish.hosting, wish.ip, wish.port, since=now)
        elif known.state is State.GONE:
            place = {"hosting": wish.hosting, "address": wish.ip, "port": wish.port}
            after[core] = known.changed(now, state=State.JOINING, **place)


def _adopt(after: dict[str, Membership], instance: Found, now: str) -> None:
    """What the catalog lists was listed, whoever registered it."""
    entry = instance.entry
    known = after.get(entry.core)
    if known is None:
        after[entry.core] = Membership(entry.core, entry.state, entry.hosting, entry.address, entry.port, since=now)
    elif known.state is State.JOINING and entry.state is not State.JOINING:
        after[entry.core] = known.changed(now, state=entry.state, address=known.address or entry.address)


def _followed(known: Membership, wish: DesiredCore, seen: Observed | None, now: str) -> Membership:
    """The record after a look: its place in the file and its address followed, listed from its first healthy check on.

    A new address counts when the core is healthy there: before, the old one is as good as any.
    """
    address = wish.ip or known.address
    if known.state is State.GONE:
        return known
    if not wish.ip and seen is not None and seen.address and (seen.passing or not known.address):
        address = seen.address
    state = known.state
    if state is State.JOINING and address and seen is not None and seen.passing:
        state = State.ACTIVE
    if (state, wish.hosting, address, wish.port) == (known.state, known.hosting, known.address, known.port):
        return known
    return known.changed(now, state=state, hosting=wish.hosting, address=address, port=wish.port)


def _catalog_actions(
    members: Mapping[str, Membership],
    wanted: Mapping[str, DesiredCore] | None,
    observed: Mapping[str, Observed],
    instances: tuple[Found, ...],
) -> tuple[Action, ...]:
    """What to register and update, by name, then what to take out."""
    own = {each.entry.core: each for each in instances if each.own}
    entries: list[Register | UpdateCheck] = []
    for core, member in members.items():
        if member.state is State.GONE or not member.address:
            continue
        there = own.get(core)
        entry = _entry(member, wanted is None or core in wanted, observed.get(core), there.entry if there else None)
        if there is None or not there.whole:
            entries.append(Register(entry))
        elif entry != there.entry:
            same = _identity(entry) == _identity(there.entry)
            entries.append(UpdateCheck(entry) if same else Register(entry))
    outs = (
        Deregister(each.entry.core, each.node, each.service_id, each.own)
        for each in instances
        if _superfluous(each, members.get(each.entry.core))
    )
    return (*sorted(entries, key=lambda action: action.entry.core), *outs)


def _superfluous(instance: Found, member: Membership | None) -> bool:
    """Whether it is of a core that was removed, or a second one beside the one that stands where it should."""
    if member is None:
        return False
    return member.state is State.GONE or (not instance.own and bool(member.address))


def _order(instance: Found) -> tuple[str, bool, str, str]:
    """A core's instance in its own place comes before others of it."""
    return instance.entry.core, not instance.own, instance.node, instance.service_id


def _identity(entry: Entry) -> Entry:
    """The entry but for what its check says."""
    return replace(entry, status="", output="")


def _entry(member: Membership, wanted: bool, seen: Observed | None, there: Entry | None) -> Entry:
    status, output = _check(member, wanted, seen, there)
    release = seen.release if seen and seen.release else there.release if there else ""
    return Entry(member.core, member.hosting, member.address, member.port, release, member.state, status, output)


def _check(member: Membership, wanted: bool, seen: Observed | None, there: Entry | None) -> tuple[str, str]:
    """Status and text of a core's check. Where nothing is known of the core, what is there stays as it is."""
    if seen is None:
        if there is not None and there.status in (PASSING, WARNING, CRITICAL):
            return there.status, there.output
        return WARNING, "nothing is known of it yet"
    status, words = seen.status, [seen.why]
    if member.state is State.JOINING:
        words.insert(0, "joining")
    if member.state is State.DRAINING:
        words.insert(0, DRAINING)
        status = WARNING if status == PASSING else status
    if not wanted:
        words.append(NOT_WANTED)
    return status, "; ".join(filter(None, words))[:LONGEST_OUTPUT]


def _desired_actions(desired: Desired | None, stores: Stores) -> Iterator[Action]:
    if desired is None:
        return
    if stores.desired is None:
        yield SaveDesired(desired)
    if stores.mirror is not None and stores.mirror_desired != desired:
        yield MirrorDesired(desired)


def _count(stores: Stores, members: Mapping[str, Membership], catalog: tuple[Action, ...]) -> tuple[Action, ...]:
    """The catalog's actions between those of the count of changes.

    The count is one on when the list is another than Consul KV has it, never behind the mirror's, and at least one when
    there are members; "0" stands for a platform that has had none yet.
    """
    known = max(stores.generation or 0, stores.mirror_generation or 0)
    if any(member.line != _line(stores.kv.get(core)) for core, member in members.items()):
        known += 1
    elif any(member.listed for member in members.values()):
        known = max(known, 1)
    if stores.mirror is None and stores.generation is None:
        return catalog
    mirrored = stores.mirror is None or stores.mirror_generation == known
    bump = () if known == stores.generation else (BumpGeneration(known),)
    return (*(() if mirrored else (MirrorGeneration(known),)), *catalog, *bump)


def _line(member: Membership | None) -> tuple[str, str, int, State] | None:
    return member.line if member else None
