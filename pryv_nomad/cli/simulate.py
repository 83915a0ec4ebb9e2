"""`pryv-nomad simulate`: how long a rollout takes, and what is down meanwhile, without a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.plan.change import Change, Plan
    from pryv_nomad.simulation.play import Played

SHOWN = 20


@click.command()
@click.option("--live", is_flag=True, help="Play the plan against what runs now; without it, a new release.")
@click.option(
    "--changes", default="core", show_default=True, metavar="KINDS", help="Without --live: kinds of jobs that change."
)
@click.option("--start", default="20s", show_default=True, metavar="TIME", help="From a task's start to its health.")
@click.option("--node-dies", "deaths", multiple=True, metavar="NODE@TIME", help="A machine is lost; again for more.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.pass_obj
def simulate(context: Context, live: bool, changes: str, start: str, deaths: tuple[str, ...], as_json: bool) -> int:
    """Play a rollout through in virtual time: its length, its waves, and how many cores of each hosting are down.

    Decisions are the rollout's own; how long a job takes is taken from Nomad's rules in the simulator, one job of each
    kind and hosting. Gates are assumed to pass, people to say yes at once. Exits with 10 when the rollout fails.
    """
    from pryv_nomad.simulation.play import courses_of, play
    from pryv_nomad.simulation.prepare import deaths_of, homes_of, least_times, machines

    nodes = machines(context.cluster())
    allocations = (context.nomad().get("allocations").body or ()) if live else ()
    homes = homes_of(nodes, allocations)
    lost = deaths_of(deaths, homes)
    plan = _plan(context, live, changes)
    courses = courses_of(plan, nodes, _running(context) if live else _nothing, _seconds(start))
    played = play(plan, courses, homes, lost, least_times(plan.intent.policy))
    click.echo(json.dumps(played.as_json(), indent=2) if as_json else "\n".join(_lines(played)))
    return 0 if played.status == "done" else 10


def _plan(context: Context, live: bool, changes: str) -> Plan:
    if live:
        from pryv_nomad.cli.plan import make_plan

        return make_plan(context, None)
    from pryv_nomad.simulation.prepare import assumed_plan

    kinds = frozenset(each.strip() for each in changes.split(","))
    plan = assumed_plan(context.cluster(), context.specs(), kinds)
    if plan.empty:
        raise click.BadParameter(f"no job of this platform is of kind {changes}", param_hint="--changes")
    return plan


def _running(context: Context) -> Any:
    def job(change: Change) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] = context.nomad().job(change.job_id)
        return found

    return job


def _nothing(_change: Change) -> None:
    return None


def _seconds(text: str) -> float:
    from pryv_nomad.model.types import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write it like 20s", param_hint="--start") from None


def _lines(played: Played) -> list[str]:
    from pryv_nomad.plan.values import counted

    verdict = "ends well" if played.status == "done" else f"stops: {played.halted or played.status}"
    cores, time = counted(played.cores, "core"), _time(played.duration_s)
    lines = [f"{played.changed} of {cores} changed in {time}; the rollout {verdict}"]
    for number, (size, begin, end) in enumerate(played.waves, start=1):
        lines.append(f"  wave {number}: {counted(size, 'core')}, {_time(begin)} to {_time(end)}")
    for hosting, (most, at) in played.down.items():
        changing = played.changing.get(hosting, (0, 0.0))[0]
        when = f" (first at {_time(at)})" if most else ""
        lines.append(
            f"  {hosting}: at most {counted(most, 'core')} with a part down at once{when}, {changing} under change"
        )
    lines += [f"  {_time(at)}: node {node} is lost" for node, at in played.dead.items()]
    events = [f"  {_time(each.at)}: {each.job_id + ': ' if each.job_id else ''}{each.text}" for each in played.told]
    shown = (
        events if len(events) <= SHOWN else [*events[: SHOWN - 1], f"  … and {len(events) - SHOWN + 1} more (--json)"]
    )
    return [*lines, *shown]


def _time(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return (
        f"{hours} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
    )
