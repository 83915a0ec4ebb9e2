"""Makes the values that planning works on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pryv_nomad.plan.answers import Answer, Effect, Group
from pryv_nomad.plan.change import Action, Change
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.plan.observed import Observed, Record, Stub

CASES = Path(__file__).parents[1] / "cases" / "plan"


@dataclass(frozen=True)
class MadeSpec:
    """A spec whose text is its version."""

    job_id: str
    owner: str = "registry"
    kind: str = "redis"
    version: str = "1"

    @property
    def json_text(self) -> str:
        return json.dumps({"ID": self.job_id, "V": self.version})

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.json_text.encode()).hexdigest()


def record_of(spec: MadeSpec, index: int, **values: Any) -> Record:
    return Record(spec.hash, index, owner=spec.owner, kind=spec.kind, release="1.9.2", **values)


def observed(
    stubs: dict[str, int], records: dict[str, Record] | None, stopped: frozenset[str] = frozenset()
) -> Observed:
    found = {name: Stub(name, index, "running", name in stopped) for name, index in stubs.items()}
    return Observed(found, records)


def intent(*cores: str, hosting: str = "ch", release: str = "1.9.2", migrates: bool = False, most: int = 1) -> Intent:
    return Intent(
        Platform("pryv.example", "global", "default"),
        release,
        migrates,
        tuple(Member(core, hosting) for core in cores),
        Policy(most, 600.0),
    )


def answer(name: str) -> Answer:
    """A recorded answer of Nomad 1.6.5."""
    return Answer.of(json.loads((CASES / f"answer-{name}.json").read_text()))


SAME = Answer(differs=False, index=7, groups=(Group("g", Effect.IGNORE, (("ignore", 1),)),), fields=())
OTHER = Answer(differs=True, index=7, groups=(Group("g", Effect.REPLACE, (("destructive update", 1),)),), fields=())


def change(job_id: str, action: Action = Action.UPDATE, core: str = "", hosting: str = "", kind: str = "") -> Change:
    kind = kind or job_id.removeprefix("pryv-").removesuffix(f"-{core}" if core else "")
    owner = core or "registry"
    return Change(job_id, owner, kind, action, index=7, hash="h", core=core, hosting=hosting, spec="{}")


def core_changes(core: str, action: Action = Action.UPDATE, hosting: str = "ch") -> tuple[Change, ...]:
    return tuple(change(f"pryv-{kind}-{core}", action, core, hosting) for kind in ("data", "core", "edge"))
