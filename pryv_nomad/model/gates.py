"""Gates, hooks and notifications of a rollout, as a user writes them under `rollout` in the cluster file.

They travel with the plan and lie in Consul, so that a rollout can go on from any machine: no secret may stand in them.
A token, or an address that is a secret by itself, is named by the environment variable that holds it where the rollout
is driven.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pryv_nomad.model.section import Section
from pryv_nomad.model.types import Duration, Name

HTTP_URL = r"^https?://[^\s/@]+(/\S*)?$"
"""An address without a user name or password in it."""
Url = Annotated[str, Field(pattern=HTTP_URL)]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

KINDS = ("nomad", "consul", "http", "prometheus", "command", "manual")


class NomadGate(Section):
    """Nomad's deployments of the cores' jobs: none failed, all that they ask for is healthy."""

    kinds: tuple[Literal["data", "core", "edge"], ...] = ("data", "core", "edge")
    """Which jobs of a core are looked at."""


class ConsulGate(Section):
    """Consul's checks: all checks of the cores' services pass."""

    services: tuple[Name, ...] = ()
    """Names of the services; default: all that carry a core's name as tag."""


class HttpGate(Section):
    """An HTTP request; TLS certificates are verified, redirects are not followed."""

    url: str = Field("", pattern=r"^$|" + HTTP_URL)
    """Where to ask; {core} stands for each core's name in turn. Either this or `service`."""
    service: Name | None = None
    """A Consul service, asked at the address of each instance tagged with the core (its canary, before a promotion)."""
    path: str = Field("/", pattern=r"^/\S*$")
    """Path of the request to a service."""
    scheme: Literal["http", "https"] = "http"
    """How a service is asked."""
    status: tuple[int, ...] = (200,)
    """Statuses that are good."""
    contains: str = ""
    """Text that the body must hold (of its first MB)."""
    ca_file: Name | None = None
    """Certificate authority (PEM) in place of the public ones."""
    timeout: Duration = "5s"
    """How long one request may take."""


class PrometheusGate(Section):
    """A query of Prometheus against a threshold, by itself or compared with a second query."""

    address: Url
    """Prometheus's address, such as `https://prometheus.internal:9090`."""
    query: Name
    """PromQL with one number as its result; {core} and {cores} stand for the cores' names (`co1`, `co1|co2`)."""
    baseline: Name | None = None
    """PromQL of what the result is compared with, such as the stable version of a canary."""
    compare: Literal["ratio", "difference"] = "ratio"
    """With a baseline: the result divided by it, or minus it."""
    max: float | None = None
    """The value (or ratio, or difference) must not be above this."""
    min: float | None = None
    """The value (or ratio, or difference) must not be below this."""
    requests: Name | None = None
    """PromQL of how many requests the result rests on."""
    min_requests: float = Field(1.0, ge=0)
    """With fewer requests than this the gate waits."""
    ca_file: Name | None = None
    """Certificate authority (PEM) in place of the public ones."""
    token_env: EnvName | None = None
    """Environment variable with a bearer token."""
    timeout: Duration = "10s"
    """How long one query may take."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.max is None and self.min is None:
            raise ValueError("needs max, min or both")
        return self


class Command(Section):
    """A command; no shell, and an environment of PATH, LANG, PRYV_NOMAD_… and what `env` names."""

    argv: tuple[str, ...] = Field(min_length=1)
    """Program and arguments."""
    env: tuple[EnvName, ...] = ()
    """Environment variables that are passed on."""
    timeout: Duration = "30s"
    """After this it is killed."""


class CommandGate(Command):
    """A command: exit code 0 is good, one of `wait` is not yet, another one is bad."""

    wait: tuple[int, ...] = (75,)
    """Exit codes that mean: not yet."""


class ManualGate(Section):
    """A person: `pryv-nomad rollout promote` lets the point pass."""

    text: str = "a person lets it pass"
    """What is shown while it waits."""


class Gate(Section):
    """One gate. It has exactly one of `nomad`, `consul`, `http`, `prometheus`, `command` and `manual`."""

    name: Name
    """Its name, in what is shown and in the report."""
    at: tuple[Literal["wave", "promote"], ...] = Field(("wave", "promote"), min_length=1)
    """After each wave, before each promotion of a core's canary, or both."""
    interval: Duration = "10s"
    """Time between two measurements."""
    count: int = Field(1, ge=1, le=1000)
    """Good measurements in a row that let it pass."""
    failure_limit: int = Field(3, ge=1, le=1000)
    """Bad or missing measurements in a row that fail it."""
    timeout: Duration | None = None
    """It fails when it does not pass within this time. Default: 10m; `manual` has no limit."""
    nomad: NomadGate | None = None
    """Deployment health."""
    consul: ConsulGate | None = None
    """Checks."""
    http: HttpGate | None = None
    """A request."""
    prometheus: PrometheusGate | None = None
    """A query."""
    command: CommandGate | None = None
    """A command."""
    manual: ManualGate | None = None
    """A person."""

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}; there is {found}")
        if self.http is not None and bool(self.http.url) == bool(self.http.service):
            raise ValueError("an http gate needs either url or service")
        return self


class Webhook(Section):
    """A POST of JSON."""

    url: str = Field("", pattern=r"^$|" + HTTP_URL)
    """Where to. Either this or `url_env`."""
    url_env: EnvName | None = None
    """Environment variable with the address, for one that is a secret (Slack's are)."""
    token_env: EnvName | None = None
    """Environment variable with a bearer token."""
    ca_file: Name | None = None
    """Certificate authority (PEM) in place of the public ones."""
    timeout: Duration = "10s"
    """How long the request may take."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("needs either url or url_env")
        return self


class Hook(Section):
    """What is called at a moment of a rollout. One before a rollout or a wave stops the rollout when it fails."""

    at: Literal["before rollout", "before wave", "after wave", "after rollout", "on failure"]
    """The moment."""
    command: Command | None = None
    """A command. Either this or `webhook`."""
    webhook: Webhook | None = None
    """A request."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.command is None) == (self.webhook is None):
            raise ValueError("needs either command or webhook")
        return self


class Statsd(Section):
    """Where StatsD metrics go (UDP)."""

    host: Name = "127.0.0.1"
    """Host name or address."""
    port: int = Field(8125, ge=1, le=65535)
    """Port."""
    prefix: str = Field("pryv_nomad", pattern=r"^[A-Za-z0-9_.-]+$")
    """Begins each metric's name."""


class Notifications(Section):
    """Who is told of each transition of a rollout. That one cannot be told never stops a rollout."""

    webhooks: tuple[Webhook, ...] = ()
    """Addresses that get JSON, with a `text` that Slack and its like show."""
    statsd: Statsd | None = None
    """One counter a transition."""
    log: Name | None = None
    """File that gets one JSON line a transition, where the rollout is driven."""


def as_json(sections: tuple[Section, ...]) -> tuple[Mapping[str, Any], ...]:
    """Sections as JSON objects, without what is left at its default."""
    return tuple(each.model_dump(mode="json", exclude_defaults=True) for each in sections)
