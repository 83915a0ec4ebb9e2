"""`pryv-nomad dev`: a local Nomad and Consul for the platform of the cluster file, or the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.dev import DevCluster
    from pryv_nomad.model.cluster import Cluster

_folder = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".pryv-nomad/dev"),
    show_default=True,
    help="Folder that holds all of the local cluster.",
)


@click.group()
def dev() -> None:
    """A local Nomad and Consul to try things on; without their binaries, the simulator.

    As root on Linux every core and every role gets a Nomad client of its own, so that the examples place as they are.
    """


@dev.command()
@_folder
@click.option("--nomad-port", type=click.IntRange(0, 65535), help="Port of Nomad; 0: a free one.  [default: 4646]")
@click.option("--consul-port", type=click.IntRange(0, 65535), help="Port of Consul; 0: a free one.  [default: 8500]")
@click.option(
    "--mode",
    type=click.Choice(["auto", "real", "simulator"]),
    default="auto",
    show_default=True,
    help="auto: real where Nomad and Consul are found.",
)
@click.option(
    "--network",
    default="127.0.1.0/24",
    show_default=True,
    metavar="CIDR",
    help="Addresses of the nodes, loopback ones by default.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="The simulator's: simulated seconds a second.",
)
@click.pass_obj
def up(
    context: Context,
    folder: Path,
    nomad_port: int | None,
    consul_port: int | None,
    mode: str,
    network: str,
    speed: float,
) -> None:
    """Start what does not run yet, and wait until it takes jobs. Twice changes nothing.

    The nodes are those that the cluster file needs (without one: those of the example with two hostings). Prints the
    environment variables to use it: eval "$(pryv-nomad dev up)"
    """
    from pryv_nomad import dev as local

    cluster = _cluster(context)
    options = local.DevOptions(
        folder,
        tuple(local.wishes(cluster)),
        mode=mode,  # type: ignore[arg-type] # click has checked it
        nomad_port=nomad_port,
        consul_port=consul_port,
        network=network,
        region=cluster.file.platform.region,
        namespace=cluster.file.platform.namespace,
        speed=speed,
    )
    running = local.up(options, context.env)
    context.say(_description(running))
    context.say("Started." if running.started else "Ran already; nothing changed.")
    click.echo(f"export NOMAD_ADDR={running.nomad}")
    click.echo(f"export CONSUL_HTTP_ADDR={running.consul}")


@dev.command()
@_folder
@click.pass_obj
def down(context: Context, folder: Path) -> None:
    """Stop all of it and remove its folder, containers and interfaces."""
    from pryv_nomad import dev as local

    context.say("Stopped." if local.down(folder, context.env) else f"No local cluster in {folder}.")


@dev.command()
@_folder
def status(folder: Path) -> int:
    """Say what runs. Exit code 10 when something that should run does not."""
    from pryv_nomad import dev as local
    from pryv_nomad.errors import Unhealthy

    running = local.status(folder)
    if running is None:
        click.echo(f"No local cluster in {folder}.")
        return Unhealthy.exit_code
    click.echo(_description(running))
    for name in running.ended:
        click.echo(f"{name} has ended; `pryv-nomad dev up` starts it again")
    return Unhealthy.exit_code if running.ended else 0


def _cluster(context: Context) -> Cluster:
    """The cluster file's; where none is named and none is there, the example's with two hostings."""
    from pryv_nomad.model.load import default_files, load_cluster
    from pryv_nomad.resources import resource_dir

    if context.files or any(file.exists() for file in default_files(context.env)):
        return context.unchecked_cluster
    return load_cluster([resource_dir("examples") / "two-hostings" / "cluster.yml"], context.sets, context.env)


def _description(running: DevCluster) -> str:
    kind = {"real": "a real Nomad and Consul", "simulator": "the simulator: nothing really runs"}[running.mode]
    shown = [f"{name} {address}" for name, address in running.nodes.items()]
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    lines = [
        f"{kind}, in {running.folder}",
        *(f"  {note}" for note in running.notes),
        f"  Nomad   {running.nomad}",
        f"  Consul  {running.consul}",
        f"  nodes   {', '.join(shown[:8])}{more}",
    ]
    return "\n".join(lines)
