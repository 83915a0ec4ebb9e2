"""Whether a candidate may take the place of the file that is there: the programs' own rules, and no core lost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pryv_nomad.bridge.states import Membership, State
from pryv_nomad.registry.document import Document, Unreadable, read
from pryv_nomad.registry.rules import faults

NAMED = 10
"""How many cores are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Store:
    """What Consul says of the membership. `generation` is its count of changes, None where it is not known; `removed`
    are the cores that an operator took out, `listed` those that the registry should know."""

    generation: int | None = None
    removed: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults` is empty for a candidate that may be used. `added` and `removed` are cores, against the previous file;
    `changed` is whether the texts differ at all."""

    faults: tuple[str, ...]
    digest: str
    cores: int = 0
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: bool = True

    @property
    def good(self) -> bool:
        """Whether it may be used."""
        return not self.faults

    @property
    def sentence(self) -> str:
        """What there is to say of it."""
        if self.faults:
            return "refused: " + "; ".join(self.faults)
        if not self.changed:
            return f"unchanged: {counted(self.cores)}"
        parts = [f"{word} {named(cores)}" for word, cores in (("with", self.added), ("without", self.removed)) if cores]
        return f"{counted(self.cores)}" + (f": now {', '.join(parts)}" if parts else "; settings changed")


def judge(candidate: bytes, previous: bytes | None, store: Store) -> Verdict:
    """Judge a candidate against the last good file (None: there has been none).

    A previous file that cannot be read protects nothing, so it counts as none. Then the store says which cores must be
    there; it does not where there is a file, because it may be a moment ahead of the catalog.
    """
    try:
        document = read(candidate)
    except Unreadable as error:
        return Verdict((str(error),), "")
    before = _readable(previous)
    known = before.cores if before else frozenset[str]()
    kept = known - store.removed if before else store.listed
    lost = sorted(kept - document.cores)
    found = faults(document, may_be_empty=store.generation == 0 and not kept)
    found += (f"{named(lost)} would be lost, and nobody removed {'it' if len(lost) == 1 else 'them'}",) if lost else ()
    if before and before.domain != document.domain:
        found += ("dns.domain: another platform's",)
    return Verdict(
        found,
        document.digest,
        len(document.cores),
        tuple(sorted(document.cores - known)),
        tuple(sorted(known - document.cores)),
        before is None or before.digest != document.digest,
    )


def store_of(generation: int | None, records: Mapping[str, Membership]) -> Store:
    """The store out of its records."""
    gone = frozenset(core for core, record in records.items() if record.state is State.GONE)
    return Store(generation, gone, frozenset(core for core, record in records.items() if record.listed))


def counted(number: int) -> str:
    """A number of cores."""
    return "1 core" if number == 1 else f"{number} cores"


def named(cores: tuple[str, ...] | list[str]) -> str:
    """Some cores by name."""
    rest = len(cores) - NAMED
    return ", ".join(cores[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _readable(text: bytes | None) -> Document | None:
    if text is None:
        return None
    try:
        return read(text)
    except Unreadable:
        return None
