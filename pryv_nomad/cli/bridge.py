"""`pryv-nomad bridge`: the daemon that keeps the cores registered in Consul."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from pryv_nomad.cli.context import Context

if TYPE_CHECKING:
    from pryv_nomad.bridge.loop import Bridge, Settings
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad


def _address(_: click.Context, option: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """HOST:PORT, or :PORT for all addresses of this machine, as (host, port)."""
    if value is None:
        return None
    host, found, port = value.rpartition(":")
    if not found or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT", param=option)
    return host.strip("[]"), int(port)


@click.command()
@click.option("--domain", metavar="DOMAIN", help="The platform, where there is no cluster file.  [PRYV_NOMAD_DOMAIN]")
@click.option("--listen", callback=_address, metavar="HOST:PORT", help="Serve /metrics and /healthz here.")
@click.option("--statsd", callback=_address, metavar="HOST:PORT", help="Send the numbers to this StatsD (UDP).")
@click.option("--drive", is_flag=True, help="Also drive rollouts that nobody drives; its token must register jobs.")
@click.option("--once", is_flag=True, help="Look once, do what is to be done, print it, and end.")
@click.option(
    "--interval", type=click.FloatRange(1, 300), default=15, show_default=True, help="Full look every SECONDS."
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    help="With --once: wait so long for the lock.  [default: until a dead bridge's lock is free]",
)
@click.option("--ttl", type=click.IntRange(10, 86400), default=10, show_default=True, help="The lock's TTL in seconds.")
@click.option(
    "--lock-delay", type=click.IntRange(0, 60), default=1, show_default=True, help="The lock's delay in seconds."
)
@click.option("--name", metavar="NAME", help="This bridge, in the lock and the log.  [default: host and process]")
@click.option("--probe-path", default="/", show_default=True, metavar="PATH", help="What to ask cores outside Nomad.")
@click.option("--probe-interval", type=click.FloatRange(0.5, 3600), default=10, show_default=True, help="In seconds.")
@click.option("--probe-timeout", type=click.FloatRange(0.1, 60), default=5, show_default=True, help="In seconds.")
@click.option(
    "--probe-failures", type=click.IntRange(1), default=3, show_default=True, help="Failures in a row until critical."
)
@click.option(
    "--probe-passes", type=click.IntRange(1), default=2, show_default=True, help="Answers in a row until passing."
)
@click.option(
    "--probe-ca",
    type=click.Path(exists=True, dir_okay=False),
    help="Certificate authority of the platform's certificate (PEM).  [PRYV_NOMAD_PROBE_CACERT, else the system's]",
)
@click.pass_obj
def bridge(
    context: Context,
    /,
    once: bool,
    drive: bool,
    listen: tuple[str, int] | None,
    statsd: tuple[str, int] | None,
    **given: Any,
) -> int:
    """Keep the platform's cores registered in Consul: states, addresses, health.

    Runs until SIGTERM or Ctrl-C. Several may run: one leads, the others stand by. What should be, it reads from Consul,
    where `pryv-nomad run` records it. Logs are lines of JSON on standard output.
    """
    import gc

    from pryv_nomad.bridge.loop import COLLECTION, Bridge, log_line
    from pryv_nomad.errors import ConnectionSettingError

    gc.set_threshold(*COLLECTION)
    domain = given["domain"] or context.env.get("PRYV_NOMAD_DOMAIN") or context.cluster().domain
    settings = _settings(domain, given, context.env)
    consul, nomad = _clients(context, bool(given["domain"] or context.env.get("PRYV_NOMAD_DOMAIN")))

    def say(event: Mapping[str, Any]) -> None:
        click.echo(log_line(event, domain, settings.name))

    try:
        made = Bridge(consul, nomad, settings, say, statsd=_statsd(statsd))
    except OSError as error:
        reason = error.strerror or "it holds no certificate"
        raise ConnectionSettingError(f"--probe-ca: {settings.probes.ca_file}: {reason}", "name a PEM file") from None
    attendant = _attendant(consul, nomad, settings, say) if drive and not once else nullcontext()
    with _stopped_by_signals(made), attendant:
        return _once(made, given["wait"]) if once else _run(made, listen)


@contextmanager
def _attendant(
    consul: Consul, nomad: Nomad, settings: Settings, say: Callable[[Mapping[str, Any]], None]
) -> Iterator[None]:
    """Drives rollouts for the time of the block."""
    from pryv_nomad.gates.asking import gates_of
    from pryv_nomad.hooks.calling import hooks_of
    from pryv_nomad.rollout.attend import Attendant
    from pryv_nomad.rollout.carry_out import Site
    from pryv_nomad.rollout.events import Event
    from pryv_nomad.rollout.interruption import Asked
    from pryv_nomad.rollout.lock import own_card

    def tell(event: Event) -> None:
        if event.kind not in ("waiting", "progress"):
            say({"event": "rollout", "kind": event.kind, "job": event.job, "sentence": event.text})

    def site(asked: Asked) -> Site:
        return Site(
            nomad,
            consul,
            settings.domain,
            tell,
            gates=lambda policy: gates_of(policy.gates, nomad, consul),
            hooks=lambda policy: hooks_of(policy.hooks),
            interruption=asked,
        )

    made = Attendant(
        consul, settings.domain, own_card(), site, lambda text: say({"event": "rollout", "sentence": text})
    )
    made.start()
    try:
        yield
    finally:
        made.stop()


@contextmanager
def _stopped_by_signals(made: Bridge) -> Iterator[None]:
    """SIGTERM and Ctrl-C stop the bridge. In a thread: the handler interrupts the main thread, which may hold the very
    lock that `stop` needs."""

    def stop(*_: Any) -> None:
        threading.Thread(target=made.stop).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _once(made: Bridge, wait_s: float | None) -> int:
    from pryv_nomad.errors import Refused, Unreachable

    patience = 2.0 * made.settings.ttl_s + made.settings.lock_delay_s
    tick = made.once(patience if wait_s is None else wait_s)
    if tick.outcome == "standby":
        raise Refused(f"nothing done: {tick.sentence}", "the bridge that leads does it")
    if tick.outcome == "failed":
        raise Unreachable(tick.sentence, "`pryv-nomad bridge` (without --once) goes on trying")
    return 0


def _run(made: Bridge, listen: tuple[str, int] | None) -> int:
    from pryv_nomad.bridge.serving import Server
    from pryv_nomad.errors import MissingPrerequisite

    try:
        server = Server(listen, made.metrics, made.health) if listen else None
    except OSError as error:
        raise MissingPrerequisite(f"--listen: cannot listen there: {error.strerror}", "name a free port") from None
    try:
        made.run()
    finally:
        if server:
            server.close()
    return 0


def _settings(domain: str, given: Mapping[str, Any], env: Mapping[str, str]) -> Settings:
    from pryv_nomad.bridge.loop import Settings
    from pryv_nomad.bridge.probing import ProbeSettings
    from pryv_nomad.bridge.thresholds import Thresholds

    probes = ProbeSettings(
        path=given["probe_path"],
        interval_s=given["probe_interval"],
        timeout_s=given["probe_timeout"],
        thresholds=Thresholds(given["probe_failures"], given["probe_passes"]),
        ca_file=given["probe_ca"] or env.get("PRYV_NOMAD_PROBE_CACERT", ""),
    )
    name = given["name"] or f"{socket.gethostname()}-{os.getpid()}"
    return Settings(domain, name, given["interval"], given["ttl"], given["lock_delay"], probes)


def _clients(context: Context, alone: bool) -> tuple[Consul, Nomad]:
    """The clients: short time limits and few retries, since the next look is a retry too.

    A look without Nomad goes on with what is known, so it must not wait for Nomad long.
    """
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad
    from pryv_nomad.clients.options import ConsulOptions
    from pryv_nomad.clients.retries import NEVER, Retries

    given, retries = context.connection, Retries(attempts=2, cap_s=0.5, within_s=2.0)
    platform = None if alone else context.cluster().file.platform
    nomad = context.nomad_options(
        platform.namespace if platform else given.namespace, platform.region if platform else given.region
    )
    consul = ConsulOptions.from_environment(context.env, address=given.consul_address)
    return Consul(consul, timeout_s=5, retries=retries), Nomad(nomad, timeout_s=5, retries=NEVER)


def _statsd(address: tuple[str, int] | None) -> Any:
    from pryv_nomad.bridge.metrics import StatsdSender
    from pryv_nomad.errors import ConnectionSettingError

    if address is None:
        return None
    try:
        return StatsdSender(*address)
    except OSError as error:
        raise ConnectionSettingError(
            f"--statsd: {address[0]} has no address: {error.strerror}", "name its host"
        ) from None
