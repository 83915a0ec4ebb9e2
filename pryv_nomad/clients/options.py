"""Where Nomad and Consul are and how to speak to them, read from the variables that their own tools read.

Nothing here opens a connection. The environment is passed in; the only file read is CONSUL_HTTP_TOKEN_FILE. An override
(a command-line option) wins over its variable, and an empty string counts as not given. Sources: Nomad
`api/api.go` DefaultConfig and NewClient, Consul `api/api.go` defaultConfig and NewClient.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pryv_nomad.errors import ConnectionSettingError

TIMEOUT_S = 10.0
TRUE_WORDS = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE_WORDS = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class Variables:
    """The names of one service's environment variables, so that a message can say which one to set."""

    address: str
    token: str
    ca_cert: str
    ca_path: str
    client_cert: str
    client_key: str
    verification: str
    server_name: str


NOMAD = Variables(
    "NOMAD_ADDR",
    "NOMAD_TOKEN",
    "NOMAD_CACERT",
    "NOMAD_CAPATH",
    "NOMAD_CLIENT_CERT",
    "NOMAD_CLIENT_KEY",
    "NOMAD_SKIP_VERIFY",
    "NOMAD_TLS_SERVER_NAME",
)
CONSUL = Variables(
    "CONSUL_HTTP_ADDR",
    "CONSUL_HTTP_TOKEN",
    "CONSUL_CACERT",
    "CONSUL_CAPATH",
    "CONSUL_CLIENT_CERT",
    "CONSUL_CLIENT_KEY",
    "CONSUL_HTTP_SSL_VERIFY",
    "CONSUL_TLS_SERVER_NAME",
)


@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """What both services need: `address` is `scheme://host:port[/prefix]` without a slash at its end.

    `socket` is the path of a Unix socket that is spoken to in the address's place, empty for none. An empty `ca_cert`
    and `ca_path` mean the system's certificate authorities. `proxy` is the URL of an HTTP proxy, or empty. The token
    and the proxy's URL (it may hold a password) are left out of `repr`.
    """

    service: ClassVar[str]
    variables: ClassVar[Variables]

    address: str
    token: str = field(default="", repr=False)
    ca_cert: str = ""
    ca_path: str = ""
    client_cert: str = ""
    client_key: str = ""
    skip_verify: bool = False
    server_name: str = ""
    proxy: str = field(default="", repr=False)
    socket: str = ""

    @property
    def secure(self) -> bool:
        """Whether the connection uses TLS."""
        return self.address.startswith("https://")


@dataclass(frozen=True, kw_only=True)
class NomadOptions(ConnectionOptions):
    """How to reach Nomad. An empty `namespace` or `region` leaves the choice to Nomad."""

    service: ClassVar[str] = "Nomad"
    variables: ClassVar[Variables] = NOMAD

    address: str = "http://127.0.0.1:4646"
    namespace: str = ""
    region: str = ""

    @classmethod
    def from_environment(
        cls,
        env: Mapping[str, str],
        *,
        address: str | None = None,
        token: str | None = None,
        namespace: str | None = None,
        region: str | None = None,
        ca_cert: str | None = None,
        ca_path: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        skip_verify: bool | None = None,
        server_name: str | None = None,
    ) -> NomadOptions:
        """Read NOMAD_* from `env`; a keyword that is given wins. Raises ConnectionSettingError.

        NOMAD_ADDR may be the Unix socket of Nomad's task API, as unix:///secrets/api.sock.
        """
        url = address or env.get("NOMAD_ADDR") or cls.address
        socket = url.removeprefix("unix://") if url.startswith("unix:///") else ""
        url = "http://localhost" if socket else url
        parsed = _parse_url("NOMAD_ADDR", url, example="http://127.0.0.1:4646")
        checked = _address(parsed)
        cert, key = client_cert or env.get(NOMAD.client_cert, ""), client_key or env.get(NOMAD.client_key, "")
        _check_pair(NOMAD, cert, key)
        return cls(
            address=checked,
            token=(token or env.get("NOMAD_TOKEN", "")).strip(),
            namespace=namespace or env.get("NOMAD_NAMESPACE", ""),
            region=region or env.get("NOMAD_REGION", ""),
            ca_cert=ca_cert or env.get(NOMAD.ca_cert, ""),
            ca_path=ca_path or env.get(NOMAD.ca_path, ""),
            client_cert=cert,
            client_key=key,
            skip_verify=_boolean(env, NOMAD.verification, False) if skip_verify is None else skip_verify,
            server_name=server_name or env.get(NOMAD.server_name, ""),
            proxy=proxy_for(checked, env),
            socket=socket,
        )


@dataclass(frozen=True, kw_only=True)
class ConsulOptions(ConnectionOptions):
    """How to reach Consul. Namespaces and partitions (Enterprise) are not used."""

    service: ClassVar[str] = "Consul"
    variables: ClassVar[Variables] = CONSUL

    address: str = "http://127.0.0.1:8500"

    @classmethod
    def from_environment(
        cls,
        env: Mapping[str, str],
        *,
        address: str | None = None,
        token: str | None = None,
        ca_cert: str | None = None,
        ca_path: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        skip_verify: bool | None = None,
        server_name: str | None = None,
        read_text: Callable[[str], str] = lambda path: Path(path).read_text(encoding="utf-8"),
    ) -> ConsulOptions:
        """Read CONSUL_* from `env`; a keyword that is given wins. Raises ConnectionSettingError.

        As Consul's own tools do: CONSUL_HTTP_ADDR may lack its scheme, CONSUL_HTTP_SSL=true makes it https whatever
        the scheme, and the token file wins over CONSUL_HTTP_TOKEN. `read_text` reads that file.
        """
        checked = _consul_address(address or env.get("CONSUL_HTTP_ADDR") or cls.address, env)
        cert, key = client_cert or env.get(CONSUL.client_cert, ""), client_key or env.get(CONSUL.client_key, "")
        _check_pair(CONSUL, cert, key)
        verify = _boolean(env, CONSUL.verification, True)
        return cls(
            address=checked,
            token=(token or _token_from_file(env, read_text) or env.get("CONSUL_HTTP_TOKEN", "")).strip(),
            ca_cert=ca_cert or env.get(CONSUL.ca_cert, ""),
            ca_path=ca_path or env.get(CONSUL.ca_path, ""),
            client_cert=cert,
            client_key=key,
            skip_verify=not verify if skip_verify is None else skip_verify,
            server_name=server_name or env.get(CONSUL.server_name, ""),
            proxy=proxy_for(checked, env),
        )


def proxy_for(address: str, env: Mapping[str, str]) -> str:
    """The proxy that `env` names for `address`, or an empty string; this machine itself is never behind one.

    HTTPS_PROXY or HTTP_PROXY by the address's scheme, lower case winning, and NO_PROXY as host names, domains (`.lan`),
    addresses, networks (`10.0.0.0/8`) or `*`.
    """
    url = urllib.parse.urlsplit(address)
    host = url.hostname or ""
    proxy = env.get(f"{url.scheme}_proxy") or env.get(f"{url.scheme}_proxy".upper()) or ""
    if not proxy or host == "localhost":
        return ""
    exceptions = (env.get("no_proxy") or env.get("NO_PROXY") or "").replace(" ", "").split(",")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        bypass = any(_names_host(entry, host) for entry in exceptions if entry)
    else:
        bypass = ip.is_loopback or any(_names_ip(entry, ip) for entry in exceptions if entry)
    return "" if bypass else proxy


def _names_host(entry: str, host: str) -> bool:
    domain = entry.removeprefix("*").removeprefix(".")
    return entry == "*" or host == domain or host.endswith(f".{domain}")


def _names_ip(entry: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if entry == "*":
        return True
    try:
        return ip in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _consul_address(url: str, env: Mapping[str, str]) -> str:
    with_scheme = url if "://" in url else f"http://{url}"
    parsed = _parse_url("CONSUL_HTTP_ADDR", with_scheme, example="127.0.0.1:8500 or https://consul.example:8501")
    if _boolean(env, "CONSUL_HTTP_SSL", False):
        parsed = parsed._replace(scheme="https")
    return _address(parsed)


def _token_from_file(env: Mapping[str, str], read_text: Callable[[str], str]) -> str:
    path = env.get("CONSUL_HTTP_TOKEN_FILE", "")
    if not path:
        return ""
    try:
        return read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConnectionSettingError(
            f"CONSUL_HTTP_TOKEN_FILE: cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}",
            "name a readable file that holds the token, or unset the variable",
        ) from error


def _boolean(env: Mapping[str, str], name: str, default: bool) -> bool:
    value = env.get(name, "")
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    if value == "":
        return default
    raise ConnectionSettingError(f"{name}: {value!r} is neither true nor false", f"set {name} to true or false")


def _parse_url(name: str, url: str, *, example: str) -> urllib.parse.SplitResult:
    remedy = f"set {name} to an address such as {example}"
    shown = "the address" if "@" in url else repr(url)
    if url.startswith("unix:"):
        raise ConnectionSettingError(f"{name}: {shown} is a Unix socket, which is not supported", remedy)
    try:
        parsed = urllib.parse.urlsplit(url)
        port, host = parsed.port, parsed.hostname
    except ValueError as error:
        raise ConnectionSettingError(f"{name}: {shown} is not a URL: {error}", remedy) from None
    if parsed.scheme not in ("http", "https"):
        raise ConnectionSettingError(f"{name}: {shown} does not begin with http:// or https://", remedy)
    if parsed.username is not None:
        raise ConnectionSettingError(f"{name}: a user name or password in the address is not supported", remedy)
    if not host or port == 0 or any(character.isspace() for character in url):
        raise ConnectionSettingError(f"{name}: {shown} names no host and port to connect to", remedy)
    if parsed.query or parsed.fragment:
        raise ConnectionSettingError(f"{name}: {shown} has a query or a fragment, which an address has not", remedy)
    return parsed


def _address(parsed: urllib.parse.SplitResult) -> str:
    """`scheme://host:port[/prefix]`; an address without a port has its scheme's own port, as in HashiCorp's tools."""
    host = parsed.hostname or ""
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parsed.scheme}://{bracketed}:{port}{parsed.path.rstrip('/')}"


def _check_pair(variables: Variables, cert: str, key: str) -> None:
    if bool(cert) != bool(key):
        given, missing = (
            (variables.client_cert, variables.client_key) if cert else (variables.client_key, variables.client_cert)
        )
        raise ConnectionSettingError(f"{given} is set but {missing} is not", f"set {missing} too, or unset {given}")
