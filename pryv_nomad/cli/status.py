"""`pryv-nomad status`: what runs, how it is, and what is not as in the cluster file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.rollout.status import Status


@click.command()
@click.option("--only", metavar="PATTERN", help="Only jobs or owners that match, such as pryv-dns* or co1.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/run.md).")
@click.pass_obj
def status(context: Context, only: str | None, as_json: bool) -> None:
    """Show the platform's jobs: groups, versions, health, deployments, and what differs from the cluster file.

    Works while Consul is away, and says what it cannot know then.
    """
    found = find(context, only)
    if as_json:
        click.echo(json.dumps(found.to_body(), indent=1, ensure_ascii=False))
        return
    from pryv_nomad.cli.output.status import lines

    for line in lines(found):
        click.echo(line)


def find(context: Context, only: str | None) -> Status:
    """The state of the platform."""
    from pryv_nomad.cli.plan import matcher, records_of
    from pryv_nomad.rollout import status as statuses
    from pryv_nomad.rollout.look import facts_of

    takes = matcher(only or "*")
    facts = facts_of(context.nomad(), context.consul(), records_of(context))
    specs = [spec for spec in context.specs() if takes(spec.job_id, spec.owner)]
    jobs = statuses.status(specs, {spec.job_id: _counts(spec.json_text) for spec in specs}, facts)
    cluster = context.cluster()
    return statuses.Status(
        domain=cluster.domain,
        release=cluster.release.name,
        jobs=tuple(job for job in jobs if takes(job.job_id, job.owner)),
        notes=() if facts.critical is not None and facts.observed.records is not None else (statuses.NO_RECORDS,),
    )


def _counts(text: str) -> Mapping[str, int]:
    groups = json.loads(text).get("TaskGroups") or ()
    return {group["Name"]: 1 if group.get("Count") is None else int(group["Count"]) for group in groups}
