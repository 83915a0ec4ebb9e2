"""What the platform knows of one core's membership, and how two stores of it become one: pure.

Each core has a record of its own, whose generation counts its changes. Of two records of a core the one with the higher
generation is newer; so two stores can be merged core by core, whichever of them was emptied or fell behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

PORT = 443
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class State(StrEnum):
    """Where a core stands. `joining`: wanted, never healthy yet. `gone`: removed by an operator; kept as a record, so
    that an older store does not bring it back."""

    JOINING = "joining"
    ACTIVE = "active"
    DRAINING = "draining"
    GONE = "gone"


LISTED = frozenset({State.ACTIVE, State.DRAINING})
"""The states in which the registry lists a core."""


def is_name(text: str) -> bool:
    """Whether a core can be called so: one DNS label."""
    return _LABEL.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Membership:
    """A core's record. `address` is empty until it is known; `since` is when the state began (ISO 8601, for people:
    nothing is decided by it)."""

    core: str
    state: State
    hosting: str
    address: str = ""
    port: int = PORT
    generation: int = 1
    since: str = ""

    @property
    def listed(self) -> bool:
        """Whether the registry lists the core."""
        return self.state in LISTED

    @property
    def line(self) -> tuple[str, str, int, State] | None:
        """What the registry's list says of the core, None where it is not listed."""
        return (self.hosting, self.address, self.port, self.state) if self.listed else None

    def changed(self, now: str, **values: Any) -> Membership:
        """The next record: one generation on, and `since` is `now` where the state is another."""
        after = replace(self, **values)
        if after == self:
            return self
        since = self.since if after.state == self.state else now
        return replace(after, generation=self.generation + 1, since=since)

    def to_json(self) -> dict[str, Any]:
        """The record without the core's name, which is the key."""
        found = asdict(self)
        del found["core"]
        return found

    def to_text(self) -> str:
        """The record as it lies in Consul KV."""
        return json.dumps(self.to_json(), separators=(",", ":"))

    @classmethod
    def from_json(cls, core: str, found: Any) -> Membership | None:
        """The record of `core`, None where `found` is no record."""
        if not isinstance(found, dict) or not is_name(core):
            return None
        known = {field.name: found[field.name] for field in fields(cls) if field.name in found}
        try:
            known["state"] = State(known["state"])
            record = cls(**{**known, "core": core})
            whole = int(record.port), int(record.generation)
        except (KeyError, TypeError, ValueError):
            return None
        texts = (record.hosting, record.address, record.since)
        return record if all(isinstance(text, str) for text in texts) and min(whole) > 0 else None

    @classmethod
    def from_text(cls, core: str, text: bytes | str) -> Membership | None:
        """The record of `core` out of Consul KV, None where the text is no record."""
        try:
            return cls.from_json(core, json.loads(text))
        except ValueError:
            return None


def newer(one: Membership, other: Membership) -> Membership:
    """The newer of two records; of two of the same age the first."""
    return other if other.generation > one.generation else one


def merged(one: Mapping[str, Membership], other: Mapping[str, Membership]) -> dict[str, Membership]:
    """All cores of both stores, each with its newer record."""
    both = dict(one)
    for core, record in other.items():
        known = both.get(core)
        if known is not record:
            both[core] = record if known is None else newer(known, record)
    return both


def generation_of(text: bytes | str) -> int | None:
    """The count of changes that a text says, None where it is no count."""
    digits = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 19 else None
