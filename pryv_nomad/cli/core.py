"""`pryv-nomad core`: which cores the registry knows, and the only way in which one leaves it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.bridge.changes import Changed
    from pryv_nomad.bridge.states import State

CANNOT = """\
Release 1.9 cannot be told to leave a core out: the registry goes on giving new users to the core with the fewest. What
`drain` does is to say so in Consul and in the list. Its users and its data stay where they are."""


@click.group()
def core() -> None:
    """Add, drain, remove and list cores.

    A core that was listed once stays in the registry until `core remove`, whatever fails meanwhile.
    """


@core.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def list_cores(context: Context, as_json: bool) -> None:
    """List the cores: state, address, health, and whether the cluster file has them."""
    from pryv_nomad.bridge.roll import roll
    from pryv_nomad.cli.output import cores as output

    cluster = context.cluster()
    rows = roll(context.consul(), cluster.domain, {each.name: each.hosting for each in cluster.cores})
    click.echo(output.as_json(rows) if as_json else output.table(rows))


@core.command()
@click.argument("name")
@click.option("--hosting", required=True, help="Its hosting, a key of `hostings`.")
@click.option("--ip", help="Public address; without it, its Nomad node says it.")
@click.option("--node", help="Nomad node that runs it, in place of the node's meta pryv_core.")
@click.option("--external", is_flag=True, help="It runs outside Nomad (needs --ip).")
@click.option("--print", "only_print", is_flag=True, help="Print the edited file instead of writing it.")
@click.pass_obj
def add(
    context: Context, name: str, hosting: str, ip: str | None, node: str | None, external: bool, only_print: bool
) -> None:
    """Add the core NAME (or a range such as co[4-9]) to the cluster file.

    `plan` shows what that means, `run` makes it so; the registry lists it from its first healthy check on.
    """
    from pryv_nomad.cli.editing import CoreFile
    from pryv_nomad.model.core_edit import with_core

    given: dict[str, Any] = {"ip": ip, "node": node, "external": external or None}
    entry = {"name": name, "hosting": hosting, **{key: value for key, value in given.items() if value is not None}}
    file = CoreFile.of(context)
    file.edit(lambda text: with_core(text, entry), only_print)
    if not only_print:
        click.echo(f"Added {name} to {file.path}. `pryv-nomad plan` shows what that changes.")


@core.command()
@click.argument("name")
@click.pass_obj
def drain(context: Context, name: str) -> None:
    """Say that the core NAME is to be emptied; it stays in the registry's list."""
    from pryv_nomad.bridge.states import State

    _say(context, _change(context, name, State.DRAINING))
    click.echo(CANNOT)


@core.command()
@click.argument("name")
@click.pass_obj
def undrain(context: Context, name: str) -> None:
    """Take a `drain` of the core NAME back."""
    from pryv_nomad.bridge.states import State

    _say(context, _change(context, name, State.ACTIVE))


@core.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when it still has users, or nobody can say how many.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--register-url", metavar="URL", help="The register.  [default: https://reg.DOMAIN]")
@click.option("--register-ca", type=click.Path(path_type=Path), help="Authorities of the register's certificate (PEM).")
@click.option("--print", "only_print", is_flag=True, help="Print the edited cluster file instead of writing it.")
@click.pass_obj
def remove(
    context: Context,
    name: str,
    force: bool,
    yes: bool,
    register_url: str | None,
    register_ca: Path | None,
    only_print: bool,
) -> None:
    """Take the core NAME out of the registry and of the cluster file.

    Refuses while it has users, as the registry counts them: their names would lead nowhere. Its jobs and its data stay;
    `run --prune --force` stops the jobs.
    """
    from pryv_nomad.bridge.states import State
    from pryv_nomad.cli.editing import CoreFile
    from pryv_nomad.model.core_edit import without_core

    users = _users(context, name, register_url, register_ca, force)
    file = CoreFile.of(context)
    named = any(each.name == name for each in context.cluster().cores)
    edited = file.edited(lambda text: without_core(text, name)) if named else None
    if not yes:
        click.confirm(f"Take core {name} ({users}) out of the registry?", abort=True)
    _say(context, _change(context, name, State.GONE))
    if edited is not None:
        file.put(edited, only_print)
    click.echo("Its jobs still run; `pryv-nomad run --prune --force` stops them. Its data stays on its machine.")


def _change(context: Context, name: str, to: State) -> Changed:
    from pryv_nomad.bridge.changes import change_state

    now = datetime.now(UTC).isoformat(timespec="seconds")
    return change_state(context.consul(), context.nomad(), context.cluster().domain, name, to, now)


def _say(context: Context, changed: Changed) -> None:
    before, after = changed.before, changed.after
    if before.state is after.state:
        click.echo(f"{after.core} is {after.state} already.")
    else:
        click.echo(f"{after.core}: {before.state} → {after.state}.")
    if changed.warning:
        context.say(f"warning: {changed.warning}")


def _users(context: Context, name: str, url: str | None, ca: Path | None, force: bool) -> str:
    """How many users the core has, in words. Raises Refused when it has some or nobody can say, unless `force`."""
    from pryv_nomad.clients.register import Register
    from pryv_nomad.errors import PryvNomadError, Refused
    from pryv_nomad.secrets.store import SecretStore
    from pryv_nomad.specs.secret_paths import secret_path

    cluster = context.cluster()
    try:
        key = SecretStore(context.nomad()).value(secret_path(cluster, "REGISTER_ADMIN_KEY"), "REGISTER_ADMIN_KEY")
        found = Register(url or f"https://reg.{cluster.domain}", key or "", str(ca) if ca else None).users()
    except PryvNomadError as error:
        if force:
            return "nobody can say how many users it has"
        raise Refused(
            f"how many users {name} has cannot be asked: {error.message}",
            f"{error.remedy + '; ' if error.remedy else ''}or add --force when you know that it has none",
        ) from error
    count = found.get(f"{name}.{cluster.domain}", 0)
    if count and not force:
        raise Refused(
            f"core {name} still has {count} users; without it their names lead nowhere",
            "move them first, or add --force to give them up",
        )
    return f"{count} users"
