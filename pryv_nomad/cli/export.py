"""`pryv-nomad export`: the platform as files for docker compose, Docker Swarm or Kubernetes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.exports.targets import EndpointMode

TARGETS = ("swarm", "compose", "kubernetes")


@click.command()
@click.argument("target", type=click.Choice(TARGETS))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the files.")
@click.option(
    "--endpoint-mode",
    type=click.Choice(["vip", "dnsrr"]),
    help="Swarm: how services find each other; dnsrr for kernels without IPVS.  [default: vip]",
)
@click.pass_obj
def export(context: Context, target: str, output: Path, endpoint_mode: EndpointMode | None) -> None:
    """Write the platform's files for TARGET (swarm, compose or kubernetes) to a folder.

    No secret's value is in them. What TARGET cannot express is said on stderr and at the head of the files. The folder
    is replaced as a whole, and only when an export made it and nobody touched it since.
    """
    from pryv_nomad.exports.folder import write_tree
    from pryv_nomad.exports.targets import exported

    if endpoint_mode and target != "swarm":
        raise click.UsageError("--endpoint-mode is for the target swarm")
    made = exported(context.cluster(), target, endpoint_mode or "vip")
    for sentence in made.limits:
        click.echo(f"warning: {target}: {sentence}", err=True)
    write_tree(made.tree, output, target)
    context.say(f"{len(made.tree)} files in {output}; {output / 'README.md'} says what to do with them")
