"""A rollout's record as text: a small head, one entry a job, the intent, and what people wish. Versioned JSON."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pryv_nomad.errors import Conflict
from pryv_nomad.plan.change import Action, Change
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.rollout.gating import GateReading, Verdict
from pryv_nomad.rollout.state import NEVER, Phase, State, Status, Step, Wishes

VERSION = 1
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """What is to be known of a rollout at a glance.

    `kind` is run or undo. `who` started it, `driver` drives it now (or did last). Times are for people; what counts is
    `clock`, the seconds for which it was driven: no change of a machine's time can end a pause or a deadline early.
    `saves` counts the writes of the head. Revisions are numbers, 0 for none.
    """

    id: str
    kind: str = "run"
    status: Status = Status.RUNNING
    strategy: str = ""
    release: str = ""
    release_from: tuple[str, ...] = ()
    who: str = ""
    driver: str = ""
    started: str = ""
    updated: str = ""
    revision_from: int = 0
    revision_to: int = 0
    backup: str = ""
    clock: float = 0.0
    saves: int = 0
    jobs: int = 0
    done: int = 0
    failed: int = 0
    waves: int = 0
    passed: int = 0
    reached: float = NEVER
    opened: float = NEVER
    halted: str = ""
    called: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    sentence: str = ""
    readings: tuple[GateReading, ...] = ()

    def of_state(self, state: State) -> Head:
        """The head with what a state says."""
        return replace(
            self,
            status=state.status,
            jobs=len(state.jobs),
            done=state.done,
            failed=len(state.failed),
            waves=len(state.layout.waves),
            passed=state.passed,
            reached=state.reached,
            opened=state.opened,
            halted=state.halted,
            called=tuple(sorted(state.called)),
            awaits=state.awaits,
        )

    def to_text(self) -> bytes:
        """As it lies in the store."""
        return json.dumps({"version": VERSION, **asdict(self)}, ensure_ascii=False).encode()

    @classmethod
    def from_text(cls, text: bytes) -> Head:
        """From the store. Raises Conflict for a record that another version of pryv-nomad wrote."""
        value = _versioned(text, "a rollout")
        try:
            readings = tuple(
                GateReading(**{**each, "verdict": Verdict(each["verdict"])}) for each in value.pop("readings")
            )
            lists = {key: tuple(value[key]) for key in ("release_from", "called", "awaits")}
            return cls(**{**value, **lists, "status": Status(value["status"]), "readings": readings})
        except (KeyError, TypeError, ValueError) as error:
            raise Conflict(f"the record of a rollout in Consul cannot be read ({error})", "look at it there") from error


def _versioned(text: bytes, what: str) -> Json:
    try:
        value: Json = json.loads(text)
        version = value.pop("version", None)
    except (ValueError, AttributeError, TypeError) as error:
        raise Conflict(f"the record of {what} in Consul cannot be read ({error})", "look at it in Consul") from error
    if version != VERSION:
        raise Conflict(
            f"the record of {what} in Consul is in version {version!r}; this pryv-nomad reads {VERSION}",
            "use the pryv-nomad that began it",
        )
    return value


# -- steps -------------------------------------------------------------------------------------------------------


def step_out(step: Step, place: int, text: str, enlisted: bool) -> bytes:
    """A job's entry. `place` is its number in the order, `text` the name of the spec that is registered."""
    change = step.change
    value = {
        "n": place,
        "job": change.job_id,
        "owner": change.owner,
        "kind": change.kind,
        "action": change.action.value,
        "from": change.index,
        "hash": change.hash,
        "core": change.core,
        "hosting": change.hosting,
        "text": text,
        "stage": step.stage,
        "wave": step.wave,
        "phase": step.phase.value,
        "index": step.index,
        "evaluation": step.evaluation,
        "since": round(step.since, 3),
        "progress": step.progress,
        "explained": step.explained,
        "held": round(step.held, 3),
        "doomed": step.doomed,
        "kept": step.kept,
        "enlisted": enlisted,
    }
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Entry:
    """A job's entry, read: see `step_out`."""

    place: int
    step: Step
    text: str
    enlisted: bool

    @classmethod
    def of(cls, text: bytes) -> Entry:
        """From the store. Raises Conflict for what is none."""
        try:
            value = json.loads(text)
            change = Change(
                job_id=value["job"],
                owner=value["owner"],
                kind=value["kind"],
                action=Action(value["action"]),
                index=value["from"],
                hash=value["hash"],
                core=value["core"],
                hosting=value["hosting"],
            )
            named = ("index", "evaluation", "since", "progress", "explained", "wave", "held", "doomed", "kept")
            step = Step(change, value["stage"], Phase(value["phase"]), **{name: value[name] for name in named})
            return cls(value["n"], step, value["text"], value["enlisted"])
        except (KeyError, TypeError, ValueError) as error:
            raise Conflict(f"an entry of a rollout in Consul cannot be read ({error})", "look at it there") from error


# -- the intent --------------------------------------------------------------------------------------------------


def intent_out(intent: Intent) -> bytes:
    """The intent, compressed: 5,000 cores are some 60 KB."""
    return zlib.compress(json.dumps(asdict(intent), separators=(",", ":"), ensure_ascii=False).encode(), 9)


def intent_in(value: bytes) -> Intent:
    """Read an intent. Raises Conflict for what is none."""
    try:
        found = json.loads(zlib.decompress(value))
        return Intent(
            platform=Platform(**found["platform"]),
            release=found["release"],
            migrates=found["migrates"],
            members=tuple(Member(**each) for each in found["members"]),
            policy=Policy.of(found["policy"]),
        )
    except (zlib.error, KeyError, TypeError, ValueError) as error:
        raise Conflict(f"the intent of a rollout in Consul cannot be read ({error})", "look at it there") from error


# -- wishes ------------------------------------------------------------------------------------------------------


def wishes_out(wishes: Wishes) -> bytes:
    """What people wish, as it lies in the store."""
    value = {"paused": wishes.paused, "promoted": sorted(wishes.promoted), "aborted": wishes.aborted}
    return json.dumps(value).encode()


def wishes_in(text: bytes) -> Wishes:
    """Read wishes. Raises Conflict for what is none."""
    try:
        value: Mapping[str, Any] = json.loads(text)
        return Wishes(bool(value["paused"]), frozenset(value["promoted"]), str(value["aborted"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Conflict(f"the wishes of a rollout in Consul cannot be read ({error})", "look at them there") from error
