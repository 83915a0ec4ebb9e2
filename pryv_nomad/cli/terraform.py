"""`pryv-nomad terraform`: the platform for Terraform, and Terraform's machines for the platform."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.specs.render import Spec


@click.group()
def terraform() -> None:
    """Write the platform for Terraform or OpenTofu, and read machines out of it.

    The modules that use this, and how: docs/terraform.md.
    """


@terraform.command()
@click.pass_obj
def render(context: Context) -> int:
    """Answer Terraform's external data source: a query on standard input, the jobs on standard output.

    The query is a flat JSON object of strings: cluster_files, set, templates, only (lists and maps by jsonencode).
    What it says goes before the options. An error is told on standard error, with exit code 1, as Terraform asks.
    """
    from pryv_nomad.errors import PryvNomadError
    from pryv_nomad.terraform.answer import answer, text
    from pryv_nomad.terraform.query import parse

    try:
        query = parse(_stdin("a query"))
        asked = replace(
            context,
            files=query.files or context.files,
            sets=(*context.sets, *query.sets),
            templates=query.templates or context.templates,
        )
        given = answer(asked.cluster(), _specs(asked, query.only))
    except PryvNomadError as error:
        error.exit_code = 1  # the protocol's
        raise
    click.echo(text(given))
    return 0


@terraform.command("hash")
@click.option("--only", multiple=True, metavar="PATTERN", help="Only these jobs, such as 'pryv-core-*'; repeatable.")
@click.pass_obj
def spec_hash(context: Context, only: tuple[str, ...]) -> None:
    """Print one hash of all job specs: another one means that a run has something to do.

    For `spec_hash` of the module pryv-rollout: export TF_VAR_spec_hash="$(pryv-nomad terraform hash)"
    """
    from pryv_nomad.terraform.answer import overall_hash

    click.echo(overall_hash(_specs(context, only)))


@terraform.command()
@click.argument("source", metavar="[FILE]", default="-")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; default: standard output.")
@click.option("--name", "names", multiple=True, help="Output to read; repeatable.  [default: pryv_machines]")
@click.option("--force", is_flag=True, help="Replace a file that was not written by this command.")
@click.pass_obj
def inventory(context: Context, source: str, output: Path | None, names: tuple[str, ...], force: bool) -> None:
    """Turn `terraform output -json` (FILE, else standard input) into an overlay of the cluster file.

    terraform output -json | pryv-nomad terraform inventory -o machines.yml, then pryv-nomad -c cluster.yml -c
    machines.yml plan. It is checked together with the cluster file, where there is one.
    """
    from pryv_nomad.terraform.inventory import checked, overlay_text, with_known_datacenters
    from pryv_nomad.terraform.outputs import machines

    found = machines(_stdin("outputs") if source == "-" else _file(source), names)
    files = [file for file in context.cluster_files() if file != output and (context.files or file.exists())]
    found = with_known_datacenters(found, files)
    text = overlay_text(found)
    cluster = checked(text, files, context.sets, context.env, "Terraform's outputs")
    if output is None:
        click.echo(text, nl=False)
        return
    _write(context, output, text, found, force)
    context.say(f"wrote {output}: {len(found.get('cores', ()))} of {len(cluster.cores)} cores")


def _specs(context: Context, only: tuple[str, ...]) -> list[Spec]:
    from pryv_nomad.specs.render import selected, validated

    return selected(validated(context.specs()), only)


def _stdin(what: str) -> str:
    import sys

    from pryv_nomad.errors import TerraformInputError

    stream = sys.stdin.buffer
    if stream.isatty():
        raise TerraformInputError(f"standard input is a terminal, where {what} should come", "see --help")
    return _decoded(stream.read(), "standard input")


def _file(name: str) -> str:
    from pryv_nomad.errors import TerraformInputError

    try:
        return _decoded(Path(name).read_bytes(), name)
    except OSError as error:
        raise TerraformInputError(f"{name}: cannot be read: {error.strerror or error}") from None


def _decoded(content: bytes, name: str) -> str:
    from pryv_nomad.errors import TerraformInputError

    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TerraformInputError(f"{name}: is not UTF-8 text") from None


def _write(context: Context, output: Path, text: str, machines: dict[str, Any], force: bool) -> None:
    """The overlay as a file, in place of an earlier one of ours. Raises Refused."""
    from pryv_nomad.errors import Refused
    from pryv_nomad.files import write_whole
    from pryv_nomad.terraform.inventory import HEAD, left_out

    try:
        old = output.read_text(encoding="utf-8", errors="replace") if output.exists() else HEAD
        if not old.startswith(HEAD) and not force:
            raise Refused(
                f"{output} is there already and was not written by this command; nothing was written",
                "name another file, or add --force",
            )
        write_whole(output, text)
    except OSError as error:
        raise Refused(f"{output}: cannot be written: {error.strerror or error}", "name another place with -o") from None
    for name in left_out(old, machines):
        context.say(f"note: {name} is not among the machines any more; take it out of service before its machine goes")
