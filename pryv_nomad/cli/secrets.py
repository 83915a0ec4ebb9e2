"""`pryv-nomad secrets`: keys, passwords and the certificate, in Nomad Variables. No verb ever prints a value."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pryv_nomad.cli.context import Context


@click.group()
def secrets() -> None:
    """Make, list and rotate keys; store certificates.

    Values stand in Nomad Variables and nowhere else: `nomad/jobs` for what several jobs need, `nomad/jobs/JOB` for what
    one job needs.
    """


@secrets.command()
@click.option("--from", "folder", type=click.Path(path_type=Path), help="Take what this config-leader folder has.")
@click.pass_obj
def init(context: Context, folder: Path | None) -> None:
    """Make every key that is missing; what is there stays."""
    from pryv_nomad.importer.leader import read_folder
    from pryv_nomad.importer.secrets import secrets_of
    from pryv_nomad.secrets import keys
    from pryv_nomad.secrets.needs import needs
    from pryv_nomad.secrets.store import SecretStore

    given = secrets_of(read_folder(folder)) if folder else {}
    needed, store = needs(context.cluster()), SecretStore(context.nomad())
    for need in keys.init(needed, store, given):
        click.echo(f"{need.key}: {'taken over' if need.key in given else 'made'}, in {need.path}")
    for need in keys.missing(needed, store):
        click.echo(f"{need.key}: still missing; store it with `{need.remedy}`")


@secrets.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def list_secrets(context: Context, as_json: bool) -> None:
    """List the secrets that the platform needs, and which are there. Values are never shown."""
    from datetime import UTC, datetime

    from pryv_nomad.cli.output import secrets as output
    from pryv_nomad.secrets.keys import states
    from pryv_nomad.secrets.needs import needs
    from pryv_nomad.secrets.store import SecretStore

    store = SecretStore(context.nomad())
    found = states(needs(context.cluster()), store)
    click.echo(output.as_json(found) if as_json else output.table(found, store, datetime.now(UTC)))


@secrets.command("set")
@click.argument("key")
@click.pass_obj
def set_secret(context: Context, key: str) -> None:
    """Store the secret KEY: typed unseen, or read from standard input when that is no terminal."""
    from pryv_nomad.errors import SecretsError
    from pryv_nomad.secrets.generate import check_key
    from pryv_nomad.secrets.keys import find
    from pryv_nomad.secrets.needs import needs
    from pryv_nomad.secrets.store import SecretStore

    need = find(key, needs(context.cluster()))
    value = click.prompt(key, hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else sys.stdin.read()
    value = value.rstrip("\r\n")
    if not value:
        raise SecretsError(f"{key}: no value was given; nothing was stored", "pipe it in, or type it when asked")
    if need.generated:
        check_key(key, value)
    SecretStore(context.nomad()).put(need.path, {key: value})
    click.echo(f"{key}: stored in {need.path}")


@secrets.command()
@click.argument("key", nargs=-1, required=True)
@click.option("--print", "only_print", is_flag=True, help="Print the edit of the cluster file instead of making it.")
@click.pass_obj
def rotate(context: Context, key: tuple[str, ...], only_print: bool) -> None:
    """Replace each KEY by a new one, and count the rotation in the cluster file.

    Running tasks keep the old value until they are replaced: the count changes the specs of the jobs that use the key,
    so that `plan` shows them and `run` rolls through them, one after the other.
    """
    from pryv_nomad.secrets import keys, rotation
    from pryv_nomad.secrets.needs import needs
    from pryv_nomad.secrets.store import SecretStore

    cluster = context.cluster()
    needed = needs(cluster)
    edit = rotation.edit(context.cluster_files()[-1], cluster, [keys.find(name, needed).key for name in key])
    rotated = keys.rotate(key, needed, SecretStore(context.nomad()))
    for need in rotated:
        click.echo(f"{need.key}: replaced in {need.path}; used by {', '.join(need.components)}")
    if only_print:
        click.echo("Put into the cluster file:\n" + edit.shown)
    else:
        edit.write()
        click.echo(f"Counted in {edit.file}. `pryv-nomad run` rolls it out.")


@secrets.command()
@click.argument("certificate", type=click.Path(path_type=Path), required=False)
@click.argument("key", type=click.Path(path_type=Path), required=False)
@click.option("--self-signed", is_flag=True, help="Make one that no browser trusts, for a lab.")
@click.pass_obj
def tls(context: Context, certificate: Path | None, key: Path | None, self_signed: bool) -> None:
    """Store the wildcard certificate CERTIFICATE (PEM, with its chain) and its KEY (PEM).

    They are checked against the domain, each other and the clock first. Edges reload by themselves.
    """
    from datetime import UTC, datetime

    from pryv_nomad.secrets import tls as checks
    from pryv_nomad.secrets.files import read_pem
    from pryv_nomad.secrets.self_signed import self_signed as make
    from pryv_nomad.secrets.store import SecretStore
    from pryv_nomad.specs.secret_paths import SHARED

    now, domain = datetime.now(UTC), context.cluster().domain
    if self_signed == (certificate is not None) or (certificate is None) != (key is None):
        raise click.UsageError("name a CERTIFICATE and its KEY, or say --self-signed")
    pair = (read_pem(certificate), read_pem(key)) if certificate and key else make(domain, now)
    facts = checks.check(*pair, domain, now)
    values = {checks.CERTIFICATE_KEY: pair[0].decode(), checks.PRIVATE_KEY_KEY: pair[1].decode()}
    SecretStore(context.nomad()).put(SHARED, values)
    click.echo(f"Stored the certificate for {', '.join(facts.names)}; it ends on {facts.not_after:%Y-%m-%d}.")
    if facts.warning(now):
        click.echo(f"warning: {facts.warning(now)}", err=True)
