"""`pryv-nomad schema`: the JSON Schema of the cluster file, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.option("--releases", "list_releases", is_flag=True, help="List the releases instead.")
@click.option("--release", help="Describe the platform variables of this release.  [default: the newest]")
@click.option("--folder", type=click.Path(path_type=Path), help="Folder with further release files.")
def schema(list_releases: bool, release: str | None, folder: Path | None) -> None:
    """Print the JSON Schema (2020-12) of the cluster file.

    With an editor that speaks the YAML language server, write it to a file and begin cluster.yml with:
    # yaml-language-server: $schema=cluster.schema.json
    """
    from pryv_nomad.model import releases
    from pryv_nomad.model.schema import json_schema

    if list_releases:
        for name in releases.available(folder):
            found = releases.load_release(name, folder)
            migrates = ", migrates data" if found.migrates else ""
            click.echo(f"{name}  {found.topology}, {len(found.components)} components{migrates}")
        return
    chosen = releases.load_release(release or releases.available(folder)[0], folder)
    click.echo(json.dumps(json_schema(releases.load_catalogue(chosen.settings, folder)), indent=2))
