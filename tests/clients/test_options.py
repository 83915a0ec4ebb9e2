"""NOMAD_* and CONSUL_* mean what they mean to Nomad's and Consul's own tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.clients.options import ConsulOptions, NomadOptions, proxy_for
from pryv_nomad.errors import ApiError, ConnectionSettingError


def test_an_empty_environment_means_this_machine() -> None:
    assert NomadOptions.from_environment({}) == NomadOptions(address="http://127.0.0.1:4646")
    assert ConsulOptions.from_environment({}) == ConsulOptions(address="http://127.0.0.1:8500")


def test_every_nomad_variable_is_read() -> None:
    options = NomadOptions.from_environment(
        {
            "NOMAD_ADDR": "https://nomad.example:4646/",
            "NOMAD_TOKEN": " secret\n",
            "NOMAD_NAMESPACE": "pryv",
            "NOMAD_REGION": "eu",
            "NOMAD_CACERT": "/ca.pem",
            "NOMAD_CAPATH": "/cas",
            "NOMAD_CLIENT_CERT": "/cert.pem",
            "NOMAD_CLIENT_KEY": "/key.pem",
            "NOMAD_SKIP_VERIFY": "true",
            "NOMAD_TLS_SERVER_NAME": "server.eu.nomad",
        }
    )
    assert options == NomadOptions(
        address="https://nomad.example:4646",
        token="secret",
        namespace="pryv",
        region="eu",
        ca_cert="/ca.pem",
        ca_path="/cas",
        client_cert="/cert.pem",
        client_key="/key.pem",
        skip_verify=True,
        server_name="server.eu.nomad",
    )


def test_every_consul_variable_is_read() -> None:
    options = ConsulOptions.from_environment(
        {
            "CONSUL_HTTP_ADDR": "consul.example:8501",
            "CONSUL_HTTP_SSL": "1",
            "CONSUL_HTTP_TOKEN": "secret",
            "CONSUL_NAMESPACE": "of-the-enterprise-edition",
            "CONSUL_CACERT": "/ca.pem",
            "CONSUL_CAPATH": "/cas",
            "CONSUL_CLIENT_CERT": "/cert.pem",
            "CONSUL_CLIENT_KEY": "/key.pem",
            "CONSUL_HTTP_SSL_VERIFY": "false",
            "CONSUL_TLS_SERVER_NAME": "server.dc1.consul",
        }
    )
    assert options == ConsulOptions(
        address="https://consul.example:8501",
        token="secret",
        ca_cert="/ca.pem",
        ca_path="/cas",
        client_cert="/cert.pem",
        client_key="/key.pem",
        skip_verify=True,
        server_name="server.dc1.consul",
    )


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"CONSUL_HTTP_ADDR": "10.0.0.1:8500"}, "http://10.0.0.1:8500"),
        ({"CONSUL_HTTP_ADDR": "http://consul.example:8500"}, "http://consul.example:8500"),
        ({"CONSUL_HTTP_ADDR": "https://consul.example"}, "https://consul.example:443"),
        ({"CONSUL_HTTP_ADDR": "http://consul.example:8501", "CONSUL_HTTP_SSL": "true"}, "https://consul.example:8501"),
        (
            {"CONSUL_HTTP_ADDR": "https://consul.example:8501", "CONSUL_HTTP_SSL": "false"},
            "https://consul.example:8501",
        ),
        ({"CONSUL_HTTP_ADDR": "[::1]:8500"}, "http://[::1]:8500"),
        ({"CONSUL_HTTP_ADDR": "https://gate.example/consul/"}, "https://gate.example:443/consul"),
    ],
)
def test_consul_addresses_come_with_or_without_a_scheme(given: Mapping[str, str], address: str) -> None:
    assert ConsulOptions.from_environment(given).address == address


def test_a_keyword_wins_over_its_variable() -> None:
    env = {"NOMAD_ADDR": "http://a:1", "NOMAD_TOKEN": "t", "NOMAD_SKIP_VERIFY": "true", "NOMAD_REGION": "r"}
    options = NomadOptions.from_environment(env, address="http://b:2", token="u", skip_verify=False, region="s")
    assert (options.address, options.token, options.skip_verify, options.region) == ("http://b:2", "u", False, "s")
    assert ConsulOptions.from_environment({"CONSUL_HTTP_SSL_VERIFY": "1"}, skip_verify=True).skip_verify


def test_the_token_file_wins_over_the_token_but_not_over_the_keyword(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-the-file\n")
    env = {"CONSUL_HTTP_TOKEN": "of-the-variable", "CONSUL_HTTP_TOKEN_FILE": str(tmp_path / "token")}
    assert ConsulOptions.from_environment(env).token == "of-the-file"
    assert ConsulOptions.from_environment(env, token="of-the-keyword").token == "of-the-keyword"


def test_an_empty_token_file_leaves_the_variable(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    env = {"CONSUL_HTTP_TOKEN": "of-the-variable", "CONSUL_HTTP_TOKEN_FILE": str(tmp_path / "token")}
    assert ConsulOptions.from_environment(env).token == "of-the-variable"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("NOMAD_ADDR", "127.0.0.1:4646", "http://"),
        ("NOMAD_ADDR", "nomad.example", "http://"),
        ("NOMAD_ADDR", "ftp://nomad.example", "http://"),
        ("NOMAD_ADDR", "http://", "no host"),
        ("NOMAD_ADDR", "http://nomad.example:port", "not a URL"),
        ("NOMAD_ADDR", "http://nomad.example:99999", "not a URL"),
        ("NOMAD_ADDR", "http://nomad.example:4646?x=1", "query"),
        ("NOMAD_ADDR", "http://nomad example:4646", "no host"),
        ("NOMAD_ADDR", "unix://nomad.sock", "Unix socket"),
        ("NOMAD_SKIP_VERIFY", "yes", "neither true nor false"),
        ("NOMAD_CLIENT_CERT", "/cert.pem", "NOMAD_CLIENT_KEY is not"),
        ("NOMAD_CLIENT_KEY", "/key.pem", "NOMAD_CLIENT_CERT is not"),
        ("CONSUL_HTTP_ADDR", "unix:///run/consul.sock", "Unix socket"),
        ("CONSUL_HTTP_ADDR", "http://[::1", "not a URL"),
        ("CONSUL_HTTP_SSL", "on", "neither true nor false"),
        ("CONSUL_HTTP_SSL_VERIFY", "no", "neither true nor false"),
        ("CONSUL_CLIENT_CERT", "/cert.pem", "CONSUL_CLIENT_KEY is not"),
        ("CONSUL_HTTP_TOKEN_FILE", "/no/such/file", "No such file"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_to_do(variable: str, value: str, says: str) -> None:
    read: Any = NomadOptions.from_environment if variable.startswith("NOMAD") else ConsulOptions.from_environment
    with pytest.raises(ConnectionSettingError, match=says) as caught:
        read({variable: value})
    assert str(caught.value).startswith(variable)
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, ApiError)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    for url in ("https://operator:sesame@nomad.example:4646", "https://operator:sesame@nomad.example:x"):
        with pytest.raises(ConnectionSettingError) as caught:
            NomadOptions.from_environment({"NOMAD_ADDR": url})
        assert "sesame" not in str(caught.value) + caught.value.remedy


def test_neither_token_nor_proxy_is_in_the_text_of_the_options() -> None:
    env = {
        "NOMAD_ADDR": "https://nomad.example",
        "NOMAD_TOKEN": "a-secret",
        "https_proxy": "http://user:sesame@proxy:3128",
    }
    options = NomadOptions.from_environment(env)
    assert options.proxy
    assert "a-secret" not in repr(options)
    assert "sesame" not in repr(options)


@pytest.mark.parametrize(
    ("address", "no_proxy", "proxied"),
    [
        ("http://nomad.example:4646", "", True),
        ("http://127.0.0.1:4646", "", False),
        ("http://localhost:4646", "", False),
        ("http://[::1]:4646", "", False),
        ("http://nomad.example:4646", "other.example, .example", False),
        ("http://nomad.example:4646", "example", False),
        ("http://nomad.example:4646", "ample", True),
        ("http://10.1.2.3:4646", "10.0.0.0/8", False),
        ("http://10.1.2.3:4646", "11.0.0.0/8,nomad.example", True),
        ("http://10.1.2.3:4646", "*", False),
        ("https://nomad.example:4646", "", False),
    ],
)
def test_a_proxy_is_used_by_the_usual_rules(address: str, no_proxy: str, proxied: bool) -> None:
    env = {"http_proxy": "http://proxy:3128", "NO_PROXY": no_proxy}
    assert proxy_for(address, env) == ("http://proxy:3128" if proxied else "")
