"""`pryv-nomad render`: the Nomad jobs of the platform, as files or on standard output."""

from __future__ import annotations

from pathlib import Path

import click

from pryv_nomad.cli.context import Context


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for one file a job.")
@click.option("--format", "form", type=click.Choice(["hcl", "json"]), default="hcl", show_default=True)
@click.option("--only", multiple=True, metavar="PATTERN", help="Only these jobs, such as 'pryv-core-*'; repeatable.")
@click.option("--clean", is_flag=True, help="Remove files of an earlier render whose job is gone.")
@click.pass_obj
def render(context: Context, output: Path | None, form: str, only: tuple[str, ...], clean: bool) -> None:
    """Write the Nomad jobs, as HCL for people or as the JSON of Nomad's API.

    Files are named NAME.nomad.hcl or NAME.json and can be given to `nomad job run` (with -json). Without -o: HCL texts
    one after the other, or one JSON document a line.
    """
    from pryv_nomad.specs.files import api_json, file_name, to_folder
    from pryv_nomad.specs.render import selected, validated

    if clean and output is None:
        raise click.UsageError("--clean needs a folder: -o DIR")
    specs = selected(validated(context.specs()), only)
    if output is None:
        for spec in specs:
            click.echo(api_json(spec) if form == "json" else f"# {file_name(spec, form)}\n{spec.hcl}")
        return
    written = to_folder(specs, form, output, only, clean)
    for name in written.stale:
        what = "removed" if clean else "not part of the platform (any more); --clean removes it"
        context.say(f"{output / name}: {what}")
    context.say(f"{written.count} jobs in {output}")
