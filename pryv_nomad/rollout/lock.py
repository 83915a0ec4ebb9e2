"""Who drives: a lock in Consul, one a platform, held for as long as Consul hears from the driver.

The lock's value is a card that names its holder. It belongs to a session with a TTL, renewed by a thread of its own.
What counts is not our belief to hold it: every write checks the session (`Fence`). Since all writes are fenced, a
short lock-delay is enough.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pryv_nomad.clients.fence import Fence
from pryv_nomad.errors import NotFound, PryvNomadError, Refused

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

TTL_S = 10
LOCK_DELAY_S = 1
RENEWALS = 3
"""Renewals in the time of a TTL."""
# A dead driver's session ends after at most twice its TTL; then the lock-delay runs.
TAKEOVER_S = 2 * TTL_S + LOCK_DELAY_S + 5.0
RETRY_S = 0.5


def lock_key(domain: str) -> str:
    """The key that is locked."""
    return f"pryv-nomad/{domain}/rollouts/lock"


@dataclass(frozen=True, slots=True)
class Card:
    """Who holds the lock: the user's name, the machine, since when (for people to read), and with which rollout."""

    name: str
    host: str
    since: str
    rollout: str = ""

    @property
    def text(self) -> str:
        """`anna@laptop, since 2026-01-02T03:04:05Z`."""
        return f"{self.name}@{self.host}, since {self.since}" if self.since else f"{self.name}@{self.host}"

    @classmethod
    def of(cls, text: bytes) -> Card | None:
        """From the lock's value; None for what is none."""
        try:
            value = json.loads(text)
            return cls(**{key: str(value[key]) for key in ("name", "host", "since", "rollout")})
        except (ValueError, KeyError, TypeError):
            return None


def own_card(now: float | None = None) -> Card:
    """The card of this process. `now` is seconds since 1970."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return Card(name, socket.gethostname(), since)


class Held(Refused):
    """Somebody else drives."""


class Lock:
    """The lock of one platform (or another `key`). Take it, keep it, give it back."""

    def __init__(self, consul: Consul, domain: str, card: Card, key: str = "") -> None:
        self._consul = consul
        self._key = key or lock_key(domain)
        self.card = card
        self._session = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def fence(self) -> Fence:
        """What every write must check."""
        return Fence(self._key, self._session)

    def holder(self) -> Card | None:
        """Who holds it now; None when nobody does."""
        body = self._consul.get(f"/v1/kv/{self._key}").body
        if not body or not body[0].get("Session"):
            return None
        return Card.of(base64.b64decode(body[0]["Value"] or "")) or Card("somebody", "an unknown machine", "")

    def mine(self) -> bool:
        """Whether it is ours now."""
        body = self._consul.get(f"/v1/kv/{self._key}").body
        return bool(self._session and body and body[0].get("Session") == self._session)

    def take(self, patience_s: float = 0.0, told: Callable[[str], None] | None = None) -> None:
        """Take it, waiting up to `patience_s` for a holder who may be dead. Raises Held, naming the holder."""
        begun, waited = time.monotonic(), False
        while not self._acquired():
            holder = self.holder()
            if time.monotonic() - begun >= patience_s:
                who = holder.text if holder else "a driver that just ended"
                rollout = f" rollout {holder.rollout}" if holder and holder.rollout else " a rollout"
                raise Held(
                    f"{who} drives{rollout} of this platform",
                    "`pryv-nomad rollout watch` follows it; `rollout pause` and `rollout abort` stop it from anywhere",
                )
            if told and holder and not waited:
                told(f"{holder.text} holds the lock; waiting for its end, or for Consul to notice that it is gone")
            waited = True
            self._stop.wait(RETRY_S)

    def keep(self) -> None:
        """Renew the session from now on, in a thread."""
        self._thread = threading.Thread(target=self._renewing, name="rollout-lock", daemon=True)
        self._thread.start()

    def again(self) -> None:
        """Take it anew after Consul let the session go. Raises Held when somebody else has it by now."""
        self._session = ""
        self.take(TAKEOVER_S)

    def name_rollout(self, rollout: str) -> None:
        """Put the rollout on the card."""
        self.card = Card(self.card.name, self.card.host, self.card.since, rollout)
        self._consul.acquire(self._key, self._value(), self._session)

    def close(self) -> None:
        """Give it back. A Consul that does not answer frees it by itself."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        if self._session:
            try:
                self._consul.release(self._key, b"", self._session)
                self._consul.session_destroy(self._session)
            except PryvNomadError:
                # Nothing is lost: the session ends with its TTL.
                self._session = ""

    def _acquired(self) -> bool:
        try:
            if not self._session:
                self._session = self._consul.session_create(
                    f"pryv-nomad rollout {self.card.name}@{self.card.host}", ttl_s=TTL_S, lock_delay_s=LOCK_DELAY_S
                )
            return self._consul.acquire(self._key, self._value(), self._session)
        except NotFound:
            self._session = ""
            return False

    def _value(self) -> bytes:
        return json.dumps(asdict(self.card)).encode()

    def _renewing(self) -> None:
        while not self._stop.wait(TTL_S / RENEWALS):
            session = self._session
            try:
                if session:
                    self._consul.session_renew(session)
            except PryvNomadError:
                # Out of reach, or gone: the next fenced write finds out, and takes the lock again.
                continue
