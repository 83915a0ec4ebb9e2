"""`pryv-nomad registry`: the file that the registry's processes read, checked, followed, and outside Nomad."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.registry.verdict import Store


@click.group()
def registry() -> None:
    """Check and follow the registry's list of cores."""


@registry.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--previous", type=click.Path(path_type=Path), help="The file in use: no core of it may be missing.")
@click.option("--removed", metavar="CORE", multiple=True, help="A core that may be missing, besides what Consul says.")
@click.option("--offline", is_flag=True, help="Do not ask Consul which cores were removed.")
@click.pass_obj
def check(context: Context, file: Path, previous: Path | None, removed: tuple[str, ...], offline: bool) -> None:
    """Check a register.json or dns.json by the rules of the programs that read it.

    Exits with 6 when they would refuse or misread it, or when a core of --previous is missing that nobody removed.
    """
    from pryv_nomad.errors import Refused
    from pryv_nomad.registry.verdict import Store, judge

    candidate, before = _read(file), _read(previous) if previous else None
    store = Store(removed=frozenset(removed))
    verdict = judge(candidate, before, store)
    if not verdict.good and not offline:
        store = _asked(context, candidate, store)
        verdict = judge(candidate, before, store)
    if not verdict.good:
        raise Refused(
            f"{file}:\n" + "\n".join(f"  {fault}" for fault in verdict.faults),
            "the registry keeps the file it has; `pryv-nomad core list` shows what should be in it",
        )
    click.echo(f"{file}: good, {verdict.sentence}")


def _asked(context: Context, candidate: bytes, store: Store) -> Store:
    """The store with what Consul knows, where it answers."""
    from pryv_nomad.errors import PryvNomadError
    from pryv_nomad.registry.document import Unreadable, read
    from pryv_nomad.registry.store import read_store

    try:
        domain = read(candidate).domain
        found = read_store(context.consul(), domain) if domain else store
    except Unreadable:
        return store
    except PryvNomadError as error:
        context.say(f"note: without what Consul knows of removed cores: {error.message}")
        return store
    return replace(found, removed=found.removed | store.removed)


def _read(file: Path) -> bytes:
    from pryv_nomad.errors import MissingPrerequisite

    try:
        return file.read_bytes()
    except OSError as error:
        raise MissingPrerequisite(f"cannot read {file}: {error.strerror}", "name a file that is there") from None
