"""Judges each candidate that the template writes, and swaps a good one in: the first half of a follower."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pryv_nomad.bridge.metrics import Metrics
from pryv_nomad.errors import PryvNomadError
from pryv_nomad.registry.swap import Candidate, Files, content, live_digest
from pryv_nomad.registry.verdict import Store, Verdict, judge

AGAIN_S = 5.0
"""A refused candidate is judged again, since what Consul knows of removed cores may come after it."""

Say = Callable[..., None]


@dataclass
class Standing:
    """How it stands: `live` is the digest of the file in place, empty for none; `refused` says why the latest candidate
    is not it, empty when it is."""

    live: str = ""
    refused: str = ""
    waiting: bool = True


class Swapper:
    """Used by one thread; `standing` may be read from any. `read_store` asks Consul and may raise a PryvNomadError."""

    def __init__(
        self,
        files: Files,
        read_store: Callable[[], Store],
        say: Say,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files, self._read_store, self._say, self._metrics, self._clock = files, read_store, say, metrics, clock
        self._candidate = Candidate(files.candidate)
        self._again_at = 0.0
        self.standing = Standing(live=live_digest(files.live))
        metrics.set("candidate_good", 1.0)

    def restore(self) -> None:
        """Put the last good file in place where there is none."""
        try:
            verdict = self._files.restore()
        except OSError as error:
            self._say("error", "restore", f"cannot put the last good file in place: {error}")
            return
        if verdict is None:
            return
        if verdict.good:
            self._say("info", "restore", f"began with the last good file: {verdict.cores} cores")
        else:
            self._say("error", "restore", f"the last good file is damaged: {'; '.join(verdict.faults)}")
        self.standing.live = live_digest(self._files.live)

    def look(self) -> bool:
        """Take a new candidate up. Whether the file in place changed."""
        if self.standing.refused and self._clock() >= self._again_at:
            self._candidate.again()
        text = self._candidate.changed()
        if text is None:
            return False
        self.standing.waiting = False
        verdict = self._judge(text)
        self._metrics.set("candidate_good", float(verdict.good))
        if not verdict.good:
            self._refuse(verdict.sentence)
            return False
        return self._swap(text, verdict)

    def _judge(self, text: bytes) -> Verdict:
        """A candidate against the file in place. Consul is asked only where it can matter, so that a core that joins
        waits for no request."""
        previous = self._files.previous()
        verdict = judge(text, previous, Store())
        if verdict.good and previous is not None:
            return verdict
        try:
            return judge(text, previous, self._read_store())
        except PryvNomadError as error:
            unknown = f"Consul does not say which cores there should be: {error.message}"
            return Verdict((*verdict.faults, unknown), verdict.digest)

    def _swap(self, text: bytes, verdict: Verdict) -> bool:
        try:
            there = content(self._files.live) == text
            if there:
                self._files.keep(text)
            else:
                self._files.swap(text)
        except OSError as error:
            self._refuse(f"cannot write it: {error}")
            return False
        self.standing.refused, self.standing.live = "", verdict.digest
        self._metrics.set("cores", verdict.cores)
        if there:
            return False
        self._metrics.count("swaps_total")
        self._metrics.set("swap_timestamp_seconds", time.time())
        self._say("info", "swap", verdict.sentence, digest=verdict.digest)
        return True

    def _refuse(self, why: str) -> None:
        self._again_at = self._clock() + AGAIN_S
        if why != self.standing.refused:
            self._metrics.count("refused_total")
            self._say("error", "refused", why)
        self.standing.refused = why
