"""The state of the platform as a table: a line a group, what is not well in color."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pryv_nomad.cli.output.text import plain, table
from pryv_nomad.plan.values import counted
from pryv_nomad.rollout.status import GroupStatus, JobStatus, Status

HEADER = ("Job", "Group", "Running", "Healthy", "State", "Version", "Deployment", "Differs")


def lines(status: Status) -> Iterator[str]:
    """The table, then the notes and a summary."""
    rows = [(job, _row(job, group, first)) for job in status.jobs for group, first in _groups(job)]
    head, *body = table(HEADER, [row for _, row in rows])
    yield click.style(head, bold=True)
    for (job, _), line in zip(rows, body, strict=True):
        yield click.style(line, fg=_color(job))
    for note in status.notes:
        yield f"{click.style('note:', fg='cyan')} {plain(note)}"
    yield summary(status)


def summary(status: Status) -> str:
    """One line."""
    bad = sum(not job.well for job in status.jobs)
    differing = sum(bool(job.differs) for job in status.jobs)
    health = "all well" if not bad else f"{counted(bad, 'job')} not well"
    text = f"{status.domain}, release {status.release}: {counted(len(status.jobs), 'job')}, {health}"
    return text + (f"; {differing} not as in the cluster file (`pryv-nomad plan` says how)" if differing else "")


def _groups(job: JobStatus) -> Iterator[tuple[GroupStatus | None, bool]]:
    if not job.groups:
        yield None, True
    for number, group in enumerate(job.groups):
        yield group, number == 0


def _row(job: JobStatus, group: GroupStatus | None, first: bool) -> tuple[str, ...]:
    running = f"{group.running}/{group.desired}" if group else ""
    healthy = str(group.healthy) if group else ""
    if group and group.critical:
        healthy += f" ({group.critical} failing)"
    version = "" if job.version is None else str(job.version)
    own = (job.state, version, job.deployment, job.differs) if first else ("", "", "", "")
    return (job.job_id if first else "", group.name if group else "", running, healthy, *own)


def _color(job: JobStatus) -> str | None:
    if not job.well:
        return "red"
    return "yellow" if job.differs or job.deployment == "running" else None
