"""`pryv-nomad run`: makes the platform what the cluster file says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.cli.plan import make_plan, node_lacks, records_of, show

if TYPE_CHECKING:
    from pryv_nomad.cli.output.progress import JsonLines, Lines, Live
    from pryv_nomad.plan.change import Plan
    from pryv_nomad.rollout.carry_out import Site
    from pryv_nomad.rollout.records import Records


STRATEGIES = ("canary", "rolling", "all-at-once")


@click.command()
@click.argument("plan_file", metavar="[PLAN]", type=click.Path(path_type=Path), required=False)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--only", metavar="PATTERN", help="Only jobs or owners that match, such as pryv-dns* or co1.")
@click.option("--prune", is_flag=True, help="Stop jobs that are no longer in the cluster file.")
@click.option("--force", is_flag=True, help="With --prune: also the jobs of a core.")
@click.option("--overwrite", is_flag=True, help="Also jobs that somebody else changed.")
@click.option("--strategy", type=click.Choice(STRATEGIES), help="In place of the cluster file's `rollout.strategy`.")
@click.option("--backup-id", default="", metavar="ID", help="The backup made before a release that migrates data.")
@click.option("--detach", is_flag=True, help="Leave it to the bridge and return; refused where none drives rollouts.")
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON lines; needs --yes.")
@click.pass_obj
def run(
    context: Context,
    plan_file: Path | None,
    yes: bool,
    only: str | None,
    prune: bool,
    force: bool,
    overwrite: bool,
    strategy: str | None,
    backup_id: str,
    detach: bool,
    as_json: bool,
) -> None:
    """Show what would change, ask, and make it so: in order, watched, recorded.

    With PLAN (of `plan --out`) exactly what was planned, and only if nothing moved since. Exits with 10 when the
    platform did not become healthy.
    """
    from pryv_nomad.bridge.addresses import unaddressed
    from pryv_nomad.rollout.admit import Consent, admit
    from pryv_nomad.rollout.attend import require_attending
    from pryv_nomad.rollout.carry_out import Start, begin

    if plan_file and only:
        raise click.UsageError("a saved plan is carried out as a whole: leave out --only, or plan with it")
    if as_json and not yes:
        raise click.UsageError("--json needs --yes: a question is no JSON")
    if detach:
        require_attending(context.consul(), context.cluster().domain)
    records = records_of(context)
    made = _saved(context, plan_file, records) if plan_file else make_plan(context, only, records)
    known = records.read()
    if not as_json:
        show(made, node_lacks(context, made))
    if strategy:
        policy = replace(made.intent.policy, strategy=strategy)
        made = replace(made, intent=replace(made.intent, policy=policy))
    admitted, notes = admit(made, Consent(prune, force, overwrite))
    for note in notes:
        context.say(f"note: {note}")
    if not admitted.empty:
        require_secrets(context)
        confirm(yes, "Make it so?")
    machines = unaddressed(context.cluster())
    specs = () if plan_file else (spec.json_text for spec in context.specs())
    with site_of(context, as_json) as site:
        start = Start(admitted, records, known, backup=backup_id, machines=machines, specs=specs, detach=detach)
        begin(site, start)


def _saved(context: Context, file: Path, records: Records) -> Plan:
    """A plan out of a file, which must be for this platform and still true."""
    from pryv_nomad.errors import PlanFileError
    from pryv_nomad.plan.document import MAKE_NEW, from_text
    from pryv_nomad.plan.intent import intent_of
    from pryv_nomad.plan.stale import check_fresh, check_platform
    from pryv_nomad.rollout.survey import observe

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise PlanFileError(f"cannot read {file}: {reason}", MAKE_NEW) from error
    made = from_text(text, str(file))
    check_platform(made, intent_of(context.cluster()).platform)
    check_fresh(made, observe(context.nomad(), records)[0])
    return made


def require_secrets(context: Context) -> None:
    """Raise SecretsError while a secret that the specs use is missing."""
    from pryv_nomad.secrets.keys import require
    from pryv_nomad.secrets.needs import needs
    from pryv_nomad.secrets.store import SecretStore

    require(needs(context.cluster()), SecretStore(context.nomad()))


def confirm(yes: bool, question: str) -> None:
    """Ask on a terminal; elsewhere --yes is needed. Raises Refused."""
    from pryv_nomad.errors import Refused

    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on; nothing was changed", "say --yes to do it without a question")
    if not click.confirm(question):
        raise Refused("nothing was changed")


@contextmanager
def site_of(context: Context, as_json: bool) -> Iterator[Site]:
    """What a driver works with; the printer is closed at the end of the block."""
    from pryv_nomad.gates.asking import gates_of
    from pryv_nomad.hooks.calling import hooks_of
    from pryv_nomad.hooks.notifying import notifier_of
    from pryv_nomad.plan.intent import policy_of
    from pryv_nomad.rollout.carry_out import Site

    tell, nomad, consul, cluster = printer_of(context, as_json), context.nomad(), context.consul(), context.cluster()
    notifier = notifier_of(policy_of(cluster).notifications, cluster.domain)
    try:
        yield Site(
            nomad,
            consul,
            cluster.domain,
            notifier.listening(tell),
            gates=lambda policy: gates_of(policy.gates, nomad, consul),
            hooks=lambda policy: hooks_of(policy.hooks),
            named=notifier.begin,
        )
    finally:
        tell.close()
        for failure in notifier.close():
            context.say(f"note: a notification was not sent: {failure}")


def printer_of(context: Context, as_json: bool) -> Lines | JsonLines | Live:
    """What shows the events of a run."""
    from datetime import UTC, datetime

    from pryv_nomad.cli.output.progress import printer

    if as_json:
        return printer(True, None, lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    return printer(False, None if context.color else False, lambda: f"{datetime.now():%H:%M:%S}")  # noqa: DTZ005 - shown
