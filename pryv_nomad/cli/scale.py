"""`pryv-nomad scale`: edits the cluster file; `plan` and `run` then make it so, as with any change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.cli.editing import CoreFile


@click.command()
@click.argument("target", metavar="CORE|HOSTING|register")
@click.option("--procs", type=click.IntRange(1, 64), help="NUM_PROCS of a core, or of an entry as it is written.")
@click.option("--cores", metavar="+N|N", help="So many cores more of a hosting, or so many in all.")
@click.option("--ip", "addresses", multiple=True, help="Public address of an added core; once a core.")
@click.option("--instances", type=click.IntRange(1, 16), help="Instances of register.")
@click.option("--print", "only_print", is_flag=True, help="Print the edited file instead of writing it.")
@click.pass_obj
def scale(
    context: Context,
    target: str,
    procs: int | None,
    cores: str | None,
    addresses: tuple[str, ...],
    instances: int | None,
    only_print: bool,
) -> None:
    """Change the number of processes of a core, of cores of a hosting, or of register's instances.

    Edits the cluster file and leaves its comments alone. Nothing else happens: `plan` shows what it means.
    """
    from pryv_nomad.cli.editing import CoreFile
    from pryv_nomad.model.edit import with_value
    from pryv_nomad.model.scaling import with_procs

    if sum(each is not None for each in (procs, cores, instances)) != 1:
        raise click.UsageError("say one of --procs, --cores and --instances")
    if addresses and cores is None:
        raise click.UsageError("--ip goes with --cores")
    file = CoreFile.of(context)
    if procs is not None:
        edited, told = file.edited(lambda text: with_procs(text, target, procs)), f"{target} gets {procs} processes"
    elif instances is not None:
        if target != "register":
            raise click.UsageError("--instances goes with register")
        path = ["registry", "register", "instances"]
        edited = file.edited(lambda text: with_value(text, path, instances))
        told = f"register gets {instances} instances"
    else:
        edited, told = _with_cores(file, target, cores or "", addresses)
    file.put(edited, only_print)
    if not only_print:
        click.echo(f"{told}, in {file.path}. `pryv-nomad plan` shows what that changes.")


def _with_cores(file: CoreFile, hosting: str, wish: str, addresses: tuple[str, ...]) -> tuple[str, str]:
    from pryv_nomad.model.scaling import count_of, with_more_cores

    more = _more(wish, count_of(file.path.read_text(encoding="utf-8"), hosting))
    added: list[str] = []

    def change(text: str) -> str:
        text, names = with_more_cores(text, hosting, more, addresses)
        added.extend(names)
        return text

    edited = file.edited(change)
    return edited, f"{hosting} gets {', '.join(added)}"


def _more(wish: str, present: int) -> int:
    from pryv_nomad.errors import Refused

    number = wish.removeprefix("+")
    if not number.isascii() or not number.isdigit():
        if wish.startswith("-"):
            raise Refused(
                "which cores leave is not for a number to say: their users' names leave with them",
                "`pryv-nomad core remove NAME` takes one out",
            )
        raise click.BadParameter(f"{wish}: write +2 for two more, or 7 for seven in all", param_hint="--cores")
    more = int(number) if wish.startswith("+") else int(number) - present
    if more < 0:
        raise Refused(
            f"there are {present} cores; which of them leave is not for a number to say",
            "`pryv-nomad core remove NAME` takes one out",
        )
    if not more:
        raise Refused(f"there are {present} cores already" if wish == str(present) else "no core more is no change")
    return more
