"""Steering a rollout from another machine than its driver's: is it driven, and who ends it when it is not."""

from __future__ import annotations

import time

from pryv_nomad.errors import Unhealthy
from pryv_nomad.rollout.carry_out import Site, resume
from pryv_nomad.rollout.drive import HEARTBEAT_S
from pryv_nomad.rollout.head import Head
from pryv_nomad.rollout.lock import TAKEOVER_S, Held, Lock
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.state import Status

LOOK_S = 0.2


def driven_on(site: Site, rollouts: Rollouts, head: Head) -> bool:
    """Whether a driver lives: it saves the record again. False as soon as nobody holds the lock."""
    lock = Lock(site.consul, site.domain, site.card)
    end = time.monotonic() + max(TAKEOVER_S, 2 * HEARTBEAT_S)
    while time.monotonic() < end:
        found = rollouts.head(head.id)
        if found.saves > head.saves or not found.status.open:
            return True
        if lock.holder() is None:
            return False
        site.sleep(LOOK_S)
    return False


def abort(site: Site, rollouts: Rollouts, head: Head) -> None:
    """Wait until the driver has ended a rollout that is to be aborted; where there is none, drive it to that end."""
    while rollouts.head(head.id).status.open:
        if not driven_on(site, rollouts, rollouts.head(head.id)):
            try:
                resume(site, head.id)
            except Held:
                continue
            except Unhealthy:
                if rollouts.head(head.id).status is not Status.ABORTED:
                    raise
