"""Looks at the jobs that move.

`Watch` asks Nomad: evaluations one by one, all deployments in one list, by blocking queries. `StreamWatch` is told by
the event stream, and asks only while that is broken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pryv_nomad.errors import NotFound
from pryv_nomad.plan.change import Action
from pryv_nomad.plan.placement import explain
from pryv_nomad.rollout.news import News
from pryv_nomad.rollout.state import Rollout, Sight, Step

if TYPE_CHECKING:
    from pryv_nomad.clients.nomad import Nomad

SETTLING_WAIT_S = 1.0
DEPLOYING_WAIT_S = 10.0
# Deployments of a fleet change often: not every change is worth another reading.
SHORTEST_WAIT_S = 0.2
LONGEST_CHAIN = 8
# How long the stream may take to tell of an evaluation before it is asked for.
MISSED_S = 2.0
ENDED = frozenset({"complete", "failed", "lost"})


class Watch:
    """Sights of moving jobs. An evaluation that has ended well is not asked for again."""

    def __init__(self, nomad: Nomad, sleep: Callable[[float], None] = time.sleep) -> None:
        self._nomad = nomad
        self._sleep = sleep
        self._index = 1
        self._settled: dict[str, Sight] = {}

    def look(self, moving: Iterable[Step]) -> dict[str, Sight]:
        """What is to be seen of each step. An evaluation is read before the deployments, so that one which has ended
        finds the deployment that it made."""
        steps = list(moving)
        stops = {step.job_id: self._stopping(step) for step in steps if step.change.action is Action.STOP}
        others = {step.job_id: (step, self._evaluated(step)) for step in steps if step.job_id not in stops}
        found = self._deployments_of(step for step, _ in others.values()) if others else {}
        seen = {
            job_id: Sight(sight.evaluation, sight.evaluation_description, sight.unplaced, found.get(job_id))
            for job_id, (step, sight) in others.items()
        }
        return {**stops, **seen}

    def wait(self, moving: Iterable[Step], limit_s: float | None = None) -> None:
        """Wait for news: for the next change of a deployment, or a moment while evaluations are still open."""
        steps = list(moving)
        if any(step.change.action is Action.STOP for step in steps):
            self._sleep(SETTLING_WAIT_S)
            return
        calm = all(step.evaluation in self._settled for step in steps if step.evaluation)
        self._sleep(SHORTEST_WAIT_S)
        self._nomad.get(
            "deployments",
            index=self._index,
            wait_s=min(DEPLOYING_WAIT_S if calm else SETTLING_WAIT_S, limit_s or DEPLOYING_WAIT_S),
        )

    def close(self) -> None:
        """Nothing is open."""

    def _deployments_of(self, steps: Iterable[Step]) -> dict[str, Rollout | None]:
        found = self._deployments()
        return {step.job_id: found.get((step.job_id, step.index)) for step in steps}

    def _deployments(self) -> dict[tuple[str, int], Rollout]:
        answer = self._nomad.get("deployments", index=0)
        self._index = max(answer.index, 1)
        newest: dict[tuple[str, int], tuple[int, Rollout]] = {}
        for each in answer.body or ():
            key = (each["JobID"], int(each.get("JobSpecModifyIndex") or 0))
            created = int(each.get("CreateIndex") or 0)
            if key not in newest or newest[key][0] < created:
                newest[key] = (created, Rollout.of(each))
        return {key: rollout for key, (_, rollout) in newest.items()}

    def _stopping(self, step: Step) -> Sight:
        stubs = self._nomad.allocations_for_job(step.job_id)
        return Sight(running=sum(each.get("ClientStatus") not in ENDED for each in stubs))

    def _evaluated(self, step: Step) -> Sight:
        if not step.evaluation:
            return Sight(evaluation="complete")
        if step.evaluation in self._settled:
            return self._settled[step.evaluation]
        sight = self._chain(step.evaluation)
        if sight.evaluation == "complete" and not sight.unplaced:
            self._settled[step.evaluation] = sight
        return sight

    def _evaluation(self, evaluation_id: str) -> Mapping[str, Any]:
        return self._nomad.evaluation(evaluation_id)

    def _chain(self, evaluation_id: str) -> Sight:
        """Follow an evaluation to the one that was made to go on with it: a retry, or one that waits for room."""
        unplaced: dict[str, tuple[str, ...]] = {}
        found: Mapping[str, Any] = {}
        for _ in range(LONGEST_CHAIN):
            try:
                found = self._evaluation(evaluation_id)
            except NotFound:
                break
            failed = found.get("FailedTGAllocs") or {}
            unplaced = {group: explain(metric) for group, metric in failed.items()} or (
                unplaced if found.get("Status") == "blocked" else {}
            )
            evaluation_id = found.get("NextEval") or found.get("BlockedEval") or ""
            if not evaluation_id:
                break
        status = str(found.get("Status") or "complete")
        # One that waits for room has done its part; one that was cancelled gave way to a newer one of the same job.
        status = "complete" if status in ("blocked", "canceled") else status
        return Sight(status, found.get("StatusDescription") or "", unplaced)


class StreamWatch(Watch):
    """The same by the event stream: one connection, whatever the number of jobs."""

    def __init__(
        self,
        nomad: Nomad,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(nomad, sleep)
        self._news = News(nomad)
        self._seen = 0
        self._clock = clock
        self._missed: dict[str, float] = {}
        self._asking = False

    def look(self, moving: Iterable[Step]) -> dict[str, Sight]:
        """As `Watch.look`."""
        self._seen = self._news.count
        self._asking = not self._news.live
        return super().look(moving)

    def wait(self, moving: Iterable[Step], limit_s: float | None = None) -> None:
        """Wait for the next event; several that come together are one piece of news."""
        if not self._news.live or any(step.change.action is Action.STOP for step in moving):
            super().wait(moving, limit_s)
            return
        longest = SETTLING_WAIT_S if self._missed else DEPLOYING_WAIT_S
        self._news.wait(self._seen, min(longest, limit_s or longest))
        self._sleep(SHORTEST_WAIT_S)

    def close(self) -> None:
        """End the stream."""
        self._news.close()

    def _deployments_of(self, steps: Iterable[Step]) -> dict[str, Rollout | None]:
        if self._asking:
            return super()._deployments_of(steps)
        return {step.job_id: self._news.deployment(step.job_id, step.index) for step in steps}

    def _evaluation(self, evaluation_id: str) -> Mapping[str, Any]:
        """As the stream told it. One that it does not tell of in time, such as one of a driver before us, is asked for;
        then the deployments are, too: they must not be older than it."""
        found = None if self._asking else self._news.evaluation(evaluation_id)
        if found is not None:
            self._missed.pop(evaluation_id, None)
            return found
        missed = self._missed.setdefault(evaluation_id, self._clock())
        if not self._asking and self._clock() - missed < MISSED_S:
            return {"Status": "pending"}
        self._asking = True
        self._missed.pop(evaluation_id, None)
        return super()._evaluation(evaluation_id)
