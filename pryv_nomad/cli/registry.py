"""`pryv-nomad registry`: the file that the registry's processes read, checked, followed, and outside Nomad."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.registry.follow import Follower, Settings
    from pryv_nomad.registry.restarts import Restarter
    from pryv_nomad.registry.verdict import Store

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@click.group()
def registry() -> None:
    """Check and follow the registry's list of cores, in Nomad's jobs and outside."""


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


def _file(name: str, text: str, **more: Any) -> Callable[[Decorated], Decorated]:
    return click.option(f"--{name}", type=click.Path(path_type=Path, dir_okay=False), help=text, **more)


@registry.command()
@_file("live", "The file that the process reads.", required=True)
@_file("good", "The last good file, on a volume.", required=True)
@click.pass_obj
def restore(context: Context, live: Path, good: Path) -> None:
    """Put the last good file in place where there is none, before the process starts. It asks nobody.

    So a newly placed register or name server begins with the cores that were known last, whatever Consul says.
    """
    from pryv_nomad.errors import MissingPrerequisite
    from pryv_nomad.registry.swap import Files

    try:
        verdict = Files(live, live, good).restore()
    except OSError as error:
        raise MissingPrerequisite(
            f"cannot write {error.filename or live}: {error.strerror}", "let this user write the folder"
        ) from None
    if verdict is None:
        context.say(f"nothing to restore: {live} is there, or {good} is not")
    elif verdict.good:
        context.say(f"{live}: restored, {verdict.cores} cores")
    else:
        context.say(f"warning: {good} is damaged and not used: {'; '.join(verdict.faults)}")


@registry.command()
@click.option("--domain", metavar="DOMAIN", required=True, help="The platform.")
@_file("candidate", "The file that the template writes.", required=True)
@_file("live", "The file that the process reads, in a folder that the process mounts.", required=True)
@_file("good", "Where the last good file is kept, on a volume that outlives this machine's allocations.")
@click.option("--service", metavar="NAME", required=True, help="Consul service of the process, such as pryv-register.")
@click.option("--instance", metavar="HOST:PORT", required=True, help="Its address in Consul.")
@click.option("--probe", metavar="URL", required=True, help="http://HOST:PORT/PATH, dns://HOST:PORT/NAME or tcp://…")
@click.option("--task", metavar="TASK", help="Restart this task of our allocation, through Nomad's task API.")
@click.option("--restart-command", metavar="COMMAND", help="Restart the process so; ends when the old one has ended.")
@click.option(
    "--signal", "signal_", metavar="SIGNAL", help="Send this to --task in place of a restart, such as SIGHUP."
)
@click.option("--gentle", is_flag=True, help="--restart-command makes the process read its file while it serves.")
@click.option("--no-edge", is_flag=True, help="No edge leads to it (name servers): it need not leave a list.")
@click.option("--listen", metavar="HOST:PORT", help="Serve /serving, /healthz and /metrics here.")
@click.option("--gather", type=click.FloatRange(0), default=2, show_default=True, help="Seconds without change.")
@click.option("--settle", type=click.FloatRange(0), default=12, show_default=True, help="Seconds until the edge knows.")
@click.option("--name", metavar="NAME", help="This instance, in the lock and the log.  [default: host and process]")
@click.pass_obj
def follow(context: Context, /, **given: Any) -> int:
    """Swap checked candidates in, and reload the process one instance at a time.

    Runs until SIGTERM or Ctrl-C, beside a register or a name server. A refused candidate leaves the file that is
    there; it is logged, counted, and makes /healthz fail. Logs are lines of JSON on standard output.
    """
    from pryv_nomad.registry.follow import Follower
    from pryv_nomad.registry.probes import probe_of

    settings, restart = _settings(given), _restarter(context, given)
    made = Follower(_consul(context), settings, probe_of(given["probe"]), restart, click.echo)
    for number in (signal.SIGTERM, signal.SIGINT):
        # A thread, because the handler interrupts the main thread, which may hold the very lock that `stop` needs.
        signal.signal(number, lambda *_: threading.Thread(target=made.stop).start())
    return _run(made, given["listen"])


def _run(made: Follower, listen: str | None) -> int:
    from pryv_nomad.errors import MissingPrerequisite

    try:
        server = made.serve(_host_and_port("--listen", listen)) if listen else None
    except OSError as error:
        raise MissingPrerequisite(f"--listen: cannot listen there: {error.strerror}", "name a free port") from None
    try:
        made.run()
    finally:
        if server:
            server.close()
    return 0


def _settings(given: dict[str, Any]) -> Settings:
    from pryv_nomad.registry.follow import Settings
    from pryv_nomad.registry.reload import Manner, Timing
    from pryv_nomad.registry.reloader import Instance
    from pryv_nomad.registry.swap import Files

    host, port = _host_and_port("--instance", given["instance"])
    return Settings(
        given["domain"],
        given["name"] or f"{socket.gethostname()}-{os.getpid()}",
        Files(given["candidate"], given["live"], given["good"]),
        Instance(given["service"], host, port),
        Timing(gather=given["gather"], gather_most=max(10.0, 5 * given["gather"]), settle=given["settle"]),
        Manner(gentle=given["gentle"] or bool(given["signal_"]), leaves=not given["no_edge"]),
    )


def _restarter(context: Context, given: dict[str, Any]) -> Restarter:
    import shlex

    from pryv_nomad.registry.restarts import Command, nomad_task

    task, command = given["task"], given["restart_command"]
    if bool(task) == bool(command):
        raise click.UsageError("give one of --task (inside Nomad) and --restart-command")
    if given["signal_"] and not task:
        raise click.UsageError("--signal needs --task; elsewhere give --gentle with a command that sends it")
    if task:
        return nomad_task(context.env, task, given["signal_"] or "")
    try:
        return Command(tuple(shlex.split(command)))
    except ValueError as error:
        raise click.UsageError(f"--restart-command: {error}") from None


def _consul(context: Context) -> Consul:
    """Consul, with short time limits: the next look is a retry."""
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.options import ConsulOptions
    from pryv_nomad.clients.retries import NEVER

    options = ConsulOptions.from_environment(context.env, address=context.connection.consul_address)
    return Consul(options, timeout_s=3, retries=NEVER)


def _host_and_port(option: str, text: str) -> tuple[str, int]:
    host, found, port = text.rpartition(":")
    if not found or not port.isdecimal() or int(port) > 65535:
        raise click.UsageError(f"{option}: {text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


@registry.command()
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--role", type=click.Choice(["registry", "replica", "core"]), default="registry", show_default=True)
@click.option("--address", metavar="IP", required=True, help="The machine's address on the private network.")
@click.option("--core", default="", metavar="CORE", help="The core, with --role core.")
@click.option("--folder", "installed", metavar="DIR", help="Where the files will lie on the machine.  [default: -o]")
@click.option(
    "--conf-root", default="/var/pryv/pryv", show_default=True, help="Holds register/conf, dns/conf, nginx/conf."
)
@click.option("--restart-command", metavar="COMMAND", help="Restarts {program}.  [default: docker restart pryvio_…]")
@click.option("--reload-command", metavar="COMMAND", help="Reloads nginx.  [default: docker exec pryvio_nginx …]")
@click.pass_obj
def config(context: Context, /, folder: Path, role: str, address: str, core: str, **given: Any) -> None:
    """Write consul-template's configuration, followers and systemd units for a machine outside Nomad.

    Besides -o, the machine needs consul.env (see consul.env.example), Consul's agent, and its present register.json and
    dns.json in own/ (docs/registry.md).
    """
    from pryv_nomad.errors import MissingPrerequisite
    from pryv_nomad.files import write_whole
    from pryv_nomad.registry.outside import Machine, outside_files

    cluster = context.cluster()
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise click.UsageError(f"--address: {address!r} is no IP address") from None
    if (role == "core") != bool(core):
        raise click.UsageError("--role core and --core CORE belong together")
    if core and core not in {each.name for each in cluster.cores}:
        raise click.UsageError(f"--core: the cluster file has no core {core}")
    installed = given["installed"] or str(folder.resolve())
    words = {"restart": given["restart_command"], "reload": given["reload_command"]}
    more = {key: value for key, value in words.items() if value}
    machine = Machine(role, address, installed, given["conf_root"], core, **more)  # type: ignore[arg-type]
    made = outside_files(cluster, machine)
    try:
        for file in made:
            write_whole(folder / file.path, file.text, file.mode)
    except OSError as error:
        raise MissingPrerequisite(
            f"cannot write {error.filename or folder}: {error.strerror}", "name a folder that can be written"
        ) from None
    context.say(f"{len(made)} files in {folder}")
