"""What came of a look, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from pryv_nomad.bridge.actions import (
    Action,
    BumpGeneration,
    Deregister,
    MirrorDesired,
    MirrorMember,
    Register,
    SaveDesired,
    SaveMember,
    Stores,
    UpdateCheck,
)
from pryv_nomad.bridge.desired import Desired, DesiredCore
from pryv_nomad.bridge.entries import CRITICAL
from pryv_nomad.bridge.observed import Observed
from pryv_nomad.bridge.states import Membership, State


def sentence_of(
    members: Mapping[str, Membership],
    wanted: Mapping[str, DesiredCore],
    desired: Desired | None,
    observed: Mapping[str, Observed],
    stores: Stores,
    actions: tuple[Action, ...],
) -> str:
    """How many cores there are, which need a look, and what was done."""
    listed = [core for core, member in members.items() if member.listed]
    joining = sorted(core for core, member in members.items() if member.state is State.JOINING)
    failing = sorted(core for core in listed if core in observed and observed[core].status == CRITICAL)
    parts = [f"{_counted(len(listed))} listed"]
    parts += [f"{len(failing)} failing ({_few(failing)})"] if failing else []
    parts += [f"{len(joining)} joining ({_few(joining)})"] if joining else []
    unwanted = sorted(core for core in listed if core not in wanted) if desired else []
    parts += [f"{len(unwanted)} not in the cluster file ({_few(unwanted)})"] if unwanted else []
    left = {"with an unreadable record": stores.unreadable, "whose name another platform has in Consul": stores.taken}
    parts += [f"{len(cores)} {what} ({_few(sorted(cores))})" for what, cores in left.items() if cores]
    parts += ["no cluster file recorded"] if desired is None else []
    return f"{', '.join(parts)}; {_done(actions)}"


def _done(actions: tuple[Action, ...]) -> str:
    names = {
        SaveMember: "recorded",
        MirrorMember: "mirrored",
        SaveDesired: "cluster file restored",
        MirrorDesired: "cluster file mirrored",
        Register: "registered",
        UpdateCheck: "check updated",
        Deregister: "deregistered",
    }
    told = []
    for kind, verb in names.items():
        mine = [action for action in actions if isinstance(action, kind)]
        if mine and kind in (SaveDesired, MirrorDesired):
            told.append(verb)
        elif mine:
            told.append(f"{verb}: {_few(sorted(_subject(action) for action in mine))}")
    bumps = [f"generation {action.to}" for action in actions if isinstance(action, BumpGeneration)]
    return "; ".join(told + bumps) or "nothing to do"


def _subject(action: Action) -> str:
    if isinstance(action, SaveMember | MirrorMember):
        return action.member.core
    if isinstance(action, Register | UpdateCheck):
        return action.entry.core
    return action.core if isinstance(action, Deregister) else ""


def _few(names: list[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _counted(number: int) -> str:
    return "1 core" if number == 1 else f"{number} cores"
