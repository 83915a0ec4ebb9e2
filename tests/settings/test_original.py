"""Our files say what the original's templates say, but for the differences that are listed here with their reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import platforms
from .reference import ABSENT, Difference, differences, needs_reference, template

SETTINGS: dict[str, Any] = {
    "DNS_CUSTOM_ENTRIES": {"www": {"ip": "192.0.2.80"}, "blog": {"alias": {"name": "www.DOMAIN"}}},
    "DNS_ROOT_TXT_ARRAY": ["v=spf1 include:_mailcust.example ?all"],
    "DNS_MX_RECORDS": [{"name": "mx.example", "ip": "192.0.2.25", "priority": 10}],
    "INVITATION_TOKENS": ["welcome", "enjoy1"],
    "CUSTOM_DATA_STORES": '[{"id": "s", "name": "S", "path": "/app/s", "config": {"a": [1, null]}}]',
    "EMAIL_ACTIVATION": {"welcome": True, "resetPassword": False},
    "MFA_MODE": "challenge-verify",
}

# The key of a third party's error tracker, which was off already and which no component reads any more.
_TRACKER = {"active": False}
_NO_TRACKER_REGISTRY = {"disable": True, "key": "88ec825519c81c3a248a5d19284970a0", "projectId": "95889"}


def _tracker(key: str, project: str) -> Difference:
    return (_TRACKER | {"key": key, "projectId": project}, ABSENT)


REGISTRY: dict[str, Difference] = {
    # A text where a boolean is meant; nothing reads it.
    "server.ssl": ("false", False),
    # config-leader is gone.
    "dns.staticDataInDomain.lead": ({"ip": "192.0.2.1"}, ABSENT),
    "airbrake": (_NO_TRACKER_REGISTRY, ABSENT),
}
# The original's registers have it by default, and its name servers from this setting: one file for both here.
_MAIL = {"dns.mail": (ABSENT, SETTINGS["DNS_MX_RECORDS"])}

CLUSTER: list[tuple[str, str, str, str, dict[str, Difference]]] = [
    (
        "core", "registry", "core.yml", "core/core/conf/core.yml",
        {
            # A comma too many makes it a text.
            "logs.console.active": ("true,", True),
            "logs.airbrake": _tracker("b8c25b40b24ca7468b4f3b005d3a6622", "95887"),
        },
    ),
    ("hfs", "registry", "hfs.yml", "core/hfs/conf/hfs.yml", {
        # The port is MongoDB's own; it need not be the usual one here.
        "database.port": (ABSENT, 27017),
    }),
    ("hfs", "registry", "metadata.hjson", "core/hfs/conf/metadata.hjson", {
        # NATS does not speak https.
        "nats.uri": ("https://core:4222", "nats://core:4222"),
    }),
    ("preview", "registry", "preview.yml", "core/preview/conf/preview.yml",
        {"logs.airbrake": _tracker("b763d6590bbd73e8a62798a0ea3eff2b", "95888")}),
    ("webhooks", "registry", "webhooks.yml", "core/webhooks/conf/webhooks.yml",
        {"logs.airbrake": _tracker("ba44e430f8fdf66e820717660e838874", "247285")}),
    ("mfa", "registry", "mfa.yml", "core/mfa/conf/mfa.yml", {}),
    ("mongodb", "registry", "mongodb.yml", "core/mongodb/conf/mongodb.yml", {
        # Its standard output is rotated, its file is not.
        "systemLog": ({"destination": "file", "path": "/app/log/mongodb.log", "logAppend": True}, ABSENT),
    }),
    ("register", "registry", "register.json", "reg-master/register/conf/register.json", REGISTRY | _MAIL),
    ("dns", "registry", "dns.json", "reg-master/dns/conf/dns.json",
        # There is no admin panel, as config-leader has nothing to edit.
        REGISTRY | {"dns.staticDataInDomain.adm": ({"ip": "192.0.2.1"}, ABSENT)}),
    ("dns", "replica", "dns.json", "reg-slave/dns/conf/dns.json", REGISTRY),
    ("mail", "registry", "mail.json", "reg-master/mail/conf/mail.json", {
        # Its standard output is rotated, its file is not.
        "logs.file.active": (True, False),
        "logs.file.level": ("info", ABSENT),
        "logs.file.path": ("/app/log/mail.log", ABSENT),
    }),
]  # fmt: skip


@needs_reference
@pytest.mark.parametrize(("component", "role", "path", "source", "expected"), CLUSTER)
def test_a_cluster_s_file_says_what_the_original_says(
    tmp_path: Path, component: str, role: str, path: str, source: str, expected: dict[str, Difference]
) -> None:
    platform = platforms.cluster(tmp_path, SETTINGS)
    theirs = yaml.safe_load(template(f"cluster/config-leader/data/{source}", platform))
    assert differences(theirs, read(path, platforms.texts(platform, component, role)[path])) == expected


ALIAS = {"alias": {"name": "local.pryv.example"}}
SINGLE_REGISTRY: dict[str, Difference] = {
    "dns.staticDataInDomain.lead": (ALIAS, ABSENT),
    # The record of a core comes from its hosting.
    "dns.staticDataInDomain.co1": (ALIAS, ABSENT),
    "airbrake": (_NO_TRACKER_REGISTRY, ABSENT),
    # service-register makes these from `hostings` itself.
    "net.hostings": (ABSENT, platforms.HOSTINGS),
    "net.providers": (
        ABSENT,
        {"pilot": {"url": "https://pryv.example", "name": "Single node Core", "description": ""}},
    ),
}

SINGLE: list[tuple[str, str, dict[str, Difference]]] = [
    ("core", "core.yml", {"logs.airbrake": _tracker("b8c25b40b24ca7468b4f3b005d3a6622", "95887")}),
    ("hfs", "hfs.yml", {
        "database.port": (ABSENT, 27017),
        # Without its slashes it is no URL.
        "services.register.url": ("http:register:9000", "http://register:9000"),
    }),
    ("hfs", "metadata.hjson", {"nats.uri": ("https://core:4222", "nats://core:4222")}),
    ("preview", "preview.yml", {"logs.airbrake": _tracker("b763d6590bbd73e8a62798a0ea3eff2b", "95888")}),
    ("webhooks", "webhooks.yml", {"logs.airbrake": _tracker("ba44e430f8fdf66e820717660e838874", "247285")}),
    ("mfa", "mfa.yml", {}),
    ("register", "register.json", SINGLE_REGISTRY | _MAIL),
    ("dns", "dns.json", SINGLE_REGISTRY | {
        "dns.staticDataInDomain.adm": (ALIAS, ABSENT),
        # No core has this name.
        "dns.staticDataInDomain.cr1": (ALIAS, ABSENT),
    }),
]  # fmt: skip


@needs_reference
@pytest.mark.parametrize(("component", "path", "expected"), SINGLE)
def test_a_single_machine_s_file_says_what_the_original_says(
    tmp_path: Path, component: str, path: str, expected: dict[str, Difference]
) -> None:
    platform = platforms.single(tmp_path, SETTINGS)
    source = f"single-node/config-leader/data/singlenode/{component}/conf/{path}"
    theirs = yaml.safe_load(template(source, platform))
    found = differences(theirs, read(path, platforms.texts(platform, component)[path]))
    for older in ("net.aaservers", "net.aahostings"):
        found.pop(older, None)
    assert found == expected


@needs_reference
@pytest.mark.parametrize(("role", "source"), [("registry", "reg-master"), ("replica", "reg-slave")])
def test_redis_is_told_what_the_original_says(tmp_path: Path, role: str, source: str) -> None:
    platform = platforms.cluster(tmp_path)
    theirs = directives(template(f"cluster/config-leader/data/{source}/redis/conf/redis.conf", platform))
    ours = directives(platforms.texts(platform, "redis", role)["redis.conf"])
    # Its standard output is rotated, its file is not.
    assert theirs - ours == {"logfile /app/log/redis.log"}
    assert ours - theirs == {'logfile ""'}


@needs_reference
def test_the_certificate_s_program_is_told_what_the_original_says(tmp_path: Path) -> None:
    platform = platforms.cluster(tmp_path, tls={"acme": {"enabled": True, "email": "REPLACE_ME"}})
    theirs = yaml.safe_load(template("cluster/config-leader/ssl/conf/ssl-certificate.yml", platform))
    ours = read("ssl-certificate.yml", platforms.texts(platform, "ssl_certificate")["ssl-certificate.yml"])
    rotation = {"isActive": True, "days": 2}
    assert differences(theirs, ours) == {
        # A stand-in for config-leader, in the job itself.
        "leader.url": ("http://pryvio_config_leader:7000", "http://127.0.0.1:7000"),
        # A batch job's file is gone with it; its standard output is kept.
        "logs.file.active": (True, False),
        "logs.file.path": ("/app/log/ssl-certificate.log", ABSENT),
        "logs.file.level": ("info", ABSENT),
        "logs.file.rotation": (rotation, ABSENT),
    }


def read(path: str, text: str) -> Any:
    """A file's document."""
    return yaml.safe_load(text) if path.endswith(".yml") else json.loads(text)


def directives(text: str) -> set[str]:
    """A redis.conf's directives."""
    return {" ".join(line.split()) for line in text.splitlines() if line.strip() and not line.startswith("#")}
