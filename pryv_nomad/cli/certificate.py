"""`pryv-nomad certificate`: renew the wildcard certificate over ACME DNS-01."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from datetime import datetime

    from pryv_nomad.certificates.keeping import Keeping, Kept
    from pryv_nomad.certificates.request import Request
    from pryv_nomad.clients.consul import Consul


@click.group()
def certificate() -> None:
    """Renew the wildcard certificate over ACME DNS-01, through the platform's own name servers."""


@certificate.command()
@click.option("--days-left", type=click.IntRange(1), default=30, show_default=True, help="Renew when so many are left.")
@click.option("--force", is_flag=True, help="Renew however many days are left.")
@click.option("--directory", metavar="URL", help="Another ACME server's directory.  [default: Let's Encrypt's]")
@click.option("--ca-cert", type=click.Path(exists=True, dir_okay=False), help="Authority of the ACME server (PEM).")
@click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="The renewal's settings, as its job has them.  [default: those of the cluster file]",
)
@click.pass_obj
def renew(
    context: Context, days_left: int, force: bool, directory: str | None, ca_cert: str | None, settings: Path | None
) -> None:
    """Renew the certificate that is in the Nomad Variable nomad/jobs when it ends soon; else do nothing.

    The job pryv-certificate runs this (tls.acme.enabled in the cluster file). Edges reload by themselves.
    """
    from datetime import UTC, datetime

    from pryv_nomad.certificates.keeping import Keeping, reason
    from pryv_nomad.clients.nomad import Nomad

    request = _request(context, settings)
    request = replace(request, directory=directory or request.directory)
    keeping = Keeping(Nomad(context.nomad_options(request.namespace, request.region)))
    before = keeping.kept()
    why = reason(before, request.names, datetime.now(UTC), days_left) or ("asked for with --force" if force else "")
    if not why:
        click.echo(f"nothing to do: the certificate for {request.domain} is good for more than {days_left} days")
        return
    click.echo(f"renewing the certificate for {request.domain}: {why}")
    ends = _renew(context, request, keeping, before, ca_cert or "")
    click.echo(f"Stored the certificate for {', '.join(request.names)}; it ends on {ends:%Y-%m-%d}.")


@certificate.command("token")
@click.pass_obj
def token(context: Context) -> None:
    """Store the Consul token of the job pryv-certificate: typed unseen, or read from standard input.

    Needed where Consul has ACLs; `pryv-nomad policy consul-certificate` is the policy for it.
    """
    from pryv_nomad.certificates.keeping import CONSUL_TOKEN, OWN
    from pryv_nomad.errors import SecretsError
    from pryv_nomad.secrets.store import SecretStore

    given = click.prompt("Token", hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    if not given.strip():
        raise SecretsError("no token was given; nothing was stored", "pipe it in, or type it when asked")
    SecretStore(context.nomad()).put(OWN, {CONSUL_TOKEN: given.strip()})
    click.echo(f"{CONSUL_TOKEN}: stored in {OWN}")


def _request(context: Context, settings: Path | None) -> Request:
    from pryv_nomad.certificates import request
    from pryv_nomad.settings import renewal

    return request.read(settings) if settings else request.from_structure(renewal.structure(context.cluster()))


def _renew(context: Context, request: Request, keeping: Keeping, before: Kept, ca_cert: str) -> datetime:
    import time
    from contextlib import closing
    from datetime import UTC, datetime

    from pryv_nomad.certificates.authority import Authority, new_key
    from pryv_nomad.certificates.challenges import Challenges
    from pryv_nomad.certificates.nameservers import NameServers
    from pryv_nomad.certificates.renewal import Renewal, World

    # Nomad stops a task with SIGTERM; as an interrupt it still takes the TXT record back.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    consul = _consul(context, keeping)
    account_key = keeping.account_key(new_key())
    with closing(Authority(request.directory, account_key, request.email, ca_cert)) as authority:
        world = World(
            keeping=keeping,
            challenges=Challenges(consul, request.domain),
            name_servers=NameServers(consul, request.name_servers),
            authority=authority,
            now=lambda: datetime.now(UTC),
            pause=time.sleep,
            say=click.echo,
        )
        return Renewal(request, world, before).run().not_after


def _consul(context: Context, keeping: Keeping) -> Consul:
    """Consul, with the token that the operator stored for this job where the environment has none."""
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.options import ConsulOptions

    options = ConsulOptions.from_environment(context.env, address=context.connection.consul_address)
    return Consul(options if options.token else replace(options, token=keeping.consul_token()))
