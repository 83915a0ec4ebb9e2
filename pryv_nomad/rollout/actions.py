"""What there is to do: values, made by `decide` and carried out by `act`."""

from __future__ import annotations

from dataclasses import dataclass

from pryv_nomad.rollout.gating import Call


@dataclass(frozen=True, slots=True)
class Register:
    """Register the job's spec."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """Write our record of a job that runs as it should."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the job."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Promote the canaries of a deployment."""

    job_id: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Fail a deployment whose canaries are not to be promoted: Nomad stops them, and what ran before runs on."""

    job_id: str
    deployment: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Find out why a job failed, and say it."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Enlist:
    """Make a core known to the registry."""

    core: str


@dataclass(frozen=True, slots=True)
class CallHook:
    """Call the hooks of a moment."""

    call: Call


ToDo = Register | Adopt | Stop | Promote | Fail | Explain | Enlist | CallHook
OfJob = Register | Adopt | Stop | Promote | Fail | Explain
