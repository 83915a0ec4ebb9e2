"""Drives whatever rollout nobody drives: a part of a bridge, so that a laptop that is closed changes nothing.

Whoever attends holds a lock of its own, by which `run --detach` knows that its record will be taken up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pryv_nomad.errors import NotFound, PryvNomadError, Refused
from pryv_nomad.rollout.carry_out import Site, resume
from pryv_nomad.rollout.head import Head
from pryv_nomad.rollout.interruption import Asked
from pryv_nomad.rollout.lock import Card, Held, Lock
from pryv_nomad.rollout.record import Rollouts, rollouts_prefix

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

LOOK_S = 2.0


def attending(consul: Consul, domain: str) -> Card | None:
    """Who attends to a platform's rollouts, None when nobody does."""
    return Lock(consul, domain, Card("", "", ""), attending_key(domain)).holder()


def attending_key(domain: str) -> str:
    """The key that whoever attends has locked."""
    return rollouts_prefix(domain) + "attending"


def require_attending(consul: Consul, domain: str) -> None:
    """Raise Refused where nobody would take a rollout up."""
    if attending(consul, domain) is None:
        raise Refused(
            "no bridge drives rollouts of this platform, so nobody would go on with this one",
            "leave out --detach, or run `pryv-nomad bridge --drive`; nothing was changed",
        )


class Attendant:
    """Looks for rollouts that nobody drives, in a thread of its own. `site` makes what a driver works with, around the
    interruption that `stop` asks for; `say` gets a sentence for the log."""

    def __init__(
        self, consul: Consul, domain: str, card: Card, site: Callable[[Asked], Site], say: Callable[[str], None]
    ) -> None:
        self._rollouts = Rollouts(consul, domain)
        self._site, self._say = site, say
        self._lock = Lock(consul, domain, card, attending_key(domain))
        self._asked = Asked()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollouts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the action under way, give everything back, and end."""
        self._asked.ask()
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        kept = False
        while not self._stop.is_set():
            try:
                if not self._lock.mine():
                    self._lock.take()
                    if not kept:
                        self._lock.keep()
                        kept = True
                self.look()
            except Held:
                # Another one attends: this one stands by.
                pass
            except PryvNomadError as error:
                self._say(error.message)
            except KeyboardInterrupt:
                break
            self._stop.wait(LOOK_S)
        self._lock.close()

    def look(self) -> None:
        """Take up the last rollout, if it is open and nobody drives it."""
        head = self._left()
        if head is None:
            return
        self._say(f"rollout {head.id}: taken up")
        site = self._site(self._asked)
        resume(site, head.id, patience_s=0.0, unpause=False)
        self._say(f"rollout {head.id}: at its end")

    def _left(self) -> Head | None:
        try:
            head = self._rollouts.head()
        except NotFound:
            return None
        driver = Lock(self._rollouts.consul, self._rollouts.domain, self._lock.card).holder()
        return head if head.status.open and driver is None else None
