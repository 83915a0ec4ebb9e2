"""`pryv-nomad import DIR`: a config-leader folder becomes a cluster file; what cannot come along is said on stderr."""

from __future__ import annotations

from pathlib import Path

import click

from pryv_nomad.cli.context import Context


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; default: standard output.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.pass_obj
def import_folder(context: Context, folder: Path, output: Path | None, force: bool) -> None:
    """Make a cluster file of the config-leader folder FOLDER.

    FOLDER holds conf/, data/ and config-leader.yml. Secrets found there are named, and stored by
    `pryv-nomad secrets init --from FOLDER`; they never stand in a cluster file.
    """
    from pryv_nomad.errors import Refused
    from pryv_nomad.files import write_whole
    from pryv_nomad.importer.convert import convert, release_of
    from pryv_nomad.importer.known import known
    from pryv_nomad.importer.leader import read_folder
    from pryv_nomad.importer.write import cluster_yaml
    from pryv_nomad.model.releases import load_catalogue, load_release

    leader = read_folder(folder)
    release = load_release(release_of(leader))
    imported = convert(leader, known(release, load_catalogue(release.settings), leader.single_machine))
    text = cluster_yaml(imported, str(folder))
    if output is None:
        click.echo(text, nl=False)
    elif output.exists() and not force:
        raise Refused(f"{output}: exists already; nothing was written", "name another file, or add --force")
    else:
        write_whole(output, text)
        context.say(f"Wrote {output}.")
    for note in imported.notes:
        click.echo(f"note: {note}", err=True)
