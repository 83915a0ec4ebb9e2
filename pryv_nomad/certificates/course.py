"""The course of one order, decided purely: what was done so far and what is seen now → what to do next.

The shell (`renewal.py`) looks, asks here, does it, and comes back. Every wait has an end of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

ORDER_PAUSE, NAMES_PAUSE = 2.0, 5.0
"""Seconds between two looks at the order, and at the name servers."""


class Action(StrEnum):
    """What is done next. `end` is the end of the course: well, or with the decision's `failure`."""

    PLACE = "place"
    PUBLISH = "publish"
    ANSWER = "answer"
    FINALISE = "finalise"
    STORE = "store"
    WAIT = "wait"
    END = "end"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each wait may last.

    `names`: until every name server has the record; the replica's renders up to two minutes after the primary's, and
    both restart for it. `validation`: until the ACME server has looked; `issuance`: until the certificate is there.
    """

    names: timedelta = timedelta(minutes=10)
    validation: timedelta = timedelta(minutes=5)
    issuance: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class State:
    """What this renewal has done. `since`: when the wait that goes on began; None while nothing is waited for."""

    placed: bool = False
    published: bool = False
    answered: bool = False
    finalised: bool = False
    stored: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the ACME server tells of it (RFC 8555, 7.1.6): its status, and for each name why it was refused."""

    status: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen. `wanted`: the TXT values that the open challenges ask for. `servers`: each name server's values, or
    None and in `silent` why there is no answer."""

    order: Order | None = None
    wanted: frozenset[str] = frozenset()
    servers: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)

    @property
    def behind(self) -> tuple[str, ...]:
        """The name servers that do not have every value yet, and why."""
        return tuple(
            f"{server} ({self.silent.get(server, 'no answer') if values is None else _lacks(self.wanted, values)})"
            for server, values in sorted(self.servers.items())
            if values is None or not self.wanted <= values
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """The next action, in a sentence, and the state after it. `pause`: seconds of a wait."""

    action: Action
    sentence: str
    state: State
    pause: float = 0.0
    failure: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Patience:
    """One kind of wait: `late` is what to say, and `remedy` what to do, when it lasted longer than `limit`."""

    limit: timedelta
    pause: float
    late: str
    remedy: str


def decide(state: State, seen: Observation, now: datetime, limits: Limits = Limits()) -> Decision:
    """What to do next. The state of the decision holds once its action was done."""
    if state.stored:
        return Decision(Action.END, "the new certificate is stored", state)
    if not state.placed or seen.order is None:
        return Decision(Action.PLACE, "ordering a certificate", _done(state, placed=True))
    match seen.order.status:
        case "pending":
            return _prove(state, seen, now, limits)
        case "ready" if not state.finalised:
            return Decision(Action.FINALISE, "the domain is proven", _done(state, finalised=True))
        case "ready" | "processing":
            late = "the ACME server did not issue the certificate"
            patience = _Patience(limits.issuance, ORDER_PAUSE, late, "the next run orders again")
            return _wait(state, "the certificate is being issued", now, patience)
        case "valid":
            return Decision(Action.STORE, "storing the certificate", _done(state, stored=True))
        case status:
            said = "; ".join(seen.order.problems) or f"the order is {status}"
            return _fail(state, f"the ACME server refused: {said}", "correct what it names; the next run orders again")


def _prove(state: State, seen: Observation, now: datetime, limits: Limits) -> Decision:
    if state.answered or not seen.wanted:
        late = "the ACME server did not look at the domain"
        patience = _Patience(limits.validation, ORDER_PAUSE, late, "the next run orders again")
        return _wait(state, "the ACME server looks at the domain", now, patience)
    if not state.published:
        said = f"publishing {len(seen.wanted)} TXT value{'s' if len(seen.wanted) > 1 else ''}"
        return Decision(Action.PUBLISH, said, _done(state, published=True))
    if seen.servers and not seen.behind:
        return Decision(Action.ANSWER, "every name server has the TXT record", _done(state, answered=True))
    lacking = ", ".join(seen.behind) or "no name server is known"
    late = f"not every name server answered with the TXT record: {lacking}"
    patience = _Patience(limits.names, NAMES_PAUSE, late, "look at the jobs pryv-dns and pryv-dns-replica")
    return _wait(state, f"waiting for {lacking}", now, patience)


def _wait(state: State, sentence: str, now: datetime, patience: _Patience) -> Decision:
    since = state.since or now
    if now - since >= patience.limit:
        return _fail(state, f"{patience.late} within {patience.limit.total_seconds():.0f} s", patience.remedy)
    return Decision(Action.WAIT, sentence, replace(state, since=since), patience.pause)


def _fail(state: State, failure: str, remedy: str) -> Decision:
    return Decision(Action.END, failure, state, failure=failure, remedy=remedy)


def _done(state: State, **changes: bool) -> State:
    return replace(state, since=None, **changes)


def _lacks(wanted: frozenset[str], values: frozenset[str]) -> str:
    return f"{len(wanted & values)} of {len(wanted)} values"
