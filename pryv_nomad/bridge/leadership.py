"""One bridge leads: who holds a lock in Consul, for as long as Consul hears of it.

The lock belongs to a session that dies when it is not renewed within its TTL (Consul waits up to twice that). We count
the TTL on our own clock from the moment before each renewal was sent, and stop writing when it has passed; Consul
counts from later, so we always stop first. A clock that jumps does no harm: only the monotonic one is asked.

The lock-delay (a pause that Consul adds before anybody else may lock) protects against writes of the old leader that
are still under way. Ours carry a check of the session, so a short delay is enough.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.backoff import Backoff
from pryv_nomad.clients.fence import Fence
from pryv_nomad.errors import NotFound, PryvNomadError

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

TTL_S = 10
LOCK_DELAY_S = 1


def leader_key(domain: str) -> str:
    """The key that is locked."""
    return f"pryv-nomad/{domain}/bridge/leader"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether we lead, who does, and what is in the way (empty when Consul answers)."""

    leading: bool = False
    leader: str = ""
    fault: str = ""


class Leadership:
    """Runs for the lock in a thread of its own until `stop` is set. `wake` is set whenever the standing changes."""

    def __init__(
        self,
        consul: Consul,
        domain: str,
        name: str,
        *,
        wake: threading.Event,
        stop: threading.Event,
        ttl_s: int = TTL_S,
        lock_delay_s: int = LOCK_DELAY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consul = consul
        self._key = leader_key(domain)
        self._name = name
        self._wake, self._stop = wake, stop
        self._ttl_s, self._lock_delay_s = ttl_s, lock_delay_s
        self._clock = clock
        self._session = ""
        self._valid_until = 0.0
        self._standing = Standing()
        self._heard = clock()
        self._terms = 0
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def standing(self) -> Standing:
        """How it stands; the lock that we could not renew in time counts as lost."""
        standing = self._standing
        if standing.leading and self._clock() >= self._valid_until:
            return Standing(False, "", standing.fault or "the lock could not be renewed in time")
        return standing

    @property
    def term(self) -> int:
        """Counts how often we became leader."""
        return self._terms

    @property
    def silent_s(self) -> float:
        """Seconds since Consul last answered about the lock."""
        return self._clock() - self._heard

    def fence(self) -> Fence | None:
        """What every write must check, None when we may not write."""
        return Fence(self._key, self._session) if self.standing.leading else None

    def close(self) -> None:
        """Give the lock up, so that a standby has it at once. An unreachable Consul frees it by itself."""
        self._stop.set()
        session, self._standing = self._session, Standing(fault="stopped")
        if session:
            try:
                self._consul.release(self._key, b"", session)
                self._consul.session_destroy(session)
            except PryvNomadError as error:
                self._standing = Standing(fault=error.message)

    # -- the thread

    def _run(self) -> None:
        failures, backoff = 0, Backoff(cap_s=5.0)
        while not self._stop.is_set():
            try:
                self._look()
                failures = 0
            except NotFound:
                self._session = ""
                self._stands(Standing(fault="the session has expired"))
            except PryvNomadError as error:
                failures += 1
                standing = self.standing
                self._stands(Standing(standing.leading, standing.leader, error.message))
                self._stop.wait(backoff.pause(failures, random.random()))  # noqa: S311 - no secret

    def _look(self) -> None:
        """One round: keep the session alive, take the lock where it is free, else wait for a change of it."""
        self._renew()
        answer = self._consul.get(f"/v1/kv/{self._key}")
        holder = _holder(answer.body)
        if holder == self._session:
            self._lead()
        elif not holder:
            if self._consul.acquire(self._key, self._card(), self._session):
                self._lead()
            else:
                # The lock-delay runs: waits are a fraction of it, so that we are not late.
                self._stands(Standing(leader=_name_of(answer.body), fault=""))
                pause = max(0.1, self._lock_delay_s / 10)
                self._stop.wait(pause * (1 + random.random()))  # noqa: S311 - no secret
            return
        else:
            self._stands(Standing(leader=_name_of(answer.body), fault=""))
        self._consul.get(f"/v1/kv/{self._key}", index=answer.index, wait_s=self._ttl_s / 3)
        self._heard = self._clock()

    def _renew(self) -> None:
        sent = self._clock()
        if self._session:
            self._consul.session_renew(self._session)
        else:
            self._session = self._consul.session_create(
                f"pryv-nomad bridge {self._name}", ttl_s=self._ttl_s, lock_delay_s=self._lock_delay_s
            )
        self._valid_until = sent + self._ttl_s
        self._heard = self._clock()

    def _lead(self) -> None:
        if not self._standing.leading:
            self._terms += 1
        self._stands(Standing(True, self._name, ""))

    def _stands(self, standing: Standing) -> None:
        if self._stop.is_set():
            return
        changed = (standing.leading, standing.leader) != (self._standing.leading, self._standing.leader)
        self._standing = standing
        if changed:
            self._wake.set()

    def _card(self) -> bytes:
        return json.dumps({"name": self._name}).encode()


def _holder(body: Any) -> str:
    return str(body[0].get("Session") or "") if body else ""


def _name_of(body: Any) -> str:
    """Who wrote the lock's value; empty for what is no card of a bridge."""
    if not body:
        return ""
    try:
        found = json.loads(base64.b64decode(body[0]["Value"] or ""))
    except ValueError:
        return ""
    return str(found.get("name", "")) if isinstance(found, dict) else ""
