"""The lock under which the instances of a platform reload one after the other.

It belongs to a session in Consul, which a thread keeps alive. We count the session's TTL on our own clock from before
each renewal, so a lock that we may have lost counts as lost before another instance can have it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pryv_nomad.errors import NotFound, PryvNomadError

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

TTL_S = 10
LOCK_DELAY_S = 1


def lock_key(domain: str) -> str:
    """The key that is locked."""
    return f"pryv-nomad/{domain}/registry/reload"


class ReloadLock:
    """Taken and released by one thread; `held` may be asked from any. `close` gives everything back."""

    def __init__(
        self, consul: Consul, domain: str, name: str, *, ttl_s: int = TTL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._consul, self._key, self._name = consul, lock_key(domain), name
        self._ttl_s, self._clock = ttl_s, clock
        self._session, self._valid_until, self._has = "", 0.0, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="reload lock", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether it is ours for sure."""
        return self._has and self._clock() < self._valid_until

    def take(self) -> bool:
        """Try once. Raises what the client raises."""
        if self.held:
            return True
        found = self._consul.get(f"/v1/kv/{self._key}").body
        if found and found[0].get("Session") not in (None, "", self._session):
            return False
        if not self._session:
            sent = self._clock()
            self._session = self._consul.session_create(
                f"pryv-nomad registry {self._name}", ttl_s=self._ttl_s, lock_delay_s=LOCK_DELAY_S
            )
            self._valid_until = sent + self._ttl_s
        try:
            self._has = self._consul.acquire(self._key, self._name.encode(), self._session)
        except NotFound:
            self._session = ""
        return self.held

    def release(self) -> None:
        """Give it to the next. Raises what the client raises; then it frees itself."""
        session, self._session, self._has = self._session, "", False
        if session:
            self._consul.release(self._key, b"", session)
            self._consul.session_destroy(session)

    def close(self) -> None:
        """Release it and end."""
        self._stop.set()
        try:
            self.release()
        except PryvNomadError:
            return  # the session's TTL frees it

    def _keep(self) -> None:
        while not self._stop.wait(self._ttl_s / 3):
            session, sent = self._session, self._clock()
            if not session:
                continue
            try:
                self._consul.session_renew(session)
            except NotFound:
                if self._session == session:
                    self._session, self._has = "", False
            except PryvNomadError:
                continue  # not renewed: it counts as lost when its time is over
            else:
                if self._session == session:
                    self._valid_until = sent + self._ttl_s
