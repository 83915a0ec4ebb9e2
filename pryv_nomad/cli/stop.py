"""`pryv-nomad stop`: stops the platform, or a part of it. Nothing is purged."""

from __future__ import annotations

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.cli.plan import matcher, records_of
from pryv_nomad.cli.run import confirm, site_of


@click.command()
@click.option("--only", metavar="PATTERN", help="Only jobs or owners that match, such as pryv-dns* or co1.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON lines; needs --yes.")
@click.pass_obj
def stop(context: Context, only: str | None, yes: bool, as_json: bool) -> None:
    """Stop jobs: edges first, data last. The registry keeps listing the cores; `run` starts everything again.

    Jobs stay in Nomad, stopped; volumes and secrets stay as they are.
    """
    from pryv_nomad.plan.intent import intent_of
    from pryv_nomad.rollout.carry_out import stop as carry_out
    from pryv_nomad.rollout.stopping import stops
    from pryv_nomad.rollout.survey import observe

    if as_json and not yes:
        raise click.UsageError("--json needs --yes: a question is no JSON")
    records = records_of(context)
    known = records.read()
    observed, _ = observe(context.nomad(), records)
    takes = matcher(only or "*")
    plan = stops(intent_of(context.cluster()), context.specs(), observed, takes)
    if plan.empty:
        context.say("Nothing to stop: no job that matches runs.")
        return
    if not as_json:
        for change in plan.changes:
            click.echo(f"{click.style('-', fg='red', bold=True)} {change.job_id}")
    confirm(yes, f"Stop these {len(plan.changes)} jobs?")
    with site_of(context, as_json) as site:
        carry_out(site, plan, records, known)
