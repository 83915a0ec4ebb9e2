"""Going back: the plan that brings the exact specs of a recorded revision back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pryv_nomad.errors import NotFound, Refused
from pryv_nomad.plan.change import Plan
from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.admit import Consent, admit
from pryv_nomad.rollout.carry_out import Site
from pryv_nomad.rollout.head import Head
from pryv_nomad.rollout.migration import check_restored
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.revisions import Revision, Revisions
from pryv_nomad.rollout.survey import survey
from pryv_nomad.rollout.waves import ALL_AT_ONCE

LISTED = 5


@dataclass(frozen=True, slots=True)
class Back:
    """What is asked for. `to` is a revision's number (0: the one before the last rollout), `policy` how to go there
    (None: as the revision itself came), `now` at once and without gates; `restored` names the backup that was
    restored."""

    to: int = 0
    now: bool = False
    overwrite: bool = False
    restored: str = ""
    policy: Policy | None = None


def plan_back(site: Site, records: Records, back: Back) -> tuple[Plan, Revision, tuple[str, ...]]:
    """The plan, the revision that it leads to, and what to tell of it. Raises Refused, Conflict, NotFound."""
    head = _last(Rollouts(site.consul, site.domain))
    revisions = Revisions(site.consul, site.domain)
    revision = _target(revisions, head, back.to)
    assert revision.intent is not None  # noqa: S101 - a whole revision has its intent
    intent = Rollouts(site.consul, site.domain).load(head.id).intent
    came = bool(set(head.release_from) - {head.release})
    check_restored(head.release, head.backup, intent.migrates and came, revision.release, back.restored)
    policy = back.policy or revision.intent.policy
    if back.now:
        policy = at_once(policy)
    specs = revisions.specs_of(revision)
    plan = survey(site.nomad, records, replace(revision.intent, policy=policy), specs)
    admitted, notes = admit(plan, Consent(overwrite=back.overwrite))
    return admitted, revision, (*notes, *_missing(revision, {spec.job_id for spec in specs}))


def at_once(policy: Policy) -> Policy:
    """The policy without waves, pauses, gates, hooks and people."""
    return replace(policy, strategy=ALL_AT_ONCE, pause_s=0.0, manual=False, gates=(), hooks=())


def _last(rollouts: Rollouts) -> Head:
    head = rollouts.head()
    if head.status.open:
        raise Refused(
            f"rollout {head.id} is not at its end: {head.sentence}", "`pryv-nomad rollout abort` ends it; then undo it"
        )
    return head


def _target(revisions: Revisions, head: Head, to: int) -> Revision:
    number = to or head.revision_from
    if not number:
        known = ", ".join(map(str, revisions.numbers())) or "none"
        raise Refused(
            f"no revision was recorded before rollout {head.id}",
            f"say --to REVISION (there are: {known}), or run the cluster file as it was",
        )
    try:
        return revisions.read(number)
    except NotFound as error:
        known = ", ".join(map(str, revisions.numbers())) or "none"
        raise NotFound(error.message, f"there are: {known}") from error


def _missing(revision: Revision, kept: Iterable[str]) -> tuple[str, ...]:
    missing = sorted(set(revision.jobs) - set(kept))
    if not missing:
        return ()
    names = ", ".join(missing[:LISTED]) + (" …" if len(missing) > LISTED else "")
    return (
        f"{len(missing)} jobs stay as they are, since their specs of revision {revision.number} are not kept: {names}",
    )
