"""`pryv-nomad policy [NAME]`: least-privilege ACL policies for this platform."""

from __future__ import annotations

import click

from pryv_nomad.cli.context import Context


@click.command()
@click.argument("name", required=False)
@click.pass_obj
def policy(context: Context, name: str | None) -> None:
    """Print the ACL policy NAME; without a name, list what there is and how each is applied."""
    from pryv_nomad.policies import POLICIES

    if name is None:
        for key, entry in POLICIES.items():
            click.echo(f"{key}\n  for:   {entry.purpose}\n  apply: {entry.apply}")
        return
    if name not in POLICIES:
        raise click.UsageError(f"there is no policy {name!r}; there are {', '.join(POLICIES)}")
    click.echo(POLICIES[name].text(context.cluster()), nl=False)
