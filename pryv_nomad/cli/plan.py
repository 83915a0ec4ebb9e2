"""`pryv-nomad plan`: what `run` would change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.errors import PryvNomadError

if TYPE_CHECKING:
    from pryv_nomad.plan.change import Plan
    from pryv_nomad.plan.nodes import Lack
    from pryv_nomad.rollout.records import Records
    from pryv_nomad.specs.render import Spec

CHANGES, ERROR = 1, 255
"""Exit codes of `nomad job plan`, which scripts know."""


class PlanCommand(click.Command):
    """Ends with `ERROR` whatever the error."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click does."""
        try:
            return super().invoke(ctx)
        except PryvNomadError as error:
            error.exit_code = ERROR
            raise


@click.command(cls=PlanCommand)
@click.option("--only", metavar="PATTERN", help="Only jobs or owners that match, such as pryv-dns* or co1.")
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON (docs/plan-format.md).")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, to give it to `run`.")
@click.option("--nodes/--no-nodes", default=True, help="Check that the nodes have what the changed jobs need.")
@click.pass_obj
def plan(context: Context, only: str | None, as_json: bool, out: Path | None, nodes: bool) -> int:
    """Show what would change, job by job; changes nothing.

    Exits as `nomad job plan` does: 0 when there is nothing to change, 1 when there are changes, 255 after an error.
    """
    from pryv_nomad.plan.document import to_text

    made = make_plan(context, only)
    lacks = node_lacks(context, made) if nodes else ()
    if as_json:
        click.echo(to_text(made, lacks), nl=False)
    else:
        show(made, lacks)
    if out:
        from pryv_nomad.files import write_whole

        write_whole(out, to_text(made, lacks), 0o600)
        context.say(f"Saved in {out}; `pryv-nomad run {out}` carries it out.")
    return 0 if made.empty else CHANGES


def make_plan(context: Context, only: str | None, records: Records | None = None) -> Plan:
    """The plan of the cluster file."""
    from pryv_nomad.plan.intent import intent_of
    from pryv_nomad.rollout.survey import survey

    return survey(
        context.nomad(),
        records or records_of(context),
        intent_of(context.cluster()),
        context.specs(),
        migrating=lambda: _migrating(context),
        only=matcher(only) if only else None,
    )


def records_of(context: Context) -> Records:
    """Our records of the platform, not read yet."""
    from pryv_nomad.rollout.records import Records

    return Records(context.consul(), context.cluster().domain)


def _migrating(context: Context) -> Iterable[Spec]:
    from pryv_nomad.specs.render import render

    return render(context.cluster(), context.templates, migrating=True)


def matcher(pattern: str) -> Callable[[str, str], bool]:
    """Whether a job's id or its owner matches a shell pattern."""
    from fnmatch import fnmatchcase

    return lambda job_id, owner: fnmatchcase(job_id, pattern) or fnmatchcase(owner, pattern)


def node_lacks(context: Context, made: Plan) -> tuple[Lack, ...]:
    """What the nodes lack for the plan's jobs."""
    from pryv_nomad.rollout.survey import check_nodes

    return check_nodes(context.nomad(), made)


def show(made: Plan, lacks: tuple[Lack, ...]) -> None:
    """Print a plan for a person."""
    from pryv_nomad.cli.output.plan import lines

    for line in lines(made, lacks):
        click.echo(line)
