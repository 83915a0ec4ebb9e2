"""Platform variables: defaults, references, what cannot be set, and what must not be shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.model.support import load, problems_of

LAB = {"registry": {"ip": "203.0.113.10"}, "static": {"ip": "203.0.113.11"}}


def test_names_of_other_variables_are_replaced(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        settings={
            "DEFAULT_AUTH_URL": "https://login.DOMAIN/",
            "TRUSTED_AUTH_URLS": ["DEFAULT_AUTH_URL", "https://x.DOMAIN/MAX_UPLOAD_SIZE_MB"],
            "EMAIL_SENDER": {"name": "PLATFORM_NAME team", "address": "hi@DOMAIN"},
        },
        **LAB,
    ).settings
    assert settings["TRUSTED_AUTH_URLS"] == ["https://login.pryv.example/", "https://x.pryv.example/20"]
    assert settings["EMAIL_SENDER"] == {"name": "Pryv Lab team", "address": "hi@pryv.example"}
    assert settings["NAME_SERVER_ENTRIES"][0] == {"name": "dns1.pryv.example", "ip": "203.0.113.10"}
    assert settings["DNS_ROOT_DOMAIN_A_RECORD"] == "203.0.113.11"


def test_a_longer_word_is_not_a_reference(tmp_path: Path) -> None:
    settings = load(tmp_path, settings={"SUPPORT_URL": "https://MYDOMAIN/DOMAIN_X/SUB.DOMAIN"}).settings
    assert settings["SUPPORT_URL"] == "https://MYDOMAIN/DOMAIN_X/SUB.pryv.example"


FREE = "DOMAIN {{ phone }} #{USERNAME} ${HOME} %{if} \"quoted\" 'single' \\ \t\nline 2 🦄 -- {{ with secret }}"


@pytest.mark.parametrize("name", ["CUSTOM_AUTH_FUNCTION", "WELCOME_TEMPLATE_EN", "RESET_PASSWORD_SUBJECT_DE"])
def test_free_text_is_never_touched(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, settings={name: FREE}).settings[name] == FREE


def test_free_text_inside_structures_is_never_touched(tmp_path: Path) -> None:
    endpoint = {"url": FREE, "method": "POST", "body": FREE, "headers": {"x": FREE}}
    endpoints = {"challenge": endpoint, "verify": endpoint, "single": endpoint}
    settings = load(tmp_path, settings={"MFA_ENDPOINTS": endpoints, "AUDIT_SYSLOG_FORMAT": {"template": FREE}}).settings
    assert settings["MFA_ENDPOINTS"] == endpoints
    assert settings["AUDIT_SYSLOG_FORMAT"] == {"template": FREE}


def test_an_address_that_nobody_wrote_is_none_and_keeps_its_name_in_text(tmp_path: Path) -> None:
    cluster = load(tmp_path)
    assert cluster.settings["REG_MASTER_IP_ADDRESS"] is None
    assert [entry["ip"] for entry in cluster.settings["NAME_SERVER_ENTRIES"]] == [
        "REG_MASTER_IP_ADDRESS",
        "REG_SLAVE_IP_ADDRESS",
    ]
    roles = cluster.catalogue.addresses
    assert (roles["REG_MASTER_IP_ADDRESS"], roles["REG_SLAVE_IP_ADDRESS"]) == ("registry", "replica")


def test_addresses_follow_from_the_machines(tmp_path: Path) -> None:
    registry = {
        "ip": "203.0.113.1",
        "interface_ip": "203.0.113.2",
        "private_ip": "10.0.0.1",
        "replica": {"ip": "203.0.113.3"},
    }
    settings = load(tmp_path, registry=registry).settings
    assert settings["REG_MASTER_IP_ADDRESS"] == "203.0.113.1"
    assert settings["REG_MASTER_PUBLIC_INTERFACE_IP_ADDRESS"] == "203.0.113.2"
    assert settings["REG_MASTER_VPN_IP_ADDRESS"] == "10.0.0.1"
    assert settings["REG_SLAVE_IP_ADDRESS"] == settings["REG_SLAVE_PUBLIC_INTERFACE_IP_ADDRESS"] == "203.0.113.3"


def test_without_a_replica_both_name_servers_are_the_registry(tmp_path: Path) -> None:
    assert [entry["ip"] for entry in load(tmp_path, **LAB).settings["NAME_SERVER_ENTRIES"]] == ["203.0.113.10"] * 2


def test_on_one_machine_one_address_is_everybodys(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        platform={"single_machine": True},
        cores=[{"name": "co1", "hosting": "ch", "ip": "203.0.113.5"}],
    ).settings
    names = ("SINGLE_MACHINE_IP_ADDRESS", "REG_MASTER_IP_ADDRESS", "STATIC_WEB_IP_ADDRESS", "REG_SLAVE_IP_ADDRESS")
    assert {settings[name] for name in names} == {"203.0.113.5"}


def test_hostings_and_cores_are_told_as_the_register_reads_them(tmp_path: Path) -> None:
    entries = [{"name": "co1", "hosting": "ch", "ip": "203.0.113.5"}, {"name": "co2", "hosting": "ch"}]
    settings = load(tmp_path, cores=entries).settings
    assert settings["HOSTINGS_AND_CORES"] == {"ch": {"co1": {"ip": "203.0.113.5"}, "co2": {"ip": None}}}
    assert settings["HOSTINGS_PROVIDERS"]["ch"] == {
        "url": "https://ch.example",
        "name": "Switzerland",
        "description": "",
    }


def test_references_in_a_circle_are_refused(tmp_path: Path) -> None:
    problem = problems_of(
        tmp_path, settings={"SUPPORT_URL": "https://TERMS_OF_USE_URL", "TERMS_OF_USE_URL": "SUPPORT_URL"}
    )[0]
    assert problem.text == "its value names itself: SUPPORT_URL → TERMS_OF_USE_URL → SUPPORT_URL"


def test_a_document_may_be_written_as_text_or_as_structure(tmp_path: Path) -> None:
    stores = [{"id": "é"}]
    settings = load(tmp_path, settings={"CUSTOM_DATA_STORES": stores, "OTHER_SYSTEM_STREAMS": '[{"id": 1}]'}).settings
    assert settings["CUSTOM_DATA_STORES"] == '[{"id": "é"}]'
    assert settings["OTHER_SYSTEM_STREAMS"] == '[{"id": 1}]'


def test_defaults_are_not_shared_between_clusters(tmp_path: Path) -> None:
    load(tmp_path).settings["EMAIL_ACTIVATION"]["welcome"] = "spoilt"
    assert load(tmp_path).settings["EMAIL_ACTIVATION"]["welcome"] is False


def test_secrets_are_not_among_the_settings(tmp_path: Path) -> None:
    cluster = load(tmp_path)
    assert not set(cluster.settings) & set(cluster.catalogue.secrets)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"MAX_UPLOAD_SIZE": 3}, "settings.MAX_UPLOAD_SIZE", "did you mean MAX_UPLOAD_SIZE_MB?"),
    ({"DOMAIN": "x.example"}, "settings.DOMAIN", "set platform.domain"),
    ({"HOSTINGS_AND_CORES": {}}, "settings.HOSTINGS_AND_CORES", "set cores"),
    ({"REGISTER_ADMIN_KEY": "hush"}, "settings.REGISTER_ADMIN_KEY", "pryv-nomad secrets"),
    ({"CORE_SYSTEM_KEY": "hush"}, "settings.CORE_SYSTEM_KEY", "pryv-nomad secrets"),
    (
        {"EMAIL_SMTP_SETTINGS": {"auth": {"pass": "hush"}}},
        "settings.EMAIL_SMTP_SETTINGS.auth.pass",
        "pryv-nomad secrets",
    ),
    (
        {"EMAIL_SMTP_SETTINGS": {"auth": {"clientSecret": "hush"}}},
        "settings.EMAIL_SMTP_SETTINGS.auth.clientSecret",
        "unknown",
    ),
    ({"EMAIL_SMTP_SETTINGS": {"auth": "hush"}}, "settings.EMAIL_SMTP_SETTINGS.auth", "must be a map"),
    ({"EMAIL_SMTP_SETTINGS": "hush"}, "settings.EMAIL_SMTP_SETTINGS", "must be a map"),
    ({"MAX_UPLOAD_SIZE_MB": "20"}, "settings.MAX_UPLOAD_SIZE_MB", "must be an integer, not '20'"),
    ({"MAX_UPLOAD_SIZE_MB": True}, "settings.MAX_UPLOAD_SIZE_MB", "must be an integer, not true"),
    ({"MAX_UPLOAD_SIZE_MB": 0}, "settings.MAX_UPLOAD_SIZE_MB", "must be at least 1"),
    ({"PASSWORD_COMPLEXITY_MIN_CHAR_CATS": 5}, "settings.PASSWORD_COMPLEXITY_MIN_CHAR_CATS", "must be at most 4"),
    ({"LOG_ROTATION_ACTIVE": "yes"}, "settings.LOG_ROTATION_ACTIVE", "must be true or false, not 'yes'"),
    ({"MFA_MODE": "sms"}, "settings.MFA_MODE", "must be one of single, challenge-verify"),
    ({"INVITATION_TOKENS": ["abc"]}, "settings.INVITATION_TOKENS[0]", "must have at least 5 characters"),
    ({"INVITATION_TOKENS": ["a" * 100]}, "settings.INVITATION_TOKENS[0]", "must have at most 99 characters"),
    ({"INVITATION_TOKENS": [12345]}, "settings.INVITATION_TOKENS[0]", "must be text, not 12345"),
    ({"INVITATION_TOKENS": "abcdef"}, "settings.INVITATION_TOKENS", "must be a list or null"),
    ({"DNS_MX_RECORDS": {}}, "settings.DNS_MX_RECORDS", "must be a list, not a map"),
    ({"DNS_MX_RECORDS": None}, "settings.DNS_MX_RECORDS", "must be a list, not null"),
    ({"NAME_SERVER_ENTRIES": [{"name": "x"}]}, "settings.NAME_SERVER_ENTRIES[0]", "lacks the key ip"),
    ({"NAME_SERVER_ENTRIES": []}, "settings.NAME_SERVER_ENTRIES", "must have at least 1"),
    ({"INTEGRITY_SETTINGS": {"algorithm": "crc"}}, "settings.INTEGRITY_SETTINGS.algorithm", "must be one of"),
    ({"WEBHOOKS_SETTINGS": {"retries": 1}}, "settings.WEBHOOKS_SETTINGS.retries", "unknown key"),
    ({"CUSTOM_DATA_STORES": "[oops"}, "settings.CUSTOM_DATA_STORES", "must be a JSON document"),
    ({"CUSTOM_DATA_STORES": "{}"}, "settings.CUSTOM_DATA_STORES", "must be a list as JSON"),
    ({"ACCOUNT_SYSTEM_STREAMS": 7}, "settings.ACCOUNT_SYSTEM_STREAMS", "must be a list as JSON"),
    ({"SUPPORT_URL": "REGISTER_ADMIN_KEY"}, "settings.SUPPORT_URL", "which is a secret"),
]


@pytest.mark.parametrize(("settings", "path", "says"), REFUSED, ids=[f"{row[1]} {row[2]}" for row in REFUSED])
def test_a_setting_that_cannot_be_is_refused(tmp_path: Path, settings: dict[str, Any], path: str, says: str) -> None:
    problems = problems_of(tmp_path, settings=settings)
    assert [problem.path for problem in problems] == [path]
    assert says in str(problems[0])
    assert "cluster.yml:1:" in problems[0].where
    assert "hush" not in str(problems[0]), "what may be a secret is never shown"


@pytest.mark.parametrize("tokens", [None, [], ["abcde", "x" * 99]])
def test_invitation_tokens_that_the_register_takes(tmp_path: Path, tokens: Any) -> None:
    assert load(tmp_path, settings={"INVITATION_TOKENS": tokens}).settings["INVITATION_TOKENS"] == tokens
