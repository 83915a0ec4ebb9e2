"""`pryv-nomad validate`: what is wrong with the cluster file and the specs made of it."""

from __future__ import annotations

import click

from pryv_nomad.cli.context import Context
from pryv_nomad.errors import ClusterFileError


@click.command()
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.pass_obj
def validate(context: Context, strict: bool) -> None:
    """Check the cluster file, the settings, and the job specs made of them.

    Needs no cluster. Prints everything it finds; exits with 3 when the file has errors, with 4 when a spec has.
    """
    from pryv_nomad.model.checks import findings

    cluster = context.unchecked_cluster
    found = findings(cluster)
    for finding in found:
        if finding.severity == "warning":
            click.echo(f"{click.style('warning:', fg='yellow')} {finding.problem}", err=True)
    errors = [finding.problem for finding in found if finding.severity == "error" or strict]
    if errors:
        raise ClusterFileError(errors)
    jobs = sum(1 for spec in context.specs() if spec.json_text)
    told = [_counted(len(cluster.cores), "core"), _counted(jobs, "job")]
    told += [_counted(len(found), "warning")] if found else []
    context.say(f"{cluster.domain}: release {cluster.release.name}, {', '.join(told)}")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
