"""What every verb gets: the options before it, and what follows from them, made when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad
    from pryv_nomad.clients.options import NomadOptions
    from pryv_nomad.model.cluster import Cluster
    from pryv_nomad.specs.render import Specs


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The connection options that were given; None leaves it to the environment. No token: that would show in `ps`."""

    address: str | None = None
    namespace: str | None = None
    region: str | None = None
    ca_cert: str | None = None
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    tls_server_name: str | None = None
    tls_skip_verify: bool = False
    token_file: str | None = None
    consul_address: str | None = None


@dataclass(frozen=True)
class Context:
    """The options before the verb. `cluster`, `specs`, `nomad` and `consul` are made once, when first used."""

    files: tuple[Path, ...] = ()
    sets: tuple[str, ...] = ()
    templates: Path | None = None
    connection: Connection = field(default_factory=Connection)
    env: Mapping[str, str] = field(default_factory=dict)
    color: bool = True
    quiet: bool = False
    debug: bool = False

    def cluster_files(self) -> tuple[Path, ...]:
        """The cluster files, in the order in which they lie over one another."""
        from pryv_nomad.model.load import default_files

        return self.files or default_files(self.env)

    def cluster(self) -> Cluster:
        """The cluster file, resolved and checked. Raises ClusterFileError with every error the checks find.

        Namespace and region: the options, else the file, else NOMAD_NAMESPACE and NOMAD_REGION.
        """
        return self._cluster

    @cached_property
    def _cluster(self) -> Cluster:
        from pryv_nomad.model.checks import check

        cluster = self.unchecked_cluster
        check(cluster)
        return cluster

    @cached_property
    def unchecked_cluster(self) -> Cluster:
        """The cluster file, resolved; `validate` runs the checks itself, to show warnings too."""
        from pryv_nomad.model.load import load_cluster

        given = {"namespace": self.connection.namespace, "region": self.connection.region}
        sets = (*self.sets, *(f"platform.{key}={_quoted(value)}" for key, value in given.items() if value))
        cluster = load_cluster(self.files, sets, self.env)
        written = cluster.file.platform.model_fields_set
        outside = {key: self.env.get(f"NOMAD_{key.upper()}") for key in given if key not in written}
        if any(outside.values()):
            more = [f"platform.{key}={_quoted(value)}" for key, value in outside.items() if value]
            cluster = load_cluster(self.files, (*sets, *more), self.env)
        return cluster

    def specs(self) -> Specs:
        """The rendered specs of the cluster."""
        return self._specs

    @cached_property
    def _specs(self) -> Specs:
        from pryv_nomad.specs.render import render

        return render(self.cluster(), self.templates)

    def nomad(self) -> Nomad:
        """Nomad, in the platform's namespace and region."""
        return self._nomad

    @cached_property
    def _nomad(self) -> Nomad:
        from pryv_nomad.clients.nomad import Nomad

        platform = self.cluster().file.platform
        return Nomad(self.nomad_options(platform.namespace, platform.region))

    def nomad_options(self, namespace: str | None, region: str | None) -> NomadOptions:
        """How to reach Nomad, in a namespace and region (None leaves them to NOMAD_NAMESPACE and NOMAD_REGION)."""
        from pryv_nomad.clients.options import NomadOptions

        given = self.connection
        return NomadOptions.from_environment(
            self.env,
            address=given.address,
            token=_token(given.token_file),
            namespace=namespace,
            region=region,
            ca_cert=given.ca_cert,
            ca_path=given.ca_path,
            client_cert=given.client_cert,
            client_key=given.client_key,
            server_name=given.tls_server_name,
            skip_verify=given.tls_skip_verify or None,
        )

    def consul(self) -> Consul:
        """Consul."""
        return self._consul

    @cached_property
    def _consul(self) -> Consul:
        from pryv_nomad.clients.consul import Consul
        from pryv_nomad.clients.options import ConsulOptions

        return Consul(ConsulOptions.from_environment(self.env, address=self.connection.consul_address))

    def say(self, text: str) -> None:
        """Tell the user something that is not the result, on stderr; `-q` leaves it out."""
        if not self.quiet:
            click.echo(text, err=True)


def _quoted(value: str) -> str:
    import json

    return json.dumps(value)


def _token(file: str | None) -> str | None:
    if file is None:
        return None
    from pryv_nomad.errors import ConnectionSettingError

    try:
        token = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConnectionSettingError(
            f"--token-file: cannot read {file}: {reason}", "name a file with the token"
        ) from None
    if not token:
        raise ConnectionSettingError(f"--token-file: {file} is empty", "name a file with the token")
    return token
