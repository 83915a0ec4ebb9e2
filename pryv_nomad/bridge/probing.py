"""Asks cores outside Nomad over HTTPS how they are: a few at a time, each within a time limit.

A core is asked at its address by its own name, so that what is tried is what users get: DNS left aside, the certificate
included. The thresholds (`thresholds`) turn answers into a status.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pryv_nomad.bridge.observed import Observed
from pryv_nomad.bridge.thresholds import Health, Thresholds

MOST_AT_ONCE = 16
# An answer is read to its end, or so far: the status is what counts.
LONGEST_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """A core to ask: `name` is its host name (`co1.pryv.example`)."""

    core: str
    name: str
    address: str
    port: int = 443


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """How to ask. `path` must answer with a status below 400; `ca_file` empty: the system's authorities."""

    path: str = "/"
    interval_s: float = 10.0
    timeout_s: float = 5.0
    thresholds: Thresholds = field(default_factory=Thresholds)
    ca_file: str = ""
    plain: bool = False


Answer = tuple[bool, str]


class _Connection(http.client.HTTPSConnection):
    """A TLS connection to an address, in the name of a host."""

    def __init__(self, target: Target, context: ssl.SSLContext, timeout_s: float) -> None:
        super().__init__(target.name, target.port, timeout=timeout_s, context=context)
        self._target, self._tls, self._limit_s = target, context, timeout_s

    def connect(self) -> None:
        """Connect by address; the certificate must be for the name."""
        plain = socket.create_connection((self._target.address, self._target.port), self._limit_s)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._target.name)
        except BaseException:
            plain.close()
            raise


def ask(target: Target, settings: ProbeSettings, context: ssl.SSLContext | None) -> Answer:
    """One question: whether the core serves, and in a few words why (not)."""
    if context is not None:
        connection: http.client.HTTPConnection = _Connection(target, context, settings.timeout_s)
    else:
        connection = http.client.HTTPConnection(target.address, target.port, timeout=settings.timeout_s)
    try:
        connection.request("GET", settings.path, headers={"Host": target.name, "Connection": "close"})
        response = connection.getresponse()
        response.read(LONGEST_BODY)
        return response.status < 400, f"GET {settings.path} answers {response.status}"
    except TimeoutError:
        return False, f"no answer within {settings.timeout_s:g} s"
    except ssl.SSLCertVerificationError as error:
        return False, f"its certificate: {error.verify_message}"
    except ssl.SSLError as error:
        return False, f"TLS: {error.reason or 'failed'}"
    except OSError as error:
        return False, f"cannot connect: {error.strerror or error}"
    except (http.client.HTTPException, ValueError):
        return False, "its answer is not HTTP"
    finally:
        connection.close()


def context_of(settings: ProbeSettings) -> ssl.SSLContext | None:
    """The TLS settings, None for plain HTTP. Raises OSError for an unusable file."""
    return None if settings.plain else ssl.create_default_context(cafile=settings.ca_file or None)


class Prober:
    """Asks its targets every `interval_s` seconds and keeps the standing of each."""

    def __init__(
        self,
        settings: ProbeSettings,
        wake: threading.Event,
        stop: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._context = context_of(settings)
        self._wake, self._stop, self._clock = wake, stop, clock
        self._changed = threading.Event()
        self._targets: tuple[Target, ...] = ()
        self._health: dict[Target, Health] = {}
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def follow(self, targets: Iterable[Target]) -> None:
        """Ask these from now on. A core whose address changed begins afresh."""
        wanted = tuple(targets)
        if wanted != self._targets:
            self._targets = wanted
            self._changed.set()

    def observed(self) -> Mapping[str, Observed]:
        """How the targets are, as far as it is known."""
        known = [(target, self._health.get(target)) for target in self._targets]
        return {
            target.core: Observed(target.core, health.status, health.why, target.address)
            for target, health in known
            if health and health.status
        }

    def round(self) -> None:
        """Ask all targets once."""
        targets = self._targets
        if not targets:
            return
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(targets)), "probe") as pool:
            answers = list(pool.map(lambda target: ask(target, self._settings, self._context), targets))
        before, after = self._health, {}
        for target, (passed, why) in zip(targets, answers, strict=True):
            after[target] = before.get(target, Health()).after(passed, why, self._settings.thresholds)
        self._health = after
        if any(before.get(target, Health()).status != health.status for target, health in after.items()):
            self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            begun = self._clock()
            self._changed.clear()
            self.round()
            left = self._settings.interval_s - (self._clock() - begun)
            self._changed.wait(max(0.1, left))
