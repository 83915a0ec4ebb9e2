"""What a release that migrates data asks for: a backup before it starts, a restore before it is undone. Pure."""

from __future__ import annotations

from pryv_nomad.errors import Refused
from pryv_nomad.plan.change import Action, Plan
from pryv_nomad.rollout.gating import Moment

BACKUP_MOMENTS = frozenset({Moment.BEFORE_ROLLOUT, Moment.BEFORE_WAVE})


def migrating(plan: Plan) -> tuple[str, ...]:
    """The cores whose data the plan migrates: they run another release so far."""
    if not plan.intent.migrates or not set(plan.release_from) - {plan.intent.release}:
        return ()
    changes = (change for change in plan.changes if change.kind == "core" and change.core)
    return tuple(change.core for change in changes if change.action is Action.UPDATE)


def check_backup(plan: Plan, backup: str, hooks: frozenset[Moment]) -> None:
    """Raise Refused when data would be migrated without a backup, or a hook that can make one."""
    cores = migrating(plan)
    if cores and not backup and not hooks & BACKUP_MOMENTS:
        raise Refused(
            f"release {plan.intent.release} migrates the data of {len(cores)} cores when it first starts, and no backup"
            " is named: an old image cannot read migrated data",
            "make a backup and name it with --backup-id, or have a hook before each wave make one; nothing was changed",
        )


def check_restored(begun: str, backup: str, migrated: bool, to: str, restored: str) -> None:
    """Raise Refused when going from release `begun` back to `to` would start old images on migrated data."""
    if not migrated or begun == to or restored:
        return
    which = f"backup {backup}" if backup else "the backup that was made before it"
    raise Refused(
        f"release {begun} migrated the data of the cores that it reached: {to or 'what ran before'} cannot read it",
        f"restore {which} on those cores, then say `rollout undo --restored BACKUP`; nothing was changed",
    )
