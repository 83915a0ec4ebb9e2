"""Which cores change in which wave: pure, from the plan's cores and the policy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from pryv_nomad.plan.intent import HOSTING, Policy

CANARY, ROLLING, ALL_AT_ONCE = "canary", "rolling", "all-at-once"
STRATEGIES = (CANARY, ROLLING, ALL_AT_ONCE)


def waves(cores: Sequence[tuple[str, str]], policy: Policy, *, alone: bool = False) -> tuple[tuple[str, ...], ...]:
    """The cores of each wave, none empty. `cores` are (name, hosting) in the file's order; with `alone` the first wave
    has one core whatever the policy says.

    The sizes count the cores that are changed by the end of a wave; what they leave over makes a last wave.
    """
    if not cores:
        return ()
    if policy.strategy != CANARY or not policy.waves:
        ordered = _with_first(spread(cores), policy.first)
        return _cut(ordered, [1] if alone else [])
    if policy.waves == (HOSTING,):
        return tuple(_by_hosting(cores, policy.first, alone))
    ordered = _with_first(spread(cores), policy.first)
    sizes = [size_of(size, len(ordered)) for size in policy.waves]
    return _cut(ordered, [1, *sizes] if alone or policy.first in ordered else sizes)


def size_of(size: str, total: int) -> int:
    """The number of cores that `5` or `10%` means of `total`, a share rounded up."""
    if size.endswith("%"):
        return math.ceil(total * int(size[:-1]) / 100)
    return int(size)


def spread(cores: Iterable[tuple[str, str]]) -> list[str]:
    """The cores so that each beginning of the list has its share of every hosting: hostings change side by side."""
    cores = list(cores)
    totals = Counter(hosting for _, hosting in cores)
    places: Counter[str] = Counter()
    ranked = []
    for rank, (name, hosting) in enumerate(cores):
        ranked.append(((places[hosting] + 0.5) / totals[hosting], rank, name))
        places[hosting] += 1
    return [name for _, _, name in sorted(ranked)]


def _with_first(names: list[str], first: str) -> list[str]:
    return [first, *(name for name in names if name != first)] if first in names else names


def _cut(names: Sequence[str], sizes: Iterable[int]) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    begun = 0
    for size in [*sizes, len(names)]:
        end = min(size, len(names))
        if end > begun:
            found.append(tuple(names[begun:end]))
            begun = end
    return tuple(found)


def _by_hosting(cores: Sequence[tuple[str, str]], first: str, alone: bool) -> Iterable[tuple[str, ...]]:
    names = [name for name, _ in cores]
    chosen = first if first in names else names[0] if alone else ""
    if chosen:
        yield (chosen,)
    groups: dict[str, list[str]] = {}
    for name, hosting in cores:
        if name != chosen:
            groups.setdefault(hosting, []).append(name)
    yield from (tuple(group) for group in groups.values())
