"""The decision for one task group that is still in the job; `reconcile.py` puts the groups together."""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator import texts
from pryv_nomad.simulator.clock import SECOND
from pryv_nomad.simulator.decisions import Counts, Decision, Followup, Place, Stop, View
from pryv_nomad.simulator.names import NameIndex
from pryv_nomad.simulator.objects import Alloc, Deployment, GroupState, Job
from pryv_nomad.simulator.reschedule import next_time
from pryv_nomad.simulator.taints import Allocs, Sorted, disconnect_time, sort_by_taint
from pryv_nomad.simulator.update import replaced

Json = dict[str, Any]

# A reschedule that is due within this time happens now; those this close together share one evaluation.
_RESCHEDULE_WINDOW = SECOND
_BATCH_WINDOW = 5 * SECOND


class Reconciliation:
    """What the groups of one reconciliation share: the view, the decision so far, the deployment that goes on."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.batch = view.job is not None and view.job.type == "batch"
        self.decision = Decision()
        self.deployment: Deployment | None = view.deployment

    @property
    def paused(self) -> bool:
        return self.deployment is not None and self.deployment.status in ("paused", "pending", "initializing")

    @property
    def failed(self) -> bool:
        return self.deployment is not None and self.deployment.status == "failed"

    def stop(self, allocs: Allocs, description: str, status: str = "") -> int:
        self.decision.stops += [Stop(alloc, description, status) for alloc in allocs.values()]
        return len(allocs)

    def sort(self, allocs: Allocs) -> Sorted:
        """Allocations by what their nodes mean for them."""
        return sort_by_taint(allocs, self.view.nodes, self.view.now)

    def stop_all(self, allocs: Allocs) -> int:
        found = self.sort(allocs)
        for group in (found.untainted, found.migrate, found.disconnecting, found.reconnecting):
            self.stop({key: alloc for key, alloc in group.items() if not alloc.terminal}, texts.NOT_NEEDED)
        self.stop(found.lost, texts.LOST, "lost")
        return len(allocs)


class Group:
    """The decision for one group that is still in the job."""

    def __init__(
        self,
        whole: Reconciliation,
        job: Job,
        group: Json,
        state: GroupState,
        existing: bool,
        counts: Counts,
        canaries: Allocs,
    ) -> None:
        self.whole = whole
        self.view = whole.view
        self.decision = whole.decision
        self.job = job
        self.group = group
        self.name: str = group["Name"]
        self.update = group["Update"]
        self.count: int = group["Count"]
        self.state = state
        self.existing = existing
        self.counts = counts
        self.canaries = canaries
        # A new deployment's state; one that exists is only read.
        self.desired_total = 0
        self.desired_canaries = state.desired_canaries

    @property
    def canarying(self) -> bool:
        return self.desired_canaries > 0 and not self.state.promoted

    def decide(self, allocs: Allocs) -> bool:
        found = self.whole.sort(allocs)
        self.counts.ignore += len(found.ignored)
        untainted, now, later = self._rescheduled(found.untainted, disconnecting=False)
        if found.reconnecting:
            kept, rivals = self._reconnect(found.reconnecting, allocs)
            untainted = {**_without(untainted, rivals), **kept}
        if found.disconnecting:
            kept, soon, more = self._rescheduled(found.disconnecting, disconnecting=True)
            untainted.update(kept)
            now.update(soon)
            later += more
            self._become_unknown(found.disconnecting)
        self._followups(later, "alloc-failure", texts.RESCHEDULE_LATER)
        taken = [*untainted.values(), *found.migrate.values(), *now.values(), *found.lost.values()]
        names = NameIndex(self.view.job_id, self.name, self.count, taken)
        stopped = self._surplus(names, untainted, found)
        untainted = _without(untainted, stopped)
        in_place, destructive = self._changed(untainted)
        if not self.existing:
            self.desired_total += len(in_place) + len(destructive)
        if self.canarying:
            untainted = _without(untainted, self.canaries)
        wants_canaries = self._wants_canaries(destructive)
        if wants_canaries:
            self._place_canaries(names, destructive)
        limit = self._limit(untainted, destructive, found.migrate)
        places = self._placements(names, untainted, found, now)
        if not self.existing:
            self.desired_total += len(places)
        ready = not self.whole.paused and not self.whole.failed and not self.canarying
        limit = self._replace(ready, places, now, found.lost, limit)
        self._replace_destructively(ready, destructive, limit)
        self._migrate(found.migrate)
        self._deploy(allocs, destructive)
        waiting = (destructive, in_place, places, found.migrate, now, later)
        return not any(waiting) and not wants_canaries and self._healthy()

    # -- failed, disconnected, reconnected

    def _rescheduled(self, allocs: Allocs, disconnecting: bool) -> tuple[Allocs, Allocs, list[tuple[int, Alloc]]]:
        """Which stay as they are, which are replaced now, and which later (with the time)."""
        untainted: Allocs = {}
        now: Allocs = {}
        later: list[tuple[int, Alloc]] = []
        for alloc in allocs.values():
            if disconnecting and alloc.status == "unknown":
                continue
            if alloc.next and alloc.terminal:
                continue
            keep, ignore = _kept_or_ignored(alloc, self.whole.batch)
            if keep and not disconnecting:
                untainted[alloc.id] = alloc
            if ignore or keep:
                continue
            due, waits = self._reschedule_time(alloc, disconnecting)
            its_turn = alloc.followup_eval == self.view.eval_id
            if due is not None and (its_turn or due - self.view.now <= _RESCHEDULE_WINDOW):
                now[alloc.id] = alloc
                continue
            untainted[alloc.id] = alloc
            if due is not None and waits:
                later.append((due, alloc))
        return untainted, now, later

    def _reschedule_time(self, alloc: Alloc, disconnecting: bool) -> tuple[int | None, bool]:
        deployment = self.whole.deployment
        in_deployment = deployment is not None and alloc.deployment_id == deployment.id and deployment.active
        if in_deployment and not alloc.allow_reschedule:
            return None, False
        due = next_time(alloc, self.view.now if disconnecting else None)
        return due, not alloc.followup_eval or disconnecting

    def _followups(self, later: list[tuple[int, Alloc]], trigger: str, description: str) -> None:
        batch: Followup | None = None
        for due, alloc in sorted(later, key=lambda item: (item[0], item[1].create_index, item[1].id)):
            if batch is None or due - batch.at >= _BATCH_WINDOW:
                batch = Followup(due, trigger, description)
                self.decision.followups.append(batch)
            batch.allocs.append(alloc)

    def _become_unknown(self, allocs: Allocs) -> None:
        timeouts = [(self.view.now + (disconnect_time(alloc) or 0), alloc) for alloc in allocs.values()]
        self._followups(timeouts, "max-disconnect-timeout", texts.DISCONNECT_TIMEOUT)
        self.decision.unknown += list(allocs.values())

    def _reconnect(self, reconnecting: Allocs, allocs: Allocs) -> tuple[Allocs, Allocs]:
        """The originals that stay, and the replacements that stop for them; an outdated original stops itself."""
        kept: Allocs = {}
        rivals: Allocs = {}
        for alloc in reconnecting.values():
            if alloc.job.version < self.job.version or alloc.status != "running" or alloc.desired != "run":
                self.counts.stop += self.whole.stop({alloc.id: alloc}, texts.NOT_NEEDED)
                continue
            for other in allocs.values():
                same_name = other.name == alloc.name and other.id != alloc.id and not other.terminal
                if same_name and other.create_index > alloc.create_index:
                    rivals[other.id] = other
            kept[alloc.id] = alloc
            self.decision.reconnected.append(alloc)
        self.counts.stop += self.whole.stop(rivals, texts.NOT_NEEDED)
        return kept, rivals

    # -- counts and versions

    def _surplus(self, names: NameIndex, untainted: Allocs, found: Sorted) -> Allocs:
        """Stop the lost ones, and those that are too many: canaries' namesakes first, then the highest numbers."""
        stopped: Allocs = dict(found.lost)
        self.whole.stop(found.lost, texts.LOST, "lost")
        self.counts.stop += len(found.lost)
        pool = _without(untainted, self.canaries) if self.canarying else dict(untainted)
        known = [alloc for alloc in pool.values() if alloc.status != "unknown"]
        remove = len(known) + len(found.migrate) - self.count
        pool = {key: alloc for key, alloc in pool.items() if not alloc.terminal}
        for alloc in self._in_order_of_removal(names, pool, found.migrate, remove):
            stopped[alloc.id] = alloc
            found.migrate.pop(alloc.id, None)
            self.whole.stop({alloc.id: alloc}, texts.NOT_NEEDED)
            self.counts.stop += 1
        return stopped

    def _in_order_of_removal(self, names: NameIndex, pool: Allocs, migrate: Allocs, remove: int) -> list[Alloc]:
        chosen: list[Alloc] = []
        if remove <= 0:
            return chosen
        if not self.canarying and self.canaries:
            twins = {alloc.name for alloc in self.canaries.values()}
            chosen += [a for a in pool.values() if a.id not in self.canaries and a.name in twins][:remove]
        rest = remove - len(chosen)
        if rest > 0 and migrate:
            highest = sorted(migrate.values(), key=lambda alloc: -alloc.number)[:rest]
            for alloc in highest:
                names.release(alloc.number)
            chosen += highest
        rest = remove - len(chosen)
        if rest > 0:
            left = [alloc for alloc in pool.values() if alloc not in chosen]
            high = names.highest(rest)
            ordered = [a for a in left if a.name in high] + [a for a in left if a.name not in high]
            chosen += ordered[:rest]
        return chosen

    def _changed(self, untainted: Allocs) -> tuple[Allocs, Allocs]:
        in_place: Allocs = {}
        destructive: Allocs = {}
        for alloc in untainted.values():
            if alloc.job.job_modify_index == self.job.job_modify_index:
                self.counts.ignore += 1
            elif replaced(alloc.job, self.job, self.name):
                destructive[alloc.id] = alloc
            elif alloc.terminal:
                self.counts.ignore += 1
            elif self.view.stays_in_place(alloc):
                in_place[alloc.id] = alloc
            else:
                destructive[alloc.id] = alloc
        self.counts.in_place += len(in_place)
        self.decision.in_place += list(in_place.values())
        return in_place, destructive

    def _wants_canaries(self, destructive: Allocs) -> bool:
        if self.update is None or self.state.promoted:
            return False
        return bool(destructive) and len(self.canaries) < self.update["Canary"]

    def _place_canaries(self, names: NameIndex, destructive: Allocs) -> None:
        self.desired_canaries = self.update["Canary"]
        if self.whole.paused or self.whole.failed:
            return
        missing = self.update["Canary"] - len(self.canaries)
        self.counts.canary += missing
        for name in names.canaries(missing, self.canaries.values(), destructive.values()):
            self.decision.places.append(Place(name, self.group, canary=True))

    def _limit(self, untainted: Allocs, destructive: Allocs, migrate: Allocs) -> int:
        """How many may be placed or replaced now."""
        if no_rolling(self.update) or not (destructive or migrate):
            return self.count
        parallel: int = self.update["MaxParallel"]
        deployment = self.whole.deployment
        if deployment is None:
            return parallel
        if self.whole.paused or self.whole.failed or self.canarying:
            return 0
        for alloc in untainted.values():
            if alloc.deployment_id != deployment.id:
                continue
            if alloc.unhealthy:
                return 0
            if not alloc.healthy:
                parallel -= 1
        return max(parallel, 0)

    # -- placements

    def _placements(self, names: NameIndex, untainted: Allocs, found: Sorted, now: Allocs) -> list[Place]:
        places = [
            Place(
                alloc.name, self.group, alloc, canary=alloc.canary, reschedule=True,
                downgrade=self.canarying and not alloc.canary,
            )
            for alloc in now.values()
        ]  # fmt: skip
        present = len(untainted) + len(found.migrate) + len(now)
        for alloc in found.lost.values():
            if present >= self.count:
                break
            present += 1
            downgrade = self.canarying and not alloc.canary
            places.append(Place(alloc.name, self.group, alloc, canary=alloc.canary, downgrade=downgrade))
        if present < self.count:
            for name in names.next(self.count - present):
                places.append(Place(name, self.group, downgrade=self.canarying))
        return places

    def _replace(self, ready: bool, places: list[Place], now: Allocs, lost: Allocs, limit: int) -> int:
        unknown = {alloc.id for alloc in self.decision.unknown}
        failed = {k: a for k, a in now.items() if k not in unknown and a.status != "unknown"}
        if ready:
            self.counts.place += len(places)
            self.decision.places += places
            self.counts.stop += self.whole.stop(failed, texts.RESCHEDULED)
            return limit - min(len(places), limit)
        # Not the time for new allocations; what was lost or has failed outside of the failed deployment comes back.
        if lost:
            allowed = places[: len(lost)]
            self.counts.place += len(allowed)
            self.decision.places += allowed
        deployment = self.whole.deployment
        for place in places if now else ():
            previous = place.previous
            part_of_failed = (
                self.whole.failed and previous is not None and deployment is not None
                and previous.deployment_id == deployment.id
            )  # fmt: skip
            if previous is None or part_of_failed or not place.reschedule:
                continue
            self.decision.places.append(place)
            self.counts.place += 1
            if previous.id not in unknown:
                self.counts.stop += self.whole.stop({previous.id: previous}, texts.RESCHEDULED)
        return limit

    def _replace_destructively(self, ready: bool, destructive: Allocs, limit: int) -> None:
        if not ready:
            self.counts.ignore += len(destructive)
            return
        chosen = sorted(destructive.values(), key=lambda alloc: alloc.number)[:limit]
        self.counts.destructive += len(chosen)
        self.counts.ignore += len(destructive) - len(chosen)
        for alloc in chosen:
            self.decision.destructive.append(Place(alloc.name, self.group, alloc, replaces=alloc))

    def _migrate(self, migrate: Allocs) -> None:
        self.counts.migrate += len(migrate)
        for alloc in sorted(migrate.values(), key=lambda alloc: alloc.number):
            self.whole.stop({alloc.id: alloc}, texts.MIGRATING)
            downgrade = self.canarying and not alloc.canary
            self.decision.places.append(Place(alloc.name, self.group, alloc, canary=alloc.canary, downgrade=downgrade))

    # -- the deployment

    def _deploy(self, allocs: Allocs, destructive: Allocs) -> None:
        """Make a deployment, or join it, where something of the new version has to become healthy."""
        if self.existing or no_rolling(self.update) or not self.desired_total or self.whole.batch:
            return
        version = (self.job.version, self.job.create_index)
        had_running = any((a.job.version, a.job.create_index) == version for a in allocs.values())
        if had_running and not (destructive or self.decision.in_place):
            return
        self.state.desired_total = self.desired_total
        self.state.desired_canaries = self.desired_canaries
        if self.whole.deployment is not None:
            self.decision.joining[self.name] = self.state
            return
        if self.decision.new_deployment is None:
            self.decision.new_deployment = {}
        self.decision.new_deployment[self.name] = self.state

    def _healthy(self) -> bool:
        if self.whole.deployment is None:
            return False
        state = self.whole.deployment.groups.get(self.name)
        if state is None:
            return True
        wanted = max(state.desired_total, state.desired_canaries)
        return state.healthy >= wanted and not state.canarying


def no_rolling(update: Json | None) -> bool:
    """A group without an update block, or with max_parallel 0, is changed all at once and without a deployment."""
    return update is None or update["MaxParallel"] == 0


def _without(allocs: Allocs, others: Allocs) -> Allocs:
    return {key: alloc for key, alloc in allocs.items() if key not in others}


def without_old_terminal(allocs: Allocs, job: Job) -> tuple[Allocs, int]:
    """A batch job's ended allocations of older versions do not matter any more."""
    kept = {
        key: alloc
        for key, alloc in allocs.items()
        if not (alloc.terminal and (alloc.job.version < job.version or alloc.job.create_index < job.create_index))
    }
    return kept, len(allocs) - len(kept)


def _kept_or_ignored(alloc: Alloc, batch: bool) -> tuple[bool, bool]:
    """Whether an allocation counts as it is, or is past caring about; neither: see whether it is to be rescheduled."""
    if batch:
        if alloc.desired in ("stop", "evict"):
            return alloc.status == "complete", alloc.status != "complete"
        return alloc.status != "failed", False
    if alloc.desired in ("stop", "evict"):
        return False, True
    return False, alloc.status in ("complete", "lost")
