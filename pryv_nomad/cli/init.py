"""`pryv-nomad init`: a commented cluster file to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.errors import Refused
from pryv_nomad.files import write_whole


@click.command()
@click.option("--domain", default="pryv.example", show_default=True, help="Domain of the platform.")
@click.option("--name", default="Pryv Lab", show_default=True, help="Public name of the service.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("cluster.yml"), show_default=True)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.pass_obj
def init(context: Context, domain: str, name: str, output: Path, force: bool) -> None:
    """Write a commented cluster file to begin with; `-o -` prints it."""
    from pryv_nomad.model.starter import starter

    text = starter(domain, name)
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    if output.exists() and not force:
        raise Refused(
            f"{output} is there already; nothing was written", "name another with -o, or replace it with --force"
        )
    try:
        write_whole(output, text)
    except OSError as error:
        raise Refused(f"{output}: cannot be written: {error.strerror or error}", "name another place with -o") from None
    context.say(f"wrote {output}; next: edit it, then `pryv-nomad -c {output} validate`")
