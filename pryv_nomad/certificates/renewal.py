"""Renews the certificate: looks, lets `course.decide` say what is next, does it; at the end takes the TXT values back.

The clock and the pauses are passed in. Each step is said in a sentence; no sentence holds a key or a certificate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pryv_nomad.certificates.authority import Authority, new_key
from pryv_nomad.certificates.challenges import Challenges
from pryv_nomad.certificates.course import Action, Decision, Limits, Observation, State, decide
from pryv_nomad.certificates.keeping import Keeping, Kept
from pryv_nomad.certificates.nameservers import NameServers
from pryv_nomad.certificates.request import Request
from pryv_nomad.errors import PryvNomadError, RenewalError
from pryv_nomad.secrets import tls


@dataclass(frozen=True, slots=True)
class World:
    """All that a renewal touches. `now`: the time with its zone; `pause`: waits so many seconds; `say`: tells."""

    keeping: Keeping
    challenges: Challenges
    name_servers: NameServers
    authority: Authority
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    say: Callable[[str], None]


@dataclass(slots=True)
class Renewal:
    """One renewal. `before`: what was stored when it began."""

    request: Request
    world: World
    before: Kept
    limits: Limits = field(default_factory=Limits)
    _key: bytes = field(default_factory=new_key, init=False, repr=False)
    _published: frozenset[str] = field(default=frozenset(), init=False)
    _facts: tls.Certificate | None = field(default=None, init=False)

    def run(self) -> tls.Certificate:
        """Renew; returns the facts of the certificate that is stored now.

        Raises RenewalError with what was refused or came too late, Conflict when somebody else was faster; then what
        was stored before is stored still. The TXT values are removed in any case.
        """
        try:
            self._run()
        finally:
            self._withdraw()
        assert self._facts is not None  # noqa: S101 - the course ends well only after it was stored
        return self._facts

    def _run(self) -> None:
        state, said = State(), ""
        while True:
            decision = decide(state, self._look(state), self.world.now(), self.limits)
            if decision.sentence != said and not decision.failure:
                self.world.say(decision.sentence)
            said = decision.sentence
            if decision.action is Action.END:
                break
            self._act(decision)
            state = decision.state
        if decision.failure:
            raise RenewalError(decision.failure, decision.remedy)

    def _look(self, state: State) -> Observation:
        """What the next decision needs, and no more: the name servers are asked only while they are waited for."""
        if not state.placed or state.stored:
            return Observation()
        authority = self.world.authority
        order = authority.order()
        if order.status != "pending" or state.answered:
            return Observation(order)
        wanted = authority.wanted()
        if not state.published:
            return Observation(order, wanted)
        servers, silent = self.world.name_servers.values(self.request.record)
        return Observation(order, wanted, servers, silent)

    def _act(self, decision: Decision) -> None:
        authority = self.world.authority
        match decision.action:
            case Action.PLACE:
                authority.place(self._key, self.request.names)
            case Action.PUBLISH:
                self._published = authority.wanted()
                self.world.challenges.publish(self._published)
            case Action.ANSWER:
                authority.answer()
            case Action.FINALISE:
                authority.finalise()
            case Action.STORE:
                self._store()
            case Action.WAIT:
                self.world.pause(decision.pause)

    def _store(self) -> None:
        certificate = self.world.authority.certificate()
        facts = tls.check(certificate, self._key, self.request.domain, self.world.now())
        self.world.keeping.store(certificate, self._key, self.before)
        self._facts = facts

    def _withdraw(self) -> None:
        """Take the TXT values back. Failing at it is said and no more: the certificate is what counts, and values that
        stay behind are pushed out by those of later renewals."""
        if not self._published:
            return
        try:
            self.world.challenges.withdraw(self._published)
            self.world.say("the TXT record is removed")
        except PryvNomadError as error:
            self.world.say(f"the TXT record stays until a later renewal: {error.message}")
