"""Revisions: which spec each job had when a rollout was done, and the specs themselves, to go back to.

    pryv-nomad/DOMAIN/specs/NAME               a spec's JSON text, compressed; NAME is its SHA-256
    pryv-nomad/DOMAIN/revisions/N/head         release, time, who, intent
    pryv-nomad/DOMAIN/revisions/N/jobs/PAGE    job → names of its specs, 500 jobs a page

A spec is kept once however many revisions and rollouts use it, and removed when none does. Ten revisions are kept, more
than the six versions of a job that Nomad keeps.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pryv_nomad.clients.consul import kv_operation
from pryv_nomad.clients.fence import in_batches
from pryv_nomad.errors import Conflict, NotFound
from pryv_nomad.plan.intent import Intent
from pryv_nomad.rollout.head import intent_in, intent_out

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

Json = dict[str, Any]
KEPT = 10
PAGE = 500
VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A job in a revision. `hash` is the spec as the cluster file means it, `text` the name of what was registered:
    they differ for a core that came to its release by a migration. `text` is empty where the spec is not kept."""

    hash: str
    text: str
    owner: str
    kind: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A recorded state of the platform."""

    number: int
    release: str = ""
    time: str = ""
    who: str = ""
    rollout: str = ""
    jobs: Mapping[str, Kept] = field(default_factory=dict)
    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class KeptSpec:
    """A spec out of a revision, in the shape that planning takes."""

    job_id: str
    owner: str
    kind: str
    hash: str
    json_text: str


def name_of(text: str) -> str:
    """The name of a spec: its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


Transact = Callable[[list[Json]], Any]
"""Carries out operations in a transaction that checks the lock."""


class Specs:
    """The specs of a platform, by name."""

    def __init__(self, consul: Consul, domain: str) -> None:
        self._consul = consul
        self._prefix = f"pryv-nomad/{domain}/specs/"

    def names(self) -> frozenset[str]:
        """The names of all that are kept."""
        body = self._consul.get(f"/v1/kv/{self._prefix}", {"keys": "true"}).body
        return frozenset(key.removeprefix(self._prefix) for key in body or ())

    def text(self, name: str) -> str:
        """A spec's text. Raises NotFound for one that is not kept, Conflict for one that was damaged."""
        found = self._consul.kv_get(self._prefix + name)
        if found is None:
            raise NotFound(f"the spec {name[:12]} is not in Consul any more", "plan and run from the cluster file")
        return self._read(name, found[0])

    def texts(self, names: Iterable[str]) -> dict[str, str]:
        """Several specs, 60 a request."""
        wanted, found = sorted(set(names)), {}
        for start in range(0, len(wanted), 60):
            part = wanted[start : start + 60]
            results = self._consul.txn([kv_operation("get", self._prefix + name) for name in part])
            for each in results:
                name = each["KV"]["Key"].removeprefix(self._prefix)
                found[name] = self._read(name, base64.b64decode(each["KV"]["Value"] or ""))
        return found

    def keep(self, texts: Iterable[str], transact: Transact) -> None:
        """Keep specs; those that are there already are not sent."""
        known, operations = self.names(), {}
        for text in texts:
            name = name_of(text)
            if name not in known and name not in operations:
                value = zlib.compress(text.encode(), 9)
                operations[name] = kv_operation("set", self._prefix + name, value)
        for batch in in_batches(operations.values()):
            transact(batch)

    def remove(self, names: Iterable[str], transact: Transact) -> None:
        """Remove specs."""
        for batch in in_batches(kv_operation("delete", self._prefix + name) for name in sorted(names)):
            transact(batch)

    def _read(self, name: str, value: bytes) -> str:
        try:
            text = zlib.decompress(value).decode()
        except (zlib.error, UnicodeDecodeError):
            text = ""
        if name_of(text) != name:
            raise Conflict(f"the spec {name[:12]} in Consul is damaged", "plan and run from the cluster file")
        return text


class Revisions:
    """The revisions of a platform."""

    def __init__(self, consul: Consul, domain: str) -> None:
        self._consul = consul
        self._prefix = f"pryv-nomad/{domain}/revisions/"
        self.specs = Specs(consul, domain)

    def numbers(self) -> list[int]:
        """The revisions that are kept, oldest first."""
        body: list[str] = self._consul.get(f"/v1/kv/{self._prefix}", {"keys": "true"}).body or []
        heads = (key.removeprefix(self._prefix).partition("/") for key in body)
        return sorted(int(number) for number, _, rest in heads if rest == "head")

    def latest(self) -> int:
        """The last revision's number, 0 when there is none."""
        return max(self.numbers(), default=0)

    def read(self, number: int, *, whole: bool = True) -> Revision:
        """A revision, without its jobs and intent unless `whole`. Raises NotFound."""
        found = self._consul.kv_get(f"{self._prefix}{number}/head")
        if found is None:
            raise NotFound(f"there is no revision {number}", "`pryv-nomad rollout history` lists what there is")
        value = json.loads(found[0])
        head = {key: value[key] for key in ("release", "time", "who", "rollout")}
        if not whole:
            return Revision(number, **head)
        jobs: dict[str, Kept] = {}
        for _, page, _ in self._consul.kv_list(f"{self._prefix}{number}/jobs/"):
            jobs |= {job_id: Kept(*each) for job_id, each in json.loads(zlib.decompress(page)).items()}
        return Revision(number, **head, jobs=jobs, intent=intent_in(base64.b64decode(value["intent"])))

    def specs_of(self, revision: Revision) -> list[KeptSpec]:
        """The specs of a revision whose texts are kept."""
        texts = self.specs.texts(kept.text for kept in revision.jobs.values() if kept.text)
        return [
            KeptSpec(job_id, kept.owner, kept.kind, kept.hash, texts[kept.text])
            for job_id, kept in revision.jobs.items()
            if kept.text
        ]

    def add(self, revision: Revision, transact: Transact, used: Iterable[str] = ()) -> int:
        """Record a revision, unless the last one is the same; the number that stands for it. Older ones than ten go,
        and specs that no revision names and that are not `used`."""
        numbers = self.numbers()
        latest = self.read(numbers[-1]) if numbers else None
        if latest is not None and latest.jobs == revision.jobs:
            return latest.number
        number = revision.number or (numbers[-1] + 1 if numbers else 1)
        transact([{"KV": {"Verb": "delete-tree", "Key": f"{self._prefix}{number}/"}}])
        for batch in in_batches(self._pages(number, revision.jobs)):
            transact(batch)
        transact([kv_operation("set", f"{self._prefix}{number}/head", _head(revision))])
        self._clean([*numbers, number], transact, used)
        return number

    def _pages(self, number: int, jobs: Mapping[str, Kept]) -> Iterable[Json]:
        names = sorted(jobs)
        for start in range(0, len(names), PAGE):
            page = {name: list(_values(jobs[name])) for name in names[start : start + PAGE]}
            value = zlib.compress(json.dumps(page, separators=(",", ":")).encode(), 9)
            yield kv_operation("set", f"{self._prefix}{number}/jobs/{start // PAGE:05d}", value)

    def _clean(self, numbers: list[int], transact: Transact, used: Iterable[str]) -> None:
        for number in numbers[:-KEPT]:
            transact([{"KV": {"Verb": "delete-tree", "Key": f"{self._prefix}{number}/"}}])
        if len(numbers) <= KEPT:
            return
        wanted = set(used)
        for number in numbers[-KEPT:]:
            wanted |= {kept.text for kept in self.read(number).jobs.values()}
        self.specs.remove(self.specs.names() - wanted, transact)


def _values(kept: Kept) -> tuple[str, str, str, str]:
    return kept.hash, kept.text, kept.owner, kept.kind


def _head(revision: Revision) -> bytes:
    intent = base64.b64encode(intent_out(revision.intent)).decode() if revision.intent else ""
    head = {key: getattr(revision, key) for key in ("release", "time", "who", "rollout")}
    return json.dumps({"version": VERSION, **head, "intent": intent}).encode()
