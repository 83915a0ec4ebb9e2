"""`pryv-nomad rollout`: look at rollouts, steer them, go back. From any machine: wishes lie in Consul."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.cli.run import confirm, site_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pryv_nomad.rollout.head import Head
    from pryv_nomad.rollout.record import Rollouts
    from pryv_nomad.rollout.state import Wishes

UNHEALTHY = 10
ROLLOUT = click.argument("rollout_id", metavar="[ROLLOUT]", required=False, default="")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.group()
def rollout() -> None:
    """Follow, steer and undo rollouts; the last one unless another is named."""


@rollout.command()
@ROLLOUT
@AS_JSON
@click.pass_obj
def status(context: Context, rollout_id: str, as_json: bool) -> int:
    """Show how far a rollout is: waves, cores, gates, who drives. Exits with 10 for one that failed."""
    from pryv_nomad.cli.output.rollout import as_document, lines
    from pryv_nomad.rollout.lock import Lock, own_card

    rollouts = _rollouts(context)
    head = rollouts.head(rollout_id)
    entries = rollouts.entries(head.id)
    holder = Lock(context.consul(), context.cluster().domain, own_card()).holder() if head.status.open else None
    if as_json:
        click.echo(json.dumps(as_document(head, entries, holder), ensure_ascii=False))
    else:
        for line in lines(head, entries, holder):
            click.echo(line)
    return 0 if head.status.open or head.status == "done" else UNHEALTHY


@rollout.command()
@ROLLOUT
@click.option("--json", "as_json", is_flag=True, help="Its events as JSON lines.")
@click.pass_obj
def watch(context: Context, rollout_id: str, as_json: bool) -> int:
    """Follow a rollout that somebody else drives, to its end. Ctrl-C leaves it alone."""
    from pryv_nomad.cli.output.rollout import follow

    rollouts = _rollouts(context)
    with site_of(context, as_json) as site:
        head = follow(rollouts, rollouts.head(rollout_id).id, site.tell)
    return 0 if head.status == "done" else UNHEALTHY


@rollout.command()
@AS_JSON
@click.pass_obj
def history(context: Context, as_json: bool) -> None:
    """List the rollouts, and the revisions to go back to."""
    from pryv_nomad.cli.output.rollout import history_document, history_lines
    from pryv_nomad.rollout.revisions import Revisions

    revisions = Revisions(context.consul(), context.cluster().domain)
    kept = [revisions.read(number, whole=False) for number in revisions.numbers()]
    heads = _rollouts(context).heads()
    if as_json:
        click.echo(json.dumps(history_document(heads, kept), ensure_ascii=False))
    else:
        for line in history_lines(heads, kept):
            click.echo(line)


@rollout.command()
@ROLLOUT
@click.pass_obj
def pause(context: Context, rollout_id: str) -> None:
    """Begin nothing more and promote nothing, until `resume`. What moves comes to its end."""
    head = _wish(context, rollout_id, lambda wishes: replace(wishes, paused=True))
    context.say(f"Rollout {head.id} is asked to pause.")


@rollout.command()
@ROLLOUT
@click.pass_obj
def promote(context: Context, rollout_id: str) -> None:
    """Let pass what waits for a person now: canaries, or a wave."""
    from pryv_nomad.errors import Refused

    awaits = _rollouts(context).head(rollout_id).awaits
    if not awaits:
        raise Refused("nothing waits for a person", "`pryv-nomad rollout status` shows what it waits for")
    head = _wish(context, rollout_id, lambda wishes: replace(wishes, promoted=wishes.promoted | set(awaits)))
    context.say(f"Rollout {head.id} may pass: {', '.join(awaits)}.")


@rollout.command()
@ROLLOUT
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON lines.")
@click.pass_obj
def resume(context: Context, rollout_id: str, as_json: bool) -> None:
    """Go on with a rollout: one that was paused, or one whose driver is gone, which this process then drives."""
    from pryv_nomad.rollout.carry_out import resume as carry_out
    from pryv_nomad.rollout.steer import driven_on

    rollouts = _rollouts(context)
    head = _wish(context, rollout_id, lambda wishes: replace(wishes, paused=False))
    with site_of(context, as_json) as site:
        if driven_on(site, rollouts, head):
            context.say(f"Rollout {head.id} goes on; {rollouts.head(head.id).driver} drives it.")
        else:
            carry_out(site, head.id)


@rollout.command()
@ROLLOUT
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON lines.")
@click.pass_obj
def abort(context: Context, rollout_id: str, yes: bool, as_json: bool) -> None:
    """End a rollout where it is: canaries are given up, what moves comes to its end, nothing new begins."""
    from pryv_nomad.rollout.lock import own_card
    from pryv_nomad.rollout.steer import abort as carry_out

    confirm(yes, "End the rollout where it is?")
    card = own_card()
    head = _wish(context, rollout_id, lambda wishes: replace(wishes, aborted=f"{card.name}@{card.host}"))
    with site_of(context, as_json) as site:
        carry_out(site, _rollouts(context), head)
    context.say(f"Rollout {head.id} is aborted; `pryv-nomad rollout undo` brings back what ran before it.")


@rollout.command()
@click.option("--to", type=click.IntRange(min=1), default=None, metavar="REVISION", help="See `rollout history`.")
@click.option("--now", is_flag=True, help="All cores at once, without waves, gates and pauses.")
@click.option("--overwrite", is_flag=True, help="Also jobs that somebody else changed.")
@click.option("--restored", default="", metavar="BACKUP", help="The backup that was restored, after a migration.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON lines; needs --yes.")
@click.pass_obj
def undo(context: Context, to: int | None, now: bool, overwrite: bool, restored: str, yes: bool, as_json: bool) -> None:
    """Bring back the exact specs of an earlier revision, by default of the one before the last rollout.

    It goes through waves and gates like any rollout.
    """
    from pryv_nomad.cli.plan import records_of, show
    from pryv_nomad.plan.intent import policy_of
    from pryv_nomad.rollout.carry_out import Start, begin
    from pryv_nomad.rollout.undo import Back, plan_back

    if as_json and not yes:
        raise click.UsageError("--json needs --yes: a question is no JSON")
    records = records_of(context)
    known = records.read()
    with site_of(context, as_json) as site:
        back = Back(to or 0, now, overwrite, restored, policy_of(context.cluster()))
        plan, revision, notes = plan_back(site, records, back)
        if not as_json:
            show(plan, ())
        for note in notes:
            context.say(f"note: {note}")
        if plan.empty:
            context.say(f"All jobs are as in revision {revision.number} ({revision.release}) already.")
            return
        confirm(yes, f"Go back to revision {revision.number} ({revision.release})?")
        begin(site, Start(plan, records, known, kind="undo", backup=restored))


@rollout.command()
@ROLLOUT
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The HTML file.")
@click.pass_obj
def report(context: Context, rollout_id: str, out: Path) -> None:
    """Write a rollout as one HTML page: waves and cores, gate readings, every event."""
    from pryv_nomad.files import write_whole
    from pryv_nomad.report.data import report_of

    write_whole(out, report_of(_rollouts(context), rollout_id))
    context.say(f"Written to {out}.")


def _rollouts(context: Context) -> Rollouts:
    from pryv_nomad.rollout.record import Rollouts

    return Rollouts(context.consul(), context.cluster().domain)


def _wish(context: Context, rollout_id: str, change: Callable[[Wishes], Wishes]) -> Head:
    """Write a wish into the record of an open rollout."""
    from pryv_nomad.errors import Refused

    rollouts = _rollouts(context)
    head = rollouts.head(rollout_id)
    if not head.status.open:
        raise Refused(f"rollout {head.id} is at its end: {head.status.value}", "`pryv-nomad run` begins another one")
    rollouts.wish(head.id, change)
    return head
