"""What is known about the running platform: Nomad's list of jobs, and our record of what was last done.

The record of a job says which spec was registered last and which JobModifyIndex Nomad gave it. A job whose index and
spec are still those is unchanged, and needs no further request. It lies in Consul's KV, one entry a job.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


class Spec(Protocol):
    """A rendered job, as `specs.render` makes it. `json_text` is the job's JSON, `hash` the SHA-256 of that text."""

    @property
    def job_id(self) -> str: ...

    @property
    def owner(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def hash(self) -> str: ...

    @property
    def json_text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Stub:
    """One entry of `GET /v1/jobs`. `index` is Nomad's JobModifyIndex."""

    job_id: str
    index: int
    status: str = ""
    stopped: bool = False
    type: str = "service"

    @classmethod
    def of(cls, stub: Mapping[str, Any]) -> Stub:
        """From Nomad's JSON."""
        return cls(
            job_id=stub["ID"],
            index=int(stub["JobModifyIndex"]),
            status=stub.get("Status") or "",
            stopped=bool(stub.get("Stop")),
            type=stub.get("Type") or "service",
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What was last done with a job: the spec's hash, Nomad's JobModifyIndex and Version after it, and whose job it is
    (`owner`, `kind`, `hosting`), so that a job that left the model is still known for what it was.

    `pending` is the hash of a spec about to be registered, written before and gone after: a run that died in between
    is told from a stranger by it. A job never registered before has index 0 and version -1 meanwhile.
    """

    hash: str
    index: int
    version: int = 0
    owner: str = ""
    kind: str = ""
    hosting: str = ""
    release: str = ""
    pending: str = ""

    def to_text(self) -> str:
        """As it lies in the KV store."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Record:
        """From its JSON. Raises KeyError, TypeError or ValueError for what is no record."""
        return cls(
            hash=str(value["hash"]),
            index=int(value["index"]),
            version=int(value.get("version", 0)),
            owner=str(value.get("owner", "")),
            kind=str(value.get("kind", "")),
            hosting=str(value.get("hosting", "")),
            release=str(value.get("release", "")),
            pending=str(value.get("pending", "")),
        )

    @classmethod
    def from_text(cls, text: str | bytes) -> Record | None:
        """From the KV store; None for what is no record, which then counts as a lost one."""
        try:
            return cls.of(json.loads(text))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Observed:
    """What runs and what we know of it. `records` is None where the store could not be read."""

    stubs: Mapping[str, Stub] = field(default_factory=dict)
    records: Mapping[str, Record] | None = field(default_factory=dict)

    @classmethod
    def of(cls, stubs: Iterable[Mapping[str, Any]], records: Mapping[str, Record] | None) -> Observed:
        """From Nomad's list and the records by job."""
        found = (Stub.of(stub) for stub in stubs if not stub.get("ParentID"))
        return cls({stub.job_id: stub for stub in found}, records)

    def record(self, job_id: str) -> Record | None:
        """Our record of a job, None where there is none or the store could not be read."""
        return (self.records or {}).get(job_id)
