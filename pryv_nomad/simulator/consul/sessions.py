"""Consul's sessions: they hold locks, end when they are not renewed, and keep a lock closed for a while afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.durations import go_duration, seconds_of
from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]

_SHORTEST, _LONGEST = 10, 86_400
# Consul lets a session live for twice its TTL before it ends it (`structs.SessionTTLMultiplier`).
_TTL_FACTOR = 2


@dataclass(slots=True)
class Session:
    """One session; `ttl` and `lock_delay` in nanoseconds, ttl 0: it does not end by itself."""

    id: str
    name: str
    node: str
    ttl: int
    lock_delay: int
    behavior: str
    create_index: int
    ends_at: int = 0

    def to_json(self) -> Json:
        return {
            "ID": self.id, "Name": self.name, "Node": self.node, "LockDelay": self.lock_delay,
            "Behavior": self.behavior, "TTL": go_duration(self.ttl) if self.ttl else "", "NodeChecks": ["serfHealth"],
            "ServiceChecks": None, "CreateIndex": self.create_index, "ModifyIndex": self.create_index,
        }  # fmt: skip

    def renewed(self, now: int, pace: float = 1.0) -> None:
        """Let it live on from `now`; `pace` is how many nanoseconds a nanosecond of its holder's clock is here."""
        self.ends_at = now + int(_TTL_FACTOR * self.ttl * pace) if self.ttl else 0


def session_from(given: Json, identifier: str, index: int, now: int, pace: float = 1.0) -> Session:
    """A session as `PUT /v1/session/create` asks for it, its names in any case, as Go reads them; raises `Refusal`."""
    asked = {name.lower(): value for name, value in given.items()}
    ttl = int(seconds_of(str(asked.get("ttl") or "0s")) * SECOND)
    if ttl and not _SHORTEST * SECOND <= ttl <= _LONGEST * SECOND:
        raise Refusal(400, f"Invalid Session TTL '{ttl}', must be between [10s=24h0m0s]")
    behavior = asked.get("behavior") or "release"
    if behavior not in ("release", "delete"):
        raise Refusal(400, f'Invalid Behavior "{behavior}"')
    name, delay = str(asked.get("name") or ""), _lock_delay(asked.get("lockdelay"))
    session = Session(identifier, name, "simulator", ttl, delay, behavior, index)
    session.renewed(now, pace)
    return session


def _lock_delay(given: Any) -> int:
    """Nanoseconds: a duration as text, or a number that counts seconds when it is small, as in Consul."""
    if given is None:
        return 15 * SECOND
    if isinstance(given, str):
        return int(seconds_of(given) * SECOND)
    return int(given) * (SECOND if given < 1000 else 1)
