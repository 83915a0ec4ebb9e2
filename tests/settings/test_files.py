"""What the files of all components hold, and that no setting can break out of its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.errors import ClusterFileError, SpecError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import ConfigFile, Endpoint, Hostings, MachineAddress, Providers, Secret, Upstream
from pryv_nomad.settings.files import WITHOUT_FILES, files

from . import platforms

ROLES = {"nginx": ("core", "registry", "replica", "static", "single"), "dns": ("registry", "replica")}
ROLES["redis"] = ROLES["dns"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return platforms.cluster(tmp_path_factory.mktemp("cluster"))


def all_files(platform: Cluster) -> Iterator[ConfigFile]:
    for component in platform.release.components:
        for role in ROLES.get(component, ("registry",)):
            yield from files(platform, component, role)


def documents(platform: Cluster) -> Iterator[Any]:
    """Every file as its reader sees it: documents as data, other files as text."""
    for file in all_files(platform):
        text = platforms.filled(file)
        if file.path.endswith(".yml"):
            yield yaml.safe_load(text)
        elif file.path.endswith(("json", "hjson")):
            yield json.loads(text)
        else:
            yield text


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


FREE_TEXT = (
    "PLATFORM_NAME", "SUPPORT_URL", "TERMS_OF_USE_URL", "EVENT_TYPES_URL", "TRUSTED_APPS", "DEFAULT_AUTH_URL",
    "PASSWORD_RESET_URL", "SSL_CAA_ISSUER", "DNS_ROOT_DOMAIN_A_RECORD", "MFA_MODE", "TEMPLATE_VERSION",
    "CUSTOM_AUTH_FUNCTION", "EMAIL_TEMPLATES_DEFAULT_LANG", "WELCOME_TEMPLATE_EN", "WELCOME_SUBJECT_DE",
    "RESET_PASSWORD_TEMPLATE_FR", "RESET_PASSWORD_SUBJECT_EN",
)  # fmt: skip
STRUCTURES = (
    "DNS_CUSTOM_ENTRIES", "EMAIL_SENDER", "EMAIL_SENDMAIL_SETTINGS", "MFA_ENDPOINTS", "AUDIT_SYSLOG_FORMAT",
    "AUDIT_STORAGE_FILTER", "SERVICE_INFO_ASSETS", "INTEGRITY_SETTINGS", "VERSIONING_SETTINGS", "WEBHOOKS_SETTINGS",
    "BACKWARD_COMPATIBILITY_TAGS",
)  # fmt: skip
nasty = st.one_of(
    st.text(min_size=1),
    st.sampled_from(
        [
            '"; }',
            "${x}",
            "%{ if x }",
            "{{ code }}",
            "{{ key `x` }}",
            "#{USERNAME}",
            "a\nb",
            "🦊",
            "HOLE0X0Z",
            "\\",
            "\x00",
            "---",
        ]
    ),
).filter(lambda text: "_IP_ADDRESS" not in text)  # the names of addresses are names, and tested below


@given(st.sampled_from(FREE_TEXT), nasty)
def test_any_text_reaches_its_file_unchanged(platform: Cluster, name: str, value: str) -> None:
    changed = replace(platform, settings={**platform.settings, name: value})
    assert value in set(strings(list(documents(changed))))


@given(
    st.sampled_from(STRUCTURES), st.dictionaries(nasty, nasty | st.lists(nasty) | st.none() | st.integers(), min_size=1)
)
def test_any_structure_reaches_its_file_unchanged(platform: Cluster, name: str, value: dict[str, Any]) -> None:
    changed = replace(platform, settings={**platform.settings, name: value})
    assert any(_holds(document, value) for document in documents(changed))


def _holds(document: Any, wanted: Any) -> bool:
    if document == wanted:
        return True
    items = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return any(_holds(item, wanted) for item in items)


def test_every_component_of_the_release_has_its_files(platform: Cluster) -> None:
    for component in platform.release.components:
        assert bool(files(platform, component, "core")) == (component not in WITHOUT_FILES)


def test_a_component_nobody_knows_is_refused(platform: Cluster) -> None:
    with pytest.raises(SpecError, match="no configuration files are known for the component jukebox"):
        files(platform, "jukebox")


def test_an_edge_nobody_knows_is_refused(platform: Cluster) -> None:
    with pytest.raises(SpecError, match="no edge of the role jukebox"):
        files(platform, "nginx", "jukebox")


def test_secrets_are_holes_and_make_their_file_secret(platform: Cluster) -> None:
    keys = {
        file.path: {hole.key for hole in file.holes if isinstance(hole, Secret)}
        for file in all_files(platform)
        if file.secret
    }
    registry = ["CORE_SYSTEM_KEY", "REGISTER_SYSTEM_KEY_1", "REGISTER_ADMIN_KEY"]
    assert keys == {
        "core.yml": {"SSO_COOKIE_SIGN_SECRET", "FILES_READ_TOKEN_SECRET", "CORE_MAIL_KEY", *registry[:2]},
        "register.json": set(registry),
        "dns.json": set(registry),
        "mail.json": {"CORE_MAIL_KEY"},
    }


def test_files_hold_just_the_secrets_that_the_catalogue_says(tmp_path: Path) -> None:
    smtp = {"host": "mail.example", "port": 587, "auth": {"user": "pryv"}}
    platform = platforms.cluster(tmp_path, {"EMAIL_SMTP_SETTINGS": smtp})
    for component in platform.release.components:
        held = {
            hole.key
            for file in files(platform, component, "core")
            for hole in file.holes
            if isinstance(hole, Secret)
        }  # fmt: skip
        assert held == {key for key, secret in platform.catalogue.secrets.items() if component in secret.components}


def test_a_smtp_login_gets_its_password_from_the_secrets(tmp_path: Path) -> None:
    smtp = {"host": "mail.example", "port": 587, "auth": {"user": "pryv"}}
    found = json.loads(platforms.texts(platforms.cluster(tmp_path, {"EMAIL_SMTP_SETTINGS": smtp}), "mail")["mail.json"])
    assert found["smtp"] == smtp | {"auth": {"user": "pryv", "pass": platforms.SECRETS["EMAIL_SMTP_PASSWORD"]}}


def test_mail_s_templates_lie_where_the_mail_service_looks(platform: Cluster) -> None:
    assert [file.path for file in files(platform, "mail")][1:] == [
        f"templates/{mail}/{language}/{part}.pug"
        for mail in ("welcome-email", "reset-password")
        for language in ("en", "fr", "de")
        for part in ("subject", "html")
    ]


def test_core_s_own_function_lies_where_core_looks(platform: Cluster) -> None:
    found = platforms.texts(platform, "core")
    assert found["custom-extensions/customAuthStepFn.js"] == "module.exports=function(ctx, cb){cb();}"
    assert yaml.safe_load(found["core.yml"])["customExtensions"]["defaultFolder"] == "/app/conf/custom-extensions"


def test_unknown_addresses_are_holes(tmp_path: Path) -> None:
    platform = platforms.cluster(tmp_path, registry={"replica": {}}, static={})
    holes = [hole for file in files(platform, "dns") for hole in file.holes if isinstance(hole, MachineAddress)]
    assert {hole.role for hole in holes} == {"registry", "replica", "static"}
    found = json.loads(platforms.texts(platform, "dns")["dns.json"])["dns"]
    assert found["nameserver"] == [
        {"name": "dns1.pryv.example", "ip": "192.0.2.1"},
        {"name": "dns2.pryv.example", "ip": "192.0.2.2"},
    ]
    assert found["domain_A"] == "192.0.2.3"
    assert "IP_ADDRESS" not in json.dumps(found)


def test_known_addresses_are_text(platform: Cluster) -> None:
    assert not [hole for file in all_files(platform) for hole in file.holes if isinstance(hole, MachineAddress)]


def test_without_a_replica_the_second_name_server_is_the_registry(tmp_path: Path) -> None:
    platform = platforms.cluster(tmp_path, registry={"ip": "192.0.2.1"})
    records = json.loads(platforms.texts(platform, "dns")["dns.json"])["dns"]["staticDataInDomain"]
    assert records["dns2"] == {"ip": "192.0.2.1"}
    assert "reg2" not in records


def test_names_of_what_is_left_out_are_left_out(tmp_path: Path) -> None:
    without = platforms.cluster(tmp_path, registry={"mail": {"enabled": False}})
    with_both = platforms.cluster(tmp_path, registry={"admin_panel": {"enabled": True}})
    records = [
        json.loads(platforms.texts(platform, "dns", role)["dns.json"])["dns"]["staticDataInDomain"]
        for platform, role in ((without, "registry"), (with_both, "registry"), (with_both, "replica"))
    ]
    assert [("mail" in names, "adm" in names) for names in records] == [(False, False), (True, True), (True, True)]


def test_the_registry_never_gets_null_where_it_needs_an_array(platform: Cluster) -> None:
    emptied = replace(platform, settings={**platform.settings, "DNS_MX_RECORDS": None, "DNS_ROOT_TXT_ARRAY": None})
    for component in ("register", "dns"):
        found = json.loads(platforms.texts(emptied, component)[f"{component}.json"])
        assert found["dns"]["mail"] == []
        assert found["dns"]["rootTXT"] == {"description": []}


@pytest.mark.parametrize("tokens", [None, [], ["welcome"]])
def test_invitation_tokens_keep_null_apart_from_none(tmp_path: Path, tokens: list[str] | None) -> None:
    platform = platforms.cluster(tmp_path, {"INVITATION_TOKENS": tokens})
    assert json.loads(platforms.texts(platform, "register")["register.json"])["invitationTokens"] == tokens


def test_the_list_of_cores_is_a_hole(platform: Cluster) -> None:
    for component in ("register", "dns"):
        holes = [hole for file in files(platform, component) for hole in file.holes]
        listed = [hole for hole in holes if isinstance(hole, Hostings | Providers)]
        assert [type(hole) for hole in listed] == [Hostings, Providers]
        for hole in listed:
            assert (hole.domain, json.loads(hole.known)) == ("pryv.example", platforms.PROVIDERS)


@pytest.mark.parametrize("role", ["registry", "replica"])
def test_each_name_server_asks_the_redis_of_its_own_machine(platform: Cluster, role: str) -> None:
    redis = [hole for file in files(platform, "dns", role) for hole in file.holes if isinstance(hole, Endpoint)]
    assert redis == [Endpoint("redis", "redis", part, replica=role == "replica") for part in ("host", "port")]


def test_the_replica_of_redis_follows_the_registry_s(tmp_path: Path) -> None:
    secure = platforms.texts(platforms.cluster(tmp_path), "redis", "replica")["redis.conf"]
    found = platforms.texts(platforms.cluster(tmp_path, registry={"replica": {}}), "redis", "replica")["redis.conf"]
    assert "replicaof 10.0.0.1 6379\n" in secure
    assert "replicaof redis 6379\n" in found
    assert "replicaof" not in platforms.texts(platforms.cluster(tmp_path), "redis")["redis.conf"]


def test_a_canary_is_kept_out_of_the_edge_unless_it_has_a_weight(platform: Cluster) -> None:
    upstreams = [hole for file in files(platform, "nginx", "core") for hole in file.holes if isinstance(hole, Upstream)]
    assert {hole.canary for hole in upstreams} == {"none"}


def test_a_page_url_that_is_none_is_refused(platform: Cluster) -> None:
    for value in ("ftp://pages.example", "pages", "https://a b", "https://x:port/", "https://🦊.example/"):
        changed = replace(platform, settings={**platform.settings, "APP_WEB_AUTH_URL": value})
        with pytest.raises(ClusterFileError, match=r"settings\.APP_WEB_AUTH_URL"):
            files(changed, "nginx", "static")
