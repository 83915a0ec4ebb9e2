"""Names of allocations (`job.group[3]`): which numbers are taken, which come next (`allocNameIndex` in Nomad)."""

from __future__ import annotations

from collections.abc import Iterable

from pryv_nomad.simulator.objects import Alloc


class NameIndex:
    """The numbers in use by a group that wants `count` allocations."""

    def __init__(self, job_id: str, group: str, count: int, allocs: Iterable[Alloc]) -> None:
        self._prefix = f"{job_id}.{group}"
        self._count = count
        self._used = {alloc.number for alloc in allocs}

    def _name(self, number: int) -> str:
        return f"{self._prefix}[{number}]"

    def next(self, wanted: int) -> list[str]:
        """The lowest free names; past `count`, numbers are used twice."""
        free = [number for number in range(self._count) if number not in self._used][:wanted]
        free += range(wanted - len(free))
        self._used.update(free)
        return [self._name(number) for number in free]

    def highest(self, wanted: int) -> set[str]:
        """The names with the highest numbers: those that go first when there are too many."""
        numbers = sorted(self._used, reverse=True)[: max(wanted, 0)]
        self._used.difference_update(numbers)
        return {self._name(number) for number in numbers}

    def release(self, number: int) -> None:
        self._used.discard(number)

    def canaries(self, wanted: int, existing: Iterable[Alloc], destructive: Iterable[Alloc]) -> list[str]:
        """Names for canaries: of those they will replace, then free ones, then past `count`."""
        taken = {alloc.name for alloc in existing}
        replaced = sorted({alloc.number for alloc in destructive if alloc.number < self._count})
        free = [number for number in range(self._count) if number not in self._used]
        names: list[str] = []
        for number in [*replaced, *free]:
            name = self._name(number)
            if len(names) < wanted and name not in taken and name not in names:
                names.append(name)
                self._used.add(number)
        names += [self._name(self._count + extra) for extra in range(wanted - len(names))]
        return names
