"""A configuration file as text with holes: what only the place where it runs can know.

A secret's value, another component's address and the list of cores are not known when a file is made, and how they get
in differs: Nomad's templates ask Consul and Nomad Variables, docker compose has names on a network, Kubernetes has
Secrets and Services. So a file is a sequence of parts, plain text or a hole, and each target fills the holes its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Secret:
    """The value of the secret `key`. `quoted`: as a JSON string with its quotes (also right in YAML), for values that
    may hold any character; else bare, for keys that are alphanumeric by construction."""

    key: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a component of the same core (or, for registry components, of the platform) listens.

    `part`: `host` and `port` alone, or `address` as HOST:PORT. `port` is a key of the component's `ports` and
    means its first process. `replica`: that of the replica's machine, where one runs on both registry machines (redis).
    """

    component: str
    port: str
    part: Literal["host", "port", "address"] = "address"
    replica: bool = False


@dataclass(frozen=True, slots=True)
class MachineAddress:
    """Public address of a role's machine, where the cluster file does not say it, as bare text.

    `role`: `registry`, `replica` or `static`; `domain`: the platform's.
    """

    role: Literal["registry", "replica", "static"]
    domain: str


@dataclass(frozen=True, slots=True)
class Hostings:
    """The JSON object `net.hostings` of register.json and dns.json: {hosting: {core: {"ip": address}}}, all members of
    the platform of `domain`. Never an empty object, with which the register does not start: before its first core a
    platform has each of its hostings without any.

    `known`: the JSON object of all hostings of the cluster file.
    """

    domain: str
    known: str = "{}"


@dataclass(frozen=True, slots=True)
class Providers:
    """The JSON object of `net.providers`, of the hostings that `net.hostings` has: {hosting: {url, name, description}}.

    `known`: the JSON object of all hostings of the cluster file.
    """

    domain: str
    known: str


@dataclass(frozen=True, slots=True)
class AcmeChallenges:
    """The JSON list of the TXT values that prove the platform's domain to an ACME server; empty between renewals."""

    domain: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """The `server HOST:PORT …;` lines of an nginx upstream, one an address of the component's port.

    `options` follows each address (`max_fails=3 fail_timeout=30s`). `canary`: leave canaries out, or list them alone.
    Never empty, because nginx refuses an upstream without servers: without any address it is one server marked down.
    Only canaries may be empty, as they never stand alone.
    """

    component: str
    port: str
    options: str = ""
    canary: Literal["none", "only"] = "none"


Hole = Secret | Endpoint | MachineAddress | Hostings | Providers | AcmeChallenges | Upstream
Part = str | Hole


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file. `path` is relative to the component's configuration folder (/app/conf of 1.x).

    `reload`: what a component needs when the file's content changes while it runs: a `restart`, a `signal` (SIGHUP), or
    nothing (`noop`). `secret`: it holds a Secret, so it must lie where others cannot read it.
    """

    path: str
    parts: tuple[Part, ...]
    reload: Literal["restart", "signal", "noop"] = "restart"

    @property
    def secret(self) -> bool:
        """Whether a secret stands in it."""
        return any(isinstance(part, Secret) for part in self.parts)

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Its holes, in order."""
        return tuple(part for part in self.parts if not isinstance(part, str))
