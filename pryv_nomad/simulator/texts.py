"""The sentences and words that Nomad 1.6 answers with, where our tool or its users read them.

Sources: `nomad/structs/structs.go`, `nomad/structs/errors.go` and `scheduler/util.go` of Nomad 1.6.5, its answers.
"""

from __future__ import annotations

# -- deployments
RUNNING = "Deployment is running"
NEEDS_PROMOTION = "Deployment is running but requires manual promotion"
AUTO_PROMOTION = "Deployment is running pending automatic promotion"
PAUSED = "Deployment is paused"
SUCCESSFUL = "Deployment completed successfully"
STOPPED_JOB = "Cancelled because job is stopped"
NEWER_JOB = "Cancelled due to newer version of job"
FAILED_ALLOCATIONS = "Failed due to unhealthy allocations"
PROGRESS_DEADLINE = "Failed due to progress deadline"
FAILED_BY_USER = "Deployment marked as failed"

ACTIVE_DEPLOYMENT = frozenset({"running", "paused", "initializing", "pending", "blocked", "unblocking"})

# -- allocations
NOT_NEEDED = "alloc not needed due to job update"
MIGRATING = "alloc is being migrated"
UPDATING = "alloc is being updated due to job update"
IN_PLACE = "alloc updating in-place"
LOST = "alloc is lost since its node is down"
RESCHEDULED = "alloc was rescheduled because it failed"
UNKNOWN = "alloc is unknown since its node is disconnected"
NODE_TAINTED = "alloc not needed as node is tainted"

# -- evaluations
BLOCKED_EVAL = "created to place remaining allocations"
RESCHEDULE_LATER = "created for delayed rescheduling"
DISCONNECT_TIMEOUT = "created for delayed disconnect timeout"

# -- errors
NO_LEADER = "No cluster leader"
ENFORCE_INDEX = "Enforcing job modify index"


def rolling_back(reason: str, version: int) -> str:
    """Why a deployment failed, and that version `version` comes back."""
    return f"{reason} - rolling back to job version {version}"


def rollback_is_no_change(reason: str, version: int) -> str:
    """Why a deployment failed, where the stable version equals the failed one."""
    return f"{reason} - not rolling back to stable job version {version} as current job has same specification"


def no_stable_version(reason: str) -> str:
    """Why a deployment failed, where no version has ever been healthy."""
    return f"{reason} - no stable job version to auto revert to"
